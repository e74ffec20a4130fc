"""``streamlearn boards``: the boards that can be simulated."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import firmware_sim


def print_boards() -> None:
    """Print the boards."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("name", "core", "MHz", "flash KiB", "RAM KiB", "board"):
        figures = column in ("MHz", "flash KiB", "RAM KiB")
        table.add_column(column, no_wrap=column != "board", justify="right" if figures else "left")
    for board in firmware_sim.list_boards():
        default = " (default)" if board.name == firmware_sim.DEFAULT_BOARD else ""
        table.add_row(
            board.name,
            board.core.name,
            f"{board.clock_hz / 1e6:g}",
            f"{board.flash.bytes // 1024}",
            f"{board.ram.bytes // 1024}",
            board.title + default,
        )
    Console(highlight=False, markup=False, emoji=False).print(table)
