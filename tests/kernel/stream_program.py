"""Compiles the kernel with ``stream_main.c`` as a program of its own, and feeds it streams."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.c_config import config_header, kernel_headers, kernel_sources
from quant.network import NetworkSpec
from quant.rule import Config

DRIVER = Path(__file__).with_name("stream_main.c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
#: In a small network some loops have no turn, which -Wextra takes for a mistake.
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-type-limits")
#: Only where the kernel says so is a product fused with a sum. Nothing is optimised away that a
#: sanitizer could see, and compiling takes most of these tests' time.
FLAGS = (*WARNINGS, "-Wno-unknown-pragmas", "-ffp-contract=off", "-O0", "-g")


def find_compiler() -> str | None:
    """Return the first C compiler on PATH whose sanitizers link and run."""
    for name in ("gcc", "clang"):
        compiler = shutil.which(name)
        if compiler and _sanitizers_work(compiler):
            return compiler
    return None


def _sanitizers_work(compiler: str) -> bool:
    program = "int main(void) { return 0; }"
    command = [compiler, *SANITIZE, "-x", "c", "-", "-o", "/dev/null"]
    done = subprocess.run(command, input=program, text=True, capture_output=True, check=False)
    return done.returncode == 0


@dataclass(frozen=True)
class Outcome:
    """How a run ended: exit code, what it printed, and the files it wrote (None: none).

    ``saturations`` has one count per kind of value, in the order of ``Saturations``.
    """

    code: int
    stderr: str
    state: bytes | None
    predictions: npt.NDArray[np.int32] | None
    saturations: tuple[int, ...] = ()


class StreamProgram:
    """The kernel of one network and configuration, compiled by ``compiler`` (a command).

    ``runner`` is a command that runs the program where this processor does not.
    """

    def __init__(
        self,
        folder: Path,
        compiler: list[str],
        spec: NetworkSpec,
        config: Config,
        arithmetic: str,
        flags: tuple[str, ...] = (),
        plant: tuple[str, str] | None = None,
        runner: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._runner = folder, runner
        self._program = folder / "stream_main"
        own = kernel_sources(spec, config, arithmetic)
        sources = [*(file.name for file in own), "stream_main.c"]
        for file in (*kernel_headers(spec, config, arithmetic), *own):
            shutil.copyfile(file, folder / file.name)
        shutil.copyfile(DRIVER, folder / "stream_main.c")
        (folder / "sl_config.h").write_text(config_header(spec, config, arithmetic))
        if plant is not None:
            self._plant(folder, *plant)
        command = [*compiler, *FLAGS, *flags, "-I.", *sources, "-o", "stream_main", "-lm"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"

    @staticmethod
    def _plant(folder: Path, healthy: str, faulty: str) -> None:
        found = [file for file in folder.glob("sl_*.[ch]") if healthy in file.read_text()]
        assert len(found) == 1, f"{healthy!r} stands in {found}: plant the fault elsewhere"
        found[0].write_text(found[0].read_text().replace(healthy, faulty))

    def run(self, state: bytes, x: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> Outcome:
        """Learn a stream from a state."""
        names = ("state", "x", "labels", "new_state", "predictions")
        files = [self._folder / f"{name}.bin" for name in names]
        files[0].write_bytes(state)
        files[1].write_bytes(np.ascontiguousarray(x, "<f4").tobytes())
        files[2].write_bytes(np.ascontiguousarray(labels, "<u4").tobytes())
        for file in files[3:]:
            file.unlink(missing_ok=True)
        done = subprocess.run(
            [*self._runner, self._program, *files],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if not files[4].exists():
            return Outcome(done.returncode, done.stderr, None, None)
        predictions = np.frombuffer(files[4].read_bytes(), "<i4")
        counts = tuple(map(int, done.stdout.split()))
        return Outcome(done.returncode, done.stderr, files[3].read_bytes(), predictions, counts)
