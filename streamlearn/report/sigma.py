"""Picture 3: the uncertainty of the weights over the stream, layer by layer."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from streamlearn.report.data import Floats, ReportData
from streamlearn.report.stream_axis import finish, mark_batches, thinned
from streamlearn.report.svg import BLUE, Picture, drawing, inline_svg, new_figure
from streamlearn.report.text import escaped, significant

MAX_LAYERS = 12


def draw_sigma(data: ReportData) -> Picture | None:
    """Draw the percentiles of σ of each layer; None if none were recorded."""
    if not len(data.sigma_at) or not data.sigma.shape[1]:
        return None
    positive = np.where(data.sigma > 0, data.sigma, np.nan)
    if not np.isfinite(positive).any():
        return None
    n_layers = min(data.sigma.shape[1], MAX_LAYERS)
    at = thinned(len(data.sigma_at))
    end = max(data.n_done, int(data.sigma_at[-1]))
    with drawing():
        figure = new_figure(0.9 + 1.45 * n_layers)
        axes = figure.subplots(n_layers, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for layer, ax in enumerate(axes):
            p5, p25, p50, p75, p95 = positive[at, layer].T
            x = data.sigma_at[at]
            ax.fill_between(x, p5, p95, color=BLUE, alpha=0.18, linewidth=0)
            ax.fill_between(x, p25, p75, color=BLUE, alpha=0.35, linewidth=0)
            ax.plot(x, p50, color=BLUE, linewidth=1.4)
            ax.set_ylabel(f"layer {layer + 1}\nσ of a weight")
            mark_batches(ax, data, end, numbers=layer == 0)
        _log_axis(axes[0], positive[at, :n_layers])
        finish(axes[-1], end)
        finding = _finding(positive[:, :n_layers])
        svg = inline_svg(figure, "sigma-", escaped(finding))
    reading = (
        "Line: the median weight. Dark band: the middle half of the weights (percentiles 25 to "
        "75). Light band: percentiles 5 to 95. Logarithmic scale, the same for every layer. A "
        "small σ means a weight that the stream has settled and that now learns slowly."
    )
    if data.sigma.shape[1] > n_layers:
        reading += f" The first {n_layers} of {data.sigma.shape[1]} layers."
    return Picture(finding, svg, reading)


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


def _finding(positive: Floats) -> str:
    parts = []
    for layer in range(positive.shape[1]):
        median = positive[:, layer, 2]
        median = median[np.isfinite(median)]
        if len(median):
            first, last = significant(float(median[0]), 2), significant(float(median[-1]), 2)
            change = f"from {first} to {last}" if first != last else f"stayed at {first}"
            parts.append(f"layer {layer + 1} {change}")
    return "Median σ over the stream: " + ", ".join(parts)
