"""``streamlearn simulate``: an exported learner goes on learning, on a simulated board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import firmware_sim
from export.package import STATE_FILE as EXPORTED_STATE
from firmware_sim import ExportFolder
from quant.image import decode_image
from streamlearn.cli.common import (
    UntilBad,
    console,
    learner_metrics,
    progress,
    skipped_metrics,
    stop_if_cut,
    target_metrics,
)
from streamlearn.cli.demo_table import device_table
from streamlearn.cli.device import DeviceRun, build, learn_on_device
from streamlearn.cli.endings import CommandError
from streamlearn.cli.figures import percent, print_figures, say_advice
from streamlearn.cli.folders import (
    METRICS_FILE,
    STATE_FILE,
    claimed,
    stream_path,
    write_json,
    write_manifest,
)
from streamlearn.cli.target_figures import amount, print_target_figures
from streamlearn.evaluation import PrequentialResult, RegressionMetrics, hash_of_predictions
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import load
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets

FIRMWARE_DIR = "firmware"


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
    learner = load(export_dir / EXPORTED_STATE)
    rows: CsvStream | CsvTargets = (
        CsvStream(stream, label, exported.classes, on_bad)
        if exported.n_classes
        else CsvTargets(stream, label, on_bad)
    )
    _check_features(rows, exported)
    source = {
        "command": "simulate",
        "stream": stream_path(rows.source.stream, out),
        "label": label,
    }
    with claimed(out, json_file, source):
        to = console(quiet)
        until_bad: UntilBad[Any] = UntilBad(rows)
        truth: list[float] = []
        with progress(to) as display:
            task = display.add_task(f"device {board}", total=None)
            firmware = build(export_dir, board, out / FIRMWARE_DIR)
            run = learn_on_device(
                firmware,
                lambda: _samples(until_bad, truth, np.int64 if exported.n_classes else np.float32),
                lambda n: display.update(task, completed=n),
            )
            n = len(run.predictions)
            display.update(task, completed=n, total=n)
        if until_bad.error is not None and n == 0:
            raise until_bad.error
        learner.state = run.state
        metrics, summary = _results(learner, run, truth[:n])
        metrics["skipped"] = skipped_metrics(rows.skipped.count, rows.skipped.messages)
        metrics["device"] = run.metrics()
        learner.save(out / STATE_FILE)
        write_json(out / METRICS_FILE, metrics)
        write_manifest(out, (STATE_FILE, METRICS_FILE, FIRMWARE_DIR), source)
        if json_file is not None:
            write_json(json_file, metrics)
        table = console(quiet, results=True)
        table.print(summary)
        (print_figures if exported.n_classes else print_target_figures)(metrics, table)
        say_advice(metrics)
        table.print(device_table(metrics["device"], run))
        if rows.skipped.count:
            first = rows.skipped.messages[0]
            to.print(f"{rows.skipped.count} rows skipped, first: {first}", soft_wrap=True)
        to.print(f"learned state, firmware and metrics: {out}", soft_wrap=True)
        stop_if_cut(until_bad.error, run.interrupted, n, out)


def _results(
    learner: StreamLearner, run: DeviceRun, truth: list[float]
) -> tuple[dict[str, Any], str]:
    """Return the figures, and what to print of them."""
    whole = f"{len(truth)} samples learned on the device: prequential"
    if isinstance(learner, StreamClassifier):
        labels = np.array(truth, np.int64)
        result = PrequentialResult(run.predictions, labels, run.seconds, run.interrupted)
        metrics = learner_metrics(learner, result)
        return metrics, (
            f"{whole} accuracy {percent(result.accuracy)}\n"
            f"(no change {percent(metrics['accuracy_no_change'])}, "
            f"majority {percent(metrics['accuracy_majority'])})"
        )
    found = RegressionMetrics().update_many(np.array(truth, np.float64), run.predictions)
    metrics = target_metrics(learner, found, run.seconds, hash_of_predictions(run.predictions))
    return metrics, (
        f"{whole} mean absolute error {amount(metrics['mae_prequential'])}\n"
        f"(no change {amount(metrics['mae_no_change'])}, "
        f"mean so far {amount(metrics['mae_mean'])})"
    )


def _check_features(rows: CsvRows, exported: ExportFolder) -> None:
    """Refuse other columns, or the same in another order: they would be learned as they lie."""
    if rows.n_features != exported.n_features:
        raise CommandError(
            f"{rows.name} has {rows.n_features} feature columns, {exported.path} was exported for "
            f"{exported.n_features}; give the stream that the learner was made for"
        )
    image = exported.path / EXPORTED_STATE
    names = decode_image(image.read_bytes(), str(image)).features or rows.feature_names
    for position, (came, expected) in enumerate(zip(rows.feature_names, names, strict=True), 1):
        if came != expected:
            raise CommandError(
                f"{rows.name}: feature column {position} is {came!r}, the learner of "
                f"{exported.path} was made with {expected!r} there; give it the same columns in "
                "the same order"
            )


def _samples(
    rows: Iterable[tuple[npt.NDArray[np.float32], float, int]], truth: list[float], kind: type[Any]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[Any]]]:
    """Give the device one row at a time, as soon as it is there; note its label or target."""
    for x, y, _ in rows:
        truth.append(y)
        yield x[np.newaxis], np.array([y], kind)
