"""Figures drawn by matplotlib, as SVG that may stand inside a page.

Each is drawn twice, wide and narrow; the page's CSS shows the one that fits and gives the colours.
No pyplot and no backend is chosen: a program that shows its own figures keeps its settings.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib.style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from streamlearn.report.colours import GREY, INK, PAPER, declarations, variable
from streamlearn.report.sheet import NARROW, WIDE, Sheet
from streamlearn.report.text import escaped

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
#: On a page the background is the page's.
ON_A_PAGE = {"figure.facecolor": "none", "axes.facecolor": "none"}


@dataclass(frozen=True)
class Picture:
    """One picture of the page.

    Parameters
    ----------
    finding
        The sentence above it: what it shows, not what it is.
    svg
        The picture, wide and narrow, escaped, without an XML prologue.
    reading
        The sentence below it: how to read it.
    """

    finding: str
    svg: str
    reading: str


#: Settings of matplotlib belong to the process: one thread draws at a time.
_DRAWING = threading.RLock()


@contextmanager
def drawing(more: dict[str, Any] | None = None) -> Iterator[None]:
    """Use this page's style inside the block, and more settings, whatever the program uses."""
    style = matplotlib.style.context(["default", SETTINGS, more or {}])
    with _DRAWING, style, warnings.catch_warnings():
        # A class name in a script that the font lacks: boxes in the picture, right in the table.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def new_figure(height_in: float, sheet: Sheet = WIDE) -> Figure:
    """Return an empty figure of the sheet's width; use inside `drawing`."""
    return Figure(figsize=(sheet.width_in, height_in), layout="constrained")


def on_every_sheet(draw: Callable[[Sheet], Figure], name: str, finding: str) -> str:
    """Return what `draw` draws as an ``<svg>`` element per sheet.

    Parameters
    ----------
    draw
        Returns the figure for a sheet.
    name
        Different for each picture of a page.
    finding
        What a screen reader says instead of the picture; not escaped.
    """
    with drawing(ON_A_PAGE):
        return "\n".join(
            inline_svg(draw(sheet), f"{name}-{sheet.name}-", escaped(finding), sheet.name)
            for sheet in (WIDE, NARROW)
        )


def standalone(picture: Picture) -> str:
    """Return the wide picture as an SVG file that follows the reader's light or dark scheme."""
    svg = picture.svg[: picture.svg.index("</svg>")] + "</svg>\n"
    opening, rest = svg.split(">", 1)
    opening = opening.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {declarations(dark=True)} }} }}"
    style = f"<style>svg {{ {declarations(dark=False)} }} {dark}</style>"
    paper = f'<rect width="100%" height="100%" style="fill: {variable(PAPER)}"/>'
    return f"{opening}>{style}{paper}{rest}"


def inline_svg(figure: Figure, prefix: str, description: str, css_class: str) -> str:
    """Return the figure as an ``<svg>`` element for an HTML page; use inside `drawing`.

    Parameters
    ----------
    figure
        What to draw.
    prefix
        Begins every id: different for each picture of a page.
    description
        Escaped text that a screen reader says instead of the picture.
    css_class
        The element's class.

    Returns
    -------
    str
        Without prologue, metadata, comments, namespaces and ids that nothing refers to; colours
        are CSS variables; equal for equal figures.
    """
    out = io.StringIO()
    canvas: Any = _laid_out(figure)
    canvas.print_svg(out, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)  # is in the page's CSS
    svg = re.sub(r"<defs>\s*</defs>", "", svg).replace("xlink:href=", "href=")
    view_box = re.search(r'viewBox="[^"]*"', svg)
    svg = re.sub(r' style="[^"]*"', _with_variables, svg)
    size = view_box[0] if view_box else ""
    opening = f'<svg class="{css_class}" role="img" aria-label="{description}" {size}>'
    svg = opening + svg[svg.index(">") + 1 :]
    return re.sub(r"\s*\n\s*", "\n", _renamed_ids(svg, prefix)).strip()


def _laid_out(figure: Figure) -> FigureCanvasSVG:
    """Lay a figure out as an SVG; savefig would draw it once more for that, and throw it away."""
    canvas, engine = FigureCanvasSVG(figure), figure.get_layout_engine()
    figure.dpi = canvas.fixed_dpi
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    return canvas


def _with_variables(style: re.Match[str]) -> str:
    return re.sub(r"#[0-9a-fA-F]{6}", lambda colour: variable(colour[0]), style[0])


def _renamed_ids(svg: str, prefix: str) -> str:
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    names = {old: f"{prefix}{i}" for i, old in enumerate(used)}

    def define(match: re.Match[str]) -> str:
        return f' id="{names[match[1]]}"' if match[1] in names else ""

    svg = re.sub(r'\sid="([^"]*)"', define, svg)
    return re.sub(r'(url\(#|href="#)([^")]+)', lambda match: match[1] + names[match[2]], svg)
