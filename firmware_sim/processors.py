"""What differs between instruction sets: how an emulator of one is made, booted and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cores import Core
from .emulator import arm, riscv, uc


@dataclass(frozen=True)
class Processor:
    """An instruction set, as the emulator has it.

    Attributes
    ----------
    pc, lr, sp : int
        Unicorn's numbers of the registers.
    odd : int
        1 if code is entered at an odd address.
    wfi : bytes
        The instruction that waits; the program counter then stands behind it.
    system : (int, int) or None
        Address and size of the core's own registers: memory without effect.
    has_vectors : bool
        Whether the first two words are the stack and the entry. Else the entry is the first
        instruction, and sets the stack itself.
    """

    pc: int
    lr: int
    sp: int
    odd: int
    wfi: bytes
    system: tuple[int, int] | None
    has_vectors: bool


ARM = Processor(
    arm.UC_ARM_REG_PC,
    arm.UC_ARM_REG_LR,
    arm.UC_ARM_REG_SP,
    1,
    b"\x30\xbf",
    (0xE000E000, 0x1000),
    True,
)
RISCV = Processor(
    riscv.UC_RISCV_REG_PC,
    riscv.UC_RISCV_REG_RA,
    riscv.UC_RISCV_REG_SP,
    0,
    b"\x73\x00\x50\x10",
    None,
    False,
)


def processor_of(core: Core) -> Processor:
    """Return the instruction set of a core."""
    return RISCV if core.isa == "riscv" else ARM


def make_engine(core: Core) -> Any:
    """Return an emulator of a core, with nothing mapped."""
    if core.isa == "riscv":
        engine = uc.Uc(uc.UC_ARCH_RISCV, uc.UC_MODE_RISCV32)
        engine.ctl_set_cpu_model(getattr(riscv, core.emulator_model))
        return engine
    # Not UC_MODE_MCLASS: it forces the Cortex-M33 model, whatever is asked for.
    engine = uc.Uc(uc.UC_ARCH_ARM, uc.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(getattr(arm, core.emulator_model))
    return engine
