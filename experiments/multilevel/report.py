"""Tables and pictures of weights of few levels."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from experiments.multilevel.capacity import SYNAPSES
from experiments.multilevel.runs import DEVICES, LEVELS_STUDIED, N_PAIRS
from experiments.pictures import legend_above, svg
from experiments.tables import Record, cell, markdown, of
from streamlearn.report import colours
from streamlearn.report import svg as style

#: Of the paper, in %: one, two and seven devices, and a float accumulator.
PUBLISHED = {"1": 81.1, "2": 82.7, "7": 83.7, "float": 83.2}
_NAMES = {"1": "1 device", "2": "2 devices", "7": "7 devices", "float": "float64, the mean step"}
_COLOURS = (colours.BLUE, colours.SKY, colours.GREEN, colours.VERMILLION)


def _ends(records: Sequence[Record]) -> list[list[float]]:
    """Return the accuracy on each task after the last, seed by seed."""
    return [record["newest"][-1] for record in records]


def split_table(records: Sequence[Record]) -> str:
    """Mean accuracy after the five tasks beside the published one, and that of each task."""
    rows = []
    for algorithm, (devices, _) in DEVICES.items():
        mine = [r for r in of(records, algorithm=algorithm) if len(r["newest"]) == N_PAIRS]
        if not mine:
            continue
        ends = _ends(mine)
        levels = str(devices * 31 + 1) if algorithm != "float" else "–"
        each = [cell([end[task] for end in ends], 1) for task in range(N_PAIRS)]
        published = f"{PUBLISHED[algorithm]:.1f}"
        overall = cell([mean(end) for end in ends])
        rows.append([_NAMES[algorithm], levels, published, overall, *each, f"{len(mine)}"])
    pairs = [f"{2 * task}, {2 * task + 1}" for task in range(N_PAIRS)]
    head = ["weights of", "levels", "published", "all five", *pairs, "seeds"]
    return markdown(head, rows)


def split_picture(records: Sequence[Record]) -> str:
    """Mean accuracy over the tasks so far, task after task."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        for algorithm, colour in zip(DEVICES, _COLOURS, strict=True):
            for place, record in enumerate(of(records, algorithm=algorithm)):
                means = [mean(newest) for newest in record["newest"]]
                label = _NAMES[algorithm] if place == 0 else None
                ax.plot(range(1, len(means) + 1), means, color=colour, label=label)
        ax.set_xlabel("pairs of digits learned")
        ax.set_ylabel("accuracy, all so far (%)")
        legend_above(ax)
        return svg(figure)


def sets_table(records: Sequence[Record]) -> str:
    """Both accuracies after both sets, by levels."""
    rows = []
    for levels in LEVELS_STUDIED:
        mine = [r for r in of(records, algorithm=str(levels)) if len(r["newest"]) == 2]
        if mine:
            ends = _ends(mine)
            alone = cell([r["newest"][0][0] for r in mine])
            both = [cell([end[task] for end in ends]) for task in (0, 1)]
            rows.append([f"{levels}", alone, *both, f"{len(mine)}"])
    head = ["levels", "first set, before the second", "first set", "second set", "seeds"]
    return markdown(head, rows)


def sets_picture(records: Sequence[Record]) -> str:
    """Both accuracies after both sets, by levels."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        for task, (name, colour) in enumerate((("first", colours.BLUE), ("second", colours.GREEN))):
            points = [
                (levels, mean(end[task] for end in _ends(mine)))
                for levels in LEVELS_STUDIED
                if (mine := [r for r in of(records, algorithm=str(levels)) if len(r["newest"]) > 1])
            ]
            ax.plot(*zip(*points, strict=True), marker="o", color=colour, label=f"{name} set")
        ax.set_xscale("log", base=2)
        ax.set_xlabel("levels per weight")
        ax.set_ylabel("accuracy after both (%)")
        legend_above(ax)
        return svg(figure)


def capacity_table(records: Sequence[Record]) -> str:
    """How many patterns are remembered, and how many times those of two-state synapses."""
    rows = []
    base = mean([r["capacity"] for r in of(records, algorithm=next(iter(SYNAPSES)))] or [0])
    for name in SYNAPSES:
        mine = of(records, algorithm=name)
        if mine:
            found = [float(r["capacity"]) for r in mine]
            times = f"{mean(found) / base:.2f}" if base else "–"
            rows.append([name, cell(found, 0), times, f"{len(mine)}"])
    return markdown(["synapses", "patterns", "times two-state", "seeds"], rows)


def capacity_picture(records: Sequence[Record]) -> str:
    """Accuracy on all patterns by their number."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        for name, colour in zip(SYNAPSES, _COLOURS, strict=False):
            for place, record in enumerate(of(records, algorithm=name)):
                ax.plot(
                    record["patterns"],
                    [newest[-1] for newest in record["newest"]],
                    color=colour,
                    label=name if place == 0 else None,
                )
        ax.axhline(75, color=colours.GREY, linewidth=0.8)
        ax.set_xlabel("patterns")
        ax.set_ylabel("remembered (%)")
        legend_above(ax)
        return svg(figure)
