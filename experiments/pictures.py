"""Pictures as SVG files of their own, in the one style of :mod:`streamlearn.report.svg`."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

#: From the records of runs to the text of an SVG file.
Draw = Callable[[Sequence[dict[str, Any]]], str]


def svg(figure: Figure) -> str:
    """Return the figure as the text of an SVG file; use inside ``drawing``."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, facecolor="white")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def legend_above(ax: Axes, columns: int = 3) -> None:
    """Put the legend above the axes, where no line is hidden by it."""
    ax.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.2)


def plain_numbers(axis: Axis) -> None:
    """Write 0.01 instead of 10⁻² on a logarithmic axis, and nothing between."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
