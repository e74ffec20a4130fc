"""Where a firmware stands when it faults, in words."""

from __future__ import annotations

from typing import Any

from .errors import DeviceFault
from .image import Firmware
from .processors import processor_of


def locate(firmware: Firmware, engine: Any, what: str, address: int | None) -> DeviceFault:
    """Return a fault with its registers and the function it lies in.

    Parameters
    ----------
    firmware : Firmware
    engine : Uc
        The emulator, as it stopped.
    what : str
        What happened.
    address : int or None
        Of the memory access that was refused.
    """
    processor = processor_of(firmware.board.core)
    pc, lr, sp = (int(engine.reg_read(at)) for at in (processor.pc, processor.lr, processor.sp))
    symbol, ram = firmware.symbol_at(pc), firmware.board.ram
    if address is not None:
        what += f", address {address:#010x}"
        if ram.origin - 0x10000 <= address < ram.origin:
            what += (
                f": stack overflow, {firmware.ram_bytes.stack_reserved} bytes are reserved; build "
                "with a larger stack_bytes"
            )
    return DeviceFault(
        f"{firmware.board.name}: {what}; pc {pc:#010x} in {symbol}, lr {lr:#010x} in "
        f"{firmware.symbol_at(lr)}, sp {sp:#010x}",
        pc=pc,
        lr=lr,
        sp=sp,
        symbol=symbol,
        address=address,
    )
