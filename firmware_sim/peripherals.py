"""The peripherals of a board, as its ``board.json`` declares them under ``emulate``.

The port may write what is declared there and nothing else: any other store to a peripheral ends
the emulation with its address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .boards import Board, number
from .emulator import uc
from .errors import BoardError
from .faults import Fault
from .flash_cells import FlashCells
from .flash_chips import MODELS
from .flash_models import FlashController
from .storage import Storage
from .tap import Serial, Tap

TICK_S = 0.01
_SYSTICK = (0xE000E010, 0x10000)
_NOISE_SEED = 0x1D

Read = Callable[[int], int]
Write = Callable[[int, int], "str | None"]


class Registers:
    """Registers that hold what was written, and the bits that follow from it.

    Parameters
    ----------
    entry : mapping
        ``registers``: offsets that may be written; ``reads``: what others read; ``follows``: each
        [offset, mask, offset, shift]: bits of the first appear in the second, so much further left.
    """

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self._writable = {number(offset) for offset in entry.get("registers", ())}
        self._reads = {
            number(offset): number(value) for offset, value in entry.get("reads", {}).items()
        }
        self._follows = [tuple(number(part) for part in row) for row in entry.get("follows", ())]
        self._words: dict[int, int] = {}

    def reset(self) -> None:
        """Forget what was written."""
        self._words.clear()

    def read(self, offset: int) -> int:
        """Return what a register reads."""
        value = self._reads.get(offset, self._words.get(offset, 0))
        for source, mask, target, shift in self._follows:
            if target == offset:
                value |= (self._words.get(source, 0) & mask) << shift
        return value

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written; return what is wrong with it, or None."""
        if offset not in self._writable:
            return "writes a register that the board does not declare"
        self._words[offset] = value
        return None

    def set(self, offset: int, mask: int, counts: bool = False) -> None:
        """Set bits, or count on, as the hardware does."""
        word = self._words.get(offset, 0)
        self._words[offset] = (word + mask) & 0xFFFFFFFF if counts else word | mask


class Watchdog(Registers):
    """Registers of which one value starts, and one feeds.

    Attributes
    ----------
    started : bool
    feeds : int
    """

    def __init__(self, entry: Mapping[str, Any]) -> None:
        super().__init__(entry)
        self._start = tuple(number(part) for part in entry["start"])
        self._feed = tuple(number(part) for part in entry["feed"])
        self.started, self.feeds = False, 0

    def reset(self) -> None:
        """Stop it: after a reset it does not run."""
        super().reset()
        self.started, self.feeds = False, 0

    def write(self, offset: int, value: int) -> str | None:
        """Take what was written, and note what starts and what feeds."""
        self.started |= (offset, value) == self._start
        self.feeds += (offset, value) == self._feed
        return super().write(offset, value)


