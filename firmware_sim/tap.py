"""What sits between the emulator and us: the UART's registers and the instruction counter.

Two implementations of one interface. `native_tap` is C (`tap.c`) and costs the emulation nothing
measurable; `python_tap` is the same logic in Python, twenty to sixty times slower, for machines
without a working compiler.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Protocol


class Serial(NamedTuple):
    """A serial port's registers; all offsets are from `base`.

    Attributes
    ----------
    base, size : int
        Of its page.
    receive, send : int
        What is read for a byte, and written.
    status : tuple of (offset, empty, full)
        One or two registers: what they read while nothing was received, and else.
    writable : tuple of int
        Every other register that may be written.
    """

    base: int
    size: int
    receive: int
    send: int
    status: tuple[tuple[int, int, int], ...]
    writable: tuple[int, ...]


class Wiring(NamedTuple):
    """What a tap is connected to.

    Attributes
    ----------
    flash : ctypes array
        The flash's memory; must outlive the tap.
    flash_base : int
        Its address on the device.
    entries : (int, int, int, int, int, int)
        Addresses of the functions whose instructions are counted apart.
    rx_bytes, tx_bytes : int
        Sizes of the two buffers.
    serial : Serial
    ram : ctypes array or None
        The RAM's memory, if code may run there.
    ram_base : int
    lr_register : int
        Unicorn's number of the register that holds a return address.
    is_riscv : bool
        How long instructions are: RISC-V's, or Thumb's.
    """

    flash: ctypes.Array[ctypes.c_uint8]
    flash_base: int
    entries: tuple[int, int, int, int, int, int]
    rx_bytes: int
    tx_bytes: int
    serial: Serial
    ram: ctypes.Array[ctypes.c_uint8] | None
    ram_base: int
    lr_register: int
    is_riscv: bool


class Tap(Protocol):
    """The interface: bytes in and out of the UART, and counters.

    Attributes
    ----------
    total : int
        Instructions executed since the emulator was made.
    overran : bool
        Whether `limit` stopped the emulation.
    unknown : int
        Executed blocks that lie outside the flash (0 in a healthy run).
    """

    @property
    def total(self) -> int: ...  # noqa: D102

    @property
    def overran(self) -> bool: ...  # noqa: D102

    @property
    def unknown(self) -> int: ...  # noqa: D102

    @property
    def region_total(self) -> int:
        """Instructions executed inside the watched functions, callees included."""

    @property
    def rx_pending(self) -> int:
        """Bytes that were fed and that the firmware has not read yet."""

    def attach(self, engine: Any) -> None:
        """Map the UART and install the counter in an emulator."""

    def feed(self, data: bytes) -> None:
        """Put bytes on the UART's receive line."""

    def take(self) -> bytes:
        """Return and forget the bytes the firmware sent."""

    def allow(self, instructions: int) -> None:
        """Stop the emulation once that many more instructions were executed."""

    def forget(self) -> None:
        """Empty the UART and leave any watched function: the device is being reset."""

    @property
    def stray(self) -> int | None:
        """An address that was written or run and may not be; None if there was none."""

    def switch_flash(self, readable: bool) -> None:
        """Say whether code may run from the flash now."""


def count_instructions(code: bytes | memoryview, is_riscv: bool = False) -> int:
    """Count the instructions in a run of code bytes: Thumb's, or RISC-V's."""
    count = at = 0
    while at < len(code):
        long = code[at] & 3 == 3 if is_riscv else code[at + 1] >> 3 >= 0x1D
        at += 4 if long else 2
        count += 1
    return count
