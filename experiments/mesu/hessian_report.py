"""``mesu-hessian``: how well importances follow the Hessian's diagonal, as table and picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import LogLocator

from experiments.pictures import plain_numbers, svg
from experiments.tables import Record, cell, markdown, of
from streamlearn.report import colours
from streamlearn.report import svg as style

Vector = npt.NDArray[np.float64]

#: Estimates of each algorithm's runs: key, and name in table and picture.
ESTIMATES = {
    "mesu": (("mesu", "MESU, (1/σ² - 1/σ_prior²)/N"),),
    "bgd": (("bgd", "BGD, 1/(σ² L)"),),
    "sgd": (
        ("fisher", "EWC's Fisher, image by image"),
        ("fisher_batch", "EWC's Fisher, batches of 32"),
        ("si", "SI's importance"),
    ),
}


def estimate(record: Record, window: Record, key: str) -> Vector:
    """Return what should be the Hessian's diagonal, by the paper or by its own claim."""
    if key in window:
        return np.array(window[key])
    precision = np.array(window["sigma"]) ** -2
    if key == "bgd":
        return np.asarray(precision / window["steps"])
    identity = record["identity"]
    return np.asarray((precision - identity["sigma_prior"] ** -2) / identity["memory_window"])


def ranks(x: Vector) -> Vector:
    """Return ranks from 0, equal values sharing their mean rank."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[places])


def spearman(x: Vector, y: Vector) -> float:
    """Return the rank correlation; NaN where one is constant."""
    return pearson(ranks(x), ranks(y))


def pearson(x: Vector, y: Vector) -> float:
    """Return the correlation; NaN where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else float("nan")


def slope(x: Vector, y: Vector) -> float:
    """Return the slope of y/mean(y) on x/mean(x), by least squares: 1 where y is c·x."""
    centred = x - x.mean()
    spread = float(centred @ centred)
    return float(centred @ y) / spread * float(x.mean() / y.mean()) if spread > 0 else float("nan")


def compared(record: Record, window: Record, key: str) -> dict[str, float]:
    """Return how an estimate follows the Hessian, and 1/σ² the theory along the run.

    Returns
    -------
    dict
        ``spearman``, ``pearson``, ``slope`` and ``scale`` (the ratio of the means) of the estimate
        against the Hessian; where there is σ, ``path_spearman`` and ``path_scale`` of 1/σ² (in
        MESU less 1/σ_prior²) against the sum that the Hessians of all steps would have made it.
    """
    hessian, values = np.array(window["hessian"]), estimate(record, window, key)
    result = {
        "spearman": spearman(values, hessian),
        "pearson": pearson(values, hessian),
        "slope": slope(hessian, values),
        "scale": float(values.mean() / hessian.mean()),
    }
    if "integral" in window:
        floor = record["identity"]["sigma_prior"] ** -2 if key == "mesu" else 0.0
        precision, integral = np.array(window["sigma"]) ** -2 - floor, np.array(window["integral"])
        result["path_spearman"] = spearman(precision, integral)
        result["path_scale"] = float(precision.mean() / integral.mean())
    return result


def _rows(records: Sequence[Record]) -> list[tuple[str, str, int, list[tuple[Record, Record]]]]:
    """Return key, name, steps, and (record, window) of each seed, in the table's order."""
    found = []
    for algorithm, estimates in ESTIMATES.items():
        mine = of(records, algorithm=algorithm)
        for key, name in estimates:
            steps = {int(w["steps"]) for r in mine for w in r["windows"].values()}
            for at in sorted(steps):
                pairs = [(r, w) for r in mine for w in r["windows"].values() if w["steps"] == at]
                found.append((key, name, at, pairs))
    return found


def hessian_table(records: Sequence[Record]) -> str:
    """One row an estimate and number of steps: mean ± standard deviation over seeds."""
    rows = []
    for key, name, steps, pairs in _rows(records):
        values = [compared(record, window, key) for record, window in pairs]
        row = [name, f"{steps:,} × {len(values)}"]
        for measure in ("spearman", "pearson", "slope", "scale", "path_spearman", "path_scale"):
            some = [one[measure] for one in values if measure in one]
            known = key != "si" or measure != "scale"  # SI's importance has another unit
            row.append(cell(some, 3) if some and known else "–")
        accuracy = [record["newest"][_task_of(record, window) - 1][-1] for record, window in pairs]
        rows.append([*row, cell(accuracy, 2)])
    head = [
        "",
        "steps × seeds",
        "rank correlation with H",
        "correlation",
        "slope",
        "ratio of means",
    ]
    more = ["1/σ² with ΣH along the run: rank correlation", "ratio of means", "test accuracy %"]
    return markdown([*head, *more], rows)


def _task_of(record: Record, window: Record) -> int:
    return next(int(at) for at, other in record["windows"].items() if other is window)


def hessian_picture(records: Sequence[Record]) -> str:
    """Each estimate against the Hessian, the weights of one seed, where its run got to."""
    newest: dict[str, tuple[str, int, list[tuple[Record, Record]]]] = {}
    for key, name, steps, pairs in _rows(records):
        newest[key] = (name, steps, pairs)
    with style.drawing():
        n_rows = (len(newest) + 1) // 2
        figure = style.new_figure(2.6 * n_rows)
        axes = figure.subplots(n_rows, 2, squeeze=False).ravel()
        for ax, (key, (name, steps, pairs)) in zip(axes, newest.items(), strict=False):
            record, window = pairs[0]
            x, y = np.array(window["hessian"]), estimate(record, window, key)
            shown = (x > 0) & (y > 0)
            ax.loglog(x[shown], y[shown], ".", color=colours.BLUE, markersize=3, alpha=0.5)
            if key != "si" and shown.any():
                ends = [x[shown].min(), x[shown].max()]
                ax.plot(ends, ends, color=colours.INK, linewidth=0.7)
            ax.set_title(f"{name}\n{steps:,} steps", fontsize=9)
            ax.set_xlabel("Hessian's diagonal", fontsize=9)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(LogLocator(numticks=5))
                plain_numbers(axis)
        for ax in axes[len(newest) :]:
            ax.set_axis_off()
        return svg(figure)
