"""A picture of the page: drawn wide and narrow; the page's CSS shows the one that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamlearn.report.colours import PAPER, declarations, variable
from streamlearn.report.figure import Figure
from streamlearn.report.sheet import NARROW, WIDE, Sheet


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
    return "\n".join(draw(sheet).svg(name, finding) for sheet in (WIDE, NARROW))


def standalone(picture: Picture) -> str:
    """Return the wide picture as an SVG file that follows the reader's light or dark scheme."""
    svg = picture.svg[: picture.svg.index("</svg>")] + "</svg>\n"
    opening, rest = svg.split(">", 1)
    opening = opening.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {declarations(dark=True)} }} }}"
    plain = f"svg {{ font-family: system-ui, sans-serif; {declarations(dark=False)} }}"
    paper = f'<rect width="100%" height="100%" style="fill: {variable(PAPER)}"/>'
    return f"{opening}><style>{plain} {dark}</style>{paper}{rest}"
