"""``streamlearn demo``: the whole way, from the bundled sensor stream to a learning device."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
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
from quant.network import layer_view
from quant.rules.mesu.plan import make_plan
from quant.sampling.plan import decode_rho
from streamlearn.baselines import (
    MajorityClassifier,
    NoChangeClassifier,
    RiverClassifier,
    SgdMlpClassifier,
)
from streamlearn.baselines.base import OnlineClassifier
from streamlearn.baselines.river_adapter import available
from streamlearn.by_index import ByIndex
from streamlearn.cli.common import Interrupted, console, learner_metrics, number, progress
from streamlearn.cli.demo_table import print_tables
from streamlearn.cli.device import DeviceRun, build, learn_on_device
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
from streamlearn.engines import Backend
from streamlearn.prequential import PrequentialResult, evaluate
from streamlearn.report import ReportData, write_report
from streamlearn.rules.mesu import MesuClassifier
from streamlearn.streams.base import Stream
from streamlearn.streams.gas_drift import load_gas_drift

HIDDEN = 32
STREAM_SEED = 0
START_DIR, FIRMWARE_DIR, REPORT_FILE = "start", "firmware", "report.html"
N_SIGMA_POINTS = 150
N_ONNX_SAMPLES = 256
PERCENTILES = (5, 25, 50, 75, 95)

#: Display name, arithmetic, backend; the golden model and its C twin must agree bit for bit.
ENGINES: tuple[tuple[str, Any, Backend], ...] = (
    ("float64", "float64", "numpy"),
    ("float32", "float32", "c"),
    ("q16 golden", "q16", "numpy"),
    ("q16 C", "q16", "c"),
)


@dataclass
class Demo:
    """What the demo has found out so far."""

    stream: Stream
    seed: int
    learners: dict[str, MesuClassifier] = field(default_factory=dict)
    results: dict[str, PrequentialResult] = field(default_factory=dict)
    baselines: dict[str, PrequentialResult] = field(default_factory=dict)
    sigma: list[tuple[int, list[list[float]]]] = field(default_factory=list)
    device: DeviceRun | None = None
    onnx_exact: bool | None = None

    def new_learner(self, arithmetic: Any, backend: Backend) -> MesuClassifier:
        """Return an untrained learner; all of them start from the same draws."""
        return MesuClassifier(
            (self.stream.n_features, HIDDEN, self.stream.n_classes),
            classes=self.stream.classes,
            features=self.stream.feature_names,
            arithmetic=arithmetic,
            backend=backend,
            seed=self.seed,
        )


def demo(
    limit: int | None, board: str, seed: int, out: Path, json_file: Path | None, quiet: bool
) -> None:
    """Run the demo, print its tables and write the run folder."""
    firmware_sim.get_board(board)
    found = Demo(load_gas_drift(STREAM_SEED, limit), seed)
    to = console(quiet)
    claim(out, json_file)
    stopped = False
    with progress(to) as display:
        try:
            _engines(found, display)
            _baselines(found, display)
            _device(found, display, board, out)
        except KeyboardInterrupt:
            stopped = True
    metrics = _metrics(found)
    _write(found, metrics, out)
    if json_file is not None:
        write_json(json_file, metrics)
    print_tables(found.stream, metrics, found.device, console(quiet, results=True))
    if stopped:
        raise Interrupted(f"interrupted; what was done is in {out}")
    to.print(f"run folder: {out}  (open {out / REPORT_FILE})", soft_wrap=True)
    if metrics["fidelity"]["bit_exact"] is False or found.onnx_exact is False:
        raise CommandError(
            f"the engines disagree, which they never should: see fidelity in {out / METRICS_FILE}"
        )


def _evaluate(
    found: Demo,
    name: str,
    learner: OnlineClassifier,
    display: Progress,
    after: Callable[[int], None] | None = None,
) -> None:
    total = len(found.stream)
    task = display.add_task(name, total=total)

    def on_progress(n: int, _: int) -> None:
        if after is not None:
            after(n)
        if n % 50 == 0 or n == total:
            display.update(task, completed=n)

    result = evaluate(learner, found.stream, on_progress=on_progress)
    (found.results if name in found.learners else found.baselines)[name] = result
    if result.interrupted:
        raise KeyboardInterrupt


def _engines(found: Demo, display: Progress) -> None:
    for name, arithmetic, backend in ENGINES:
        found.learners[name] = found.new_learner(arithmetic, backend)
        with WholeSamples(found.learners[name]) as whole:
            _evaluate(found, name, whole, display, _after(found, name, whole))


def _after(found: Demo, name: str, whole: WholeSamples) -> Callable[[int], None]:
    def after(n: int) -> None:
        whole.counted()
        if name == "q16 golden":
            _watch_sigma(found, n)

    return after


def _watch_sigma(found: Demo, n: int) -> None:
    if n != 1 and n % max(1, len(found.stream) // N_SIGMA_POINTS) != 0:
        return
    learner = found.learners["q16 golden"]
    spec, state = learner.spec, learner.state
    plan = make_plan(spec, learner.config)
    layers = [
        np.sqrt(decode_rho(layer_view(spec, state, "rho", layer), plan.layers[layer].v_exponent))
        for layer in range(len(spec.shapes))
    ]
    found.sigma.append((n, [np.percentile(sigma, PERCENTILES).tolist() for sigma in layers]))


def _baselines(found: Demo, display: Progress) -> None:
    layers = (found.stream.n_features, HIDDEN, found.stream.n_classes)
    baselines: dict[str, OnlineClassifier] = {
        "no change": NoChangeClassifier(),
        "majority": MajorityClassifier(),
        "SGD MLP": SgdMlpClassifier(layers, seed=found.seed),
    }
    if available():
        baselines["River 1-NN of 500"] = RiverClassifier()
    for name, learner in baselines.items():
        _evaluate(found, name, learner, display)


def _device(found: Demo, display: Progress, board: str, out: Path) -> None:
    task = display.add_task(f"device {board}", total=len(found.stream))
    start = found.new_learner("q16", "c")
    write_export(start, out / START_DIR)
    firmware = build(out / START_DIR, board, out / FIRMWARE_DIR)
    found.device = learn_on_device(
        firmware,
        lambda: [(found.stream.x, found.stream.y)],
        lambda n: display.update(task, completed=n),
    )
    if found.device.interrupted:
        raise KeyboardInterrupt


def _metrics(found: Demo) -> dict[str, Any]:
    engines = {
        name: learner_metrics(found.learners[name], result)
        for name, result in found.results.items()
    }
    best = next((n for n in ("q16 C", "q16 golden", "float32", "float64") if n in engines), None)
    metrics: dict[str, Any] = dict(engines[best]) if best else {}
    metrics["engines"] = engines
    metrics["baselines"] = {name: number(r.accuracy) for name, r in found.baselines.items()}
    metrics["saturations"] = {
        name: vars(learner.saturations)
        for name, learner in found.learners.items()
        if name.startswith("q16")
    }
    metrics["stream"] = {"name": found.stream.name, "order_seed": STREAM_SEED}
    if found.device is not None:
        metrics["device"] = found.device.metrics()
    metrics["fidelity"] = _fidelity(found, metrics)
    return metrics


def _fidelity(found: Demo, metrics: dict[str, Any]) -> dict[str, Any]:
    same = agreement = difference = None
    if found.device is not None and not found.device.interrupted:
        golden, host_c = metrics["engines"]["q16 golden"], metrics["engines"]["q16 C"]
        same = all(
            golden[key] == host_c[key] == metrics["device"][key]
            for key in ("state_sha256", "predictions_sha256")
        )
    if "q16 golden" in found.results:
        exact, fixed = found.results["float64"], found.results["q16 golden"]
        n = fixed.n_samples
        if n:
            agreement = float(np.mean(exact.predictions[:n] == fixed.predictions))
            right = exact.predictions[:n] == exact.labels[:n]
            difference = fixed.accuracy - float(np.mean(right))
    return {
        "bit_exact": same,
        "agreement_q16_float64": agreement,
        "accuracy_difference": difference,
        "onnx_exact": found.onnx_exact,
    }


def _check_onnx(found: Demo, learner: MesuClassifier, model: bytes) -> bool:
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
    learner = found.learners.get("q16 C") or found.learners.get("q16 golden")
    if learner is not None:
        learner.save(out / STATE_FILE)
        model = prediction_model(
            learner.spec, learner.config, learner.state, "q16", class_names(learner)
        ).SerializeToString(deterministic=True)
        (out / ONNX_FILE).write_bytes(model)
        found.onnx_exact = _check_onnx(found, learner, model)
        metrics["fidelity"]["onnx_exact"] = found.onnx_exact
        written += [STATE_FILE, ONNX_FILE]
    write_json(out / METRICS_FILE, metrics)
    if found.results:
        write_report(out / REPORT_FILE, _report(found, json.loads(json.dumps(metrics))))
        written.append(REPORT_FILE)
    if found.device is not None:
        written += [START_DIR, FIRMWARE_DIR]
    write_json(out / MANIFEST_FILE, manifest(out, written))


def _report(found: Demo, metrics: dict[str, Any]) -> ReportData:
    results = {**found.results, **found.baselines}
    predictions = {name: result.predictions for name, result in results.items()}
    if found.device is not None:
        predictions[f"device {found.device.board.name}"] = found.device.predictions
    n = max(len(p) for p in predictions.values())
    shapes = len(found.learners["float64"].spec.shapes)
    return ReportData(
        title=f"streamlearn demo: {found.stream.name}",
        metrics=metrics,
        labels=found.stream.y[:n],
        batch=None if found.stream.batch is None else found.stream.batch[:n],
        predictions=predictions,
        sigma_at=np.array([n for n, _ in found.sigma], np.int64),
        sigma=np.array([percentiles for _, percentiles in found.sigma], np.float64).reshape(
            -1, shapes, len(PERCENTILES)
        ),
        memory=found.device.memory() if found.device is not None else {},
        instructions={"learn": found.device.learn_instructions if found.device else None},
        classes=found.stream.classes,
        saturations=metrics["saturations"].get("q16 golden", {}),
    )
