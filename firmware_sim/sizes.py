"""What sources take on a core, linked without a board: what a linker keeps of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from .cores import Core
from .optimizing import Optimize, optimize_flags, write_whole
from .stack import stack_use
from .toolchain import core_flags
from .zig import run_cc

_FLAGS = (
    "-Os", "-g", "-std=c99", "-ffreestanding", "-fno-sanitize=all", "-ffunction-sections",
    "-fdata-sections", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-common",
    "-I.", "-Wl,--gc-sections", "-Wl,-z,max-page-size=4",
)  # fmt: skip


@dataclass(frozen=True)
class LinkedSizes:
    """Bytes of a linked program.

    Attributes
    ----------
    flash : int
        Code and constants, and the start values of variables.
    ram : int
        Variables; no stack.
    stack : int
        What the deepest calls take of it.
    """

    flash: int
    ram: int
    stack: int


def linked_sizes(
    files: Mapping[str, str], entry: str, core: Core, optimize: Optimize = "speed"
) -> LinkedSizes:
    """Compile files for a core, link them, and return what the program takes.

    Parameters
    ----------
    files : mapping
        Name and text of each file; those that end in ``.c`` are compiled.
    entry : str
        The function that the linker starts from: what it cannot reach is left out.
    core : Core
    optimize : "speed" or "size"
        As of `build_firmware`.

    Raises
    ------
    BuildError
        If compiling or linking fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, "utf-8")
        sources = sorted(name for name in files if name.endswith(".c"))
        flags = [*core_flags(core), *_FLAGS, *optimize_flags(optimize), f"-Wl,-e,{entry}"]
        if optimize == "size":
            sources = [write_whole(Path(folder), sources)]
        run_cc([*flags, *sources, "-o", "linked.elf"], cwd=Path(folder))
        with (Path(folder) / "linked.elf").open("rb") as stream:
            elf: Any = ELFFile(stream)
            sizes = [
                (section["sh_type"], bool(section["sh_flags"] & 1), int(section["sh_size"]))
                for section in elf.iter_sections()
                if section["sh_flags"] & 2  # what a program has in memory
            ]
        stack = stack_use(Path(folder) / "linked.elf", (entry,)).bound
    flash = sum(size for kind, _, size in sizes if kind != "SHT_NOBITS")
    ram = sum(size for _, writable, size in sizes if writable)
    return LinkedSizes(flash, ram, stack)
