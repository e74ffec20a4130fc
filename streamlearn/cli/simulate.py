"""``streamlearn simulate``: an exported learner goes on learning, on a simulated board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rich.console import Console

import firmware_sim
from export import versions
from export.package import STATE_FILE as EXPORTED_STATE
from streamlearn.classifier import MesuClassifier
from streamlearn.cli.common import (
    MANIFEST_FILE,
    METRICS_FILE,
    STATE_FILE,
    CommandError,
    Interrupted,
    console,
    manifest,
    number,
    percent,
    progress,
    write_json,
)
from streamlearn.cli.demo_table import device_table
from streamlearn.cli.device import build, learn_on_device
from streamlearn.prequential import PrequentialResult, majority_accuracy, no_change_accuracy
from streamlearn.streams.csv_stream import CsvStream

CHUNK = 64


def simulate(
    export_dir: Path,
    stream: str,
    label: str,
    board: str,
    on_bad: Literal["stop", "skip"],
    out: Path,
    json_file: Path | None,
    quiet: bool,
) -> None:
    """Build, boot, feed line by line, and bring the learned state back."""
    firmware_sim.get_board(board)
    exported = firmware_sim.open_export(export_dir)
    learner = MesuClassifier.load(export_dir / EXPORTED_STATE)
    classes = tuple(json.loads((export_dir / MANIFEST_FILE).read_text())["classes"])
    rows = CsvStream(stream, label, classes, on_bad)
    if rows.n_features != exported.n_features:
        raise CommandError(
            f"{rows.name} has {rows.n_features} feature columns, {export_dir} was exported for "
            f"{exported.n_features}; give the stream that the learner was made for"
        )
    to = console(quiet)
    labels: list[int] = []
    with progress(to) as display:
        task = display.add_task(f"device {board}", total=None)
        firmware = build(export_dir, board, out / "firmware")
        run = learn_on_device(
            firmware,
            lambda: _chunks(rows, labels),
            lambda n: display.update(task, completed=n),
        )
    truth = np.array(labels[: len(run.predictions)], np.int64)
    result = PrequentialResult(run.predictions, truth, 0.0, run.interrupted)
    metrics: dict[str, Any] = {
        "n_samples": result.n_samples,
        "accuracy_prequential": number(result.accuracy),
        "accuracy_no_change": number(no_change_accuracy(truth)),
        "accuracy_majority": number(majority_accuracy(truth)),
        "device": run.metrics(),
        "versions": versions(),
    }
    learner.state = run.state
    learner.save(out / STATE_FILE)
    write_json(out / METRICS_FILE, metrics)
    write_json(out / MANIFEST_FILE, manifest(out))
    if json_file is not None:
        write_json(json_file, metrics)
    table = Console(quiet=quiet, highlight=False)
    table.print(
        f"{result.n_samples} samples learned on the device: prequential accuracy "
        f"{percent(result.accuracy)} (no change {percent(metrics['accuracy_no_change'])}, "
        f"majority {percent(metrics['accuracy_majority'])})"
    )
    table.print(device_table(metrics["device"], run))
    if rows.skipped.count:
        to.print(f"{rows.skipped.count} rows skipped, first: {rows.skipped.messages[0]}")
    to.print(f"learned state, firmware and metrics: {out}")
    if run.interrupted:
        raise Interrupted(f"interrupted after {result.n_samples} samples; they are in {out}")


def _chunks(
    rows: CsvStream, labels: list[int]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Group rows so that the device is called rarely; notes their labels."""
    x: list[npt.NDArray[np.float32]] = []
    y: list[int] = []
    for features, label, _ in rows:
        x.append(features)
        y.append(label)
        if len(y) == CHUNK:
            labels.extend(y)
            yield np.stack(x), np.array(y, np.int64)
            x, y = [], []
    if y:
        labels.extend(y)
        yield np.stack(x), np.array(y, np.int64)
