"""Figures drawn by matplotlib, as SVG that may stand inside a page.

No pyplot and no backend is chosen: a program that shows its own figures keeps its settings.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib.style
from matplotlib.figure import Figure

#: Colours that readers with any common colour blindness tell apart (Okabe and Ito, 2008).
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, FAINT = "#222222", "#707070", "#C8C8C8"

#: Narrow, so that 10 points are still 8 pixels on a phone and no more than the text on a desk.
WIDTH_IN = 6.0

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


@dataclass(frozen=True)
class Picture:
    """One picture of the page.

    Parameters
    ----------
    finding
        The sentence above it: what it shows, not what it is.
    svg
        The picture, escaped, without an XML prologue.
    reading
        The sentence below it: how to read it.
    """

    finding: str
    svg: str
    reading: str


@contextmanager
def drawing() -> Iterator[None]:
    """Use this page's style inside the block, whatever style the program uses."""
    with matplotlib.style.context(["default", SETTINGS]), warnings.catch_warnings():
        # A class name in a script that the font lacks: boxes in the picture, right in the table.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def new_figure(height_in: float) -> Figure:
    """Return an empty figure of the page's width; use inside `drawing`."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def inline_svg(figure: Figure, prefix: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element for an HTML page; use inside `drawing`.

    Parameters
    ----------
    figure
        What to draw.
    prefix
        Begins every id: different for each picture of a page.
    description
        Escaped text that a screen reader says instead of the picture.

    Returns
    -------
    str
        Without prologue, metadata, comments, namespaces and ids that nothing refers to; equal
        for equal figures.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)  # is in the page's CSS
    svg = re.sub(r"<defs>\s*</defs>", "", svg).replace("xlink:href=", "href=")
    view_box = re.search(r'viewBox="[^"]*"', svg)
    opening = f'<svg role="img" aria-label="{description}" {view_box[0] if view_box else ""}>'
    svg = opening + svg[svg.index(">") + 1 :]
    return re.sub(r"\s*\n\s*", "\n", _renamed_ids(svg, prefix)).strip()


def _renamed_ids(svg: str, prefix: str) -> str:
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    names = {old: f"{prefix}{i}" for i, old in enumerate(used)}

    def define(match: re.Match[str]) -> str:
        return f' id="{names[match[1]]}"' if match[1] in names else ""

    svg = re.sub(r'\sid="([^"]*)"', define, svg)
    return re.sub(r'(url\(#|href="#)([^")]+)', lambda match: match[1] + names[match[2]], svg)
