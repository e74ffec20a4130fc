"""The cells of a flash: what erasing and programming do to them, and what a power cut leaves."""

from __future__ import annotations

import ctypes
from typing import Literal

import numpy as np

from .boards.parts import Flash
from .faults import Fault
from .overlay import Overlay, Writes
from .power import Cut
from .storage import Storage

How = Literal["erase", "program", "store"]


class FlashCells:
    """The area of the flash that the firmware may change; anything else is a fault.

    Parameters
    ----------
    memory : ctypes array
        The whole flash.
    flash : Flash
    storage : Storage

    Attributes
    ----------
    operations : int
        Pages erased and units programmed since the object was made.
    erasures : dict of int to int
        How often each page was, by its address.
    cut : Cut or None
        The power cut that waits for an operation.
    lost : bool
        Whether it came: nothing changes any more until `restore`.
    overlay : Overlay or None
        Faults, and what should lie in the areas; None while nothing fails.
    """

    def __init__(
        self, memory: ctypes.Array[ctypes.c_uint8], flash: Flash, storage: Storage
    ) -> None:
        self._memory, self._flash, self._storage = memory, flash, storage
        self._host, self._erased = ctypes.addressof(memory), flash.erased & 0xFF
        self.operations = 0
        self.erasures: dict[int, int] = {}
        self.cut: Cut | None = None
        self.lost = False
        self.overlay: Overlay | None = None
        self._kept = b""
        self._open: list[tuple[int, bytes, bytes]] = []
        self._later: Writes = []

    @property
    def flash(self) -> Flash:
        """Page, unit, and what an erased cell reads."""
        return self._flash

    def holds(self, address: int, size: int) -> bool:
        """Tell whether these bytes may be changed."""
        start = address - self._storage.start
        return start >= 0 and start + size <= self._storage.bytes

    def read(self, address: int, size: int) -> bytes:
        """Return bytes as they are."""
        self._settle()
        return ctypes.string_at(self._host + address - self._flash.origin, size)

    def is_erased(self, address: int, size: int) -> bool:
        """Tell whether these bytes may be programmed: they are erased, or should be."""
        if self.overlay is not None and self.overlay.is_erased(address, size):
            return True
        return self.read(address, size) == bytes([self._erased]) * size

    def erase(self, address: int) -> str | None:
        """Erase the page that an address lies in; return what is wrong with that, or None."""
        size = self._flash.page_bytes
        page = address - (address - self._flash.origin) % size
        if not self.holds(page, size):
            return f"erases the page at {page:#010x}, outside the areas that keep the state"
        self.erasures[page] = self.erasures.get(page, 0) + 1
        self._operate(page, bytes([self._erased]) * size, "erase")
        return None

    def program(self, address: int, data: bytes) -> str | None:
        """Program bytes that are erased; return what is wrong with that, or None."""
        if not self.holds(address, len(data)):
            return f"programs {address:#010x}, outside the areas that keep the state"
        if not self.is_erased(address, len(data)):
            return f"programs {address:#010x}, which is not erased"
        self._operate(address, data, "program")
        return None

    def collect(self, address: int, data: bytes) -> str | None:
        """Take a part of a unit that is programmed at once, when all of it is there."""
        if not self.holds(address, len(data)):
            return f"programs {address:#010x}, outside the areas that keep the state"
        if not self.is_erased(address, len(data)):
            return f"programs {address:#010x}, which is not erased"
        self._open.append((address, data, self.read(address, len(data))))
        unit = self._flash.program_bytes
        if address % unit + len(data) < unit:
            return None
        start = self._open[0][0]
        whole = b"".join(part for _, part, _ in self._open)
        if len(whole) != unit or start % unit:
            return f"programs {address:#010x}, {len(whole)} bytes of a unit of {unit}"
        self._close()
        self._operate(start, whole, "program")
        return None

    def store(self, address: int, data: bytes) -> str | None:
        """Write memory that stands for flash."""
        if not self.holds(address, len(data)):
            return f"writes {address:#010x}, outside the areas that keep the state"
        self._operate(address, data, "store")
        return None

    def _close(self) -> None:
        """Take back the parts of a unit that the emulator has stored already."""
        for address, _, before in self._open:
            self._put(address, before)
        self._open.clear()

    def _operate(self, address: int, after: bytes, how: How) -> None:
        if self.lost:
            return
        self.operations += 1
        if self.cut is not None and self.cut.flash_operation is not None:
            at = self.cut.flash_operation - 1
            if at == 0:
                torn = self._torn(self.cut, self.read(address, len(after)), after)
                self._put(address, torn)
                if self.overlay is not None:
                    self.overlay.torn(address, torn)
                self.lose()
                return
            self.cut = Cut(flash_operation=at, tear=self.cut.tear, seed=self.cut.seed)
        if self.overlay is None:
            self._put(address, after)
        else:
            self._put_damaged(self.overlay, address, after, how)

    def _put_damaged(self, overlay: Overlay, address: int, after: bytes, how: How) -> None:
        if how == "erase":
            for to, data in overlay.erase(address, self.read(address, len(after))):
                self._put(to, data)
        else:
            for to, data in overlay.program(address, after):
                found = data if how == "store" else overlay.met(self.read(to, len(data)), data)
                self._put(to, overlay.forced(to, found))
            for at in overlay.stuck_now():
                self._put(at, overlay.forced(at, self.read(at, 1)))
        # A store to flash is done by the emulator itself as well, behind this call.
        self._later = [(address, self.read(address, len(after)))]

    def _settle(self) -> None:
        later, self._later = self._later, []
        for address, data in later:
            self._put(address, data)

    def before_read(self, address: int, size: int) -> None:
        """Let a read of the firmware find what is there, or a bit that has flipped."""
        now = self.read(address, size)
        rotten = self.overlay.rots(now) if self.overlay is not None else None
        if rotten is not None:
            self._put(address, rotten[0])
            if not rotten[1]:
                self._later = [(address, now)]

    def break_down(self, faults: tuple[Fault, ...]) -> None:
        """Let faults happen from now on."""
        area = self._storage
        content = self.read(area.start, area.bytes)
        self.overlay = Overlay(self._flash, area.start, area.bytes, content, faults)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._settle()
        self.overlay = None

    def damaged_bytes(self) -> int:
        """Count the bytes that differ from what should be there."""
        if self.overlay is None:
            return 0
        area = self._storage
        pairs = zip(self.read(area.start, area.bytes), self.overlay.truth, strict=True)
        return sum(found != true for found, true in pairs)

    def _torn(self, cut: Cut, before: bytes, after: bytes) -> bytes:
        draw = np.random.default_rng(cut.seed)
        if cut.tear == "nothing":
            return before
        if cut.tear == "garbage":
            return draw.bytes(len(after))
        if len(after) >= self._flash.page_bytes:
            half = len(after) // 2
            return after[:half] + before[half:]
        mask = draw.bytes(len(after))  # some bits have changed already
        return bytes(
            (new & m) | (old & ~m & 0xFF) for new, old, m in zip(after, before, mask, strict=True)
        )

    def _put(self, address: int, data: bytes) -> None:
        ctypes.memmove(self._host + address - self._flash.origin, data, len(data))

    def lose(self) -> None:
        """Cut the power now: remember the cells, and drop what was not complete."""
        self._close()
        self.lost, self.cut = True, None
        self._kept = self.read(self._storage.start, self._storage.bytes)

    def restore(self) -> None:
        """Bring back the cells as the cut left them: stores after it did not happen."""
        self._later = []
        self._put(self._storage.start, self._kept)
        self.lost = False
