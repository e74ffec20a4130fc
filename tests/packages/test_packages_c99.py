"""The C of a package is C99 for GCC and clang, whatever the learner."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from package_helpers import C99, learner, run

from export.target_package import write_package
from quant.compiler import cache_dir
from streamlearn import (
    BimuClassifier,
    MesuFactoredRegressor,
    MesuRegressor,
    MetaplasticClassifier,
)

ZIG = (sys.executable, "-m", "ziglang", "cc")
LEARNERS = {
    "mesu": learner,
    "float32": lambda: learner(arithmetic="float32"),
    "replay": lambda: learner(replay_bytes=2000),
    "memory": lambda: learner(memory="lda"),
    "bimu": lambda: BimuClassifier((16, 32, 3), classes=["a", "b", "c"]),
    "metaplastic": lambda: MetaplasticClassifier(
        (16, 32, 3), classes=["a", "b", "c"], n_blocks=8, n_active=3
    ),
    "number": lambda: MesuRegressor((8, 8, 1)),
    "factored": lambda: MesuFactoredRegressor((8, 8, 1)),
}

needs_make = pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("gcc") is None, reason="no make, or no gcc"
)


@pytest.mark.slow
@pytest.mark.parametrize("target_flags", [
    ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
    ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    ("-target", "riscv32-freestanding-none"),
    ("-target", "x86_64-linux-gnu.2.28"),
])  # fmt: skip
@pytest.mark.parametrize("name", list(LEARNERS))
def test_it_is_c99_for_clang(tmp_path: Path, name: str, target_flags: tuple[str, ...]) -> None:
    write_package(LEARNERS[name](), tmp_path, "make")
    for source in sorted((tmp_path / "src").glob("*.c")):
        command = [*ZIG, *C99, "-Os", "-fno-sanitize=all", *target_flags, "-c", source]
        cache = f"ZIG_GLOBAL_CACHE_DIR={cache_dir()}"
        run(["env", cache, *command, "-o", tmp_path / "out.o"], tmp_path)


@pytest.mark.slow
@needs_make
@pytest.mark.parametrize("name", list(LEARNERS))
def test_it_is_c99_for_gcc_whatever_the_learner(tmp_path: Path, name: str) -> None:
    write_package(LEARNERS[name](), tmp_path, "make")
    run(["make", "CC=gcc", "CFLAGS=-Os -Werror", "all"], tmp_path)
