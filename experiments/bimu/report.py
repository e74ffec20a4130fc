"""Table and picture of the comparison over 100 permuted tasks."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from experiments.bimu.runs import MORE, NEWEST
from experiments.pictures import legend_above, svg
from experiments.tables import Record, cell, markdown, of
from streamlearn.report import colours
from streamlearn.report import svg as style

NAMES = {
    "bimu": "BiMU, q8, rows of 32 samples",
    "bimu-64": "BiMU, q8, rows of 64 samples",
    "bimu-at-once": "BiMU, q8, every sample",
    "bimu-defaults": "BiMU, q8, defaults",
    "bimu-q16": "BiMU, q16",
    "bimu-float": "BiMU, float32",
    "mesu": "MESU, float32",
    "mesu-q16": "MESU, q16",
    "metaplastic": "metaplastic, q8",
    "ewc-online": "online EWC",
    "si": "SI",
    "sgd": "SGD",
}
#: Of each name in turn; the second five are dashed.
_COLOURS = (colours.BLUE, colours.SKY, colours.GREEN, colours.VERMILLION, colours.PURPLE)


def last(record: Record) -> list[float]:
    """Return the accuracy on the newest twenty tasks at the end, the newest last."""
    windows = record["windows"]
    found: list[float] = windows[max(windows, key=int)]["accuracy"]
    return found


def areas_of(record: Record) -> list[float]:
    """Return the areas under the ROC curve of the newest five tasks at the end, if measured."""
    windows = record["windows"]
    found: list[float] = windows[max(windows, key=int)].get("auc", [])
    return found


def bimu_table(records: Sequence[Record]) -> str:
    """Last-task accuracy and that on the newest five and twenty at the end; bytes and speed."""
    rows = []
    for algorithm, name in NAMES.items():
        mine = of(records, algorithm=algorithm)
        if not mine:
            continue
        ends = [last(record) for record in mine]
        n = sum(int(r["tasks_done"]) * int(r["identity"]["limit"] or 60_000) for r in mine)
        speed = n / max(sum(sum(r["train_s"]) for r in mine), 1e-9)
        rows.append(
            [
                name,
                f"{mine[0]['bytes']:,}",
                f"{min(int(r['tasks_done']) for r in mine)}",
                cell([end[-1] for end in ends]),
                cell([mean(end[-NEWEST:]) for end in ends]),
                cell([mean(end) for end in ends if len(end) == MORE]),
                cell([mean(areas) for areas in map(areas_of, mine) if areas], 3),
                f"{len(mine)}",
                f"{speed:,.0f}",
            ]
        )
    head = [
        "784-100-10",
        "state, bytes",
        "tasks",
        "newest",
        f"last {NEWEST}",
        "last 20",
        "AUC, Fashion",
    ]
    return markdown([*head, "seeds", "samples/s"], rows)


def bimu_picture(records: Sequence[Record]) -> str:
    """Mean accuracy on the newest five tasks, task after task."""
    with style.drawing():
        figure = style.new_figure(3.2)
        ax = figure.subplots()
        for line, (algorithm, name) in enumerate(NAMES.items()):
            for place, record in enumerate(of(records, algorithm=algorithm)):
                means = [mean(newest) for newest in record["newest"]]
                ax.plot(
                    range(1, len(means) + 1),
                    means,
                    color=_COLOURS[line % len(_COLOURS)],
                    linestyle="--" if line >= len(_COLOURS) else "-",
                    label=name if place == 0 else None,
                )
        ax.set_xlabel("tasks learned")
        ax.set_ylabel(f"accuracy, newest {NEWEST} (%)")
        legend_above(ax)
        return svg(figure)
