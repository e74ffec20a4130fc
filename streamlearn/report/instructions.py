"""Picture 6: what learning one sample costs the device."""

from __future__ import annotations

import numpy as np

from streamlearn.report.colours import BLUE, INK, VERMILLION
from streamlearn.report.data import Ints, ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import Sheet
from streamlearn.report.text import count, large

UNITS = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


def draw_instructions(data: ReportData) -> Picture | None:
    """Draw the histogram of instructions for learning a sample; None if they were not counted."""
    learn = data.instructions
    if learn is None or not len(learn):
        return None
    finding = (
        f"Learning a sample takes the device {large(float(np.median(learn)))} instructions in the "
        f"median and {large(int(learn.max()))} at most"
    )
    svg = on_every_sheet(lambda sheet: _figure(learn, sheet), "instructions", finding)
    reading = f"Counted in the emulator for each of {count(len(learn))} samples, in 40 steps."
    return Picture(finding, svg, reading)


def _figure(learn: Ints, sheet: Sheet) -> Figure:
    median, most = float(np.median(learn)), float(learn.max())
    unit, word = next(((u, w) for u, w in UNITS if most >= u), (1.0, ""))
    figure = Figure(2.7, sheet)
    (ax,) = figure.panels()
    low, high = float(learn.min()), most
    if low == high:
        low, high = 0.95 * low, 1.05 * high + 1
    counts, edges = np.histogram(learn, bins=40, range=(low, high))
    for number, left, right in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        ax.box(float(left) / unit, 0, float(right - left) / unit, number, BLUE)
    ax.x.limit(low / unit, high / unit)
    ax.y.limit(0, 1.05 * float(counts.max()))
    near = most - median < 2.7 / sheet.width_in * (high - low)
    for value, text, colour, align, up in (
        (median, "median", INK, "left" if median < (low + high) / 2 else "right", 3),
        (most, "most", VERMILLION, "right", 14 if near else 3),
    ):
        ax.upright(value / unit, colour, 1.2, order=3)
        written = f"{text} {count(value)}"
        ax.write(written, value / unit, 1, colour, 10, align, up, of_panel=(False, True))
    ax.x.ticks(sheet.n_ticks - 1, lambda value: f"{value:,.4g}")
    ax.y.ticks(5, lambda value: f"{value:,.0f}", whole=True)
    ax.x.label = " ".join(["instructions per sample", f"({word})" if word else ""])
    ax.y.label = "samples"
    return figure
