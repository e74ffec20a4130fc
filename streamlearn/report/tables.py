"""The tables of the page: results first, then what is needed to repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report.data import ReportData
from streamlearn.report.names import float_name, is_engine, normal
from streamlearn.report.text import (
    ABSENT,
    NBSP,
    count,
    flattened,
    large,
    number,
    percent,
    significant,
    size,
    table,
)

Rows = list[tuple[object, ...]]
RAM_PARTS = (
    ("total", "RAM"),
    ("state", "– learner's state"),
    ("scratch", "– scratch"),
    ("stack_peak", "– stack, deepest"),
)


def summary(data: ReportData) -> str:
    """Return the table of engines and baselines."""
    reference = float_name(data)
    known = {normal(name): entry for name, entry in _dict(data.metrics, "engines").items()}
    names = [name for name in data.predictions if is_engine(name)]
    names += [n for n in _dict(data.metrics, "engines") if normal(n) not in map(normal, names)]
    rows: Rows = []
    for name in names:
        entry = known.get(normal(name)) or {}
        # Counted here where it can be, so that table and pictures cannot disagree.
        known_share = number(entry.get("accuracy_prequential"))
        accuracy = data.accuracy(name) if name in data.predictions else known_share
        same: str = ABSENT
        if reference is not None and name in data.predictions and name != reference:
            same = percent(data.agreement(name, reference))
        speed = number(entry.get("samples_per_s"))
        rows.append((name, percent(accuracy), same, significant(speed)))
    rows += [(name, percent(share), "", "") for name, share in _baselines(data).items()]
    return table(
        rows,
        ("", "accuracy", f"same as {reference or 'float64'}", "samples/s"),
        "numbers",
    )


def device(data: ReportData) -> str:
    """Return the table of the device, empty if it did not run."""
    found = _dict(data.metrics, "device")
    if not found:
        return ""
    ram, cost = _dict(found, "ram_bytes"), _dict(found, "instructions_per_sample")
    model = _dict(found, "model")
    rows: Rows = [
        ("Board", found.get("board", ABSENT)),
        ("Core", found.get("core", ABSENT)),
        ("Flash", size(found.get("flash_bytes"))),
        *((label, size(ram[key])) for key, label in RAM_PARTS if key in ram),
        ("Instructions to learn a sample, median", count(cost.get("learn_median"))),
        ("Instructions to learn a sample, most", count(cost.get("learn_max"))),
        ("Instructions to predict, median", count(cost.get("predict_median"))),
        (
            "Time to learn a sample (modelled)",
            significant(model.get("ms_per_sample"), 3, f"{NBSP}ms"),
        ),
        ("Energy to learn a sample (modelled)", _energy(model)),
    ]
    return "<h2>On the device</h2>" + table(
        [row for row in rows if row[1] not in (ABSENT, None)], classes="facts"
    )


def saturations(data: ReportData) -> str:
    """Return the table of saturations, or a sentence that there were none."""
    total = sum(data.saturations.values())
    if not total:
        return "<h2>Saturations</h2><p>No value met the end of its integer format.</p>"
    rows: Rows = [(name, count(n)) for name, n in data.saturations.items()]
    rows.append(("all", count(total)))
    return (
        f"<h2>Saturations</h2><p>{large(total)} values met the end of their integer format and "
        "were held there.</p>" + table(rows, ("place", "values"), "numbers")
    )


def hashes(data: ReportData) -> str:
    """Return the table of every hash."""
    found: Rows = []
    sources = {
        "run": data.metrics,
        **_dict(data.metrics, "engines"),
        "device": _dict(data.metrics, "device"),
    }
    for name, entry in sources.items():
        for key, what in (("state_sha256", "state"), ("predictions_sha256", "predictions")):
            if isinstance(entry, Mapping) and entry.get(key):
                found.append((f"{name}, {what}", entry[key]))
    return "<h2>Hashes (SHA-256)</h2>" + table(found, classes="hashes") if found else ""


def configuration(data: ReportData) -> str:
    """Return the tables of configuration and versions."""
    run = {
        "samples in the stream": count(len(data.labels)),
        "samples done": count(data.metrics.get("n_samples", data.n_done)),
        "classes": ", ".join(data.classes),
        "seed": data.metrics.get("seed"),
        "arithmetic": data.metrics.get("arithmetic"),
    }
    known = {name: text for name, text in run.items() if text is not None}
    spec = data.metrics.get("spec") or {}
    html = "<h2>Configuration</h2>" + table([*known.items(), *flattened(spec)], classes="facts")
    versions = flattened(data.metrics.get("versions") or {})
    return html + ("<h2>Versions</h2>" + table(versions, classes="facts") if versions else "")


def _baselines(data: ReportData) -> dict[str, Any]:
    found: dict[str, Any] = dict(_dict(data.metrics, "baselines"))
    for name, key in (("no change", "accuracy_no_change"), ("majority", "accuracy_majority")):
        if normal(name) not in map(normal, found) and key in data.metrics:
            found[name] = data.metrics[key]
    for name in data.predictions:
        if not is_engine(name):
            listed = next((other for other in found if normal(other) == normal(name)), name)
            found[listed] = data.accuracy(name)
    return found


def _energy(model: Mapping[str, Any]) -> str:
    if "uj_per_sample" not in model:
        return ABSENT
    value = model["uj_per_sample"]
    return "no figure for this board" if value is None else significant(value, 3, f"{NBSP}µJ")


def _dict(outer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = outer.get(key)
    return found if isinstance(found, Mapping) else {}
