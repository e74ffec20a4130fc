"""Picture 3: a quantity of the weights over the stream, layer by layer."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from streamlearn.report.colours import BLUE
from streamlearn.report.data import Floats, LayerHistory, ReportData
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, mark_batches, thinned
from streamlearn.report.svg import Picture, new_figure, on_every_sheet
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
    figure = new_figure(0.9 + 1.45 * n_layers, sheet)
    axes = figure.subplots(n_layers, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for layer, ax in enumerate(axes):
        p5, p25, p50, p75, p95 = shown[at, layer].T
        x = history.at[at]
        ax.fill_between(x, p5, p95, color=BLUE, alpha=0.18, linewidth=0)
        ax.fill_between(x, p25, p75, color=BLUE, alpha=0.35, linewidth=0)
        ax.plot(x, p50, color=BLUE, linewidth=1.4)
        ax.set_ylabel(f"layer {layer + 1}\n{history.quantity}")
        mark_batches(ax, data, end, sheet, numbers=layer == 0)
    _log_axis(axes[0], shown[at])
    finish(axes[-1], end, sheet)
    return figure


def _log_axis(ax: Axes, values: Floats) -> None:
    low, high = float(np.nanmin(values)) / 1.15, float(np.nanmax(values)) * 1.15
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    decades = np.log10(high / low)
    subs = (1.0,) if decades > 4 else (1.0, 3.0) if decades > 1.6 else (1.0, 2.0, 5.0)
    ax.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
    if decades < 0.5:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


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
