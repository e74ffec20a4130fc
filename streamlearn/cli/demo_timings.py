"""What each part of the demo took: ``--timings``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import perf_counter

from rich.table import Table

from streamlearn.cli.demo_parts import Timing


def cpu_s() -> float:
    """Return the CPU seconds of this process and of those that it started and that ended."""
    return sum(os.times()[:4])


class Clock:
    """Wall and CPU time of this process, lap by lap.

    Attributes
    ----------
    laps : list of Timing
    """

    def __init__(self) -> None:
        self.laps: list[Timing] = []
        self._start = self._last = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return perf_counter(), cpu_s()

    def skip(self) -> None:
        """Begin the next lap here."""
        self._last = self._now()

    def lap(self, name: str) -> None:
        """End a lap: what was done since the last one ended."""
        before, self._last = self._last, self._now()
        wall, cpu = (b - a for a, b in zip(before, self._last, strict=True))
        self.laps.append(Timing(name, "main", wall, cpu))

    def whole(self) -> Timing:
        """Return all time from the start until now, that of ended helpers included."""
        wall, cpu = (b - a for a, b in zip(self._start, self._now(), strict=True))
        return Timing("everything", "", wall, cpu)


def timing_table(parts: Sequence[Timing], clock: Clock) -> Table:
    """Return the table: parts in the order in which they ended, then the whole."""
    table = Table(title="seconds")
    table.add_column("part")
    table.add_column("process")
    for column in ("wall", "CPU"):
        table.add_column(column, justify="right")
    first, *others = clock.laps
    for timing in (first, *parts, *others):
        _add(table, timing)
    table.add_section()
    _add(table, clock.whole())
    return table


def _add(table: Table, timing: Timing) -> None:
    table.add_row(timing.name, timing.process, f"{timing.wall_s:.1f}", f"{timing.cpu_s:.1f}")
