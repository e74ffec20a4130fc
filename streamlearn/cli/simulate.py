"""``streamlearn simulate``: an exported learner goes on learning, on a simulated board."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import firmware_sim
from export import open_export
from streamlearn.cli.common import (
    console,
    learner_metrics,
    stop_if_cut,
    target_metrics,
)
from streamlearn.cli.demo_table import device_table
from streamlearn.cli.device import DeviceRun, build, learn_on_device
from streamlearn.cli.event_log import write_log
from streamlearn.cli.feeding import Fed, Feed, fed, no_label, source_of
from streamlearn.cli.figures import percent, print_figures, say_advice
from streamlearn.cli.folders import (
    METRICS_FILE,
    STATE_FILE,
    claimed,
    write_json,
    write_manifest,
)
from streamlearn.cli.live import live
from streamlearn.cli.target_figures import amount, print_target_figures
from streamlearn.evaluation import PrequentialResult, RegressionMetrics, hash_of_predictions
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier

FIRMWARE_DIR, LOG_FILE = "firmware", "log.slr"


def simulate(
    export_dir: Path,
    feed: Feed,
    board: firmware_sim.Board,
    out: Path,
    json_file: Path | None,
    quiet: bool,
    signed_by: Path | None = None,
    limit: int | None = None,
    key: bytes | None = None,
    log_samples: int = 0,
    optimize: firmware_sim.Optimize = "speed",
) -> None:
    """Build, boot, feed line by line, and bring the learned state back."""
    learner = open_export(export_dir, signed_by).learner
    exported = firmware_sim.open_export(export_dir)
    rows = fed(feed, exported, quiet)
    source = source_of("simulate", rows, out)
    with claimed(out, json_file, source):
        to = console(quiet)
        truth: list[float] = []
        with live(to, f"device {board.name}") as view:
            firmware = build(export_dir, board, out / FIRMWARE_DIR, key, log_samples, optimize)
            run = learn_on_device(
                firmware,
                lambda: _samples(
                    rows, limit, truth, np.int64 if exported.n_classes else np.float32
                ),
                view.learned,
                view.figures if view.shown else None,
                key,
            )
            n = len(run.predictions)
            view.learned(n, n)
        if rows.until_bad.error is not None and n == 0:
            raise rows.until_bad.error
        files = [STATE_FILE, METRICS_FILE, FIRMWARE_DIR]
        if run.logged is not None:
            write_log(run.logged, learner, out / LOG_FILE)
            files.append(LOG_FILE)
        learner.state = run.state
        metrics, summary = _results(
            learner, run, [y for y, came in zip(truth, run.answered, strict=False) if came]
        )
        metrics |= rows.metrics()
        metrics["device"] = run.metrics()
        learner.save(out / STATE_FILE)
        write_json(out / METRICS_FILE, metrics)
        write_manifest(out, files, source)
        if json_file is not None:
            write_json(json_file, metrics)
        table = console(quiet, results=True)
        table.print(summary)
        (print_figures if exported.n_classes else print_target_figures)(metrics, table)
        say_advice(metrics)
        table.print(device_table(metrics["device"], run))
        rows.say(quiet)
        to.print(f"learned state, firmware and metrics: {out}", soft_wrap=True)
        stop_if_cut(rows.until_bad.error, run.interrupted, n, out)


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


def _samples(
    rows: Fed, limit: int | None, truth: list[float], kind: type[Any]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[Any] | None, bool]]:
    """Give the device one row at a time, as soon as it is there; note its label or target.

    Yields
    ------
    x : float32[1, n_inputs]
    y : kind[1], or None of a row without a label
    begins : bool
        Whether a recording begins, of a signal that the device takes, or a spiking network.
    """
    for x, y, _ in islice(rows, limit):
        if no_label(y):
            yield x[np.newaxis], None, rows.begins
            continue
        truth.append(y)
        yield x[np.newaxis], np.array([y], kind), rows.begins
