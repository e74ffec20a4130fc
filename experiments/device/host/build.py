"""Compiles a board's firmware sources for this machine, with the board's own numbers.

Flash is memory. It is a hundred times faster than the emulator, and
the compiler's sanitizers look on. What it is not: the board's port, and the board's instructions.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from export import write_export
from firmware_sim import Board, plan_storage
from firmware_sim.export_folder import open_export
from firmware_sim.port_sources import copy_port
from firmware_sim.toolchain import copy_sources

#: Where the flash lies here: low enough for 32 bits, and free under the sanitizers.
ORIGIN = 0x10000000
HERE = Path(__file__).parent
GCC = shutil.which("gcc")
SANITIZERS = (
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g",
)  # fmt: skip


def sources(learner: Any, board: Board, folder: Path) -> Path:
    """Write what is compiled for a board; return its folder."""
    write_export(learner, folder / "export")
    export = open_export(folder / "export")
    src = folder / "src"
    copy_sources(export, board.core, src, None)
    storage = plan_storage(board, export.state_bytes)
    copy_port(board, storage, export, src, "request", False, False)
    header = src / "port" / "board.h"
    header.write_text(header.read_text().replace(f"{storage.origin:#x}", f"{ORIGIN:#x}"))
    return src


def built(src: Path, board: Board, program: str, *files: str, sanitize: bool = True) -> Path:
    """Compile a program of this folder around the sources; return it.

    Raises
    ------
    ExperimentError
        If there is no gcc, or it refuses.
    """
    if GCC is None:
        raise ExperimentError("gcc is not on PATH: the firmware is compiled by it for this machine")
    # Where memory stands for flash, a store is a word.
    once = board.flash.page_bytes if board.flash.endurance else 4
    out = src.parent / f"{Path(program).stem}{'-sanitized' if sanitize else ''}"
    command = [
        GCC, "-std=gnu11", "-Wall", "-Wno-unused-function", "-Wno-attributes",
        f"-DERASED_AT_ONCE={once}u", f"-DPROGRAMMED_AT_ONCE={board.flash.program_bytes}u",
        "-Ifirmware", "-Iport", "-Ilearner", *(SANITIZERS if sanitize else ("-O2",)),
        str(HERE / program), *files, "-lm", "-o", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=src, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ExperimentError(f"gcc refuses {program}:\n{done.stderr}")
    return out


def said(program: Path, *arguments: object) -> dict[str, int]:
    """Run it, and return the numbers that it prints last.

    Raises
    ------
    ExperimentError
        If it ends with an error: the message has all it printed, the case included.
    """
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        what = " ".join(map(str, arguments))
        raise ExperimentError(
            f"{program.name} {what} ends with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return dict(json.loads(lines[-1]))
