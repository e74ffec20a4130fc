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
class LogPlan:
    """A ring of blocks for the log of events; `firmware/log.h` says what an entry is.

    Attributes
    ----------
    entry_bytes, block_bytes, blocks : int
        A block is what is erased at once: whole pages, with one entry or more.
    """

    entry_bytes: int
    block_bytes: int
    blocks: int

    @property
    def bytes(self) -> int:
        """Flash that the ring takes."""
        return self.blocks * self.block_bytes

    @property
    def samples(self) -> int:
        """Entries that there is room for."""
        return self.blocks * (self.block_bytes // self.entry_bytes)


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
    log : LogPlan or None
        The log of events, in front of them.
    """

    origin: int
    area_bytes: int
    record_bytes: int
    endurance: int | None
    log: LogPlan | None = None

    @property
    def start(self) -> int:
        """Address of the first byte that is kept free of code: of the log, if there is one."""
        return self.origin - (0 if self.log is None else self.log.bytes)

    @property
    def records(self) -> int:
        """Commits that an area holds before the other one is erased."""
        return self.area_bytes // self.record_bytes

    @property
    def commits(self) -> int | None:
        """Commits until the endurance of the first page ends; None where none wears."""
        return None if self.endurance is None else 2 * self.endurance * self.records

    @property
    def logged(self) -> int | None:
        """Samples that can be logged until the endurance of the first page ends, in ring or areas.

        None where none wears, or without a log. Other commits than the log's own come on top.
        """
        if self.log is None or self.endurance is None or self.commits is None:
            return None
        per_block = self.log.samples // self.log.blocks
        half = (self.log.blocks - 1) * per_block // 2
        return min(self.endurance * self.log.samples, self.commits * half)

    @property
    def bytes(self) -> int:
        """Flash that is kept free of code."""
        return self.origin + 2 * self.area_bytes - self.start


def plan_log(board: Board, sample_bytes: int, samples: int) -> LogPlan:
    """Return the ring from which the newest so many samples can always be replayed.

    Parameters
    ----------
    board : Board
    sample_bytes : int
        Features and target.
    samples : int
        The ring has room for twice as many, and for one block: that one may be erased.
    """
    return plan_ring(board, HEAD_BYTES + -(-sample_bytes // UNIT_BYTES) * UNIT_BYTES, samples)


def plan_ring(board: Board, entry_bytes: int, samples: int) -> LogPlan:
    """Return the ring of :func:`plan_log` for entries of this size, head and padding included."""
    page = board.flash.page_bytes
    block = -(-entry_bytes // page) * page
    return LogPlan(entry_bytes, block, 1 + max(2, -(-2 * samples // (block // entry_bytes))))


def plan_storage(board: Board, state_bytes: int, log: LogPlan | None = None) -> Storage:
    """Return where a state of so many bytes is kept on a board.

    Parameters
    ----------
    board : Board
    state_bytes : int
        Size of the learner's state.
    log : LogPlan or None
        The log of events.
    """
    page = board.flash.page_bytes
    record = HEAD_BYTES + -(-state_bytes // UNIT_BYTES) * UNIT_BYTES + TAIL_BYTES
    area = -(-record // page) * page
    return Storage(
        board.flash.origin + board.flash.bytes - 2 * area, area, record, board.flash.endurance, log
    )
