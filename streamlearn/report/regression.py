"""What stands on the page of a regressor: how wrong it was, beside guesses, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report import figures, run_tables
from streamlearn.report.data import ReportData
from streamlearn.report.regression_pictures import amount
from streamlearn.report.text import ABSENT, count, escaped, number, percent, table

#: Term, the words on the page that call for it, and what it means.
WORDS = (
    (
        "mean absolute error, root mean square error",
        ("ean absolute error",),
        "How far predictions are off, in the target's unit. The second counts large errors more. "
        "Each sample is predicted first and learned afterwards (test, then train).",
    ),
    (
        "the mean so far",
        ("mean so far",),
        "The guess that predicts the mean of all targets before.",
    ),
    (
        "skill",
        ("skill against",),
        "1 - the mean absolute error over that of a guess: 1 is perfect, 0 is no better than the "
        "guess, below 0 is worse.",
    ),
    (
        "R²",
        ("R²",),
        "1 - the squared errors over those of the targets' own mean: 1 is perfect, 0 is no better "
        "than one fixed number.",
    ),
    (
        "interval",
        ("% interval",),
        "The middle part of what the learner holds possible, from its mean and its σ. Of the 95 % "
        "intervals, 95 in 100 should hold their target. The σ of a prediction is its standard "
        "deviation: how far the target may lie off.",
    ),
    (
        "log-likelihood",
        ("log-likelihood",),
        "How probable the learner thought the targets, in nats: higher is better. It rewards small "
        "errors, and a σ that fits them.",
    ),
)
GUESSES = (("no change", "no_change"), ("the mean so far", "mean"))


def quick_parts(data: ReportData) -> dict[str, str]:
    """Return what stands above the pictures of a regressor, by name."""
    name = data.engines[0].name if data.engines else "learner"
    return {
        "sub": f'<p class="sub">{escaped(_sub(data))}</p>',
        "advice": figures.advice_box(data),
        "summary": "<h2>Summary</h2>\n" + _summary(data, name) + run_tables.beside(data),
        "scores": _scores(data),
    }


def _sub(data: ReportData) -> str:
    text = f"{count(data.n)} samples, a number to predict"
    text += "".join(f", rule {engine.rule}" for engine in data.engines[:1])
    if data.metrics.get("seed") is not None:
        text += f", seed {data.metrics['seed']}"
    return text + (". Interrupted." if data.metrics.get("interrupted") else ".")


def _summary(data: ReportData, name: str) -> str:
    """Return the table of the learner, the two guesses and the baselines."""
    found = data.metrics
    rows: list[tuple[object, ...]] = [
        (name, amount(found.get("mae_prequential")), amount(found.get("rmse_prequential")), "")
    ]
    for guess, key in GUESSES:
        rows.append(
            (
                guess,
                amount(found.get(f"mae_{key}")),
                amount(found.get(f"rmse_{key}")),
                _ratio(found.get(f"skill_{key}")),
            )
        )
    mae = number(found.get("mae_prequential"))
    for beside, curve in data.errors.items():
        theirs = number(curve.mae)
        skill = None if mae is None or not theirs else 1 - mae / theirs
        rows.append((beside, amount(theirs), amount(curve.rmse), _ratio(skill)))
    head = ("", "mean absolute error", "root mean square error", "skill against it")
    return table(rows, head, "numbers")


def _scores(data: ReportData) -> str:
    """Return the table of figures over all and over the latest samples."""
    latest = data.metrics.get("latest")
    if not isinstance(latest, Mapping):
        return ""
    first = {
        "mae": data.metrics.get("mae_prequential"),
        "rmse": data.metrics.get("rmse_prequential"),
    }
    both: tuple[Mapping[str, Any], ...] = ({**data.metrics, **first}, latest)
    rows: list[tuple[object, ...]] = [
        (name, *(show(one.get(key)) for one in both))
        for name, key, show in (
            ("mean absolute error", "mae", amount),
            ("root mean square error", "rmse", amount),
            ("mean error", "bias", amount),
            ("R²", "r2", _ratio),
            ("mean σ", "mean_sd", amount),
            ("mean log-likelihood", "log_likelihood", _ratio),
        )
    ]
    rows += [
        (f"{level} % interval holds", *(percent(one["coverage"].get(level)) for one in both))
        for level in latest.get("coverage") or ()
    ]
    return table(rows, ("", "all samples", f"latest {count(latest.get('n_samples'))}"), "numbers")


def _ratio(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:.3f}"
