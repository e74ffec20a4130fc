"""Packs the user module of a MicroPython package into an .mpy file of native code, for x86-64.

MicroPython's own linker for that (tools/mpy_ld.py) is in no registry. This one needs no relocation
by MicroPython: everything lies in one block, which makes its pointers right by itself.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

STANDIN = Path(__file__).parent / "micropython_standin"
VERSION, SUB_VERSION, ARCH_X64, SMALL_INT_BITS = 6, 3, 2, 31
NATIVE_VIPER, FUN_TABLE = 2, b"\0"
_ABSOLUTE = 1  # R_X86_64_64
_SCRIPT = """SECTIONS {
    . = 0;
    standin_base = .;
    .image : { *(.text.entry) *(.text .text.*) *(.rodata .rodata.*) *(.data .data.*) . = ALIGN(16);
        *(.bss .bss.* COMMON) . = ALIGN(16); standin_relocations = .; KEEP(*(.relocations))
        standin_relocations_end = .; }
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
"""


def pack(package: Path, build: Path, name: str) -> Path:
    """Compile ``module.c`` and ``src/`` of a package; return ``NAME.mpy``.

    Parameters
    ----------
    package : Path
        What ``export --target micropython`` wrote.
    build : Path
        For what is made on the way.
    name : str
        Of the module.
    """
    module = (package / "module.c").read_text("utf-8")
    qstrs = sorted(
        {*re.findall(r"MP_QSTR_(\w+)", module), "IndexError", "TypeError", "ValueError", "len"}
    )
    numbers = ", ".join(f"MP_QSTR_{qstr}" for qstr in [f"of_the_file_{name}", *qstrs])
    (build / "qstrs.h").write_text(f"enum {{ {numbers} }};\n")
    (build / "image.ld").write_text(_SCRIPT)
    sources = [STANDIN / "start.c", package / "module.c", *sorted((package / "src").glob("*.c"))]
    relocations: list[int] = []
    for _ in range(2):  # their number moves nothing but the end
        listed = ", ".join(map(str, relocations)) or "0"
        (build / "list.c").write_text(
            '__attribute__((section(".relocations"), used)) static const unsigned list[] = '
            f"{{{listed}}};\n"
        )
        flags = [
                 "-O1", "-ffreestanding", "-fPIE", "-fno-stack-protector", "-fcf-protection=none",
                 "-fno-asynchronous-unwind-tables", "-fno-tree-loop-distribute-patterns",
                 "-nostdlib", "-static", "-Wl,--emit-relocs", "-Wl,--build-id=none",
                 "-Wl,-T,image.ld", "-Wl,-e,standin_entry", "-Wl,--no-warn-rwx-segments",
        ]  # fmt: skip
        include = [f"-I{STANDIN}", "-I.", f"-I{package / 'src'}"]
        command = ["gcc", *flags, *include, *map(str, sources), "list.c", "-o", "image.elf"]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        image, relocations = _image(build / "image.elf")
    names = [f"{name}.py", *qstrs]
    content = bytes([ord("M"), VERSION, ARCH_X64 << 2 | SUB_VERSION, SMALL_INT_BITS])
    content += _uint(len(names)) + _uint(1)
    content += b"".join(_uint(len(text) << 1) + text.encode() + b"\0" for text in names) + FUN_TABLE
    content += _uint(len(image) << 3 | NATIVE_VIPER) + image + _uint(0)
    target = build / f"{name}.mpy"
    target.write_bytes(content)
    return target


def _image(elf_path: Path) -> tuple[bytes, list[int]]:
    """Return the block from address 0 on, and where addresses stand in it."""
    with elf_path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        section = elf.get_section_by_name(".image")
        assert section["sh_addr"] == 0
        found = elf.get_section_by_name(".rela.image")
        kinds = [(int(row["r_offset"]), row["r_info_type"]) for row in found.iter_relocations()]
        return bytes(section.data()), sorted(at for at, kind in kinds if kind == _ABSOLUTE)


def _uint(value: int) -> bytes:
    """Encode as MicroPython does: seven bits in each byte, the first ones first."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))
