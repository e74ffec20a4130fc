"""The tap in Python: the same logic, for machines without a working compiler."""

from __future__ import annotations

from typing import Any

from .emulator import uc
from .errors import LinkError
from .tap import Wiring, count_instructions


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
        self._lr, self._is_riscv = wiring.lr_register, wiring.is_riscv
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
            self._return = engine.reg_read(self._lr) & ~1
            self._start = self.total
        count = self._counts.get((address, size))
        offset = address - self._base
        inside = 0 <= offset <= len(self._flash) - size
        if inside and not self._readable:
            self._stop_at(engine, address)
            return
        if count is None and inside:
            count = count_instructions(self._flash[offset : offset + size], self._is_riscv)
            self._counts[address, size] = count
        elif count is None:
            in_ram = address - self._ram_base
            if self._ram is None or not 0 <= in_ram <= len(self._ram) - size:
                self.unknown += 1
                return
            count = count_instructions(self._ram[in_ram : in_ram + size], self._is_riscv)
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
