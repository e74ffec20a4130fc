"""The page of a regressor: what it predicted, how wrong it was, and whether it knew."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from quant.durable import write_durably
from streamlearn.evaluation import RegressionMetrics
from streamlearn.report import figures, tables
from streamlearn.report.data import ReportData
from streamlearn.report.glossary import GLOSSARY
from streamlearn.report.history import draw_history
from streamlearn.report.html import document, glossary, section
from streamlearn.report.regression_pictures import (
    amount,
    draw_errors,
    draw_intervals,
    draw_points,
)
from streamlearn.report.text import ABSENT, count, escaped, flattened, number, percent, table

#: Term, the words on the page that call for it, and what it means.
WORDS = (
    (
        "prequential",
        ("Mean absolute error",),
        "Each sample is predicted first and learned afterwards (test, then train). Every sample "
        "is a test sample, so no part of the stream has to be kept back.",
    ),
    (
        "mean absolute error, root mean square error",
        ("ean absolute error",),
        "How far predictions are off, in the target's unit. The second counts large errors more.",
    ),
    (
        "no change, the mean so far",
        ("no change",),
        "Two guesses that know nothing of the features: the target before, and the mean of all "
        "targets before.",
    ),
    (
        "skill",
        ("skill",),
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
        ("interval",),
        "The middle part of what the learner holds possible, from its mean and its σ. Of the 95 % "
        "intervals, 95 in 100 should hold their target.",
    ),
    (
        "log-likelihood",
        ("log-likelihood",),
        "How probable the learner thought the targets, in nats: higher is better. It rewards small "
        "errors, and a σ that fits them.",
    ),
    (
        "σ",
        ("σ",),
        "Of a prediction: its standard deviation, how far the target may lie off. Of a weight: its "
        "uncertainty; a weight with small σ moves little.",
    ),
)
_SAME = ("ADWIN", "bit for bit", "SHA-256", "saturation", "q16, q8", "float64, float32")
GUESSES = (("no change", "no_change"), ("the mean so far", "mean"))


def write_regression_report(
    path: str | PathLike[str], data: ReportData, found: RegressionMetrics
) -> None:
    """Write one HTML page that loads nothing from elsewhere.

    Parameters
    ----------
    path
        File to write, in a folder that exists; an old file is overwritten.
    data
        Title, the one engine, the run's JSON, weights, saturations. Its labels and classes are
        empty.
    found
        The figures, with their history.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_durably(path, render(data, found))


def render(data: ReportData, found: RegressionMetrics) -> str:
    """Return the page as a string."""
    name = data.engines[0].name if data.engines else "learner"
    drawn = (
        draw_errors(found, name),
        draw_points(found),
        draw_intervals(found),
        draw_history(data),
    )
    body = [
        f"<h1>{escaped(data.title)}</h1>",
        f'<p class="sub">{escaped(_sub(data, found))}</p>',
        figures.advice_box(data),
        "<h2>Summary</h2>",
        _summary(data, name),
        _scores(data),
        *(section(picture) for picture in drawn if picture is not None),
        tables.saturations(data),
        tables.hashes(data),
        _configuration(data, found),
    ]
    words = (*WORDS, *(word for word in GLOSSARY if word[0] in _SAME))
    body.append(glossary(" ".join(body), words))
    return document(data.title, body)


def _sub(data: ReportData, found: RegressionMetrics) -> str:
    text = f"{count(found.n_samples)} samples, a number to predict"
    text += "".join(f", rule {engine.rule}" for engine in data.engines[:1])
    if data.metrics.get("seed") is not None:
        text += f", seed {data.metrics['seed']}"
    return text + (". Interrupted." if data.metrics.get("interrupted") else ".")


def _summary(data: ReportData, name: str) -> str:
    """Return the table of the learner and the two guesses."""
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


def _configuration(data: ReportData, found: RegressionMetrics) -> str:
    run: list[tuple[object, ...]] = [
        ("samples", count(found.n_samples)),
        ("seed", data.metrics.get("seed", ABSENT)),
    ]
    for engine in data.engines[:1]:
        run += [("rule", engine.rule), ("output", engine.head), ("arithmetic", engine.arithmetic)]
    run += flattened(data.metrics.get("spec") or {})
    html = "<h2>Configuration</h2>" + table(run, classes="facts")
    versions = flattened(data.metrics.get("versions") or {})
    return html + ("<h2>Versions</h2>" + table(versions, classes="facts") if versions else "")


def _ratio(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:.3f}"
