"""Figures of studies, drawn by matplotlib in the style of the report's pages.

No pyplot and no backend is chosen: a program that shows its own figures keeps its settings.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.style
from matplotlib.figure import Figure

from streamlearn.report.colours import GREY, INK
from streamlearn.report.sheet import WIDE, Sheet

SETTINGS = {
    "svg.fonttype": "path",
    "svg.hashsalt": "streamlearn",
    "path.simplify": False,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.7,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}
#: Settings of matplotlib belong to the process: one thread draws at a time.
_DRAWING = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Use the pages' style inside the block, whatever the program uses."""
    style = matplotlib.style.context(["default", SETTINGS])
    with _DRAWING, style, warnings.catch_warnings():
        # A class name in a script that the font lacks: boxes in the picture, right in the table.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def new_figure(height_in: float, sheet: Sheet = WIDE) -> Figure:
    """Return an empty figure of the sheet's width; use inside `drawing`."""
    return Figure(figsize=(sheet.width_in, height_in), layout="constrained")
