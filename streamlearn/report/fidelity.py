"""Picture 2: what rounding to integers changed."""

from __future__ import annotations

import numpy as np

from streamlearn.report.colours import BLACK, GREY, VERMILLION
from streamlearn.report.data import Floats, Ints, ReportData, agreement
from streamlearn.report.engines import exact_engine, float_reference
from streamlearn.report.figure import Figure
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import WIDE, Sheet
from streamlearn.report.stream_axis import batch_starts, finish, mark_batches, thinned, warm_up
from streamlearn.report.text import count, percent

#: The scale is chosen for what follows this sample; a mean over fewer jumps about.
SETTLED = 300


def draw_fidelity(data: ReportData) -> Picture | None:
    """Draw integers against floating point; None unless both predicted something."""
    exact, real = exact_engine(data), float_reference(data)
    if exact is None or real is None or exact.predictions is None or real.predictions is None:
        return None
    m = min(exact.n_samples, real.n_samples)
    fixed, reference = exact.predictions[:m], real.predictions[:m]
    apart = np.flatnonzero(fixed != reference)
    difference = running_difference(fixed, reference, data.labels[:m])
    names = exact.arithmetic, real.name
    finding = _finding(fixed, reference, float(difference[-1]), *names)
    svg = on_every_sheet(
        lambda sheet: _figure(data, apart, difference, *names, sheet), "fidelity", finding
    )
    reading = (
        f"Above: the accuracy since the first sample, {names[0]} minus {names[1]}. Below: one mark "
        f"for each of the {count(len(apart))} samples on which the two predicted different classes"
    )
    thinned_out = len(_marks(apart, m, WIDE)) < len(apart)
    reading += ", thinned out to what the picture can show." if thinned_out else "."
    if batch_starts(data.batch):
        reading += " Vertical lines: a new recording batch begins."
    return Picture(finding, svg, reading)


def _figure(
    data: ReportData, apart: Ints, difference: Floats, fixed: str, real: str, sheet: Sheet
) -> Figure:
    m = len(difference)
    at = thinned(m, sheet.max_points, warm_up(m))
    figure = Figure(3.4, sheet)
    top, rug = figure.panels(2, (5, 1), shared=True)
    top.level(0, GREY, 0.8)
    top.line(at + 1, difference[at], VERMILLION, 1.4)
    settled = np.abs(difference[min(SETTLED, m // 4) :])
    reach = max(0.5, 1.2 * float(np.max(settled)))
    top.y.limit(-reach, reach)
    top.y.label = f"{fixed} − {real}\n(percentage points)"
    for text, y, up in ((f"{fixed} better", 0.97, -10), (f"{real} better", 0.03, 0)):
        top.write(text, 0.995, y, GREY, 10, "right", up, of_panel=(True, True))
    mark_batches(top, data, m, sheet)
    marks = _marks(apart, m, sheet)
    x = np.repeat(marks, 3)
    heights = np.tile([0.0, 1.0, np.nan], len(marks))
    rug.line(x, heights, BLACK, 0.55)
    rug.y.limit(0, 1)
    rug.y.name((), ())
    rug.y.visible = False
    rug.y.label = "they\ndiffer"
    mark_batches(rug, data, m, sheet, numbers=False)
    finish(rug, m, sheet)
    return figure


def running_difference(fixed: Ints, reference: Ints, labels: Ints) -> Floats:
    """Return float64 ``[m]``: running accuracy minus the reference's, in percentage points."""
    gained = (fixed == labels).astype(np.int64) - (reference == labels)
    return np.asarray(100 * np.cumsum(gained) / np.arange(1, len(labels) + 1), np.float64)


def _marks(apart: Ints, m: int, sheet: Sheet) -> Floats:
    """Return where to draw a mark: each sample, or each part of the axis that has one."""
    n = sheet.max_points
    if m <= n:
        return np.asarray(apart + 1, np.float64)
    cells = np.unique(apart * n // m)
    return np.asarray((cells + 0.5) * m / n, np.float64)


def _finding(fixed: Ints, reference: Ints, points: float, name: str, real: str) -> str:
    same = agreement(fixed, reference)
    if same == 1:
        every = f"every one of {count(len(fixed))} samples"
        return f"{name} and {real} predicted the same class for {every}"
    if abs(points) < 0.005:
        end = "and were equally often right"
    else:
        end = f"and {name} ended {abs(points):.2f} points {'above' if points > 0 else 'below'}"
    return f"{name} and {real} predicted the same class on {percent(same)} of the samples, {end}"
