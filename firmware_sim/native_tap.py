"""The tap in C: `tap.c`, compiled for this machine once."""

from __future__ import annotations

import ctypes
import hashlib
import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from .cache import kept
from .emulator import UcError, uc, uclib
from .errors import BuildError, LinkError
from .tap import Wiring
from .zig import run_cc, zig_version

_SOURCE = Path(__file__).with_name("tap.c")


class _TapStruct(ctypes.Structure):
    """The C struct `sl_tap_t`, field by field."""

    _fields_ = (
        ("total", ctypes.c_uint64),
        ("region", ctypes.c_uint64),
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
        ("entry", ctypes.c_uint32 * 6),
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
        ("is_riscv", ctypes.c_uint32),
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
        tap.entry[:] = wiring.entries
        tap.reg_read, tap.emu_stop = _address(uclib.uc_reg_read), _address(uclib.uc_emu_stop)
        tap.lr_register, tap.is_riscv = wiring.lr_register, wiring.is_riscv
        tap.limit = 2**63
        self._serial = serial = wiring.serial
        self._writable = (ctypes.c_uint8 * serial.size)()
        self._words = (ctypes.c_uint32 * serial.size)()
        for offset in serial.writable:
            self._writable[offset] = 1
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
        return int(self._tap.region)

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
