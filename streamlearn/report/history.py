"""Picture 3: a quantity of the weights over the stream, layer by layer."""

from __future__ import annotations

import numpy as np

from streamlearn.report.colours import BLUE
from streamlearn.report.data import Floats, LayerHistory, ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.plot import Panel
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, mark_batches, thinned
from streamlearn.report.text import significant

MAX_LAYERS = 12


def draw_history(data: ReportData) -> Picture | None:
    """Draw the percentiles of the quantity in each layer; None if none were recorded."""
    history = data.history
    if history is None or not len(history.at) or not history.percentiles.shape[1]:
        return None
    positive = np.where(history.percentiles > 0, history.percentiles, np.nan)
    if not np.isfinite(positive).any():
        return None
    n_layers = min(positive.shape[1], MAX_LAYERS)
    shown = positive[:, :n_layers]
    finding = _finding(shown, history.quantity)
    svg = on_every_sheet(lambda sheet: _figure(data, history, shown, sheet), "history", finding)
    reading = (
        "Line: the median weight. Dark band: the middle half of the weights (percentiles 25 to "
        "75). Light band: percentiles 5 to 95. Logarithmic scale, the same for every layer. "
        + history.meaning
    )
    if positive.shape[1] > n_layers:
        reading += f" The first {n_layers} of {positive.shape[1]} layers."
    return Picture(finding, svg, reading)


def _figure(data: ReportData, history: LayerHistory, shown: Floats, sheet: Sheet) -> Figure:
    at = thinned(len(history.at), sheet.max_points)
    end = max(data.n_done, int(history.at[-1]))
    n_layers = shown.shape[1]
    figure = Figure(0.9 + 1.45 * n_layers, sheet)
    axes = figure.panels(n_layers, shared=True)
    for layer, ax in enumerate(axes):
        p5, p25, p50, p75, p95 = shown[at, layer].T
        x = history.at[at]
        ax.band(x, p5, p95, BLUE, 0.18)
        ax.band(x, p25, p75, BLUE, 0.35)
        ax.line(x, p50, BLUE, 1.4)
        ax.y.label = f"layer {layer + 1}\n{history.quantity}"
        _log_axis(ax, shown[at])
        mark_batches(ax, data, end, sheet, numbers=layer == 0)
    finish(axes[-1], end, sheet)
    return figure


def _log_axis(ax: Panel, values: Floats) -> None:
    low, high = float(np.nanmin(values)) / 1.15, float(np.nanmax(values)) * 1.15
    ax.y.log = True
    ax.y.limit(low, high)


def _finding(shown: Floats, quantity: str) -> str:
    parts = []
    for layer in range(shown.shape[1]):
        median = shown[:, layer, 2]
        median = median[np.isfinite(median)]
        if len(median):
            first, last = significant(float(median[0]), 2), significant(float(median[-1]), 2)
            change = f"from {first} to {last}" if first != last else f"stayed at {first}"
            parts.append(f"layer {layer + 1} {change}")
    return f"Median {quantity} over the stream: " + ", ".join(parts)
