"""Boards are data: core, clock, memories, current. `boards.json` holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .cores import Core, get_core
from .errors import BoardError

DEFAULT_BOARD = "nrf52840"

_BOARDS_PATH = Path(__file__).with_name("boards.json")
_PAGE_BYTES = 1024  # the emulator maps memory in units of this


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
        Smallest erasable unit, in bytes.
    reserved_bytes : int
        Bytes at the start that belong to somebody else (a bootloader).
    """

    origin: int
    bytes: int
    page_bytes: int
    reserved_bytes: int = 0


@dataclass(frozen=True)
class Ram:
    """Data memory: first address and size in bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True)
class Current:
    """The current model: active current in uA per MHz of clock, supply in V, where it is from."""

    active_ua_per_mhz: float
    supply_v: float
    source: str


@dataclass(frozen=True)
class Board:
    """A microcontroller to build for.

    Attributes
    ----------
    name, title : str
        Identifier and readable name.
    core : Core
        The processor.
    clock_hz : int
        Core clock, in Hz.
    flash : Flash
    ram : Ram
    current : Current or None
        None where no meaningful figure is published: energy is then not modelled.
    cycles_per_instruction : float
        A model constant of the core, not a measurement.
    cycles_source, source : str
        Where the constant and the other figures come from.
    """

    name: str
    title: str
    core: Core
    clock_hz: int
    flash: Flash
    ram: Ram
    current: Current | None
    cycles_per_instruction: float
    cycles_source: str
    source: str


def board_from_dict(
    entry: Mapping[str, Any], cycles: Mapping[str, Mapping[str, Any]] | None = None
) -> Board:
    """Make a board of one entry in the form of `boards.json`.

    Parameters
    ----------
    entry : mapping
        One element of the file's ``boards``.
    cycles : mapping, optional
        The file's ``cycles_per_instruction``; by default the shipped one.

    Raises
    ------
    BoardError
        If a field is missing or its value is impossible.
    """
    name = entry.get("name", "?")
    try:
        if cycles is None:
            cycles = json.loads(_BOARDS_PATH.read_text("utf-8"))["cycles_per_instruction"]
        core = get_core(entry["core"])
        constant = cycles[core.name]
        current = entry["current"]
        board = Board(
            name=str(entry["name"]),
            title=str(entry["title"]),
            core=core,
            clock_hz=int(entry["clock_hz"]),
            flash=Flash(**entry["flash"]),
            ram=Ram(**entry["ram"]),
            current=None if current is None else Current(**current),
            cycles_per_instruction=float(constant["value"]),
            cycles_source=str(constant["source"]),
            source=str(entry["source"]),
        )
    except (KeyError, TypeError) as error:
        raise BoardError(f"board {name!r}: missing or unexpected field: {error}") from error
    _check(board)
    return board


def _check(board: Board) -> None:
    for label, memory in (("flash", board.flash), ("ram", board.ram)):
        if memory.bytes <= 0 or memory.bytes % _PAGE_BYTES or memory.origin % _PAGE_BYTES:
            raise BoardError(
                f"board {board.name!r}: {label} origin {memory.origin:#x} and size "
                f"{memory.bytes} must be multiples of {_PAGE_BYTES}, size above 0"
            )
    if board.flash.origin < board.ram.origin + board.ram.bytes and (
        board.ram.origin < board.flash.origin + board.flash.bytes
    ):
        raise BoardError(f"board {board.name!r}: flash and RAM overlap")
    if board.flash.reserved_bytes % 256 or board.clock_hz <= 0 or board.flash.page_bytes <= 0:
        raise BoardError(
            f"board {board.name!r}: reserved_bytes must be a multiple of 256 (the vector table "
            "is aligned to that), clock_hz and page_bytes above 0"
        )


@lru_cache(maxsize=1)
def list_boards() -> tuple[Board, ...]:
    """Return all shipped boards, the default one first."""
    data = json.loads(_BOARDS_PATH.read_text("utf-8"))
    return tuple(board_from_dict(entry, data["cycles_per_instruction"]) for entry in data["boards"])


def get_board(name: str = DEFAULT_BOARD) -> Board:
    """Return the shipped board of that name.

    Raises
    ------
    BoardError
        If there is none; the message lists the names.
    """
    for board in list_boards():
        if board.name == name:
            return board
    names = ", ".join(board.name for board in list_boards())
    raise BoardError(f"unknown board {name!r}: expected one of {names}")
