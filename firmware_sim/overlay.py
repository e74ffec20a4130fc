"""Damage that lies over a flash: what is read differs from what should be there.

`truth` is what the areas would hold if nothing had failed. The memory that the emulator reads is
what did become of it. So a fault can be switched off, and what is left of it be counted.
"""

from __future__ import annotations

import numpy as np

from .boards.parts import Flash
from .faults import EVENT_OF, Event, Fault

#: What is programmed at the end of a call of the overlay: address and bytes.
Writes = list[tuple[int, bytes]]


class Overlay:
    """The faults of one flash, and what they did.

    Parameters
    ----------
    flash : Flash
    origin, size : int
        Of the areas that keep the state, in bytes.
    content : bytes
        What lies there.
    faults : tuple of Fault

    Attributes
    ----------
    truth : bytearray
    events : dict of Event to int
        How many came.
    happened : list of Fault
        Those whose moment came.
    """

    def __init__(
        self, flash: Flash, origin: int, size: int, content: bytes, faults: tuple[Fault, ...]
    ) -> None:
        self._flash, self._origin, self._size = flash, origin, size
        self._erased = flash.erased & 0xFF
        self.truth = bytearray(content)
        self.events: dict[Event, int] = {"read": 0, "program": 0, "erase": 0}
        self.happened: list[Fault] = []
        self._waiting = list(faults)
        self._pages: dict[int, str] = {}  # what is wrong with a page for good
        self._line = 0  # the bit of an address that is wrong for good
        self._stuck: dict[tuple[int, int], tuple[int, bool]] = {}  # byte, bit: value, permanent

    def _due(self, event: Event) -> list[Fault]:
        self.events[event] += 1
        due = [
            fault
            for fault in self._waiting
            if EVENT_OF[fault.kind] == event and fault.at == self.events[event]
        ]
        self._waiting = [fault for fault in self._waiting if fault not in due]
        self.happened += due
        return due

    def is_erased(self, address: int, size: int) -> bool:
        """Tell whether these bytes should be erased: whether the firmware may program them."""
        at = address - self._origin
        return self.truth[at : at + size] == bytes([self._erased]) * size

    def torn(self, address: int, data: bytes) -> None:
        """Take what a power cut left as true."""
        at = address - self._origin
        self.truth[at : at + len(data)] = data

    def rots(self, now: bytes) -> tuple[bytes, bool] | None:
        """Return what a read finds, and whether it stays so; None if nothing happens."""
        for fault in self._due("read"):
            bit = int(np.random.default_rng(fault.seed).integers(8 * len(now)))
            value = int.from_bytes(now, "little") ^ 1 << bit
            return value.to_bytes(len(now), "little"), fault.permanent
        return None

    def erase(self, page: int, now: bytes) -> Writes:
        """Return what an erasure does to a page that holds `now`."""
        size = len(now)
        at, whole = page - self._origin, bytes([self._erased]) * size
        self.truth[at : at + size] = whole
        wrong = self._pages.get(page)
        seed = self.events["erase"]
        for fault in self._due("erase"):
            wrong, seed = fault.kind, fault.seed
            if fault.permanent:
                self._pages[page] = fault.kind
        if wrong == "lying-erase":
            return []
        for key in [key for key, (_, stays) in self._stuck.items() if not stays]:
            if at <= key[0] < at + size:
                del self._stuck[key]
        if wrong == "worn-page":
            draw = np.random.default_rng([seed, page])
            left = np.frombuffer(draw.bytes(3 * size), np.uint8).reshape(3, size)
            bad = (left[0] & left[1] & left[2]).tobytes()  # an eighth of the bits
            whole = bytes(byte ^ wear for byte, wear in zip(whole, bad, strict=True))
        return [(page, self.forced(page, whole))]

    def program(self, address: int, data: bytes) -> Writes:
        """Return where data lands, before it meets what lies there."""
        at = address - self._origin
        self.truth[at : at + len(data)] = data
        for fault in self._due("program"):
            draw = np.random.default_rng(fault.seed)
            if fault.kind == "stuck-bit":
                where = int(draw.integers(self._size)), int(draw.integers(8))
                self._stuck[where] = int(draw.integers(2)), fault.permanent
            elif fault.permanent:
                units = self._size // len(data)
                self._line = len(data) << int(draw.integers(max(1, units.bit_length() - 1)))
            else:
                address = self._origin + len(data) * int(draw.integers(self._size // len(data)))
        if self._line:
            wrong = (address - self._origin) ^ self._line
            address = self._origin + wrong if wrong + len(data) <= self._size else address
        return [(address, data)]

    def met(self, now: bytes, data: bytes) -> bytes:
        """Return what becomes of cells that are programmed: they only leave the erased state."""
        if self._erased:
            return bytes(old & new for old, new in zip(now, data, strict=True))
        return bytes(old | new for old, new in zip(now, data, strict=True))

    def forced(self, address: int, data: bytes) -> bytes:
        """Return bytes with the bits that are stuck."""
        out = bytearray(data)
        for (at, bit), (value, _) in self._stuck.items():
            place = self._origin + at - address
            if 0 <= place < len(out):
                out[place] = out[place] & ~(1 << bit) | value << bit
        return bytes(out)

    def stuck_now(self) -> list[int]:
        """Return the addresses of the bytes that have a stuck bit."""
        return [self._origin + at for at, _ in self._stuck]
