"""The live view of a simulated board: what it has learned, how well, and what that takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from streamlearn.cli.common import progress


@dataclass(frozen=True)
class Figures:
    """How a board is, in the middle of a stream.

    Attributes
    ----------
    of_late : str
        How right the latest predictions were.
    instructions : int
        Median of the latest samples, inside the learner.
    ms : float
        What a sample takes on the board, modelled.
    step, blind
        By what the step is multiplied (it rises if the concept is new); features that are not seen.
    commits, erasures : int
        States written to flash since the reset, and pages erased.
    """

    of_late: str
    instructions: int
    ms: float
    step: float
    blind: int
    commits: int
    erasures: int

    def rows(self) -> list[tuple[str, str]]:
        """Return what to show, by name."""
        return [
            ("predictions", self.of_late),
            ("step", f"× {self.step:.2f}, {self.blind} features blind"),
            ("flash", f"{self.commits:,} commits, {self.erasures:,} pages erased"),
            (
                "a sample",
                f"{self.instructions:,} instructions, {self.ms:.3g} ms modelled: "
                f"up to {1000 / self.ms:,.0f} samples/s",
            ),
        ]


class View:
    """A bar, and the figures below it."""

    def __init__(self, to: Console, title: str) -> None:
        self.bar = progress(to)
        self.task = self.bar.add_task(title, total=None)
        self.shown = not self.bar.disable
        self._table = Table.grid(padding=(0, 2))
        self._live: Live | None = None

    def learned(self, n: int, total: int | None = None) -> None:
        """Say how many samples were learned, and of how many."""
        self.bar.update(self.task, completed=n, total=total)

    def figures(self, figures: Figures) -> None:
        """Show other figures."""
        self._table = Table.grid(padding=(0, 2))
        for name, text in figures.rows():
            self._table.add_row(f"  {name}", text)
        if self._live is not None:
            self._live.update(self.whole())

    def whole(self) -> Group:
        """Return what is on the screen."""
        return Group(self.bar, self._table)


@contextmanager
def live(to: Console, title: str) -> Iterator[View]:
    """Show a view while it lasts; nothing if the console is quiet or no terminal."""
    view = View(to, title)
    if not view.shown:
        yield view
        return
    with Live(view.whole(), console=to, refresh_per_second=8) as shown:
        view._live = shown
        yield view
