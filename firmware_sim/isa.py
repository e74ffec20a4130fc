"""A static check that a firmware holds only what its core can execute.

The emulator is more generous than the silicon (it runs IT and CBZ on a Cortex-M0 model and SMLAD
on a Cortex-M3 model), and a missing compiler flag turns FPU code into calls of soft-float
routines without a word. So the ELF itself is read: architecture tag, every instruction, and the
names of the run-time routines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import capstone  # type: ignore[import-untyped]
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from .cores import Core
from .errors import BuildError
from .isa_riscv import riscv_allows, riscv_arch, riscv_instructions

# ARM DDI 0419 (ARMv6-M), chapter A6: all 16-bit instructions, and the seven 32-bit ones.
_V6M_NARROW = re.compile(
    r"(adc|add|adr|and|asr|b|bic|bkpt|blx|bx|cmn|cmp|cps|eor|hint|ldm|ldr|ldrb|ldrh|ldrsb|ldrsh|lsl|"
    r"lsr|movs?|mul|mvn|nop|orr|pop|push|rev|rev16|revsh|ror|rsb|sbc|sev|stm|str|strb|strh|sub|"
    r"svc|sxtb|sxth|trap|tst|udf|uxtb|uxth|wfe|wfi|yield)$"
)
_V6M_WIDE = re.compile(r"(bl|dmb|dsb|isb|mrs|msr|udf)$")

# The DSP extension (ARMv7E-M), by the families of its names; the Cortex-M3 has none of it.
_DSP = re.compile(
    r"(smla[bdtw]|smlal[bdt]|smls|smmul|smmla|smmls|smua|smus|smul[bwt]|umaal|usad|sel$|"
    r"pkh|sxta|uxta|sxtb16|uxtb16|ssat16|usat16|qadd|qsub|qdadd|qdsub|qasx|qsax|"
    r"[su]h?(add|sub)(8|16)|uq(add|sub)(8|16)|[su]h?(asx|sax)|uq(asx|sax))"
)
_V8M = re.compile(r"(lda|stl|sg$|tt|bxns|blxns)")
_FPV5 = re.compile(r"(vrint|vsel|vmaxnm|vminnm|vcvt[anpm]\.)")

# Soft-float arithmetic: on a core with an FPU its presence means that the compiler was not told.
_SOFT_FLOAT = re.compile(
    r"(__aeabi_[fd](add|sub|rsub|mul|div|cmp\w+|2iz|2uiz|neg)|__aeabi_u?i2[fd]|__aeabi_cf\w+|"
    r"__(add|sub|mul|div)[sd]f3|__fix(uns)?[sd]fsi|__float(un)?si[sd]f)$"
)

# Tag_CPU_arch (addenda to the ABI for the Arm architecture).
_CPU_ARCH = {10: "v7", 11: "v6-M", 12: "v6S-M", 13: "v7E-M", 17: "v8-M.mainline"}


@dataclass(frozen=True)
class InstructionReport:
    """What the check saw.

    Attributes
    ----------
    count : int
        Instructions in the text section.
    names : frozenset of str
        The distinct base mnemonics.
    soft_float : tuple of str
        Soft-float routines that are linked; always empty on a core with an FPU.
    """

    count: int
    names: frozenset[str]
    soft_float: tuple[str, ...]


def check_elf(elf_path: Path, core: Core) -> InstructionReport:
    """Check every instruction of an ELF against a core.

    Raises
    ------
    BuildError
        If the file is no Arm ELF, is built for another architecture, holds an instruction that
        the core lacks, or calls soft-float routines on a core with an FPU.
    """
    try:
        with elf_path.open("rb") as stream:
            elf = ELFFile(stream)
            arch = riscv_arch(elf) if core.isa == "riscv" else _cpu_arch(elf)
            names = {symbol.name for symbol in _symtab(elf, elf_path).iter_symbols()}
            decode = riscv_instructions if core.isa == "riscv" else _instructions
            instructions = list(decode(elf, elf_path))
    except (OSError, ELFError) as error:
        raise BuildError(f"{elf_path}: cannot be read as an ELF: {error}") from error
    if arch != core.cpu_arch:
        raise BuildError(
            f"{elf_path}: built for architecture {arch}, but {core.name} is {core.cpu_arch}"
        )
    bad = [
        f"{insn.address:#010x}: {insn.mnemonic} {insn.op_str}".rstrip()
        for insn in instructions
        if not is_allowed(insn.insn_name(), insn.mnemonic, insn.size, core)
    ]
    if bad:
        raise BuildError(
            f"{elf_path}: {len(bad)} instructions that {core.name} does not have, first: "
            + "; ".join(bad[:5])
        )
    soft = tuple(sorted(name for name in names if _SOFT_FLOAT.match(name)))
    if soft and core.has_fpu:
        raise BuildError(
            f"{elf_path}: {core.name} has an FPU but the code calls {', '.join(soft)}: compile "
            "with the FPU feature of -mcpu, and use float, not double"
        )
    return InstructionReport(
        count=len(instructions),
        names=frozenset(insn.insn_name() for insn in instructions),
        soft_float=soft,
    )


def is_allowed(name: str, mnemonic: str, size: int, core: Core) -> bool:
    """Tell whether a core has an instruction.

    Parameters
    ----------
    name : str
        Base mnemonic, without condition and flags suffix (``"add"`` for ``adds``).
    mnemonic : str
        The full one, with the data type (``"vadd.f64"``).
    size : int
        Bytes of the encoding, 2 or 4.
    core : Core
    """
    if core.isa == "riscv":
        return riscv_allows(mnemonic)
    if core.cpu_arch == "v6S-M":
        return (_V6M_NARROW if size == 2 else _V6M_WIDE).match(name) is not None
    if mnemonic.startswith("v") and (not core.has_fpu or ".f64" in mnemonic):
        return False
    if core.name == "cortex-m3" and _DSP.match(name):
        return False
    if core.name == "cortex-m4f" and _FPV5.match(mnemonic):
        return False
    return core.name == "cortex-m33" or not _V8M.match(name)


def _symtab(elf: Any, elf_path: Path) -> Any:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        raise BuildError(f"{elf_path}: no symbol table: code cannot be told from data")
    return table


def _cpu_arch(elf: Any) -> str:
    section = elf.get_section_by_name(".ARM.attributes")
    if section is None:
        return "unknown (no .ARM.attributes)"
    for subsection in section.iter_subsections():
        for part in subsection.iter_subsubsections():
            for attribute in part.iter_attributes("TAG_CPU_ARCH"):
                return _CPU_ARCH.get(attribute.value, f"number {attribute.value}")
    return "unknown (no Tag_CPU_arch)"


def _instructions(elf: Any, elf_path: Path) -> Iterator[Any]:
    """Disassemble the code of .text; mapping symbols $t and $d tell it from literal pools."""
    text = elf.get_section_by_name(".text")
    index = next(i for i, section in enumerate(elf.iter_sections()) if section.name == ".text")
    marks = sorted(
        {
            (int(symbol["st_value"]), symbol.name[:2])
            for symbol in _symtab(elf, elf_path).iter_symbols()
            if symbol.name[:2] in ("$t", "$d", "$a") and symbol["st_shndx"] == index
        }
    )
    if not marks:
        raise BuildError(f"{elf_path}: no mapping symbols: code cannot be told from data")
    start, data = int(text["sh_addr"]), bytes(text.data())
    decoder = capstone.Cs(
        capstone.CS_ARCH_ARM,
        capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8,
    )
    ends = [address for address, _ in marks[1:]] + [start + len(data)]
    for (address, kind), end in zip(marks, ends, strict=True):
        if kind == "$d" or address == end:
            continue
        reached = address
        for insn in decoder.disasm(data[address - start : end - start], address):
            reached = insn.address + insn.size
            yield insn
        if kind == "$a" or end - reached >= 2:
            raise BuildError(f"{elf_path}: what stands at {reached:#010x} is no Thumb instruction")