def serial_of(board: Board) -> Serial:
    """Return a board's serial port.

    Raises
    ------
    BoardError
        If it is not declared in full.
    """
    try:
        entry = board.emulate["serial"]
        found = Serial(
            number(entry["base"]),
            number(entry["bytes"]),
            number(entry["receive"]),
            number(entry["send"]),
            tuple((number(a), number(b), number(c)) for a, b, c in entry["status"]),
            tuple(number(offset) for offset in entry["registers"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BoardError(f"board {board.name!r}: emulate: serial: {error!r}") from error
    offsets = [found.receive, found.send, *found.writable, *(row[0] for row in found.status)]
    if not 1 <= len(found.status) <= 2 or not all(0 <= at < found.size for at in offsets):
        raise BoardError(
            f"board {board.name!r}: emulate: serial: expected one or two status registers, and "
            f"offsets below {found.size:#x}"
        )
    return found


class Hardware:
    """All peripherals of a board but the serial port, which the tap has.

    Parameters
    ----------
    board : Board
    memory : ctypes array
        The flash's.
    storage : Storage
    tap : Tap

    Attributes
    ----------
    cells : FlashCells
    watchdog : Watchdog
    stray : (int, str) or None
        An address, and what is wrong with what was done there.

    Raises
    ------
    BoardError
        If the board's ``emulate`` lacks something, or names a flash that is not known.
    """

    def __init__(
        self, board: Board, memory: ctypes.Array[ctypes.c_uint8], storage: Storage, tap: Tap
    ) -> None:
        self._board, self._engine, self._storage = board, None, storage
        self._watch: Any = None
        self.cells = FlashCells(memory, board.flash, storage)
        self.stray: tuple[int, str] | None = None
        self._pages: list[tuple[int, int, Read, Write]] = []
        self._memories: list[tuple[int, int]] = []
        self._registers: dict[int, Registers] = {}
        try:
            self._declare(board.emulate, tap)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BoardError(f"board {board.name!r}: emulate: {error!r}") from error

    def _declare(self, emulate: Mapping[str, Any], tap: Tap) -> None:
        flash = emulate["flash"]
        if flash["model"] not in MODELS:
            raise BoardError(
                f"board {self._board.name!r}: emulate: flash: model {flash['model']!r}: expected "
                f"one of {', '.join(MODELS)}"
            )
        self.flash = MODELS[flash["model"]](self.cells, tap.switch_flash)
        if "base" in flash:
            write = _declared(self.flash)
            self._pages.append(
                (number(flash["base"]), number(flash["bytes"]), self.flash.read, write)
            )
        self._pages += self.flash.more_pages()
        self.watchdog = Watchdog(emulate["watchdog"])
        found: list[tuple[Any, Registers]] = [(emulate["watchdog"], self.watchdog)]
        found += [(entry, Registers(entry)) for entry in emulate["registers"]]
        for entry, registers in found:
            base = number(entry["base"])
            self._registers[base] = registers
            self._pages.append((base, number(entry["bytes"]), registers.read, registers.write))
        self._memories = [
            (number(entry["base"]), number(entry["bytes"])) for entry in emulate["memory"]
        ]
        address, mask, *how = emulate.get("tick", _SYSTICK)
        self._tick, self._counts = (number(address), number(mask)), how == ["counts"]

    def attach(self, engine: Any) -> None:
        """Map everything in an emulator."""
        self._engine = engine
        for base, size, read, write in self._pages:
            engine.mmio_map(base, size, _reader(read), None, self._writer(base, write), None)
        for base, size in self._memories:
            engine.mem_map(base, size, uc.UC_PROT_READ)
            engine.mem_write(base, np.random.default_rng([_NOISE_SEED, base]).bytes(size))
        engine.hook_add(uc.UC_HOOK_MEM_WRITE_PROT, self._store)

    def break_storage(self, faults: tuple[Fault, ...]) -> None:
        """Let storage faults happen from now on; the firmware's reads of the areas are watched."""
        self.heal_storage()
        engine, area = self._engine, self._storage
        assert engine is not None
        self.cells.break_down(faults)
        self._watch = engine.hook_add(
            uc.UC_HOOK_MEM_READ, self._before_read, begin=area.start,
            end=area.start + area.bytes - 1,
        )  # fmt: skip
        engine.ctl_flush_tb()  # code that was translated without the hook does not call it

    def heal_storage(self) -> None:
        """Let no storage fault happen any more."""
        self.cells.heal()
        if self._watch is not None:
            assert self._engine is not None
            self._engine.hook_del(self._watch)
            self._engine.ctl_flush_tb()
            self._watch = None

    def _before_read(
        self, _uc: Any, _access: int, address: int, size: int, _value: int, _user: Any
    ) -> None:
        self.cells.before_read(address, size)

    def reset(self) -> None:
        """Set all peripherals to what they are after a reset."""
        self.stray = None
        self.flash.reset()
        for registers in self._registers.values():
            registers.reset()

    def tick(self) -> None:
        """Let the port's clock say that a tick has passed, if it runs."""
        address, mask = self._tick
        for base, registers in self._registers.items():
            if base <= address < base + 0x1000:
                registers.set(address - base, mask, self._counts)
                return
        assert self._engine is not None
        word = int.from_bytes(self._engine.mem_read(address, 4), "little")
        if word & 1:
            self._engine.mem_write(address, (word | mask).to_bytes(4, "little"))

    def _stop(self, address: int, wrong: str | None) -> None:
        """Note what is wrong, or that the power is gone, and end the emulation there."""
        if wrong is not None and not self.cells.lost and self.stray is None:
            self.stray = (address, wrong)
        if wrong is not None or self.cells.lost:
            assert self._engine is not None
            self._engine.emu_stop()

    def _writer(self, base: int, write: Write) -> Callable[..., None]:
        def on_write(_uc: Any, offset: int, _size: int, value: int, _user: Any) -> None:
            self._stop(base + offset, write(offset, value))

        return on_write

    def _store(
        self, _uc: Any, _access: int, address: int, size: int, value: int, _user: Any
    ) -> bool:
        """Take a store to memory that is read-only to the core: the flash, if it is one to it."""
        flash = self._board.flash
        if not flash.origin <= address < flash.origin + flash.bytes:
            return False
        data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        self._stop(address, self.flash.store(address, data))
        return True  # the emulator now does the store itself


def _declared(flash: FlashController) -> Write:
    def write(offset: int, value: int) -> str | None:
        if offset not in flash.writable:
            return "writes a register that the flash controller does not have"
        return flash.write(offset, value)

    return write


def _reader(read: Read) -> Callable[..., int]:
    return lambda _uc, offset, _size, _user: read(offset)
