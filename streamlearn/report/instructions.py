"""Picture 6: what learning one sample costs the device."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from streamlearn.report.colours import BLUE, INK, VERMILLION
from streamlearn.report.data import Ints, ReportData
from streamlearn.report.sheet import Sheet
from streamlearn.report.svg import Picture, new_figure, on_every_sheet
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
    figure = new_figure(2.7, sheet)
    ax = figure.add_subplot()
    low, high = float(learn.min()), most
    if low == high:
        low, high = 0.95 * low, 1.05 * high + 1
    counts, edges = np.histogram(learn, bins=40, range=(low, high))
    ax.stairs(counts, edges / unit, fill=True, color=BLUE)
    near = most - median < 2.7 / sheet.width_in * (high - low)
    for value, text, colour, align, up in (
        (median, "median", INK, "left" if median < (low + high) / 2 else "right", 3),
        (most, "most", VERMILLION, "right", 14 if near else 3),
    ):
        ax.axvline(value / unit, color=colour, linewidth=1.2)
        ax.annotate(
            f"{text} {count(value)}",
            xy=(value / unit, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, up),
            textcoords="offset points",
            ha=align,
            color=colour,
        )
    ax.xaxis.set_major_locator(MaxNLocator(nbins=sheet.n_ticks - 1))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_xlabel(" ".join(["instructions per sample", f"({word})" if word else ""]))
    ax.set_ylabel("samples")
    return figure
