"""What sits between the emulator and us: the UART's registers and the instruction counter.

Two implementations of one interface. `NativeTap` is C (`tap.c`) and costs the emulation nothing
measurable; `PythonTap` is the same logic in Python, twenty to sixty times slower, for machines
without a working compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .cache import kept
from .emulator import UcError, arm, uc, uclib
from .errors import BuildError, LinkError
from .zig import run_cc, zig_version

_SOURCE = Path(__file__).with_name("tap.c")


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
    entries : (int, int)
        Addresses of the functions whose instructions are counted apart.
    rx_bytes, tx_bytes : int
        Sizes of the two buffers.
    serial : Serial
    ram : ctypes array or None
        The RAM's memory, if code may run there.
    ram_base : int
    """

    flash: ctypes.Array[ctypes.c_uint8]
    flash_base: int
    entries: tuple[int, int]
    rx_bytes: int
    tx_bytes: int
    serial: Serial
    ram: ctypes.Array[ctypes.c_uint8] | None
    ram_base: int


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


def count_instructions(code: bytes | memoryview) -> int:
    """Count the Thumb instructions in a run of code bytes."""
    count = at = 0
    while at < len(code):
        at += 4 if code[at + 1] >> 3 >= 0x1D else 2
        count += 1
    return count


class _TapStruct(ctypes.Structure):
    """The C struct `sl_tap_t`, field by field."""

    _fields_ = (
        ("total", ctypes.c_uint64),
        ("region", ctypes.c_uint64 * 2),
        ("limit", ctypes.c_uint64),
        ("start", ctypes.c_uint64),
        ("flash", ctypes.c_void_p),
        ("cache", ctypes.c_void_p),
        ("rx", ctypes.c_void_p),
        ("tx", ctypes.c_void_p),
        ("reg_read", ctypes.c_void_p),
        ("emu_stop", ctypes.c_void_p),
        ("flash_base", ctypes.c_uint32),
        ("flash_size", ctypes.c_uint32),
        ("entry", ctypes.c_uint32 * 2),
        ("active", ctypes.c_uint32),
        ("return_address", ctypes.c_uint32),
        ("rx_head", ctypes.c_uint32),
        ("rx_tail", ctypes.c_uint32),
        ("tx_count", ctypes.c_uint32),
        ("tx_capacity", ctypes.c_uint32),
        ("overran", ctypes.c_uint32),
        ("lost", ctypes.c_uint32),
        ("unknown", ctypes.c_uint32),
        ("lr_register", ctypes.c_int32),
        ("ram", ctypes.c_void_p),
        ("ram_base", ctypes.c_uint32),
        ("ram_size", ctypes.c_uint32),
        ("flash_off", ctypes.c_uint32),
        ("stray", ctypes.c_uint32),
        ("stray_address", ctypes.c_uint32),
        ("uart_base", ctypes.c_uint32),
        ("uart_size", ctypes.c_uint32),
        ("rx_offset", ctypes.c_uint32),
        ("tx_offset", ctypes.c_uint32),
        ("status_offset", ctypes.c_uint32 * 2),
        ("status_empty", ctypes.c_uint32 * 2),
        ("status_full", ctypes.c_uint32 * 2),
        ("writable", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
    )


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Compile tap.c for this machine, once; later runs load it from the cache."""
    suffix = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
    key = hashlib.sha256(
        _SOURCE.read_bytes() + f"{zig_version()} {sys.platform} {platform.machine()}".encode()
    ).hexdigest()[:16]
    flags = "-shared -fPIC -O2 -std=c99 -Wall -Wextra -fvisibility=hidden -mcpu=baseline"

    def make(to: Path) -> None:
        run_cc([*flags.split(), _SOURCE.name, "-o", str(to)], cwd=_SOURCE.parent)

    return ctypes.CDLL(str(kept(f"tap-{key}", suffix, make)))


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class NativeTap:
    """Counter and UART in C.

    Raises
    ------
    BuildError
        If the C part cannot be compiled or loaded.
    """

    def __init__(self, wiring: Wiring) -> None:
        try:
            self._lib = _library()
        except OSError as error:
            raise BuildError(f"the compiled tap cannot be loaded: {error}") from error
        flash = wiring.flash
        self._cache = (ctypes.c_uint32 * (len(flash) // 2))()
        self._rx = (ctypes.c_uint8 * wiring.rx_bytes)()
        self._tx = (ctypes.c_uint8 * wiring.tx_bytes)()
        self._keep = flash
        self._tap = tap = _TapStruct()
        tap.flash, tap.flash_base = ctypes.addressof(flash), wiring.flash_base
        tap.flash_size = len(flash)
        tap.cache = ctypes.addressof(self._cache)
        tap.rx, tap.tx = ctypes.addressof(self._rx), ctypes.addressof(self._tx)
        tap.tx_capacity = wiring.tx_bytes
        tap.entry[0], tap.entry[1] = wiring.entries
        tap.reg_read, tap.emu_stop = _address(uclib.uc_reg_read), _address(uclib.uc_emu_stop)
        tap.lr_register = arm.UC_ARM_REG_LR
        tap.limit = 2**63
        self._serial = serial = wiring.serial
        self._writable = (ctypes.c_uint8 * (serial.size // 4))()
        self._words = (ctypes.c_uint32 * (serial.size // 4))()
        for offset in serial.writable:
            self._writable[offset // 4] = 1
        tap.writable, tap.words = ctypes.addressof(self._writable), ctypes.addressof(self._words)
        tap.uart_base, tap.uart_size = serial.base, serial.size
        tap.rx_offset, tap.tx_offset = serial.receive, serial.send
        for index in range(2):
            status = serial.status[min(index, len(serial.status) - 1)]
            tap.status_offset[index], tap.status_empty[index], tap.status_full[index] = status
        if wiring.ram is not None:
            self._ram = wiring.ram
            tap.ram, tap.ram_base = ctypes.addressof(wiring.ram), wiring.ram_base
            tap.ram_size = len(wiring.ram)

    def attach(self, engine: Any) -> None:
        """Map the UART and install the counter in an emulator."""
        user = ctypes.c_void_p(ctypes.addressof(self._tap))
        status = uclib.uc_mmio_map(
            engine._uch,
            ctypes.c_uint64(self._serial.base),
            ctypes.c_uint64(self._serial.size),
            ctypes.c_void_p(_address(self._lib.sl_tap_read)),
            user,
            ctypes.c_void_p(_address(self._lib.sl_tap_write)),
            user,
        )
        handle = ctypes.c_size_t()
        status = status or uclib.uc_hook_add(
            engine._uch,
            ctypes.byref(handle),
            ctypes.c_int(uc.UC_HOOK_BLOCK),
            ctypes.c_void_p(_address(self._lib.sl_tap_block)),
            user,
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != uc.UC_ERR_OK:
            raise UcError(status)

    @property
    def total(self) -> int:
        """Instructions executed."""
        return int(self._tap.total)

    @property
    def region_total(self) -> int:
        """Instructions executed inside the watched functions."""
        region = self._tap.region
        return int(region[0] + region[1])

    @property
    def overran(self) -> bool:
        """Whether the limit stopped the emulation."""
        return bool(self._tap.overran)

    @property
    def unknown(self) -> int:
        """Executed blocks outside the flash."""
        return int(self._tap.unknown)

    @property
    def rx_pending(self) -> int:
        """Bytes that the firmware has not read yet."""
        return int(self._tap.rx_tail - self._tap.rx_head)

    def feed(self, data: bytes) -> None:
        """Put bytes on the receive line."""
        tap = self._tap
        if tap.rx_head == tap.rx_tail:
            tap.rx_head = tap.rx_tail = 0
        start = tap.rx_tail
        if start + len(data) > len(self._rx):
            raise LinkError(f"{len(data)} bytes at once: the receive line holds {len(self._rx)}")
        ctypes.memmove(tap.rx + start, data, len(data))
        tap.rx_tail = start + len(data)

    def take(self) -> bytes:
        """Return and forget the bytes the firmware sent."""
        tap = self._tap
        data = ctypes.string_at(tap.tx, tap.tx_count)
        lost, tap.tx_count, tap.lost = tap.lost, 0, 0
        if lost:
            raise LinkError(f"the firmware sent {lost} bytes more than fit the transmit buffer")
        return data

    def allow(self, instructions: int) -> None:
        """Stop the emulation once that many more instructions were executed."""
        self._tap.limit = self._tap.total + instructions
        self._tap.overran = 0

    def forget(self) -> None:
        """Empty the UART and leave any watched function."""
        tap = self._tap
        tap.rx_head = tap.rx_tail = tap.tx_count = tap.lost = tap.active = tap.unknown = 0
        tap.stray = tap.flash_off = 0
        ctypes.memset(self._words, 0, ctypes.sizeof(self._words))

    @property
    def stray(self) -> int | None:
        """An address that was written or run and may not be."""
        return int(self._tap.stray_address) if self._tap.stray else None

    def switch_flash(self, readable: bool) -> None:
        """Say whether code may run from the flash now."""
        self._tap.flash_off = int(not readable)


class PythonTap:
    """Counter and UART in Python."""

    def __init__(self, wiring: Wiring) -> None:
        self._flash = memoryview(wiring.flash).cast("B")
        self._base = wiring.flash_base
        self._entries = wiring.entries
        self._rx_bytes, self._tx_bytes = wiring.rx_bytes, wiring.tx_bytes
        self._counts: dict[tuple[int, int], int] = {}
        self.total = self.region_total = self.unknown = 0
        self.overran = False
        self._limit = 2**63
        self._rx, self._head, self._tx = b"", 0, bytearray()
        self._return: int | None = None
        self._start = 0
        self._serial, self._readable = wiring.serial, True
        self.stray: int | None = None
        self._ram = None if wiring.ram is None else memoryview(wiring.ram).cast("B")
        self._ram_base = wiring.ram_base
        self._words: dict[int, int] = {}

    def attach(self, engine: Any) -> None:
        """Map the UART and install the counter in an emulator."""
        serial = self._serial
        engine.mmio_map(serial.base, serial.size, self._read, None, self._write, None)
        engine.hook_add(uc.UC_HOOK_BLOCK, self._block)

    def _block(self, engine: Any, address: int, size: int, _user: Any) -> None:
        if self._return is not None:
            if address == self._return:
                self.region_total += self.total - self._start
                self._return = None
        elif address in self._entries:
            self._return = engine.reg_read(arm.UC_ARM_REG_LR) & ~1
            self._start = self.total
        count = self._counts.get((address, size))
        offset = address - self._base
        inside = 0 <= offset <= len(self._flash) - size
        if inside and not self._readable:
            self._stop_at(engine, address)
            return
        if count is None and inside:
            count = count_instructions(self._flash[offset : offset + size])
            self._counts[address, size] = count
        elif count is None:
            in_ram = address - self._ram_base
            if self._ram is None or not 0 <= in_ram <= len(self._ram) - size:
                self.unknown += 1
                return
            count = count_instructions(self._ram[in_ram : in_ram + size])
        self.total += count
        if self.total > self._limit:
            self.overran = True
            engine.emu_stop()

    def _stop_at(self, engine: Any, address: int) -> None:
        if self.stray is None:
            self.stray = address
        engine.emu_stop()

    def _read(self, _uc: Any, offset: int, _size: int, _user: Any) -> int:
        full = self._head < len(self._rx)
        if offset == self._serial.receive:
            self._head += full
            return self._rx[self._head - 1] if full else 0
        for at, when_empty, when_full in self._serial.status:
            if offset == at:
                return when_full if full else when_empty
        return self._words.get(offset, 0)

    def _write(self, engine: Any, offset: int, _size: int, value: int, _user: Any) -> None:
        if offset == self._serial.send:
            self._tx.append(value & 0xFF)
        elif offset in self._serial.writable:
            self._words[offset] = value
        else:
            self._stop_at(engine, self._serial.base + offset)

    def switch_flash(self, readable: bool) -> None:
        """Say whether code may run from the flash now."""
        self._readable = readable

    @property
    def rx_pending(self) -> int:
        """Bytes that the firmware has not read yet."""
        return len(self._rx) - self._head

    def feed(self, data: bytes) -> None:
        """Put bytes on the receive line."""
        if self.rx_pending + len(data) > self._rx_bytes:
            raise LinkError(f"{len(data)} bytes at once: the receive line holds {self._rx_bytes}")
        self._rx, self._head = self._rx[self._head :] + data, 0

    def take(self) -> bytes:
        """Return and forget the bytes the firmware sent."""
        data, self._tx = bytes(self._tx), bytearray()
        if len(data) > self._tx_bytes:
            lost = len(data) - self._tx_bytes
            raise LinkError(f"the firmware sent {lost} bytes more than fit the transmit buffer")
        return data

    def allow(self, instructions: int) -> None:
        """Stop the emulation once that many more instructions were executed."""
        self._limit = self.total + instructions
        self.overran = False

    def forget(self) -> None:
        """Empty the UART and leave any watched function."""
        self._rx, self._head, self._tx = b"", 0, bytearray()
        self._return, self._start, self.unknown = None, 0, 0
        self.stray, self._readable = None, True
        self._words.clear()
