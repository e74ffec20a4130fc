"""The figures of a classifier beside its accuracy: as JSON, and as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from streamlearn.evaluation import ClassificationMetrics, Curve, Scores, advice
from streamlearn.evaluation.error_curve import ErrorCurve

#: More classes than this, and the table has those of the lowest recall only.
MAX_ROWS = 12
#: Drifts that are named in a line; the report marks them all.
MAX_DRIFTS = 3


def number(value: float) -> float | None:
    """Return a JSON number; NaN (nothing was measured) and infinity become null."""
    return value if math.isfinite(value) else None


def percent(value: float | None) -> str:
    """Format a share in [0, 1] for people."""
    return "–" if value is None or value != value else f"{100 * value:.2f} %"


def figures_of(
    metrics: ClassificationMetrics, names: Sequence[str], lasting: bool = False
) -> dict[str, Any]:
    """Return the keys of ``metrics.json`` that a classifier's predictions give.

    Parameters
    ----------
    metrics
        Of class indices.
    names
        Of the classes, by index; those that it lacks go by their index.
    lasting
        Whether a label lasts for many samples (:func:`streamlearn.evaluation.advice`).
    """
    known = [*names, *(str(i) for i in range(len(names), len(metrics.classes)))]
    support, recall, precision = metrics.support, metrics.recall, metrics.precision
    return {
        "accuracy_no_change": number(metrics.accuracy_no_change),
        "accuracy_majority": number(metrics.accuracy_majority),
        **_kappas(metrics),
        "latest": {
            "n_samples": metrics.latest.n_samples,
            "accuracy": number(metrics.latest.accuracy),
            **_kappas(metrics.latest),
        },
        "classes": [
            {
                "class": name,
                "n_samples": support.get(i, 0),
                "recall": number(recall.get(i, float("nan"))),
                "precision": number(precision.get(i, float("nan"))),
            }
            for i, name in enumerate(known)
        ],
        "n_drifts": metrics.n_drifts,
        "drifts": [drift._asdict() for drift in metrics.drifts],
        "advice": [*advice(metrics, known, lasting)],
    }


def _kappas(scores: Scores) -> dict[str, float | None]:
    names = ("balanced_accuracy", "kappa", "kappa_m", "kappa_t")
    return {name: number(getattr(scores, name)) for name in names}


def print_figures(figures: dict[str, Any], to: Console) -> None:
    """Print what :func:`figures_of` returned, but its advice."""
    latest = figures["latest"]
    kappas = (("κ", "kappa"), ("κ_M", "kappa_m"), ("κ_T", "kappa_t"))
    to.print(
        ", ".join(f"{symbol} {ratio(figures[key])}" for symbol, key in kappas)
        + f", balanced accuracy {percent(figures['balanced_accuracy'])}; accuracy of the latest "
        f"{latest['n_samples']}: {percent(latest['accuracy'])}",
        soft_wrap=True,
    )
    to.print(_class_table(figures["classes"]))
    if line := drifts_text(
        figures, "the accuracy fell", lambda one, when: percent(one[f"accuracy_{when}"])
    ):
        to.print(line, soft_wrap=True)


def say_advice(figures: dict[str, Any]) -> None:
    """Say on standard error what the accuracy alone would hide; ``--quiet`` is no reason not to."""
    warn = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for sentence in figures["advice"]:
        warn.print(f"streamlearn: {sentence}")


def _class_table(classes: list[dict[str, Any]]) -> Table:
    shown, title = classes, None
    if len(classes) > MAX_ROWS:
        came = [one for one in classes if one["recall"] is not None]
        shown = sorted(came, key=lambda one: one["recall"])[:MAX_ROWS]
        title = f"the {len(shown)} of {len(classes)} classes with the lowest recall"
    table = Table(title=title)
    for column in ("class", "samples", "recall", "precision"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for one in shown:
        table.add_row(
            one["class"],
            f"{one['n_samples']:,}",
            percent(one["recall"]),
            percent(one["precision"]),
        )
    return table


def drifts_text(
    figures: dict[str, Any], what: str, of: Callable[[dict[str, Any], str], str]
) -> str:
    """Return a line that names the latest drifts, or nothing if there were none.

    Parameters
    ----------
    figures
        With ``n_drifts`` and ``drifts``.
    what
        What happened, such as "the accuracy fell".
    of
        From a drift and ``before`` or ``after`` to the figure then, as text.
    """
    n = figures["n_drifts"]
    if not n:
        return ""
    times = "once" if n == 1 else f"{n} times"
    return f"drift: {what} {times}{', lately' if n > MAX_DRIFTS else ''}: " + "; ".join(
        f"about sample {one['at']:,} from {of(one, 'before')} to {of(one, 'after')}"
        for one in figures["drifts"][-MAX_DRIFTS:]
    )


def ratio(value: float | None) -> str:
    """Format a figure such as κ for people."""
    return "–" if value is None else f"{value:.3f}"


def baseline_figure(curve: Curve | ErrorCurve) -> Any:
    """Return the accuracy of a baseline, or its two errors."""
    if isinstance(curve, Curve):
        return number(curve.accuracy)
    return {"mae": number(curve.mae), "rmse": number(curve.rmse)}
