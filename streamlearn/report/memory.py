"""Picture 4: what lies in flash and in RAM, against what the board has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report.colours import (
    BLACK,
    BLUE,
    FAINT,
    FREE,
    GREEN,
    GREY,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
)
from streamlearn.report.data import ReportData
from streamlearn.report.figure import Figure
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.plot import Panel
from streamlearn.report.sheet import Sheet
from streamlearn.report.text import number, percent, shortened, size

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, GREY, BLACK)
TITLES = {"flash": "Flash", "ram": "RAM"}
#: Below this share of the board's memory, the parts get a second bar on their own scale.
ZOOM_BELOW = 0.4
BAR, GAP, LINE = 0.6, 0.55, 0.42


def draw_memory(data: ReportData) -> Picture | None:
    """Draw one map for each memory; None if nothing is known of any."""
    kinds = [kind for kind in (*TITLES, *data.memory) if _parts(data.memory.get(kind, {}))]
    kinds = list(dict.fromkeys(kinds))
    if not kinds:
        return None
    finding = "; ".join(_finding(TITLES.get(kind, kind), data.memory[kind]) for kind in kinds)
    svg = on_every_sheet(lambda sheet: _figure(data, kinds, sheet), "memory", finding)
    memories = [data.memory[kind] for kind in kinds]
    reading = "Bar: all that the board has; grey is free."
    if any(_zoomed(memory) for memory in memories):
        reading += " Lower bar: the used part, stretched."
    if any(_overflows(memory) for memory in memories):
        reading += " Red line: where the board's memory ends."
    return Picture(finding, svg, reading)


def _figure(data: ReportData, kinds: list[str], sheet: Sheet) -> Figure:
    heights = [_height(data.memory[kind], sheet) for kind in kinds]
    figure = Figure(0.42 * sum(heights) + 0.55 * len(kinds), sheet)
    axes = figure.panels(len(kinds), heights)
    for kind, ax, height in zip(kinds, axes, heights, strict=True):
        _draw_one(ax, TITLES.get(kind, kind), data.memory[kind], height, sheet)
    return figure


def _parts(memory: Mapping[str, Any]) -> list[tuple[str, float]]:
    found = [(name, number(n) or 0.0) for name, n in (memory.get("parts") or {}).items()]
    return [(name, n) for name, n in found if n > 0]


def _available(memory: Mapping[str, Any]) -> float:
    return number(memory.get("bytes_available")) or 0.0


def _overflows(memory: Mapping[str, Any]) -> bool:
    return 0 < _available(memory) < sum(n for _, n in _parts(memory))


def _zoomed(memory: Mapping[str, Any]) -> bool:
    used = sum(n for _, n in _parts(memory))
    return used < ZOOM_BELOW * _available(memory)


def _height(memory: Mapping[str, Any], sheet: Sheet) -> float:
    rows = -(-len(_parts(memory)) // sheet.n_columns)
    return 0.6 + BAR + (GAP + BAR if _zoomed(memory) else 0) + 0.25 + LINE * rows


def _draw_one(
    ax: Panel, title: str, memory: Mapping[str, Any], height: float, sheet: Sheet
) -> None:
    parts, available = _parts(memory), _available(memory)
    used = sum(n for _, n in parts)
    whole = max(used, available)
    y = 0.6
    ax.framed = False
    ax.x.limit(0, whole)
    ax.y.limit(height, 0)
    name = f"{title}: {size(used)}"
    if available:
        name += f" of {size(available)}"
        name += f" ({percent(used / available)})" if sheet.n_columns > 1 else ""
    ax.write(name, 0, 0.1, size=10, up=-9, bold=True)
    ax.box(0, y, whole, BAR, FREE)
    _stack(ax, parts, y, 1.0)
    if _overflows(memory):
        ends = y - 0.12, y + BAR + 0.12
        ax.line([available] * 2, ends, VERMILLION, 2.5, order=3, clip=False)
    if _zoomed(memory):
        stretch = whole / used
        for share, end in ((0.0, 0.0), (used, whole)):
            ax.line([share, end], [y + BAR, y + BAR + GAP], FAINT, 0.8)
        y += BAR + GAP
        _stack(ax, parts, y, stretch)
    y += BAR + 0.25
    for i, (part, n) in enumerate(parts):
        x = whole * 0.52 * (i % sheet.n_columns)
        row = y + LINE * (i // sheet.n_columns)
        width = whole * 0.132 / sheet.width_in
        ax.box(x, row + 0.07, width, LINE - 0.14, _colour(i))
        ax.write(f"{shortened(part, 26)}  {size(n)}", x + 1.6 * width, row + LINE / 2, up=-3.3)


def _stack(ax: Panel, parts: list[tuple[str, float]], y: float, stretch: float) -> None:
    start = 0.0
    for i, (_, n) in enumerate(parts):
        width = n * stretch
        ax.box(start, y, width, BAR, _colour(i), edge=PAPER)
        start += width


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _finding(title: str, memory: Mapping[str, Any]) -> str:
    parts, available = _parts(memory), _available(memory)
    used = sum(n for _, n in parts)
    if not available:
        return f"{title} takes {size(used)}"
    if _overflows(memory):
        return f"{title} does not fit: {size(used)} of {size(available)}"
    return f"{title} is {percent(used / available)} full: {size(used)} of {size(available)}"
