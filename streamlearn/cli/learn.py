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
    STATE_FILE,
    CommandError,
    claim,
    manifest,
    write_json,
)
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.prequential import evaluate
from streamlearn.rules.mesu import MesuClassifier
from streamlearn.rules.metaplastic import MetaplasticClassifier
from streamlearn.streams.csv_stream import CsvStream


def learn(
    stream: str,
    label: str,
    rule: str,
    hidden: tuple[int, ...],
    given: dict[str, float | None],
    arithmetic: str | None,
    seed: int,
    classes: tuple[str, ...] | None,
    on_bad: Literal["stop", "skip"],
    out: Path | None,
    json_file: Path | None,
    quiet: bool,
) -> None:
    """Read line by line, learn, print a table, and write what was asked for."""
    rows = CsvStream(stream, label, classes, on_bad)
    with warnings.catch_warnings(record=True) as said:
        learner = _new_learner(rows, rule, hidden, given, arithmetic, seed)
    for warning in said:  # only now: a learner that cannot be made is one line, the error
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    claim(out, json_file)
    to, until_bad = console(quiet), UntilBad(rows)
    with progress(to) as display, WholeSamples(learner) as whole:
        task = display.add_task(f"{learner.spec} {learner.arithmetic}", total=None)

        def on_progress(n: int, _: int) -> None:
            whole.counted()
            display.update(task, completed=n)

        result = evaluate(whole, until_bad, on_progress=on_progress)
        display.update(task, completed=result.n_samples, total=result.n_samples)
    if until_bad.error is not None and result.n_samples == 0:
        raise until_bad.error
    metrics = learner_metrics(learner, result)
    metrics["skipped"] = skipped_metrics(rows)
    _write(learner, metrics, out, json_file)

    console(quiet, results=True).print(_table(rows.name, metrics))
    if rows.skipped.count:
        to.print(
            f"{rows.skipped.count} rows skipped, first: {rows.skipped.messages[0]}", soft_wrap=True
        )
    if out is not None:
        to.print(f"run folder: {out}", soft_wrap=True)
    stop_if_cut(until_bad.error, result.interrupted, result.n_samples, out)


def _new_learner(
    rows: CsvStream,
    rule: str,
    hidden: tuple[int, ...],
    given: dict[str, float | None],
    arithmetic: str | None,
    seed: int,
) -> StreamClassifier:
    """Make the rule's learner; what was not given is left to its defaults."""
    kind: Any = {"mesu": MesuClassifier, "metaplastic": MetaplasticClassifier}[rule]
    own = {"mesu": "memory_window", "metaplastic": "metaplasticity"}[rule]
    foreign = [name for name, value in given.items() if value is not None and name != own]
    if foreign:
        raise CommandError(
            f"--{foreign[0].replace('_', '-')} is no setting of the rule {rule}; leave it out"
        )
    settings: dict[str, Any] = {} if given[own] is None else {own: given[own]}
    if arithmetic is not None:
        settings["arithmetic"] = arithmetic
    learner: StreamClassifier = kind(
        (rows.n_features, *hidden, rows.n_classes),
        classes=rows.classes,
        features=rows.feature_names,
        seed=seed,
        **settings,
    )
    return learner


def _write(
    learner: StreamClassifier, metrics: dict[str, Any], out: Path | None, json_file: Path | None
) -> None:
    if out is not None:
        learner.save(out / STATE_FILE)
        write_json(out / METRICS_FILE, metrics)
        write_json(out / MANIFEST_FILE, manifest(out, (STATE_FILE, METRICS_FILE)))
    if json_file is not None:
        write_json(json_file, metrics)


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
