"""Picture: how unlike the past the samples were, and how unsure the predictions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from streamlearn.evaluation.timeline import Timeline
from streamlearn.report.colours import BLACK, BLUE, GRID, VERMILLION
from streamlearn.report.data import Floats, ReportData
from streamlearn.report.figures import drifts, mark_drifts
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, thinned
from streamlearn.report.svg import Picture, new_figure, on_every_sheet
from streamlearn.report.text import significant

#: Bins of the curve are at least so many samples: few of them are asked.
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
    figure = new_figure(3.9, sheet)
    top, bottom = figure.subplots(2, 1, sharex=True)
    _curve(top, line, "novelty", BLUE, "-", sheet)
    top.set_ylabel("novelty")
    _curve(bottom, line, "predictive", BLACK, "-", sheet, "whole")
    if np.isfinite(line.mean("epistemic")).any():
        _curve(bottom, line, "epistemic", VERMILLION, (0, (4, 1.5)), sheet, "epistemic part")
        handles, labels = bottom.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=sheet.n_columns)
    bottom.set_ylabel("entropy (bits)")
    for ax in (top, bottom):
        ax.set_ylim(bottom=0)
        ax.yaxis.grid(True, color=GRID, linewidth=0.7)
        ax.set_axisbelow(True)
        mark_drifts(ax, data)
    finish(bottom, data.n_done, sheet)
    return figure


def _curve(
    ax: Axes,
    line: Timeline,
    name: str,
    colour: str,
    dashes: object,
    sheet: Sheet,
    label: str = "",
) -> None:
    at, values = known(line, name)
    some = thinned(len(at), sheet.max_points)
    ax.plot(at[some], values[some], color=colour, linewidth=1.3, linestyle=dashes, label=label)


def known(line: Timeline, name: str, window: int = SMOOTH) -> tuple[Floats, Floats]:
    """Return where a figure is known, in samples, and what it is there."""
    values = line.mean(name, window)
    found = np.isfinite(line.mean(name))  # where somebody looked: no steps between
    return line.ends[found].astype(np.float64), values[found]


def _finding(line: Timeline) -> str:
    _, values = known(line, "novelty")
    first, last = significant(float(values[0]), 2), significant(float(values[-1]), 2)
    total, n = line.total("novelty")
    mean = significant(total / n, 2)
    return f"Novelty was {first} at the beginning, {mean} in the mean and {last} at the end"
