"""What the accuracy alone does not say: advice, κ and its relatives, each class, drifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report.colours import INK
from streamlearn.report.data import ReportData
from streamlearn.report.plot import Panel
from streamlearn.report.text import ABSENT, count, escaped, number, percent, table

#: More drifts than this are not marked one by one.
MAX_DRIFTS = 60
#: More classes than this are not listed.
MAX_CLASSES = 100

KAPPAS = (
    ("κ, against chance", "kappa"),
    ("κ_M, against the majority", "kappa_m"),
    ("κ_T, against no change", "kappa_t"),
)


def advice_box(data: ReportData) -> str:
    """Return the box with the run's advice, empty if it gave none."""
    sentences = data.metrics.get("advice") or ()
    if not sentences:
        return ""
    paragraphs = "".join(f"<p>{escaped(_capital(sentence))}.</p>" for sentence in sentences)
    return f'<div class="verdict differs"><strong>Before you use it</strong>{paragraphs}</div>'


def kappas(data: ReportData) -> str:
    """Return the table of balanced accuracy and κ, over all and over the latest samples."""
    latest = data.metrics.get("latest")
    if not isinstance(latest, Mapping):
        return ""
    whole = {"accuracy": data.metrics.get("accuracy_prequential"), **data.metrics}
    rows = [
        (name, *(percent(one.get(key)) for one in (whole, latest)))
        for name, key in (("accuracy", "accuracy"), ("balanced accuracy", "balanced_accuracy"))
    ]
    rows += [(name, *(_ratio(one.get(key)) for one in (whole, latest))) for name, key in KAPPAS]
    head = ("", "all samples", f"latest {count(latest.get('n_samples'))}")
    return table(rows, head, "numbers")


def classes(data: ReportData) -> str:
    """Return the table of recall and precision of each class."""
    found = data.metrics.get("classes") or ()
    if not found or len(found) > MAX_CLASSES:
        return ""
    rows = [
        (one["class"], count(one["n_samples"]), percent(one["recall"]), percent(one["precision"]))
        for one in found
    ]
    head = ("class", "samples", "recall", "precision")
    return "<h2>Recall and precision of each class</h2>" + table(rows, head, "numbers")


def drifts(data: ReportData) -> list[int]:
    """Return after how many samples the accuracy fell; empty if there are too many to mark."""
    found = [int(one["at"]) for one in data.metrics.get("drifts") or () if one["at"] < data.n_done]
    return found if len(found) <= MAX_DRIFTS else []


def mark_drifts(ax: Panel, data: ReportData) -> None:
    """Draw a dotted line with a triangle where the accuracy fell."""
    for at in drifts(data):
        ax.upright(at, INK, 0.8, (1, 2))
        ax.triangle(at, INK)


def _ratio(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:.3f}"


def _capital(sentence: Any) -> str:
    text = str(sentence)
    return text[:1].upper() + text[1:]
