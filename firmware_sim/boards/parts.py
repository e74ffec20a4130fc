"""What a board is made of: memories, the current model, a second emulator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flash:
    """Program memory.

    Attributes
    ----------
    origin : int
        First address.
    bytes : int
        Size.
    page_bytes : int
        Smallest erasable unit where the state is kept, at the end of the flash, in bytes.
    program_bytes : int
        Smallest unit that is programmed, in bytes: 1, 2, 4, 8 or 16.
    erased : int
        What an erased word reads: all ones, or 0.
    endurance : int or None
        Erasures that a page takes at least; None where it does not wear.
    endurance_source : str
    reserved_bytes : int
        Bytes at the start that belong to somebody else (a bootloader, boot2).
    code_origin : int or None
        Where the core sees the same memory when it fetches code, if that is elsewhere. Constants
        are then read at `origin`.
    """

    origin: int
    bytes: int
    page_bytes: int
    program_bytes: int = 4
    erased: int = 0xFFFFFFFF
    endurance: int | None = None
    endurance_source: str = ""
    reserved_bytes: int = 0
    code_origin: int | None = None

    @property
    def code(self) -> int:
        """First address for code."""
        return self.origin if self.code_origin is None else self.code_origin


@dataclass(frozen=True)
class Ram:
    """Data memory: first address, size in bytes, and where code in it runs if that is elsewhere."""

    origin: int
    bytes: int
    code_origin: int | None = None

    @property
    def code(self) -> int:
        """First address for code."""
        return self.origin if self.code_origin is None else self.code_origin


@dataclass(frozen=True)
class Current:
    """The current model: active current in uA per MHz of clock, supply in V, where it is from."""

    active_ua_per_mhz: float
    supply_v: float
    source: str


@dataclass(frozen=True)
class Qemu:
    """Where a second emulator runs the same image: its machine, and what that one lacks."""

    machine: str
    note: str
