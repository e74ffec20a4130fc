"""The static check of `firmware_sim.isa` for RISC-V: RV32I, M, C and the control registers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import capstone  # type: ignore[import-untyped]

from .errors import BuildError

# The RISC-V Instruction Set Manual: RV32I, "M", "C", Zicsr, Zifencei; WFI and MRET of volume II.
_RV32IMC = re.compile(
    r"(c\.)?(add|addi|addi16sp|addi4spn|and|andi|auipc|beq|beqz|bge|bgeu|bgez|bgt|bgtu|bgtz|ble|"
    r"bleu|blez|blt|bltu|bltz|bne|bnez|csrr|csrrc|csrrci|csrrs|csrrsi|csrrw|csrrwi|csrw|csrs|csrc|"
    r"csrsi|csrci|csrwi|div|divu|ebreak|ecall|fence|fence\.i|j|jal|jalr|jr|lb|lbu|lh|lhu|li|lui|lw|"
    r"lwsp|mret|mul|mulh|mulhsu|mulhu|mv|neg|nop|not|or|ori|rem|remu|ret|sb|seqz|sgtz|sh|sll|slli|"
    r"slt|slti|sltiu|sltu|sltz|snez|sra|srai|srl|srli|sub|sw|swsp|unimp|wfi|xor|xori)$"
)
_COMPRESSED, _FLOATS = 1, 6  # of e_flags


def riscv_allows(mnemonic: str) -> bool:
    """Tell whether RV32IMC has an instruction."""
    return _RV32IMC.match(mnemonic) is not None


def riscv_arch(elf: Any) -> str:
    """Return what the head of an ELF says of its architecture."""
    if elf["e_machine"] != "EM_RISCV" or elf.elfclass != 32:
        return f"{elf['e_machine']} with {elf.elfclass} bits"
    flags = int(elf["e_flags"])
    return "rv32imc" if flags & _COMPRESSED and not flags & _FLOATS else f"RISC-V, {flags=:#x}"


def riscv_instructions(elf: Any, elf_path: Path) -> Iterator[Any]:
    """Disassemble all of .text: nothing but code lies there.

    Raises
    ------
    BuildError
        If something there is no instruction.
    """
    text = elf.get_section_by_name(".text")
    start, data = int(text["sh_addr"]), bytes(text.data())
    # The linker fills the gaps between functions with zeros, which are no instruction.
    decoder = capstone.Cs(
        capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC
    )
    at = 0
    while at < len(data):
        reached = at
        for insn in decoder.disasm(data[at:], start + at):
            reached = insn.address - start + insn.size
            yield insn
        if reached == len(data):
            return
        if data[reached : reached + 2] != b"\0\0":
            raise BuildError(
                f"{elf_path}: what stands at {start + reached:#010x} is no instruction"
            )
        at = reached + 2
