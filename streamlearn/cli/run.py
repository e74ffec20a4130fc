"""``streamlearn run``: learn a CSV stream, test-then-train."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from quant.state import Arithmetic
from streamlearn.by_index import ByIndex
from streamlearn.classifier import MesuClassifier
from streamlearn.cli.common import (
    MANIFEST_FILE,
    METRICS_FILE,
    STATE_FILE,
    Interrupted,
    console,
    learner_metrics,
    manifest,
    percent,
    progress,
    write_json,
)
from streamlearn.prequential import evaluate
from streamlearn.streams.csv_stream import CsvStream


def run(
    stream: str,
    label: str,
    hidden: tuple[int, ...],
    memory_window: float | None,
    arithmetic: Arithmetic,
    seed: int,
    classes: tuple[str, ...] | None,
    on_bad: Literal["stop", "skip"],
    out: Path | None,
    json_file: Path | None,
    quiet: bool,
) -> None:
    """Read line by line, learn, print a table, and write what was asked for."""
    rows = CsvStream(stream, label, classes, on_bad)
    settings: dict[str, Any] = {} if memory_window is None else {"memory_window": memory_window}
    learner = MesuClassifier(
        (rows.n_features, *hidden, rows.n_classes),
        classes=rows.classes,
        features=rows.feature_names,
        arithmetic=arithmetic,
        seed=seed,
        **settings,
    )
    to = console(quiet)
    with progress(to) as display:
        task = display.add_task(f"{learner.spec} {arithmetic}", total=None)
        result = evaluate(
            ByIndex(learner),
            rows,
            on_progress=lambda n, _: display.update(task, completed=n) if n % 64 == 0 else None,
        )
        display.update(task, completed=result.n_samples, total=result.n_samples)
    metrics = learner_metrics(learner, result, seed)
    metrics["skipped"] = {"count": rows.skipped.count, "messages": rows.skipped.messages}

    table = Table(title=f"{rows.name}: {result.n_samples} samples, {learner.spec}, {arithmetic}")
    for column in ("prequential accuracy", "no change", "majority", "samples/s", "state SHA-256"):
        table.add_column(column)
    table.add_row(
        percent(metrics["accuracy_prequential"]),
        percent(metrics["accuracy_no_change"]),
        percent(metrics["accuracy_majority"]),
        f"{result.samples_per_s:,.0f}",
        learner.state_sha256[:16] + "…",
    )
    to.print(table)
    if rows.skipped.count:
        to.print(f"{rows.skipped.count} rows skipped, first: {rows.skipped.messages[0]}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        learner.save(out / STATE_FILE)
        write_json(out / METRICS_FILE, metrics)
        write_json(out / MANIFEST_FILE, manifest(out))
        to.print(f"written: {out}")
    if json_file is not None:
        write_json(json_file, metrics)
    if result.interrupted:
        kept = f"; what was learned is in {out}" if out is not None else ""
        raise Interrupted(f"interrupted after {result.n_samples} samples{kept}")
