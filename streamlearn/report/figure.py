"""A picture of panels, laid out and written as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin

from streamlearn.report.colours import GREY, GRID, INK, variable
from streamlearn.report.plot import TICK, Entry, Panel, Place, written
from streamlearn.report.sheet import Sheet
from streamlearn.report.text import escaped
from streamlearn.report.ticks import Axis, text_width

#: Size of the letters of labels, and the height of a line of them, in points.
LABEL, LINE = 10.0, 12.5
#: Points that stay free around a picture, between two panels, and between a tick and its text.
EDGE, BETWEEN, GAP = 5.0, 9.0, 4.5
#: Degrees by which long names of ticks are turned; points of a line in a legend.
TILT, HANDLE = 40.0, 24.0
POINTS_PER_INCH = 72


class Figure:
    """Panels one below the other, and a legend below them.

    Parameters
    ----------
    height_in
        In inches, the legend included.
    sheet
        How wide it is.
    """

    def __init__(self, height_in: float, sheet: Sheet) -> None:
        self._sheet = sheet
        self._width, self._height = POINTS_PER_INCH * sheet.width_in, POINTS_PER_INCH * height_in
        self._panels: list[Panel] = []
        self._ratios: Sequence[float] = ()
        self._legend: tuple[list[Entry], int] = ([], 1)

    def panels(
        self, n: int = 1, ratios: Sequence[float] | None = None, *, shared: bool = False
    ) -> list[Panel]:
        """Return `n` panels, from the top; call it once.

        Parameters
        ----------
        n
        ratios
            Of their heights; None: all are the same.
        shared
            Whether they have one horizontal axis, below the last of them.
        """
        x = Axis()
        self._panels = [Panel(x if shared else Axis()) for _ in range(n)]
        self._ratios = ratios or [1.0] * n
        return self._panels

    def legend(self, entries: Sequence[Entry] = (), columns: int | None = None) -> None:
        """Put a legend below the panels: of given lines, or of all that have a label."""
        found = [*entries] or [one for panel in self._panels for one in panel.entries]
        self._legend = (found, columns or self._sheet.n_columns)

    def svg(self, name: str, description: str) -> str:
        """Return the picture as an ``<svg>`` element for an HTML page.

        Parameters
        ----------
        name
            Begins every id: different for each picture of a page.
        description
            What a screen reader says instead of the picture; not escaped.
        """
        self._lay_out()
        parts = []
        for i, panel in enumerate(self._panels):
            place, clip = panel.place, f"{name}-{self._sheet.name}-{i}"
            size = f'width="{place.width:.2f}" height="{place.height:.2f}"'
            edge = f'<rect x="{place.left:.2f}" y="{place.top:.2f}" {size}/>'
            inside = panel.drawn(clip)
            if any(f"#{clip}" in part for part in inside):
                parts.append(f'<clipPath id="{clip}">{edge}</clipPath>')
            parts += self._grid(panel) if panel.framed else ()
            parts += inside
            parts += self._frame(panel, self._is_last_of(panel.x, i)) if panel.framed else ()
        box = f'viewBox="0 0 {self._width:g} {self._height:g}"'
        said = f'role="img" aria-label="{escaped(description)}"'
        return "\n".join(
            [f'<svg class="{self._sheet.name}" {said} {box}>', *parts, *self._key(), "</svg>"]
        )

    def _is_last_of(self, axis: Axis, i: int) -> bool:
        return all(panel.x is not axis for panel in self._panels[i + 1 :])

    def _lay_out(self) -> None:
        """Give each panel its place: what stands beside it has the room that it needs."""
        framed = [panel for panel in self._panels if panel.framed]
        left = EDGE + max((_left_of(panel) for panel in framed), default=0.0)
        right = EDGE + max((_right_of(panel) for panel in framed), default=0.0)
        above = [panel.above + 2 for panel in self._panels]
        below = [
            _below(panel, self._is_last_of(panel.x, i)) if panel.framed else 0.0
            for i, panel in enumerate(self._panels)
        ]
        room = self._height - 2 * EDGE - self._key_height() - sum(above) - sum(below)
        room -= BETWEEN * (len(self._panels) - 1)
        y = EDGE
        for i, (panel, ratio) in enumerate(zip(self._panels, self._ratios, strict=True)):
            height = max(10.0, room * ratio / sum(self._ratios))
            panel.place = Place(left, y + above[i], self._width - left - right, height)
            y += above[i] + height + below[i] + BETWEEN

    def _grid(self, panel: Panel) -> list[str]:
        found, place = [], panel.place
        look = f'style="fill: none; stroke: {variable(GRID)}" stroke-width="0.7"'
        if panel.y.grid:
            ys = panel._y([value for value, _ in panel.y.marks()]).tolist()
            found += [f"M{place.left:.2f} {y:.2f}h{place.width:.2f}" for y in ys]
        if panel.x.grid:
            xs = panel._x([value for value, _ in panel.x.marks()]).tolist()
            found += [f"M{x:.2f} {place.top:.2f}v{place.height:.2f}" for x in xs]
        return [f'<path {look} d="{"".join(found)}"/>'] if found else []

    def _frame(self, panel: Panel, last: bool) -> list[str]:
        """Return both axes with ticks and labels."""
        left, top, width, height = panel.place
        foot, parts = top + height, []
        edges = [f"M{left:.2f} {top:.2f}v{height:.2f}"] if panel.y.visible else []
        edges += [f"M{left:.2f} {foot:.2f}h{width:.2f}"] if panel.x.visible else []
        marks = panel.y.marks()
        for y, (_, text) in zip(panel._y([v for v, _ in marks]).tolist(), marks, strict=True):
            edges += [f"M{left:.2f} {y:.2f}h-3"] if panel.y.visible else []
            parts.append(written(text, left - GAP, y + 0.35 * TICK, TICK, "right", GREY))
        marks = panel.x.marks()
        for x, (_, text) in zip(panel._x([v for v, _ in marks]).tolist(), marks, strict=True):
            edges += [f"M{x:.2f} {foot:.2f}v3"] if panel.x.visible else []
            if last and panel.x.tilted:
                parts.append(written(text, x, foot + TICK, TICK, "right", GREY, turn=-TILT))
            elif last:
                parts.append(written(text, x, foot + GAP + TICK, TICK, "center", GREY))
        look = f'style="fill: none; stroke: {variable(GREY)}" stroke-width="0.7"'
        middle, lines = top + height / 2, panel.y.label.split("\n")
        for i, line in enumerate(lines if panel.y.label else ()):
            x = EDGE + LABEL + i * LINE
            parts.append(written(line, x, middle, LABEL, "center", INK, turn=-90))
        if last and panel.x.label:
            under = foot + _below(panel, last) - 2
            parts.append(written(panel.x.label, left + width / 2, under, LABEL, "center", INK))
        return [f'<path {look} d="{"".join(edges)}"/>', *parts] if edges else parts

    def _key_height(self) -> float:
        entries, columns = self._legend
        return LINE * 1.15 * -(-len(entries) // columns) + (6 if entries else 0)

    def _key(self) -> list[str]:
        """Return the legend: columns are filled one after the other."""
        entries, columns = self._legend
        if not entries:
            return []
        rows = -(-len(entries) // columns)
        widths = [text_width(one.label, TICK) for one in entries[:rows]]
        second = max(EDGE + HANDLE + 26 + max(widths), self._width * 0.3)
        top, parts = self._height - self._key_height() + 4, []
        for i, (label, look) in enumerate(entries):
            x = second if i >= rows else EDGE + 4
            y = top + LINE * 1.15 * (i % rows) + 5
            parts.append(f'<path {look} d="M{x:.2f} {y:.2f}h{HANDLE:g}"/>')
            parts.append(written(label, x + HANDLE + 6, y + 0.35 * TICK, TICK, "left", INK))
        return parts


def _left_of(panel: Panel) -> float:
    """Return the room that ticks and label take left of a panel."""
    ticks = max((text_width(text, TICK) for _, text in panel.y.marks()), default=0.0)
    lines = panel.y.label.count("\n") + 1 if panel.y.label else 0
    return LINE * lines + (ticks + GAP + 6 if ticks else 3)


def _right_of(panel: Panel) -> float:
    """Return by how much the text at the last tick may reach beyond a panel."""
    marks = panel.x.marks()
    if panel.x.tilted or not marks:
        return 2.0
    (value, text), (first, last) = marks[-1], panel.x.limits
    near = (last - value) / (last - first) if last != first else 0.0
    return max(2.0, text_width(text, TICK) / 2 - 250 * near)


def _below(panel: Panel, last: bool) -> float:
    """Return the room that ticks and label take below a panel."""
    if not last:
        return 3.0
    marks = panel.x.marks()
    widest = max((text_width(text, TICK) for _, text in marks), default=0.0)
    tilted = widest * sin(radians(TILT)) + TICK * cos(radians(TILT)) + 2
    ticks = (tilted if panel.x.tilted else GAP + TICK + 2) if marks else 0.0
    return ticks + (LINE + 2 if panel.x.label else 2)
