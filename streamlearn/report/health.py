"""Picture: what the learner says of itself: its step, blind features, saturations."""

from __future__ import annotations

import numpy as np

from streamlearn.evaluation.timeline import Timeline
from streamlearn.report.colours import BLUE, GREEN, VERMILLION
from streamlearn.report.data import ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.figures import mark_drifts
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, thinned
from streamlearn.report.text import count, significant
from streamlearn.report.uncertainty import axis_name, end_of, known

PANELS = (
    ("step", "step\nmultiplier", BLUE),
    ("blind", "blind\nfeatures", VERMILLION),
    ("saturations", "saturations\nper look", GREEN),
)


def draw_health(data: ReportData) -> Picture | None:
    """Draw the levels of the learner over the stream; None if nobody looked."""
    line = data.timeline
    if line is None or "step" not in line.names or not np.isfinite(line.mean("step")).any():
        return None
    finding = _finding(line)
    svg = on_every_sheet(lambda sheet: _figure(data, line, sheet), "health", finding)
    reading = (
        "Above: the step multiplier, by which the learning rate is multiplied; it rises where the "
        "stream drifts. Middle: how many features were blind, in the mean. Below: values that were "
        "held or clamped between two looks, which are 128 samples apart (at the beginning 16)."
    )
    return Picture(finding, svg, reading)


def _figure(data: ReportData, line: Timeline, sheet: Sheet) -> Figure:
    end = end_of(line, data)
    shown = [panel for panel in PANELS if panel[0] in line.names]
    figure = Figure(0.7 + 1.15 * len(shown), sheet)
    axes = figure.panels(len(shown), shared=True)
    for ax, (name, label, colour) in zip(axes, shown, strict=True):
        at, values = known(line, name, 1)
        some = thinned(len(at), sheet.max_points)
        ax.line(at[some], values[some], colour, 1.2)
        top = float(values.max(initial=0.0))
        ax.y.limit(0, 1.15 * top if top else 1)
        ax.y.ticks(4)
        ax.y.label, ax.y.grid = label, True
        if end == data.n_done:  # drifts count labelled samples
            mark_drifts(ax, data)
    finish(axes[-1], end, sheet, axis_name(end, data))
    return figure


def _finding(line: Timeline) -> str:
    _, step = known(line, "step", 1)
    _, blind = known(line, "blind", 1)
    total, _ = line.total("saturations")
    worst = float(blind.max(initial=0.0))
    seen = "every feature was seen" if not worst else f"blind features: {worst:.3g} at most"
    if worst and float(blind[-1]):
        seen += f", at the end {float(blind[-1]):.3g}"
    largest = significant(float(step.max(initial=1.0)), 3)
    return (
        f"The step multiplier was {largest} at most; {seen}; {count(total)} values were held or "
        "clamped"
    )
