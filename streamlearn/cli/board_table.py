"""``streamlearn boards``: the boards that can be simulated."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import firmware_sim

_COLUMNS = ("name", "core", "MHz", "flash KiB", "RAM KiB", "commits", "board")
_TEXT = ("name", "core", "board")


def print_boards(state_bytes: int) -> None:
    """Print the boards.

    Parameters
    ----------
    state_bytes : int
        Size of the state whose commits are counted.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in _COLUMNS:
        table.add_column(
            column,
            no_wrap=column not in ("board", "flash KiB", "RAM KiB"),
            justify="left" if column in _TEXT else "right",
        )
    for board in firmware_sim.list_boards():
        default = " (default)" if board.name == firmware_sim.DEFAULT_BOARD else ""
        table.add_row(
            board.name,
            board.core.name,
            f"{board.clock_hz / 1e6:g}",
            f"{board.flash.bytes // 1024}",
            f"{board.ram.bytes // 1024}",
            commits_of(board, state_bytes),
            board.title + default,
        )
    to = Console(highlight=False, markup=False, emoji=False)
    to.print(table)
    to.print(
        f"commits: how often the flash takes a state of {state_bytes:,} bytes until its pages have "
        "been erased as often as their datasheet allows; one an hour is 8,766 a year. A dash: "
        "memory stands for flash there, or the state does not fit."
    )


def commits_of(board: firmware_sim.Board, state_bytes: int) -> str:
    """Return how often a board's flash takes a state, or a dash."""
    storage = firmware_sim.plan_storage(board, state_bytes)
    fits = storage.bytes <= board.flash.bytes - board.flash.reserved_bytes
    if storage.commits is None or not fits or state_bytes > board.ram.bytes:
        return "–"
    return f"{storage.commits:,}"
