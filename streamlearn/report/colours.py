"""The colours of the pictures: one name each, one value on a light page and one on a dark page.

Matplotlib draws with the light values; :mod:`streamlearn.report.svg` replaces each by a CSS
variable: a picture follows the page's colour scheme.
"""

from __future__ import annotations

#: Colours that readers with any common colour blindness tell apart (Okabe and Ito, 2008).
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, FAINT, GRID, FREE = "#222222", "#707070", "#C8C8C8", "#EBEBEB", "#E6E6E6"
#: The background of a picture; the fill of a table's cell, and what is written on it.
PAPER, CELL, ON_CELL = "#FFFFFF", "#0B4F7D", "#FEFEFE"

#: By light value: the variable's name and the dark value.
DARK = {
    BLACK: ("black", "#F4F4F7"),
    ORANGE: ("orange", "#E69F00"),
    SKY: ("sky", "#6CC3F2"),
    GREEN: ("green", "#1FBF92"),
    YELLOW: ("yellow", "#F0E442"),
    BLUE: ("blue", "#3C94DB"),
    VERMILLION: ("vermillion", "#FF8A3D"),
    PURPLE: ("purple", "#DD94BD"),
    INK: ("pen", "#E6E6EA"),
    GREY: ("grey", "#A4A4AC"),
    FAINT: ("faint", "#4C4C53"),
    GRID: ("grid", "#333339"),
    FREE: ("free", "#3A3A40"),
    PAPER: ("paper", "#1E1E22"),
    CELL: ("cell", "#2374B3"),
    ON_CELL: ("on-cell", "#FEFEFE"),
}


def variable(colour: str) -> str:
    """Return the CSS variable of a colour: ``var(--c-blue)`` for `BLUE`.

    Raises
    ------
    KeyError
        If it is none of the colours above: on a page of the other scheme it could be unreadable.
    """
    return f"var(--c-{DARK[colour.upper()][0]})"


def declarations(dark: bool) -> str:
    """Return the declarations of all variables, light or dark, for a CSS rule."""
    values = [(name, value if dark else light) for light, (name, value) in DARK.items()]
    return " ".join(f"--c-{name}: {value.lower()};" for name, value in values)
