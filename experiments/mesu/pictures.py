"""The pictures of the experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import mean

from matplotlib.axes import Axes

from experiments.mesu.measures import FIVE, measured_at
from experiments.mesu.tables import NAMES, by_algorithm
from experiments.pictures import legend_above, plain_numbers, svg
from experiments.tables import Record
from streamlearn.report import colours
from streamlearn.report import svg as style

COLOURS = dict(
    zip(
        NAMES,
        (
            colours.BLUE,
            colours.VERMILLION,  # the two that are in a picture of their own
            colours.GREEN,
            colours.SKY,
            colours.GREY,
            colours.YELLOW,
            colours.VERMILLION,
            colours.GREEN,
            colours.BLACK,
            colours.PURPLE,
            colours.ORANGE,
        ),
        strict=True,
    )
)


def _over_seeds(mine: Sequence[Record], of: Callable[[Record, int], float]) -> list[float]:
    """Return the mean over the runs for every task that all of them have."""
    reached = min(int(record["tasks_done"]) for record in mine)
    return [mean(of(record, t) for record in mine) for t in range(reached)]


def _newest_five(record: Record, t: int) -> float:
    return float(mean(record["newest"][t][-FIVE:]))


def _newest(record: Record, t: int) -> float:
    return float(record["newest"][t][-1])


def _sigma(layer: int, record: Record, t: int) -> float:
    return float(record["sigma"][t][layer])


def _lines(
    ax: Axes, records: Sequence[Record], of: Callable[[Record, int], float], label: str
) -> None:
    for name, mine in by_algorithm(records).items():
        curve = _over_seeds(mine, of)
        ax.plot(
            range(1, len(curve) + 1), curve, color=COLOURS[name], linewidth=1.1, label=NAMES[name]
        )
    ax.set_ylabel(label)


def pmnist_picture(records: Sequence[Record]) -> str:
    """Newest five tasks along the stream, and the newest twenty at its end, by age."""
    with style.drawing():
        figure = style.new_figure(6.4)
        above, below = figure.subplots(2, 1)
        _lines(above, records, _newest_five, "newest 5 tasks, %")
        above.set_xlabel("tasks learned")
        legend_above(above)
        for name, mine in by_algorithm(records).items():
            at = max(map(measured_at, mine))
            if not at:
                continue
            rows = [r["windows"][str(at)]["accuracy"] for r in mine if str(at) in r["windows"]]
            ages = [mean(column) for column in zip(*rows, strict=True)][::-1]
            below.plot(range(len(ages)), ages, color=COLOURS[name], marker=".", linewidth=1.1)
        below.set_xticks(range(0, 20, 5))
        below.set_xlabel("age of the task when the stream ends (0: the newest)")
        below.set_ylabel("test accuracy, %")
        return svg(figure)


def plasticity_picture(records: Sequence[Record]) -> str:
    """Accuracy on the last task, and the mean σ of each layer."""
    with style.drawing():
        figure = style.new_figure(6.4)
        above, below = figure.subplots(2, 1, sharex=True)
        _lines(above, records, _newest, "last task, %")
        legend_above(above)
        for name, mine in by_algorithm(records).items():
            for layer, dashes in enumerate(("-", "--")):
                curve = _over_seeds(mine, partial(_sigma, layer))
                label = f"{NAMES[name]}, layer {layer + 1}"
                at = range(1, len(curve) + 1)
                below.plot(at, curve, dashes, color=COLOURS[name], linewidth=1.1, label=label)
        below.set_yscale("log")
        plain_numbers(below.yaxis)
        below.set_ylabel("mean σ")
        below.set_xlabel("tasks learned")
        below.legend(fontsize=8)
        return svg(figure)


def fixed_point_picture(records: Sequence[Record]) -> str:
    """Newest five tasks along the stream in each arithmetic."""
    with style.drawing():
        figure = style.new_figure(3.4)
        ax = figure.subplots()
        _lines(ax, records, _newest_five, "newest 5 tasks, %")
        ax.set_xlabel("tasks learned")
        legend_above(ax)
        return svg(figure)


def _at_the_end(record: Record, newest: int) -> float:
    return float(mean(record["windows"][str(measured_at(record))]["accuracy"][-newest:]))


def window_picture(records: Sequence[Record]) -> str:
    """Newest five and newest twenty tasks against the memory window, for each width."""
    with style.drawing():
        figure = style.new_figure(3.6)
        ax = figure.subplots()
        found: dict[tuple[int, float], list[Record]] = {}
        for record in records:
            key = (record["identity"]["layers"][1], float(record["identity"]["memory_window"]))
            if measured_at(record):
                found.setdefault(key, []).append(record)
        windows = sorted({window for _, window in found})
        widths = sorted({width for width, _ in found})
        for width, colour in zip(widths, COLOURS.values(), strict=False):
            for newest, dashes in ((FIVE, "-o"), (20, "--s")):
                mine = {n: some for (w, n), some in sorted(found.items()) if w == width}
                heights = [mean(_at_the_end(r, newest) for r in some) for some in mine.values()]
                label = f"{width} hidden, newest {newest}"
                at = [windows.index(n) for n in mine]
                ax.plot(at, heights, dashes, color=colour, markersize=4, linewidth=1.1, label=label)
        ax.set_xticks(range(len(windows)), [f"{window:.2g}" for window in windows])
        ax.set_xlabel("memory window N, samples")
        ax.set_ylabel("test accuracy, %")
        ax.legend()
        return svg(figure)
