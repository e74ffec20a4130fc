"""States damaged at random, guided by coverage, into the C that takes a state over."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stream_program import SANITIZE, find_compiler

from export.target_package import package_sources
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MesuFactoredRegressor,
    MesuRegressor,
    MetaplasticClassifier,
)

FUZZER = Path(__file__).with_name("fuzz_main.c")
CLASSES = ["a", "b", "c"]
LEARNERS: dict[str, Callable[[], Any]] = {
    "mesu": lambda: MesuClassifier((6, 5, 3), classes=CLASSES),
    "replay": lambda: MesuClassifier((6, 5, 3), classes=CLASSES, replay_bytes=400),
    "memory": lambda: MesuClassifier((6, 5, 3), classes=CLASSES, memory="lda"),
    "number": lambda: MesuRegressor((6, 5, 1)),
    "factored": lambda: MesuFactoredClassifier((6, 5, 3), classes=CLASSES),
    "factored-number": lambda: MesuFactoredRegressor((6, 5, 1)),
    "bimu": lambda: BimuClassifier((6, 8, 3), classes=CLASSES),
    "metaplastic": lambda: MetaplasticClassifier(
        (6, 32, 3), classes=CLASSES, n_blocks=8, n_active=3
    ),
}
#: Of them all, half with a good CRC: as many as images are damaged in ``test_image``.
RUNS = 200_000
COMPILER = find_compiler()
GUIDED = "-fsanitize-coverage=trace-pc"
QUICK, LONG = ("-O0",), ("-O1",)


def _guides(compiler: str) -> bool:
    """Whether a compiler says where a program came through, as the fuzzer wants to be told."""
    command = [compiler, GUIDED, "-x", "c", "-c", "-", "-o", "/dev/null", "-Werror"]
    program = "__attribute__((no_sanitize_coverage)) int main(void) { return 0; }"
    done = subprocess.run(command, input=program, text=True, capture_output=True, check=False)
    return done.returncode == 0


needs_gcc = pytest.mark.skipif(
    COMPILER is None or not _guides(COMPILER),
    reason="no gcc on PATH that links -fsanitize=address,undefined and has -fsanitize-coverage",
)


def states(learner: Any) -> list[bytes]:
    """States of a learner: fresh, and after some samples."""
    rng, found = np.random.default_rng(0), []
    for n in (0, 10, 40, 160):
        for _ in range(n):
            x = rng.normal(size=6)
            target = CLASSES[int(rng.integers(3))] if learner.spec.n_classes else float(x[0])
            learner.learn_one(x, target)
        found.append(learner.state.tobytes())
    return found


def compile_one(folder: Path, source: str, level: tuple[str, ...]) -> None:
    """Compile a file to an object of its name."""
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wno-type-limits", "-I.", "-g", *level, *SANITIZE]
    target = f"{Path(source).stem}.o"
    command = [str(COMPILER), *flags, GUIDED, "-c", source, "-o", target]
    subprocess.run(command, cwd=folder, check=True)


def compile_all(folder: Path, learner: Any, level: tuple[str, ...]) -> None:
    """Compile a learner's package and the fuzzer, and write states to start from."""
    files = package_sources(learner)
    for name, text in files.items():
        (folder / name).write_text(text)
    for source in [*(name for name in files if name.endswith(".c")), str(FUZZER)]:
        compile_one(folder, source, level)
    for k, state in enumerate(states(learner)):
        (folder / f"state_{k}.bin").write_bytes(state)


def fuzz(folder: Path, runs: int) -> subprocess.CompletedProcess[str]:
    """Link what was compiled, and run it."""
    objects = sorted(file.name for file in folder.glob("*.o"))
    command = [str(COMPILER), *SANITIZE, *objects, "-o", "fuzz", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    command = ["./fuzz", "1", str(runs), *sorted(file.name for file in folder.glob("*.bin"))]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def clean(done: subprocess.CompletedProcess[str], runs: int) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    n, whole, booted, taken, kept, reached, beyond = map(int, done.stdout.split())
    assert (n, whole) == (runs, runs / 2)
    assert 0.02 * n < booted < 0.98 * whole, "canary: of records with a good CRC some are refused"
    assert 0.02 * n < taken < 0.98 * n, "canary: some damage is harmless, some is not"
    assert kept > 8, "canary: damage led to places where no state had been"
    assert reached > 300
    assert beyond < 0.02 * n, "numbers in their ranges that no learner has together, or floats"


@needs_gcc
def test_a_damaged_state_is_refused_or_learns(tmp_path: Path) -> None:
    """Canary: the store's CRC says that a record is what was written, not that it is a state."""
    compile_all(tmp_path, LEARNERS["mesu"](), QUICK)
    clean(fuzz(tmp_path, 1000), 1000)
    model, asked = tmp_path / "sl_model.c", " && sl_learner_check(&state)"
    assert asked in model.read_text()
    model.write_text(model.read_text().replace(asked, ""))
    compile_one(tmp_path, model.name, QUICK)
    done = fuzz(tmp_path, 1000)
    assert "runtime error" in done.stderr or int(done.stdout.split()[-1]) > 100


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("name", LEARNERS)
def test_200_000_damaged_states_are_refused_or_learn(name: str, tmp_path: Path) -> None:
    runs = RUNS // len(LEARNERS)
    compile_all(tmp_path, LEARNERS[name](), LONG)
    clean(fuzz(tmp_path, runs), runs)
