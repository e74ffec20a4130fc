"""``streamlearn demo``: the whole way, from the bundled sensor stream to a learning device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
from rich.progress import Progress, TaskID

import firmware_sim
from export import write_export
from export.graph.model import prediction_model
from export.package import ONNX_FILE, class_names
from quant.durable import write_durably
from streamlearn.by_index import ByIndex
from streamlearn.cli.common import console, progress
from streamlearn.cli.demo_crew import Crew, processes_for
from streamlearn.cli.demo_parts import Outcome, in_turn
from streamlearn.cli.demo_results import DEVICE, STREAM_SEED, Demo, demo_metrics, demo_report
from streamlearn.cli.demo_table import print_tables
from streamlearn.cli.demo_timings import Clock, timing_table
from streamlearn.cli.device import build
from streamlearn.cli.endings import CommandError, Interrupted
from streamlearn.cli.folders import (
    METRICS_FILE,
    REPORT_FILE,
    STATE_FILE,
    claimed,
    write_json,
    write_manifest,
)
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report import write_report
from streamlearn.streams.gas_drift import load_gas_drift

START_DIR, FIRMWARE_DIR = "start", "firmware"
SOURCE = {"command": "demo"}
N_ONNX_SAMPLES = 256


def demo(
    limit: int | None,
    board: str,
    seed: int,
    out: Path,
    json_file: Path | None,
    quiet: bool,
    processes: int | None = None,
    timings: bool = False,
) -> None:
    """Run the demo, print its tables and write the run folder."""
    clock = Clock()
    firmware_sim.get_board(board)
    found = Demo(load_gas_drift(STREAM_SEED, limit), seed)
    if processes is None:
        processes = processes_for(len(found.stream))
    to = console(quiet)
    outcomes: list[Outcome] = []
    with claimed(out, json_file, SOURCE):
        stopped = False
        with progress(to) as display:
            try:
                found.firmware = _build(found, board, out)
                clock.lap("firmware")
                with Crew(found, processes, _shower(display, len(found.stream))) as crew:
                    outcomes = crew.outcomes
                    crew.run()
            except KeyboardInterrupt:
                stopped = True
        found.in_order(in_turn())
        clock.skip()
        metrics = demo_metrics(found)
        _write(found, metrics, out)
        clock.lap("report, files")
        if json_file is not None:
            write_json(json_file, metrics)
        results = console(quiet, results=True)
        print_tables(found.stream, metrics, found.device, results)
        if timings:
            results.print(timing_table([o.timing for o in outcomes], clock))
        if stopped:
            raise Interrupted(f"interrupted; what was done is in {out}")
        to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)
        if metrics["fidelity"]["bit_exact"] is False or found.onnx_exact is False:
            raise CommandError(
                "the engines disagree, which they never should: see fidelity in "
                f"{out / METRICS_FILE}"
            )


def _build(found: Demo, board: str, out: Path) -> firmware_sim.Firmware:
    """Build the firmware first: a board that is too small is refused before anything is learned."""
    write_export(found.new_learner(DEVICE.arithmetic, DEVICE.backend), out / START_DIR)
    return build(out / START_DIR, board, out / FIRMWARE_DIR)


def _shower(display: Progress, total: int) -> Callable[[str, int], None]:
    """Return what shows how far each part is."""
    tasks: dict[str, TaskID] = {}

    def show(name: str, n: int) -> None:
        if name not in tasks:
            tasks[name] = display.add_task(name, total=total)
        display.update(tasks[name], completed=n)

    return show


def _check_onnx(found: Demo, learner: StreamClassifier, model: bytes) -> bool:
    """Tell whether ONNX Runtime predicts as the learner does on the last samples of the stream."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    x: npt.NDArray[np.float32] = found.stream.x[-N_ONNX_SAMPLES:]
    (labels,) = session.run(["label"], {"x": x})
    by_index = ByIndex(learner)
    return bool([by_index.predict_one(row) for row in x] == np.asarray(labels).tolist())


def _write(found: Demo, metrics: dict[str, Any], out: Path) -> None:
    written = [METRICS_FILE]
    learner = found.exact_learner
    if learner is not None:
        learner.save(out / STATE_FILE)
        model = prediction_model(
            learner.spec, learner.config, learner.state, learner.arithmetic, class_names(learner)
        ).SerializeToString(deterministic=True)
        write_durably(out / ONNX_FILE, model)
        found.onnx_exact = _check_onnx(found, learner, model)
        metrics["fidelity"]["onnx_exact"] = found.onnx_exact
        written += [STATE_FILE, ONNX_FILE]
    write_json(out / METRICS_FILE, metrics)
    if found.results:
        write_report(out / REPORT_FILE, demo_report(found, json.loads(json.dumps(metrics))))
        written.append(REPORT_FILE)
    if found.firmware is not None:
        written += [START_DIR, FIRMWARE_DIR]
    write_manifest(out, written, SOURCE)
