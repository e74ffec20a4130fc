"""A board is a folder: `board.json` has its figures, `port.c` its registers.

The folders beside this file are shipped; `load_board` reads one of your own
(docs/port-to-your-board.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..cores import Core, get_core
from ..errors import BoardError
from .parts import Current, Flash, Qemu, Ram

DEFAULT_BOARD = "nrf52840"
#: Whose port a board takes that has none of its own: a serial port, and memory for flash.
PAPER_PORT = "mps2-an386"

_HERE = Path(__file__).parent
_PAGE_BYTES = 1024  # the emulator maps memory in units of this
UNIT_BYTES = 16  # what the firmware programs at once: firmware/port.h


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
    interrupts : int
        Entries of the vector table behind the first sixteen.
    current : Current or None
        None where no meaningful figure is published: energy is then not modelled.
    cycles_per_instruction : float
        A model constant of the core, not a measurement.
    cycles_source, source : str
        Where the constant and the other figures come from.
    folder : Path
        Where ``port.c`` lies.
    emulate : mapping
        The peripherals that the port may touch: `firmware_sim.peripherals`.
    qemu : Qemu or None
    boot2 : str or None
        A second stage of 252 bytes, which the boot ROM starts: its source in `folder`.
    uf2_family : int or None
        The number in UF2 files, for boards that take them.
    bin_image : bool
        Whether the build writes ``firmware.bin`` too: the flash from its first byte on.
    """

    name: str
    title: str
    core: Core
    clock_hz: int
    flash: Flash
    ram: Ram
    interrupts: int
    current: Current | None
    cycles_per_instruction: float
    cycles_source: str
    source: str
    folder: Path
    emulate: Mapping[str, Any] = field(repr=False)
    qemu: Qemu | None = None
    boot2: str | None = None
    uf2_family: int | None = None
    bin_image: bool = False

    @property
    def boot(self) -> str | None:
        """What the chip's boot ROM does, by its name; None: the core starts at the vectors."""
        # What is no mapping is refused with its message where the peripherals are made.
        return self.emulate.get("boot") if isinstance(self.emulate, Mapping) else None

    @property
    def has_boot_section(self) -> bool:
        """Whether the build fills the reserved bytes, as a boot ROM asks for."""
        return self.boot2 is not None or self.boot is not None


def load_board(folder: str | Path) -> Board:
    """Read a board's folder.

    Parameters
    ----------
    folder : path
        Holds ``board.json`` and ``port.c``.

    Raises
    ------
    BoardError
        If a file is missing or cannot be read, or a field is missing or impossible.
    """
    path = Path(folder)
    try:
        entry = json.loads((path / "board.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BoardError(
            f"{path}: expected a folder with board.json and port.c: {error}"
        ) from error
    if not isinstance(entry, dict):
        raise BoardError(f"{path / 'board.json'}: expected an object, got {entry!r:.40}")
    if not (path / "port.c").is_file():
        raise BoardError(f"{path}: no port.c in it: see docs/port-to-your-board.md")
    return board_from_dict(entry, path)


def board_from_dict(entry: Mapping[str, Any], folder: str | Path | None = None) -> Board:
    """Make a board of the figures of a ``board.json``.

    Parameters
    ----------
    entry : mapping
        As the file has them; numbers may be strings such as ``"0x8000000"``.
    folder : path, optional
        Where its port is. Without one it is a board on paper: its core, clock and memories are
        simulated, with the serial port of `PAPER_PORT`.

    Raises
    ------
    BoardError
        If a field is missing or its value is impossible.
    """
    name = entry.get("name", "?")
    where = Path(folder) if folder is not None else _HERE / PAPER_PORT
    try:
        core = get_core(entry["core"])
        constant = _cycles()[core.name]
        current, qemu = entry["current"], entry.get("qemu")
        family = entry.get("uf2_family")
        board = Board(
            name=str(entry["name"]),
            title=str(entry["title"]),
            core=core,
            clock_hz=number(entry["clock_hz"]),
            flash=_flash(entry["flash"]),
            ram=Ram(**{key: number(value) for key, value in entry["ram"].items()}),
            interrupts=number(entry.get("interrupts", 32)),
            current=None if current is None else Current(**current),
            cycles_per_instruction=float(constant["value"]),
            cycles_source=str(constant["source"]),
            source=str(entry["source"]),
            folder=where,
            emulate=entry["emulate"] if folder is not None else _paper(),
            qemu=None if qemu is None else Qemu(**qemu),
            boot2=entry.get("boot2"),
            uf2_family=None if family is None else number(family),
            bin_image=bool(entry.get("bin_image", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BoardError(f"board {name!r}: missing or unexpected field: {error}") from error
    _check(board)
    return board


def number(value: int | str) -> int:
    """Return an integer that may be written as ``"0x40"``.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"{value!r} is no integer")
    return int(value, 0) if isinstance(value, str) else value


def _flash(entry: Mapping[str, Any]) -> Flash:
    numbers: dict[str, Any] = {
        key: value if key in ("endurance", "endurance_source") else number(value)
        for key, value in entry.items()
    }
    return Flash(**numbers)


@lru_cache(maxsize=1)
def _cycles() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((_HERE / "cycles.json").read_text("utf-8"))
    return found


@lru_cache(maxsize=1)
def _paper() -> Mapping[str, Any]:
    entry = json.loads((_HERE / PAPER_PORT / "board.json").read_text("utf-8"))
    found: Mapping[str, Any] = entry["emulate"]
    return found


def _check(board: Board) -> None:
    flash, ram = board.flash, board.ram
    for label, origin, size in (
        ("flash", flash.origin, flash.bytes),
        ("ram", ram.origin, ram.bytes),
    ):
        if size <= 0 or size % _PAGE_BYTES or origin % _PAGE_BYTES:
            raise BoardError(
                f"board {board.name!r}: {label} origin {origin:#x} and size "
                f"{size} must be multiples of {_PAGE_BYTES}, size above 0"
            )
    if flash.origin < ram.origin + ram.bytes and ram.origin < flash.origin + flash.bytes:
        raise BoardError(f"board {board.name!r}: flash and RAM overlap")
    if flash.reserved_bytes % 256 or board.clock_hz <= 0 or flash.page_bytes <= 0:
        raise BoardError(
            f"board {board.name!r}: reserved_bytes must be a multiple of 256 (the vector table "
            "is aligned to that), clock_hz and page_bytes above 0"
        )
    if flash.bytes % flash.page_bytes or flash.page_bytes % UNIT_BYTES:
        raise BoardError(
            f"board {board.name!r}: page_bytes is {flash.page_bytes}: it must divide the flash's "
            f"{flash.bytes} bytes, and be a multiple of {UNIT_BYTES}"
        )
    if flash.program_bytes not in (1, 2, 4, 8, 16) or flash.erased not in (0, 0xFFFFFFFF):
        raise BoardError(
            f"board {board.name!r}: program_bytes must be 1, 2, 4, 8 or 16, and erased 0 or "
            "0xffffffff"
        )
    if not 0 <= board.interrupts <= 480:
        raise BoardError(f"board {board.name!r}: interrupts is {board.interrupts}: 0 to 480")


@lru_cache(maxsize=1)
def list_boards() -> tuple[Board, ...]:
    """Return all shipped boards, the default one first."""
    folders = sorted(path.parent for path in _HERE.glob("*/board.json"))
    boards = [load_board(folder) for folder in folders]
    return tuple(sorted(boards, key=lambda board: board.name != DEFAULT_BOARD))


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
