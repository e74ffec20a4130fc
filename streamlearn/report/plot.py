"""Pictures of a page, written as SVG at once: panels one below the other, and a legend.

A report of ten pictures costs a few milliseconds. Text is text, in the font of the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.report.colours import INK, variable
from streamlearn.report.text import escaped
from streamlearn.report.ticks import Axis

Floats = NDArray[np.float64]
Dashes = Sequence[float]
#: Size of small letters, in points.
TICK = 9.5
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}


class Place(NamedTuple):
    """Where a panel lies in the picture, in points."""

    left: float
    top: float
    width: float
    height: float


class Entry(NamedTuple):
    """A line of a legend."""

    label: str
    look: str


Item = tuple[float, bool, Callable[["Panel"], str]]


class Panel:
    """One coordinate system.

    Parameters
    ----------
    x
        The horizontal axis; panels of one picture may share it.

    Attributes
    ----------
    x, y : Axis
    entries : list
        What a legend has of it.
    """

    def __init__(self, x: Axis) -> None:
        self.x, self.y = x, Axis()
        self.entries: list[Entry] = []
        self.place = Place(0, 0, 1, 1)
        self.above = 0.0
        self.framed = True
        self._items: list[Item] = []

    def line(
        self, x: ArrayLike, y: ArrayLike, colour: str, width: float = 1.2, dashes: Dashes = (),
        *, order: float = 2, label: str | None = None, radius: float = 0.0, clip: bool = True,
    ) -> Entry:  # fmt: skip
        """Draw a line through points; it is broken where a value is not finite.

        Parameters
        ----------
        x, y
            float ``[n]``.
        colour, width, dashes
            Width in points; lengths of dashes and gaps in widths.
        order
            What has a larger one lies on top.
        label
            Of the legend; None: none.
        radius
            Of a dot at each point; 0: none.
        clip
            Whether what lies outside the panel is cut off.
        """
        at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self._saw(at, values)
        look = self._look(colour, width, dashes)

        def draw(panel: Panel) -> str:
            found = f'<path {look} d="{panel._path(at, values)}"/>'
            return found + (panel._dots(at, values, colour, radius, 1.0) if radius else "")

        self._items.append((order, clip, draw))
        entry = Entry(label or "", look)
        if label:
            self.entries.append(entry)
        return entry

    def dots(
        self, x: ArrayLike, y: ArrayLike, colour: str, radius: float, opacity: float, order: float
    ) -> None:
        """Draw a dot at each point."""
        at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self._saw(at, values)
        self._items.append((order, True, lambda p: p._dots(at, values, colour, radius, opacity)))

    def band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, opacity: float
    ) -> None:
        """Fill the room between two lines."""
        at = np.asarray(x, np.float64)
        ends = [np.asarray(side, np.float64) for side in (low, high)]
        for side in ends:
            self._saw(at, side)
        known = np.isfinite(ends[0]) & np.isfinite(ends[1])
        around = np.concatenate([at[known], at[known][::-1]])
        edge = np.concatenate([ends[0][known], ends[1][known][::-1]])
        look = f'style="fill: {variable(colour)}" fill-opacity="{opacity:g}"'
        self._items.append((1.5, True, lambda p: f'<path {look} d="{p._path(around, edge)}Z"/>'))

    def box(
        self, x: float, y: float, width: float, height: float, colour: str,
        opacity: float = 1.0, edge: str | None = None,
    ) -> None:  # fmt: skip
        """Fill a rectangle, its sizes in the units of the axes."""
        look = f"fill: {variable(colour)}" + (f"; stroke: {variable(edge)}" if edge else "")
        more = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
        more += ' stroke-width="0.4"' if edge else ""

        def draw(panel: Panel) -> str:
            (a, b), (c, d) = panel._x([x, x + width]), panel._y([y, y + height])
            size = f'width="{abs(b - a):.2f}" height="{abs(d - c):.2f}"'
            return f'<rect x="{min(a, b):.2f}" y="{min(c, d):.2f}" {size} style="{look}"{more}/>'

        self._items.append((1, False, draw))

    def upright(
        self, at: float, colour: str, width: float, dashes: Dashes = (), order: float = 1
    ) -> None:
        """Draw a line from the top to the bottom."""
        look = self._look(colour, width, dashes)

        def draw(panel: Panel) -> str:
            place = panel.place
            return f'<path {look} d="M{panel._x([at])[0]:.2f} {place.top:.2f}v{place.height:.2f}"/>'

        self._items.append((order, True, draw))

    def level(self, at: float, colour: str, width: float) -> None:
        """Draw a line from side to side."""
        look = self._look(colour, width, ())

        def draw(panel: Panel) -> str:
            left, y = panel.place.left, panel._y([at])[0]
            return f'<path {look} d="M{left:.2f} {y:.2f}h{panel.place.width:.2f}"/>'

        self._items.append((1, True, draw))

    def triangle(self, at: float, colour: str) -> None:
        """Draw a triangle at the upper edge that points down."""

        def draw(panel: Panel) -> str:
            x, y = panel._x([at])[0], panel.place.top
            style = f'style="fill: {variable(colour)}"'
            return f'<path {style} d="M{x - 3:.2f} {y - 3:.2f}h6l-3 6z"/>'

        self._items.append((30, False, draw))

    def write(
        self, text: str, x: float, y: float, colour: str = INK, size: float = TICK,
        side: str = "left", up: float = 0.0, *, of_panel: tuple[bool, bool] = (False, False),
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Write a text.

        Parameters
        ----------
        text, colour, size
        x, y
            Where its baseline's end is, as `side` says: in the units of the axes.
        side
            "left", "center" or "right".
        up
            Points to move it up.
        of_panel
            Whether x, and whether y, is a share of the panel, from the lower left corner.
        bold
            Whether it is.
        """
        if of_panel[1] and y >= 1:
            self.above = max(self.above, up + size)

        def draw(panel: Panel) -> str:
            place = panel.place
            h = place.left + x * place.width if of_panel[0] else panel._x([x])[0]
            v = place.top + (1 - y) * place.height if of_panel[1] else panel._y([y])[0]
            return written(text, h, v - up, size, side, colour, bold=bold)

        self._items.append((20, False, draw))

    def _saw(self, x: Floats, y: Floats) -> None:
        for axis, values in ((self.x, x), (self.y, y)):
            known = values[np.isfinite(values)]
            if len(known):
                axis.saw(float(known.min()), float(known.max()))

    @staticmethod
    def _look(colour: str, width: float, dashes: Dashes) -> str:
        dashed = " ".join(f"{length * width:.4g}" for length in dashes)
        look = f'style="fill: none; stroke: {variable(colour)}" stroke-width="{width:.4g}"'
        return look + (f' stroke-dasharray="{dashed}"' if dashed else "")

    def _x(self, values: ArrayLike) -> Floats:
        share = _share(np.asarray(values, np.float64), *self.x.limits)
        return self.place.left + share * self.place.width

    def _y(self, values: ArrayLike) -> Floats:
        (first, last), at = self.y.limits, np.asarray(values, np.float64)
        if self.y.log:
            first, last, at = math.log(first), math.log(last), np.log(at)
        return self.place.top + (1 - _share(at, first, last)) * self.place.height

    def _path(self, x: Floats, y: Floats) -> str:
        across, down = np.clip(self._x(x), -1e4, 1e4), np.clip(self._y(y), -1e4, 1e4)
        known = np.isfinite(across) & np.isfinite(down)
        begins = known & ~np.concatenate([[False], known[:-1]])
        pairs = zip(
            begins[known].tolist(), across[known].tolist(), down[known].tolist(), strict=True
        )
        return "".join(f"{'M' if first else 'L'}{a:.1f} {b:.1f}" for first, a, b in pairs)

    def _dots(self, x: Floats, y: Floats, colour: str, radius: float, opacity: float) -> str:
        """Return dots as one path: lines of no length with round ends."""
        across, down = self._x(x), self._y(y)
        known = np.isfinite(across) & np.isfinite(down)
        pairs = zip(across[known].tolist(), down[known].tolist(), strict=True)
        look = f'style="stroke: {variable(colour)}; stroke-linecap: round; fill: none"'
        look += f' stroke-width="{2 * radius:g}" stroke-opacity="{opacity:g}"'
        return f'<path {look} d="{"".join(f"M{a:.1f} {b:.1f}h0" for a, b in pairs)}"/>'

    def drawn(self, clip: str) -> list[str]:
        """Return everything inside the panel, from the lowest; `clip` is the id of its edge."""
        items = sorted(self._items, key=lambda item: item[0])
        return [
            f'<g clip-path="url(#{clip})">{draw(self)}</g>' if clipped else draw(self)
            for _, clipped, draw in items
        ]


def _share(values: Floats, first: float, last: float) -> Floats:
    """Return how far values lie from one end to the other; halves, for a range may be infinite."""
    return (values / 2 - first / 2) / (last / 2 - first / 2)


def written(
    text: str, x: float, y: float, size: float, side: str, colour: str,
    *, turn: float = 0.0, bold: bool = False,
) -> str:  # fmt: skip
    """Return a text as SVG, its baseline at a point; one element."""
    more = f' transform="rotate({turn:g} {x:.2f} {y:.2f})"' if turn else ""
    more += ' font-weight="bold"' if bold else ""
    more += f' text-anchor="{_ANCHORS[side]}"' if side != "left" else ""
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}" style="fill: {variable(colour)}"'
        f"{more}>{escaped(text)}</text>"
    )
