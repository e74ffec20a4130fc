"""The flash controllers of the boards, as their reference manuals have them: keys, modes, starts.

Each says what is wrong with what the firmware does; the machine makes a fault of it.
"""

from __future__ import annotations

from collections.abc import Callable

from .flash_cells import FlashCells

#: Registers elsewhere: base, bytes, what a read returns, and what is wrong with a write.
Page = tuple[int, int, Callable[[int], int], Callable[[int, int], "str | None"]]


class FlashController:
    """A controller that lets memory be written as it is: memory stands for flash.

    Parameters
    ----------
    cells : FlashCells
    switch_flash : callable
        Told whether code may run from the flash.
    """

    #: Registers that may be written, and what the others read.
    writable: tuple[int, ...] = ()
    reads: dict[int, int] = {}  # noqa: RUF012 - never changed
    #: Bytes that one store to the flash may have; none: any.
    store_bytes: tuple[int, ...] = (1, 2, 4)

    def __init__(self, cells: FlashCells, switch_flash: Callable[[bool], None]) -> None:
        self.cells, self.switch_flash = cells, switch_flash
        self.reset()

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        self.words: dict[int, int] = {}

    def read(self, offset: int) -> int:
        """Return what a register reads."""
        return self.reads.get(offset, self.words.get(offset, 0))

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register; return what is wrong with it, or None."""
        self.words[offset] = value
        return None

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself; return what is wrong with it, or None."""
        return self.cells.store(address, data)

    def more_pages(self) -> tuple[Page, ...]:
        """Return what else of the chip has registers that count here."""
        return ()


class _Keyed(FlashController):
    """Opened by two keys, closed by a bit of its control register."""

    KEYS = (0x45670123, 0xCDEF89AB)
    KEYR, CR, LOCK = 0x04, 0x10, 1 << 31

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        super().reset()
        self.given: tuple[int, ...] = ()
        self.words[self.CR] = self.LOCK

    @property
    def open(self) -> bool:
        """Whether the keys were given since the lock was set."""
        return self.given == self.KEYS

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register."""
        if offset == self.KEYR:
            self.given = (*self.given, value)[-2:]
            return None
        if offset == self.CR:
            if not self.open:
                return "writes the flash's control register without its keys"
            if value & self.LOCK:
                self.given = ()
            self.words[offset] = value
            return self.started(value)
        return super().write(offset, value)

    def started(self, control: int) -> str | None:
        """Do what a value of the control register starts."""
        raise NotImplementedError

    def mode(self, mask: int, wanted: int) -> str | None:
        """Say what is wrong with programming now, or None."""
        if not self.open or self.words[self.CR] & mask != wanted:
            return "programs the flash while its controller is not set to program"
        return None


class Stm32F1(_Keyed):
    """PM0075: half words; a page is named by its address."""

    LOCK = 1 << 7
    writable = (0x00, 0x04, 0x0C, 0x10, 0x14)
    reads = {0x0C: 0}  # noqa: RUF012

    def started(self, control: int) -> str | None:
        """Do what a value of the control register starts."""
        return self.cells.erase(self.words.get(0x14, 0)) if control & 0x42 == 0x42 else None

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        if len(data) != 2:
            return f"programs {len(data)} bytes at once: this flash takes half words"
        return self.mode(0x03, 0x01) or self.cells.program(address, data)


class Stm32F4(_Keyed):
    """RM0090: words; the large sectors from the fifth on."""

    writable = (0x00, 0x04, 0x0C, 0x10)
    reads = {0x0C: 0}  # noqa: RUF012

    def started(self, control: int) -> str | None:
        """Do what a value of the control register starts."""
        if not control & (1 << 16):
            return None
        number, page = control >> 3 & 15, self.cells.flash.page_bytes
        if not control & 2 or number < 5:
            return f"erases sector {number}, outside the areas that keep the state"
        return self.cells.erase(self.cells.flash.origin + (number - 4) * page)

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        if len(data) != 4:
            return f"programs {len(data)} bytes at once: PSIZE says 4"
        return self.mode(0x303, 0x201) or self.cells.program(address, data)


class Stm32L0(FlashController):
    """RM0367: two pairs of keys; erased is 0; a store of any word erases its page."""

    writable = (0x00, 0x04, 0x0C, 0x10, 0x18)
    reads = {0x18: 0}  # noqa: RUF012
    FIRST, SECOND = (0x89ABCDEF, 0x02030405), (0x8C9DAEBF, 0x13141516)

    def reset(self) -> None:
        """Set all registers to what they are after a reset."""
        super().reset()
        self.given: dict[int, tuple[int, ...]] = {0x0C: (), 0x10: ()}

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register."""
        if offset in self.given:
            if offset == 0x10 and self.given[0x0C] != self.FIRST:
                return "gives the second keys before the first"
            self.given[offset] = (*self.given[offset], value)[-2:]
        elif offset == 0x04:
            if self.given[0x0C] != self.FIRST:
                return "writes the flash's control register without its keys"
            self.words[offset] = value
            if value & 1:
                self.given = {0x0C: (), 0x10: ()}
        else:
            self.words[offset] = value
        return None

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        if len(data) != 4 or self.given[0x10] != self.SECOND:
            return "programs the flash while it is locked, or not by words"
        if self.words.get(0x04, 0) & 0x208 == 0x208:
            return self.cells.erase(address)
        return self.cells.program(address, data)


class Stm32U5(_Keyed):
    """RM0456: sixteen bytes at once, each once; pages by bank and number."""

    KEYR, CR = 0x08, 0x28
    writable = (0x00, 0x08, 0x20, 0x28)
    reads = {0x20: 0}  # noqa: RUF012

    def started(self, control: int) -> str | None:
        """Do what a value of the control register starts."""
        if not control & (1 << 16):
            return None
        if not control & 2:
            return "starts something else than the erasure of a page"
        number = (control >> 3 & 127) + (128 if control & (1 << 11) else 0)
        return self.cells.erase(self.cells.flash.origin + number * self.cells.flash.page_bytes)

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        if len(data) != 4:
            return f"programs {len(data)} bytes at once: this flash takes words, four in a row"
        return self.mode(0x03, 0x01) or self.cells.collect(address, data)


class Nrf5(FlashController):
    """NVMC: words; CONFIG says what is allowed."""

    writable = (0x504, 0x508)
    reads = {0x400: 1}  # noqa: RUF012

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written to a register."""
        if offset == 0x508:
            if self.words.get(0x504) != 2:
                return "erases a page while CONFIG does not allow it"
            return self.cells.erase(value)
        return super().write(offset, value)

    def store(self, address: int, data: bytes) -> str | None:
        """Take a store to the flash itself."""
        if self.words.get(0x504) != 1 or len(data) != 4:
            return "programs the flash while CONFIG does not allow it, or not by words"
        return self.cells.program(address, data)


MODELS: dict[str, type[FlashController]] = {
    "memory": FlashController,
    "nrf5": Nrf5,
    "stm32f1": Stm32F1,
    "stm32f4": Stm32F4,
    "stm32l0": Stm32L0,
    "stm32u5": Stm32U5,
}
