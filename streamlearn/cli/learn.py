"""``streamlearn run``: learn a CSV stream, test-then-train.

Not called run.py: :func:`streamlearn.cli.run` has that name.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from streamlearn.cli.common import (
    UntilBad,
    console,
    learner_metrics,
    percent,
    progress,
    skipped_metrics,
    stop_if_cut,
)
from streamlearn.cli.folders import (
    MANIFEST_FILE,
    METRICS_FILE,
    REPORT_FILE,
    STATE_FILE,
    claim,
    manifest,
    write_json,
)
from streamlearn.cli.rules import new_learner
from streamlearn.cli.run_report import run_report
from streamlearn.cli.weights import WeightWatch
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.prequential import evaluate
from streamlearn.report import write_report
from streamlearn.streams.csv_stream import CsvStream


def learn(
    stream: str,
    label: str,
    rule: str,
    hidden: tuple[int, ...],
    settings: dict[str, Any],
    arithmetic: str | None,
    seed: int,
    classes: tuple[str, ...] | None,
    on_bad: Literal["stop", "skip"],
    out: Path | None,
    json_file: Path | None,
    quiet: bool,
) -> None:
    """Read line by line, learn, print a table, and write the run folder.

    ``settings`` are those of the rule (:func:`streamlearn.cli.rules.read_settings`).
    """
    rows = CsvStream(stream, label, classes, on_bad)
    with warnings.catch_warnings(record=True) as said:
        learner = new_learner(
            rule,
            "categorical",
            (rows.n_features, *hidden, rows.n_classes),
            settings if arithmetic is None else {**settings, "arithmetic": arithmetic},
            classes=rows.classes,
            features=rows.feature_names,
            seed=seed,
        )
    for warning in said:  # only now: a learner that cannot be made is one line, the error
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    claim(out, json_file)
    to, until_bad, watch = console(quiet), UntilBad(rows), WeightWatch(learner)
    with progress(to) as display, WholeSamples(learner) as whole:
        task = display.add_task(f"{learner.spec} {learner.arithmetic}", total=None)

        def on_progress(n: int, _: int) -> None:
            whole.counted()
            watch(n)
            display.update(task, completed=n)

        result = evaluate(whole, until_bad, on_progress=on_progress)
        display.update(task, completed=result.n_samples, total=result.n_samples)
    if until_bad.error is not None and result.n_samples == 0:
        raise until_bad.error
    metrics = learner_metrics(learner, result)
    metrics["skipped"] = skipped_metrics(rows)
    if out is not None:
        learner.save(out / STATE_FILE)
        write_json(out / METRICS_FILE, metrics)
        write_report(out / REPORT_FILE, run_report(rows, learner, metrics, result, watch))
        files = (STATE_FILE, METRICS_FILE, REPORT_FILE)
        write_json(out / MANIFEST_FILE, manifest(out, files))
    if json_file is not None:
        write_json(json_file, metrics)

    console(quiet, results=True).print(_table(rows.name, metrics))
    if rows.skipped.count:
        to.print(
            f"{rows.skipped.count} rows skipped, first: {rows.skipped.messages[0]}", soft_wrap=True
        )
    if out is None:
        to.print("nothing was kept; --out DIR writes the learner, its figures and a report")
    else:
        to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)
    stop_if_cut(until_bad.error, result.interrupted, result.n_samples, out)


def _table(name: str, metrics: dict[str, Any]) -> Table:
    layers = "-".join(map(str, metrics["spec"]["network"]["layers"]))
    table = Table(
        title=f"{name}: {metrics['n_samples']} samples, {layers}, {metrics['arithmetic']}"
    )
    for column in ("prequential accuracy", "no change", "majority", "samples/s", "state"):
        table.add_column(column, justify="left" if column == "state" else "right", no_wrap=True)
    speed = metrics["samples_per_s"]
    table.add_row(
        percent(metrics["accuracy_prequential"]),
        percent(metrics["accuracy_no_change"]),
        percent(metrics["accuracy_majority"]),
        "–" if speed is None else f"{speed:,.0f}",
        metrics["state_sha256"][:8],
    )
    return table
