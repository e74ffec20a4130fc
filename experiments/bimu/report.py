"""Table and picture of the comparison over 100 permuted tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

from experiments.bimu.runs import MORE, MOST, NEWEST
from experiments.pictures import legend_above, svg
from experiments.tables import Record, cell, markdown, of
from streamlearn.report import colours
from streamlearn.report import svg as style

NAMES = {
    "bimu": "BiMU, q8",
    "bimu-q16": "BiMU, q16",
    "bimu-float": "BiMU, float32",
    "bimu-one": "BiMU, q8, for one task",
    "bimu-one-q16": "BiMU, q16, for one task",
    "bimu-one-drawn": "BiMU, as published, for one task",
    "bimu-hard": "BiMU, q8, weights ±1",
    "bimu-hard-float": "BiMU, float32, weights ±1",
    "bimu-drawn": "BiMU, float32, as published",
    "mesu": "MESU, float32",
    "mesu-q16": "MESU, q16",
    "metaplastic": "metaplastic, q8",
    "metaplastic-published": "metaplastic, as published",
    "ewc-online": "online EWC",
    "si": "SI",
    "sgd": "SGD",
}
#: Of the newest five tasks.
AREAS = ("AUC, permuted Fashion", "AUC, Fashion as it is")
#: Of each name in turn; the second five are dashed.
_COLOURS = (colours.BLUE, colours.SKY, colours.GREEN, colours.VERMILLION, colours.PURPLE)


def last(record: Record) -> list[float]:
    """Return the accuracy on the newest twenty tasks at the end, the newest last."""
    windows = record["windows"]
    found: list[float] = windows[max(windows, key=int)]["accuracy"]
    return found


def tasks_of(record: Record) -> int:
    """Return after how many tasks those were measured: a run that goes on may be further."""
    return max(map(int, record["windows"]))


def areas_of(record: Record, kind: str = "auc") -> list[float]:
    """Return the areas under the ROC curve of the newest five tasks at the end, if measured."""
    windows = record["windows"]
    found: list[float] = windows[max(windows, key=int)].get(kind, [])
    return found


def _area_cells(records: Sequence[Record]) -> list[str]:
    """Means of the areas: against permuted images, and as they are."""
    return [
        cell([mean(areas) for record in records if (areas := areas_of(record, kind))], 3)
        for kind in ("auc", "auc_as_is")
    ]


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
                f"{min(map(tasks_of, mine))}",
                cell([end[-1] for end in ends]),
                cell([mean(end[-NEWEST:]) for end in ends]),
                cell([mean(end) for end in ends if len(end) == MORE]),
                *_area_cells(mine),
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
        *AREAS,
    ]
    return markdown([*head, "seeds", "samples/s"], rows)


#: By window of ours the paper's N, and its last 5, 20 and 100 and AUC after 1,000 tasks.
PUBLISHED_WINDOWS = {
    46_000.0: ("400", "73.5", "27.9", "13.5", "0.995"),
    81_000.0: ("700", "90.3", "58.3", "20.8", "0.992"),
    116_000.0: ("1000", "89.1", "73.7", "28.6", "0.979"),
    220_000.0: ("1900", "86.6", "75.8", "33.9", "–"),
}


def window_table(records: Sequence[Record]) -> str:
    """Newest 5, 20 and 100 and AUC by memory window: published / ours."""
    rows = []
    for window, (n, *published) in PUBLISHED_WINDOWS.items():
        mine = _of_window(records, window)
        if not mine:
            continue
        found = [record["all"].get("accuracy", last(record)) for record in mine]
        ours = [
            cell([mean(accuracy[-newest:]) for accuracy in found if len(accuracy) >= newest])
            for newest in (NEWEST, MORE, MOST)
        ]
        tasks = min(map(tasks_of, mine))
        both = [f"{theirs} / {own}" for theirs, own in zip(published[:-1], ours, strict=True)]
        both += [published[-1], *_area_cells(mine)]
        rows.append([f"{window:,.0f}", n, f"{tasks} × {len(mine)}", *both])
    head = ["window, samples", "paper's N", "tasks × seeds"]
    ages = [f"last {newest}" for newest in (NEWEST, MORE, MOST)]
    return markdown([*head, *ages, "AUC, Fashion: published", *AREAS], rows)


def _of_window(records: Sequence[Record], window: float) -> list[Record]:
    return [r for r in records if r["identity"]["learner"]["config"]["memory_window"] == window]


def window_picture(records: Sequence[Record]) -> str:
    """Mean accuracy on the newest five tasks, task after task, for each window."""
    return _picture(
        [{f"window {window:,.0f}": _of_window(records, window) for window in PUBLISHED_WINDOWS}]
    )


def bimu_picture(records: Sequence[Record]) -> str:
    """Mean accuracy on the newest five tasks, task after task; BiMU apart from its rivals."""
    lines = {name: of(records, algorithm=key) for key, name in NAMES.items()}
    ours = {name: mine for name, mine in lines.items() if name.startswith("BiMU")}
    return _picture([ours, {name: lines[name] for name in lines if name not in ours}])


def _picture(panels: Sequence[Mapping[str, Sequence[Record]]]) -> str:
    measured = [{name: mine for name, mine in lines.items() if mine} for lines in panels]
    shown = [lines for lines in measured if lines]
    with style.drawing():
        figure = style.new_figure(3.6)
        for ax, lines in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
            for line, (name, mine) in enumerate(lines.items()):
                for place, record in enumerate(mine):
                    means = [mean(newest) for newest in record["newest"]]
                    ax.plot(
                        range(1, len(means) + 1),
                        means,
                        color=_COLOURS[line % len(_COLOURS)],
                        linestyle="--" if line >= len(_COLOURS) else "-",
                        marker="." if len(means) == 1 else "",
                        label=name if place == 0 else None,
                    )
            ax.set_xlabel("tasks learned")
            ax.set_ylabel(f"accuracy, newest {NEWEST} (%)")
            legend_above(ax, columns=1 if len(shown) > 1 else 2)
        return svg(figure)
