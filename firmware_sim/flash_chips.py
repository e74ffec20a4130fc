"""Flash that is a chip of its own: what is between it and the core, and its commands (W25Q16JV)."""

from __future__ import annotations

from .flash_models import MODELS as ON_CHIP
from .flash_models import FlashController, Page

PROGRAM, STATUS, WRITE_ENABLE, ERASE, UNIQUE_ID = 0x02, 0x05, 0x06, 0x20, 0x4B


class _Chip(FlashController):
    """A chip behind a serial line; it takes commands and no stores."""

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        super().reset()
        self.may_write = False

    def done(self, sent: list[int]) -> str | None:
        """Do a command of which all bytes were sent; return what is wrong with it, or None."""
        code = sent[0] if sent else 0
        if code == WRITE_ENABLE:
            self.may_write = True
            return None
        if code not in (ERASE, PROGRAM):
            return None
        if not self.may_write:
            return "erases or programs without write enable"
        self.may_write = False
        address = self.cells.flash.origin + int.from_bytes(bytes(sent[1:4]), "big")
        if code == ERASE:
            return self.cells.erase(address)
        return self.cells.program(address, bytes(sent[4:]))

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        return f"stores {len(data)} bytes to {address:#010x}: this flash takes commands only"


class Rp2040(_Chip):
    """The SSI; the chip select is a register of another page."""

    writable = (0x00, 0x04, 0x08, 0x10, 0x14, 0x60, 0xF4)
    UNIQUE_ID = bytes.fromhex("e660c0ffee15600d")

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        super().reset()
        self.queue: list[int] = []
        self.command: list[int] | None = None
        self.switch_flash(False)

    def read(self, offset: int) -> int:
        """Return what a register reads."""
        if offset == 0x28:
            return 0x4 | (0x8 if self.queue else 0)
        if offset == 0x60:
            return self.queue.pop(0) if self.queue else 0
        return super().read(offset)

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register."""
        if offset == 0x60:
            if not self.words.get(0x08) or self.words.get(0x00) != 7 << 16 or self.command is None:
                return "sends to the flash chip without the SSI set to it and the chip selected"
            self.command.append(value & 0xFF)
            self.queue.append(self._answer(self.command))
            return None
        if offset not in (0x08, 0x10, 0x14) and self.words.get(0x08):
            return "changes the SSI while it is on"
        self.words[offset] = value
        in_place = (31 << 16) | (3 << 8)
        self.switch_flash(bool(self.words.get(0x08)) and self.words.get(0x00) == in_place)
        return None

    def more_pages(self) -> tuple[Page, ...]:
        """Return the page of the chip select."""
        return ((0x40018000, 0x1000, lambda _offset: 0, self._select),)

    def _select(self, offset: int, value: int) -> str | None:
        if offset != 0x0C:
            return "writes a register that the board does not declare"
        low = value >> 8 & 3 == 2
        if low and self.command is None:
            self.command = []
        elif not low and self.command is not None:
            sent, self.command = self.command, None
            return self.done(sent)
        return None

    def _answer(self, sent: list[int]) -> int:
        if sent[0] == UNIQUE_ID and len(sent) > 5:
            return self.UNIQUE_ID[(len(sent) - 6) % 8]
        return 0


class Esp32C3(_Chip):
    """SPI1 in user mode. Code in flash runs again when the chip is ready and the cache is emptied.

    The core fetches and reads through a cache that SPI0 fills. While the chip erases or programs it
    answers with its status only; and what the cache has kept of the place is no longer true.
    """

    #: How often the chip is busy when it is asked.
    BUSY = 3
    CMD, ADDR, CTRL, CLOCK, USER, USER1, USER2, MOSI, MISO, W0 = (
        0x00, 0x04, 0x08, 0x14, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x58,
    )  # fmt: skip
    START, HAS_COMMAND, HAS_ADDRESS, HAS_IN, HAS_OUT = 1 << 18, 1 << 31, 1 << 30, 1 << 28, 1 << 27
    writable = (CMD, ADDR, CTRL, CLOCK, USER, USER1, USER2, MOSI, MISO, *range(W0, W0 + 0x40, 4))
    _CACHE, _SYNC, _SYNC_ADDRESS, _SYNC_BLOCKS, _BLOCK = 0x600C4000, 0x28, 0x2C, 0x30, 32

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        super().reset()
        self.busy = 0
        self.stale: tuple[int, int] | None = None
        self.sync: dict[int, int] = {}

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register."""
        if offset != self.CMD:
            self.words[offset] = value
            return None
        if value != self.START:
            return "starts something else than a transfer that it describes itself"
        return self._transfer(
            *(self.words.get(at, 0) for at in (self.USER, self.USER1, self.USER2))
        )

    def _transfer(self, user: int, lengths: int, command: int) -> str | None:
        if not user & self.HAS_COMMAND or command >> 28 != 7:
            return "sends no command of 8 bits to the flash chip"
        sent = [command & 0xFF]
        if self.busy and sent != [STATUS]:
            return f"sends {sent[0]:#04x} to the flash chip while it is busy"
        if user & self.HAS_ADDRESS:
            if lengths >> 26 != 23:
                return "sends an address of another length than 24 bits"
            sent += self.words.get(self.ADDR, 0).to_bytes(4, "big")[1:]
        if user & self.HAS_OUT:
            size = (self.words.get(self.MOSI, 0) + 1) // 8
            words = (self.words.get(self.W0 + at, 0) for at in range(0, 64, 4))
            sent += b"".join(word.to_bytes(4, "little") for word in words)[:size]
        if sent == [STATUS] and user & self.HAS_IN:
            self.words[self.W0] = int(self.busy > 0)
            self.busy = max(0, self.busy - 1)
        wrong = self.done(sent)
        if wrong is None and sent[0] in (ERASE, PROGRAM):
            self.busy = self.BUSY
            size = self.cells.flash.page_bytes if sent[0] == ERASE else len(sent) - 4
            start = self.cells.flash.origin + int.from_bytes(bytes(sent[1:4]), "big")
            self.stale = start, start + size
            self.switch_flash(False)
        return wrong

    def more_pages(self) -> tuple[Page, ...]:
        """Return the page of the cache's registers."""
        return ((self._CACHE, 0x1000, self._cache_read, self._cache_write),)

    def _cache_read(self, offset: int) -> int:
        return 2 if offset == self._SYNC else self.sync.get(offset, 0)

    def _cache_write(self, offset: int, value: int) -> str | None:
        if offset not in (self._SYNC, self._SYNC_ADDRESS, self._SYNC_BLOCKS):
            return "writes a register that the board does not declare"
        self.sync[offset] = value
        if offset != self._SYNC or not value & 1 or self.stale is None:
            return None
        start = self.sync.get(self._SYNC_ADDRESS, 0)
        end = start + self._BLOCK * self.sync.get(self._SYNC_BLOCKS, 0)
        if self.busy:
            return "empties the cache while the flash chip is busy"
        if start % self._BLOCK or not (start <= self.stale[0] and self.stale[1] <= end):
            return "leaves in the cache what the flash no longer holds"
        self.stale = None
        self.switch_flash(True)
        return None


MODELS: dict[str, type[FlashController]] = {**ON_CHIP, "esp32c3": Esp32C3, "rp2040": Rp2040}
