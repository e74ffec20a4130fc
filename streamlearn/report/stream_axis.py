"""The horizontal axis that pictures over the stream share: sample numbers and batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamlearn.report.colours import FAINT, GREY
from streamlearn.report.data import Ints, ReportData
from streamlearn.report.plot import Panel
from streamlearn.report.sheet import Sheet

MAX_BATCHES = 40


def thinned(n: int, max_points: int, first: int = 0) -> NDArray[np.int64]:
    """Return at most `max_points` indices of ``first .. n - 1``, evenly spread, ends included."""
    if n - first <= max_points:
        return np.arange(first, n, dtype=np.int64)
    return np.asarray(np.linspace(first, n - 1, max_points).round(), np.int64)


def warm_up(n: int) -> int:
    """Return how many samples to leave out where a mean over so few would jump about."""
    return min(30, n // 10)


def batch_starts(batch: Ints | None) -> list[int]:
    """Return where each run of equal batch numbers starts; empty if there are too many."""
    if batch is None or not len(batch):
        return []
    starts = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist()]
    return starts if len(starts) <= MAX_BATCHES else []


def mark_batches(ax: Panel, data: ReportData, end: int, sheet: Sheet, numbers: bool = True) -> bool:
    """Draw a line where a batch starts and its number above it; say whether there are any."""
    starts = [start for start in batch_starts(data.batch) if start < end]
    if data.batch is None or not starts:
        return False
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        if start:
            ax.upright(start, FAINT, 0.7, order=0)
        if numbers and stop - start >= end * 0.11 / sheet.width_in:
            middle, name = (start + stop) / 2, str(data.batch[start])
            ax.write(name, middle, 1, GREY, side="center", up=3, of_panel=(False, True))
    if numbers:
        ax.write("batch ", 0, 1, GREY, side="right", up=3, of_panel=(True, True))
    return True


def finish(ax: Panel, end: int, sheet: Sheet, label: str = "sample") -> None:
    """Set limits, ticks and label of the axis of sample numbers."""
    ax.x.limit(0, max(end, 1))
    ax.x.ticks(sheet.n_ticks, lambda value: f"{value:,.0f}", whole=True)
    ax.x.label = label
