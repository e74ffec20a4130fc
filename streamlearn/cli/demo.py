"""``streamlearn demo``: the whole way, from the bundled sensor stream to a learning device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
from rich.progress import Progress

import firmware_sim
from export import write_export
from export.graph.model import prediction_model
from export.package import ONNX_FILE, class_names
from quant.durable import write_durably
from streamlearn.baselines import (
    MajorityClassifier,
    NoChangeClassifier,
    RiverClassifier,
    SgdMlpClassifier,
)
from streamlearn.baselines.base import OnlineClassifier
from streamlearn.baselines.river_adapter import available
from streamlearn.by_index import ByIndex
from streamlearn.cli.common import console, progress
from streamlearn.cli.demo_results import (
    DEVICE,
    ENGINES,
    HIDDEN,
    STREAM_SEED,
    TRIVIAL,
    Demo,
    Plan,
    demo_metrics,
    demo_report,
)
from streamlearn.cli.demo_table import print_tables
from streamlearn.cli.device import build, learn_on_device
from streamlearn.cli.endings import CommandError, Interrupted
from streamlearn.cli.folders import (
    METRICS_FILE,
    REPORT_FILE,
    STATE_FILE,
    claimed,
    write_json,
    write_manifest,
)
from streamlearn.cli.weights import WeightWatch
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.evaluation import PrequentialResult, evaluate
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report import write_report
from streamlearn.streams.gas_drift import load_gas_drift

START_DIR, FIRMWARE_DIR = "start", "firmware"
SOURCE = {"command": "demo"}
N_ONNX_SAMPLES = 256


def demo(
    limit: int | None, board: str, seed: int, out: Path, json_file: Path | None, quiet: bool
) -> None:
    """Run the demo, print its tables and write the run folder."""
    firmware_sim.get_board(board)
    found = Demo(load_gas_drift(STREAM_SEED, limit), seed)
    to = console(quiet)
    with claimed(out, json_file, SOURCE):
        stopped = False
        with progress(to) as display:
            try:
                _engines(found, display)
                _baselines(found, display)
                _device(found, display, board, out)
            except KeyboardInterrupt:
                stopped = True
        metrics = demo_metrics(found)
        _write(found, metrics, out)
        if json_file is not None:
            write_json(json_file, metrics)
        print_tables(found.stream, metrics, found.device, console(quiet, results=True))
        if stopped:
            raise Interrupted(f"interrupted; what was done is in {out}")
        to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)
        if metrics["fidelity"]["bit_exact"] is False or found.onnx_exact is False:
            raise CommandError(
                "the engines disagree, which they never should: see fidelity in "
                f"{out / METRICS_FILE}"
            )


def _evaluate(
    found: Demo,
    name: str,
    learner: OnlineClassifier,
    display: Progress,
    after: Callable[[int], None] | None = None,
) -> PrequentialResult:
    total = len(found.stream)
    task = display.add_task(name, total=total)

    def on_progress(n: int, _: int) -> None:
        if after is not None:
            after(n)
        if n % 50 == 0 or n == total:
            display.update(task, completed=n)

    return evaluate(learner, found.stream, on_progress=on_progress)


def _engines(found: Demo, display: Progress) -> None:
    for plan in ENGINES:
        learner = found.learners[plan] = found.new_learner(plan.arithmetic, plan.backend)
        if plan.watched:
            found.watch = WeightWatch(learner)
        with WholeSamples(learner) as whole:
            result = _evaluate(found, plan.name, whole, display, _after(found, plan, whole))
            found.results[plan] = result
        if result.interrupted:
            raise KeyboardInterrupt


def _after(found: Demo, plan: Plan, whole: WholeSamples) -> Callable[[int], None]:
    watch = found.watch if plan.watched else None

    def after(n: int) -> None:
        whole.counted()
        if watch is not None:
            watch(n)

    return after


def _baselines(found: Demo, display: Progress) -> None:
    layers = (found.stream.n_features, HIDDEN, found.stream.n_classes)
    no_change, majority = TRIVIAL
    baselines: dict[str, OnlineClassifier] = {
        no_change: NoChangeClassifier(),
        majority: MajorityClassifier(),
        "SGD MLP": SgdMlpClassifier(layers, seed=found.seed),
    }
    if available():
        baselines["River 1-NN of 500"] = RiverClassifier()
    for name, learner in baselines.items():
        found.baselines[name] = _evaluate(found, name, learner, display)
        if found.baselines[name].interrupted:
            raise KeyboardInterrupt


def _device(found: Demo, display: Progress, board: str, out: Path) -> None:
    task = display.add_task(f"device {board}", total=len(found.stream))
    start = found.new_learner(DEVICE.arithmetic, DEVICE.backend)
    write_export(start, out / START_DIR)
    firmware = build(out / START_DIR, board, out / FIRMWARE_DIR)
    found.device = learn_on_device(
        firmware,
        lambda: [(found.stream.x, found.stream.y)],
        lambda n: display.update(task, completed=n),
    )
    if found.device.interrupted:
        raise KeyboardInterrupt


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
    if found.device is not None:
        written += [START_DIR, FIRMWARE_DIR]
    write_manifest(out, written, SOURCE)
