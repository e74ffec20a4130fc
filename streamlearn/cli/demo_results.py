"""What the demo compares, what it found, and the figures and the page made of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim import Firmware
from streamlearn.cli.common import learner_metrics
from streamlearn.cli.device import DeviceRun
from streamlearn.cli.figures import number
from streamlearn.cli.rules import is_exact
from streamlearn.cli.weights import WeightWatch
from streamlearn.engines import Backend
from streamlearn.evaluation import PrequentialResult
from streamlearn.report import Baseline, Engine, ReportData
from streamlearn.rules.mesu import MesuClassifier
from streamlearn.streams.base import Stream

HIDDEN = 32
STREAM_SEED = 0
#: Baselines that look at labels alone.
TRIVIAL = ("no change", "majority")


class Plan(NamedTuple):
    """An engine that the demo compares: its display name and what it is."""

    name: str
    arithmetic: Any
    backend: Backend
    watched: bool = False


REFERENCE = Plan("float64", "float64", "numpy")
FLOAT32 = Plan("float32", "float32", "c")
GOLDEN = Plan("q16 golden", "q16", "numpy", watched=True)
HOST_C = Plan("q16 C", "q16", "c")
#: What the device starts from.
DEVICE = HOST_C
ENGINES = (REFERENCE, FLOAT32, GOLDEN, HOST_C)
#: The demo's own figures are those of the first of these that ran.
PREFERRED = (HOST_C, GOLDEN, FLOAT32, REFERENCE)


@dataclass
class Demo:
    """What the demo has found out so far."""

    stream: Stream
    seed: int
    firmware: Firmware | None = None
    learners: dict[Plan, MesuClassifier] = field(default_factory=dict)
    results: dict[Plan, PrequentialResult] = field(default_factory=dict)
    baselines: dict[str, PrequentialResult] = field(default_factory=dict)
    watch: WeightWatch | None = None
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

    def in_order(self, names: Sequence[str]) -> None:
        """Bring what was found into the order of the report, whatever ended first."""
        self.results = {plan: self.results[plan] for plan in ENGINES if plan in self.results}
        self.baselines = {name: self.baselines[name] for name in names if name in self.baselines}

    @property
    def exact_learner(self) -> MesuClassifier | None:
        """The learner in integers whose state is kept."""
        return self.learners.get(HOST_C) or self.learners.get(GOLDEN)


def demo_metrics(found: Demo) -> dict[str, Any]:
    """Return the demo's JSON; what an interruption left out is left out."""
    engines = {
        plan.name: learner_metrics(found.learners[plan], result)
        for plan, result in found.results.items()
    }
    best = next((plan.name for plan in PREFERRED if plan.name in engines), None)
    metrics: dict[str, Any] = dict(engines[best]) if best else {}
    metrics["engines"] = engines
    metrics["baselines"] = {name: number(r.accuracy) for name, r in found.baselines.items()}
    metrics["saturations"] = {
        plan.name: vars(learner.saturations)
        for plan, learner in found.learners.items()
        if is_exact(learner)
    }
    metrics["stream"] = {"name": found.stream.name, "order_seed": STREAM_SEED}
    if found.device is not None:
        metrics["device"] = found.device.metrics()
    metrics["fidelity"] = _fidelity(found, metrics)
    return metrics


def _fidelity(found: Demo, metrics: dict[str, Any]) -> dict[str, Any]:
    same = agreement = difference = None
    golden, host_c = found.results.get(GOLDEN), found.results.get(HOST_C)
    if all(part is not None and not part.interrupted for part in (golden, host_c, found.device)):
        engines = metrics["engines"]
        same = all(
            engines[GOLDEN.name][key] == engines[HOST_C.name][key] == metrics["device"][key]
            for key in ("state_sha256", "predictions_sha256")
        )
    exact = found.results.get(REFERENCE)
    n = min(part.n_samples if part else 0 for part in (golden, exact))
    if golden and exact and n:
        labels = golden.labels[:n]
        ours, floats = golden.predictions[:n], exact.predictions[:n]
        agreement = float(np.mean(ours == floats))
        difference = float(np.mean(ours == labels)) - float(np.mean(floats == labels))
    return {
        "bit_exact": same,
        "agreement_q16_float64": agreement,
        "accuracy_difference": difference,
        "onnx_exact": found.onnx_exact,
    }


def demo_report(found: Demo, metrics: dict[str, Any]) -> ReportData:
    """Return the demo's page."""
    engines = [
        _engine(found, plan, result.predictions, metrics["engines"][plan.name])
        for plan, result in found.results.items()
    ]
    if found.device is not None:
        name = f"device {found.device.board.name}"
        device = _engine(found, DEVICE, found.device.predictions, metrics["device"])
        engines.append(replace(device, name=name, backend="device"))
    baselines = tuple(
        Baseline(name, result.predictions, trivial=name in TRIVIAL)
        for name, result in found.baselines.items()
    )
    n = max([e.n_samples for e in engines] + [b.n_samples for b in baselines])
    return ReportData(
        title=f"streamlearn demo: {found.stream.name}",
        metrics=metrics,
        labels=found.stream.y[:n],
        batch=None if found.stream.batch is None else found.stream.batch[:n],
        engines=tuple(engines),
        baselines=baselines,
        history=None if found.watch is None else found.watch.history(),
        memory=found.device.memory() if found.device is not None else {},
        instructions=found.device.learn_instructions if found.device else None,
        classes=found.stream.classes,
        saturations=metrics["saturations"].get(GOLDEN.name, {}),
    )


def _engine(
    found: Demo, plan: Plan, predictions: NDArray[np.int64], known: dict[str, Any]
) -> Engine:
    learner = found.learners.get(plan) or found.new_learner(plan.arithmetic, plan.backend)
    return Engine(
        name=plan.name,
        rule=learner.config.rule,
        head=learner.spec.head,
        arithmetic=plan.arithmetic,
        backend=plan.backend,
        exact=is_exact(learner),
        predictions=predictions,
        samples_per_s=known.get("samples_per_s"),
        state_sha256=known["state_sha256"],
        predictions_sha256=known["predictions_sha256"],
    )
