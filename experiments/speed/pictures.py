"""The pictures of ``speed``, made from its result alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.pictures import svg
from experiments.speed.names import TORCH_LOCAL
from experiments.speed.tables import Row, rate
from experiments.tables import Record
from streamlearn.report import colours
from streamlearn.report import svg as style

COLOURS = (colours.BLUE, colours.VERMILLION, colours.GREEN, colours.PURPLE, colours.ORANGE)


def _lines(ax: Axes, rows: Sequence[Row], key: str) -> None:
    names = list(dict.fromkeys(row["name"] for row in rows))
    for name, colour in zip(names, (*COLOURS[: len(names) - 1], colours.BLACK), strict=False):
        mine = sorted((row for row in rows if row["name"] == name), key=lambda row: row[key])
        dashes = "--" if name == TORCH_LOCAL else "-"
        costs = [1e6 / rate(row) for row in mine]
        ax.plot([row[key] for row in mine], costs, dashes, marker=".", color=colour, label=name)
    ax.set_ylabel("CPU µs a sample")
    ax.set_ylim(bottom=0)
    ax.legend()


def _scan_picture(section: str, label: str) -> Callable[[Record], str]:
    def draw(record: Record) -> str:
        with style.drawing():
            figure = style.new_figure(3.2)
            ax = figure.subplots()
            _lines(ax, record[section], "at")
            ax.set_xlabel(label)
            return svg(figure)

    return draw


def zeros_picture(record: Record) -> str:
    """Cost by the share of zero inputs; a ring is MNIST's pixels as they are."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        rows = [row for row in record["zeros"] if row["layers"] == [784, 50, 10]]
        shares = [{**row, "percent": 100 * row["share"]} for row in rows]
        _lines(ax, [row for row in shares if row["data"] == "erased"], "percent")
        for row in shares:
            if row["data"] == "pixels":
                ax.plot(
                    row["percent"],
                    1e6 / rate(row),
                    "o",
                    mfc="none",
                    mec=colours.BLACK,
                    markersize=8,
                )
        ax.set_xlabel("zero inputs, % (ring: MNIST's pixels in [0, 1])")
        return svg(figure)


def length_picture(record: Record) -> str:
    """Cost of a sample along the stream, one point a task of 60,000."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        for row, colour in zip(record["length"], COLOURS, strict=False):
            at = (np.arange(len(row["cpu_s"])) + 1) * row["block"] / 1e6
            costs = [1e6 * value for value in row["cpu_s"]]
            ax.plot(at, costs, ".", color=colour, markersize=4, label=row["name"])
        ax.set_xlabel("samples learned, millions")
        ax.set_ylabel("CPU µs a sample")
        ax.set_ylim(bottom=0)
        ax.legend()
        return svg(figure)


PICTURES: dict[str, Callable[[Record], str]] = {
    "width": _scan_picture("width", "hidden units"),
    "draws": _scan_picture("draws", "draws"),
    "zeros": zeros_picture,
    "length": length_picture,
}


def pictures(record: Record) -> Mapping[str, str]:
    """Return every picture by the name of its file."""
    return {name: draw(record) for name, draw in PICTURES.items() if name in record}
