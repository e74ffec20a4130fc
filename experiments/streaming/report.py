"""Table and picture of the streaming comparison (docs/reproduction.md)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from experiments.pictures import legend_above, svg
from experiments.streaming.settings import MILESTONES, N_HUNDRED
from experiments.tables import Record, cell, markdown, of
from streamlearn.report import colours
from streamlearn.report import svg as style

NAMES = {
    "metaplastic": "metaplastic, q8",
    "plastic": "metaplastic for one task, q8",
    "no-memory": "m = 0, q8",
    "twin": "metaplastic, float64 reference",
    "mlp": "float MLP, SGD",
    "ewc-online": "float MLP, online EWC, told the tasks",
    "si": "float MLP, SI, told the tasks",
    "mesu-q16": "MESU, q16",
}
GATED_NAMES = {
    "gated-32-of-64": "float64 reference, 32 of 64 blocks",
    "gated-16-of-64": "float64 reference, 16 of 64 blocks",
    "gated-32-of-64-q8": "32 of 64 blocks, q8",
    "gated-16-of-64-q8": "16 of 64 blocks, q8",
}
LONG_NAMES = {"mesu-q16-window": "MESU, q16, window of 600,000"}
ALL_NAMES = NAMES | GATED_NAMES | LONG_NAMES
#: Those of gated rules are others' too: beside these their lines are dashed.
_IN_ORDER = (
    colours.BLUE,
    colours.GREY,
    colours.VERMILLION,
    colours.BLACK,
    colours.ORANGE,
    colours.SKY,
    colours.PURPLE,
    colours.GREEN,
    colours.SKY,
    colours.PURPLE,
    colours.ORANGE,
    colours.GREEN,
    colours.GREY,
)
COLOURS = dict(zip(ALL_NAMES, _IN_ORDER, strict=True))


def widths_of(records: Sequence[Record]) -> list[int]:
    """Return the widths of the metaplastic network that there are runs for."""
    return sorted({int(record["identity"]["width"]) for record in records})


def accuracies(records: Sequence[Record], tasks: int) -> list[list[float]]:
    """Return the accuracy on every task after so many, of the runs that got there."""
    windows = [record["windows"].get(str(tasks)) for record in records]
    return [window["accuracy"] for window in windows if window is not None]


def streaming_table(records: Sequence[Record]) -> str:
    """Average accuracy and the last task's accuracy after 1, 6, 10 and 20; bytes and speed."""
    rows = []
    for width in widths_of(records):
        for algorithm, name in ALL_NAMES.items():
            mine = of(records, width=width, algorithm=algorithm)
            if not mine:
                continue
            layers = "-".join(map(str, mine[0]["identity"]["layers"]))
            cells = [name, layers, f"{mine[0]['bytes']:,}"]
            for tasks in MILESTONES:
                found = accuracies(mine, tasks)
                means, lasts = [mean(run) for run in found], [run[-1] for run in found]
                text = f"{cell(means)} / {cell(lasts)} ({len(found)})"
                cells.append(text if tasks > 1 else f"{cell(means)} ({len(found)})")
            rows.append([*cells, *(f"{mean(speeds):,.0f}" for speeds in _speeds(mine))])
    head = ["", "layers", "state, bytes", *(f"T = {tasks}" for tasks in MILESTONES)]
    return markdown([*head, "samples/s, all tasks", "first task", "last task"], rows)


#: Of the table of a hundred tasks: after how many.
_LONG = (20, 50, N_HUNDRED)


def hundred_table(records: Sequence[Record]) -> str:
    """Average accuracy of the newest five tasks, of all, and of the last, along a hundred."""
    rows = []
    for algorithm, name in ALL_NAMES.items():
        mine = of(records, algorithm=algorithm)
        if not mine:
            continue
        layers = "-".join(map(str, mine[0]["identity"]["layers"]))
        cells = [name, layers, f"{mine[0]['bytes']:,}"]
        for tasks in _LONG:
            found = accuracies(mine, tasks)
            cells.append(" / ".join(cell(part) for part in _parts(found)) if found else "–")
        rows.append([*cells, f"{len(mine)}"])
    after = (f"T = {tasks}: newest 5 / all / last" for tasks in _LONG)
    return markdown(["", "layers", "state, bytes", *after, "seeds"], rows)


def _parts(found: Sequence[Sequence[float]]) -> list[list[float]]:
    return [
        [mean(run[-5:]) for run in found],
        [mean(run) for run in found],
        [run[-1] for run in found],
    ]


def hundred_picture(records: Sequence[Record]) -> str:
    """Accuracy on each task after all of them, in the order they were learned."""
    with style.drawing():
        figure = style.new_figure(3.8)
        ax = figure.subplots()
        for algorithm, name in ALL_NAMES.items():
            found = accuracies(of(records, algorithm=algorithm), N_HUNDRED)
            if found:
                heights = [mean(column) for column in zip(*found, strict=True)]
                colour = COLOURS[algorithm]
                dashes = "-" if algorithm in NAMES else "--"
                at = range(1, len(heights) + 1)
                ax.plot(at, heights, dashes, color=colour, lw=1.1, label=name)
        ax.set_xlabel("task, after a hundred of them")
        ax.set_ylabel("accuracy, %")
        if ax.lines:
            legend_above(ax, 2)
        return svg(figure)


def _speeds(records: Sequence[Record]) -> list[list[float]]:
    """Return samples a second over all tasks, in the first and in the last, of every run."""
    found: list[list[float]] = [[], [], []]
    for record in records:
        each = int(record["identity"]["limit"] or 60_000)
        seconds = record["train_s"]
        for speeds, s in zip(found, (mean(seconds), seconds[0], seconds[-1]), strict=True):
            speeds.append(each / max(s, 1e-9))
    return found


def streaming_picture(records: Sequence[Record]) -> str:
    """Accuracy on each task after ten, by age, one panel a width."""
    with style.drawing():
        widths = widths_of(records)
        figure = style.new_figure(2.2 * max(len(widths), 1) + 0.6)
        axes = figure.subplots(max(len(widths), 1), 1, sharex=True, sharey=True, squeeze=False)
        for ax, width in zip(axes[:, 0], widths, strict=False):
            for algorithm, name in ALL_NAMES.items():
                found = accuracies(of(records, width=width, algorithm=algorithm), 10)
                if found:
                    heights = [mean(column) for column in zip(*found, strict=True)]
                    at = range(1, len(heights) + 1)
                    colour = COLOURS[algorithm]
                    ax.plot(at, heights, "-o", color=colour, ms=3, lw=1.1, label=name)
            ax.set_ylabel(f"H = {width}: accuracy, %")
        axes[-1, 0].set_xlabel("task, after ten of them")
        if axes[0, 0].lines:
            legend_above(axes[0, 0])
        return svg(figure)
