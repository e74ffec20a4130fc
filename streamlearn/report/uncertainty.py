"""Picture: how unlike the past the samples were, and how unsure the predictions."""

from __future__ import annotations

import numpy as np

from streamlearn.evaluation.timeline import Timeline
from streamlearn.report.colours import BLACK, BLUE, VERMILLION
from streamlearn.report.data import Floats, ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.figures import drifts, mark_drifts
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.plot import Dashes, Panel
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, thinned
from streamlearn.report.text import significant

#: A point of the curve is a mean over so many samples at most: few of them are asked.
SMOOTH = 1024


def draw_uncertainty(data: ReportData) -> Picture | None:
    """Draw novelty and entropy over the stream; None if nobody asked for them."""
    line = data.timeline
    if line is None or "novelty" not in line.names or not np.isfinite(line.mean("novelty")).any():
        return None
    finding = _finding(line)
    svg = on_every_sheet(lambda sheet: _figure(data, line, sheet), "uncertainty", finding)
    reading = (
        "Means over the samples that were asked, 1 in 128 (at the beginning 1 in 16), directly "
        "after they were learned. Novelty: 0 is as usual, 1 is unlike anything learned. Entropy: "
        "how unsure the prediction is."
    )
    if np.isfinite(line.mean("epistemic")).any():
        reading += " Its epistemic part is what more learning can take away."
    if drifts(data):
        reading += " Triangles: the accuracy fell here."
    return Picture(finding, svg, reading)


def _figure(data: ReportData, line: Timeline, sheet: Sheet) -> Figure:
    end = end_of(line, data)
    figure = Figure(3.9, sheet)
    top, bottom = figure.panels(2, shared=True)
    _curve(top, line, "novelty", BLUE, (), sheet)
    top.y.label = "novelty"
    _curve(bottom, line, "predictive", BLACK, (), sheet, "whole")
    if np.isfinite(line.mean("epistemic")).any():
        _curve(bottom, line, "epistemic", VERMILLION, (4, 1.5), sheet, "epistemic part")
        figure.legend()
    bottom.y.label = "entropy (bits)"
    for ax in (top, bottom):
        ax.y.begin_at(0)
        ax.y.grid = True
        if end == data.n_done:  # drifts count labelled samples
            mark_drifts(ax, data)
    finish(bottom, end, sheet, axis_name(end, data))
    return figure


def _curve(
    ax: Panel,
    line: Timeline,
    name: str,
    colour: str,
    dashes: Dashes,
    sheet: Sheet,
    label: str = "",
) -> None:
    at, values = known(line, name)
    some = thinned(len(at), sheet.max_points)
    ax.line(at[some], values[some], colour, 1.3, dashes, label=label)


def known(line: Timeline, name: str, window: int | None = None) -> tuple[Floats, Floats]:
    """Return where a figure is known, in samples, and what it is there.

    Without a window it is the mean over a sixteenth of the stream, 64 to 1,024 samples.
    """
    smooth = max(64, min(SMOOTH, int(line.ends[-1]) // 16)) if len(line.ends) else 1
    values = line.mean(name, smooth if window is None else window)
    found = np.isfinite(line.mean(name))  # where somebody looked: no steps between
    return line.ends[found].astype(np.float64), values[found]


def end_of(line: Timeline, data: ReportData) -> int:
    """Return how many rows came: more than samples, if some had no label."""
    last = int(line.ends[-1]) if len(line.ends) else 0
    return last if last > data.n_done else data.n_done


def axis_name(end: int, data: ReportData) -> str:
    """Return what the axis counts."""
    return "sample" if end == data.n_done else "row, with and without a label"


def _finding(line: Timeline) -> str:
    _, values = known(line, "novelty")
    first, last = significant(float(values[0]), 2), significant(float(values[-1]), 2)
    total, n = line.total("novelty")
    mean = significant(total / n, 2)
    return f"Novelty was {first} at the beginning, {mean} in the mean and {last} at the end"
