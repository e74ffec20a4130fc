"""Processor cores: how to compile for them, how to emulate them, what they may not contain."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BoardError


@dataclass(frozen=True)
class Core:
    """One core.

    Attributes
    ----------
    name : str
        As boards name it, e.g. ``"cortex-m4f"``.
    target, mcpu : str
        The compiler's ``-target`` and ``-mcpu``. A core with an FPU needs both the ``eabihf``
        target and the ``+vfp`` feature: without the feature the compiler silently emits
        soft-float calls.
    has_fpu : bool
        Single-precision FPU.
    cpu_arch : str
        The value of ``Tag_CPU_arch`` that the linked ELF must carry; of a RISC-V core its name.
    emulator_model : str
        The name of Unicorn's constant for the CPU model.
    isa : {"arm", "riscv"}
        Its instruction set.
    """

    name: str
    target: str
    mcpu: str
    has_fpu: bool
    cpu_arch: str
    emulator_model: str
    isa: str = "arm"


_SOFT = "thumb-freestanding-eabi"
_HARD = "thumb-freestanding-eabihf"

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("cortex-m0", _SOFT, "cortex_m0", False, "v6S-M", "UC_CPU_ARM_CORTEX_M0"),
        Core("cortex-m0plus", _SOFT, "cortex_m0plus", False, "v6S-M", "UC_CPU_ARM_CORTEX_M0"),
        Core("cortex-m3", _SOFT, "cortex_m3", False, "v7", "UC_CPU_ARM_CORTEX_M3"),
        Core("cortex-m4f", _HARD, "cortex_m4+vfp4d16sp", True, "v7E-M", "UC_CPU_ARM_CORTEX_M4"),
        Core("cortex-m7", _HARD, "cortex_m7+fp_armv8d16sp", True, "v7E-M", "UC_CPU_ARM_CORTEX_M7"),
        Core(
            "cortex-m33",
            _HARD,
            "cortex_m33+fp_armv8d16sp+dsp",
            True,
            "v8-M.mainline",
            "UC_CPU_ARM_CORTEX_M33",
        ),
        Core(
            "rv32imc",
            "riscv32-freestanding-none",
            "generic_rv32+m+c",
            False,
            "rv32imc",
            "UC_CPU_RISCV32_BASE32",
            "riscv",
        ),
    )
}


def get_core(name: str) -> Core:
    """Return the core of that name.

    Raises
    ------
    BoardError
        If there is no such core.
    """
    try:
        return CORES[name]
    except KeyError:
        raise BoardError(f"unknown core {name!r}: expected one of {', '.join(CORES)}") from None
