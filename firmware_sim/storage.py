"""Where a board keeps the state: two areas at the end of its flash, and how long they last.

An area is a whole number of pages and holds one record or more; `firmware/storage.c` says what a
record is. A record is appended to those of its area. Only when there is no room is the other area
erased, so a page is erased once in `records` commits, and the newest record is never in danger.
"""

from __future__ import annotations

from dataclasses import dataclass

from .boards import UNIT_BYTES, Board

HEAD_BYTES = TAIL_BYTES = 16


@dataclass(frozen=True)
class Storage:
    """The two areas.

    Attributes
    ----------
    origin : int
        Address of the first one.
    area_bytes : int
        Size of each: whole pages.
    record_bytes : int
        What a commit writes.
    endurance : int or None
        Erasures that a page takes; None where it does not wear.
    """

    origin: int
    area_bytes: int
    record_bytes: int
    endurance: int | None

    @property
    def records(self) -> int:
        """Commits that an area holds before the other one is erased."""
        return self.area_bytes // self.record_bytes

    @property
    def commits(self) -> int | None:
        """Commits until the endurance of the first page ends; None where none wears."""
        return None if self.endurance is None else 2 * self.endurance * self.records

    @property
    def bytes(self) -> int:
        """Flash that is kept free of code."""
        return 2 * self.area_bytes


def plan_storage(board: Board, state_bytes: int) -> Storage:
    """Return where a state of so many bytes is kept on a board.

    Parameters
    ----------
    board : Board
    state_bytes : int
        Size of the learner's state.
    """
    page = board.flash.page_bytes
    record = HEAD_BYTES + -(-state_bytes // UNIT_BYTES) * UNIT_BYTES + TAIL_BYTES
    area = -(-record // page) * page
    return Storage(
        board.flash.origin + board.flash.bytes - 2 * area, area, record, board.flash.endurance
    )
