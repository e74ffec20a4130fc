"""The tables of the page: results first, then what is needed to repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report.data import ReportData, agreement
from streamlearn.report.engines import float_reference, main_engine
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
    ("stack_peak", "– stack, peak"),
)


def summary(data: ReportData) -> str:
    """Return the table of engines and baselines."""
    reference = float_reference(data) if len(data.engines) > 1 else None
    rows: Rows = []
    for engine in data.engines:
        cells = [engine.name, percent(data.accuracy(engine))]
        if reference is not None:
            same = agreement(engine.predictions, reference.predictions)
            cells.append(ABSENT if engine is reference else percent(same))
        rows.append((*cells, significant(number(engine.samples_per_s))))
    empty = [""] * (1 if reference is None else 2)
    rows += [(b.name, percent(data.accuracy(b)), *empty) for b in data.baselines]
    head = ["", "accuracy", "samples/s"]
    if reference is not None:
        head.insert(2, f"same as {reference.name}")
    return table(rows, head, "numbers")


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
        ("Instructions to learn a sample, maximum", count(cost.get("learn_max"))),
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
    if data.saturations is None:
        return ""
    total = sum(data.saturations.values())
    levels = data.metrics.get("levels")
    now = ""
    if levels:
        blind = levels["blind"]
        saw = (
            f"was blind to {count(blind)} feature{'s' * (blind > 1)}"
            if blind
            else ("saw every feature")
        )
        now = (
            f"<p>At the end the network {saw}, and its step was multiplied by "
            f"{levels['step']:.2f}.</p>"
        )
    if not total:
        return f"<h2>Saturations</h2><p>No value reached the end of its integer format.</p>{now}"
    rows: Rows = [(name, count(n)) for name, n in data.saturations.items()]
    rows.append(("all", count(total)))
    return (
        f"<h2>Saturations</h2><p>{large(total)} values reached the end of their integer format "
        "and were clamped there; <i>front_end</i>: values too far from a feature's recent past, "
        "which were held.</p>" + table(rows, ("place", "values"), "numbers") + now
    )


def hashes(data: ReportData) -> str:
    """Return the table of every hash."""
    found: Rows = []
    for engine in data.engines:
        for value, what in (
            (engine.state_sha256, "state"),
            (engine.predictions_sha256, "predictions"),
        ):
            if value:
                found.append((f"{engine.name}, {what}", value))
    return "<h2>Hashes (SHA-256)</h2>" + table(found, classes="hashes") if found else ""


def configuration(data: ReportData) -> str:
    """Return the tables of configuration and versions."""
    engine = main_engine(data)
    run = {
        "samples in the stream": count(data.n),
        "samples done": count(data.metrics.get("n_samples", data.n_done)),
        "classes": ", ".join(data.classes) or None,
        "seed": data.metrics.get("seed"),
        "rule": engine.rule if engine else None,
        "output": engine.head if engine else None,
        "arithmetic": engine.arithmetic if engine else None,
    }
    known = {name: text for name, text in run.items() if text is not None}
    spec = data.metrics.get("spec") or {}
    more = [(name, text) for name, text in flattened(spec) if name not in known]
    html = "<h2>Configuration</h2>" + table([*known.items(), *more], classes="facts")
    versions = flattened(data.metrics.get("versions") or {})
    return html + ("<h2>Versions</h2>" + table(versions, classes="facts") if versions else "")


def _energy(model: Mapping[str, Any]) -> str:
    if "uj_per_sample" not in model:
        return ABSENT
    value = model["uj_per_sample"]
    return "no figure for this board" if value is None else significant(value, 3, f"{NBSP}µJ")


def _dict(outer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = outer.get(key)
    return found if isinstance(found, Mapping) else {}
