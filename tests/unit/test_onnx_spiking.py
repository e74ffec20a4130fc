"""The graph that learns, of a spiking network: its time, its labels and its state are C's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_steps import models, session, sha256, start_of

from export import open_export, write_export
from streamlearn import SpikingClassifier

LABELS = ("rest", "wave", "push")
LEARNERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "events": ((4, 12, 3), {}),
    "currents, two hidden layers": (
        (6, 12, 7, 3),
        {"leaks": (3, 4, 2), "threshold": None, "front_end": "none"},
    ),
    "no hidden layer": ((4, 3), {"leaks": (6,), "front_end": "standardise", "drift": 0}),
    "bias, adaptive step": ((3, 9, 5, 3), {"bias": True, "step": "adaptive", "n_draws": 3}),
    "binary weights": ((4, 12, 3), {"rule": "bimu"}),
    "binary weights, two hidden layers and a bias": (
        (6, 12, 7, 3),
        {"rule": "bimu", "bias": True, "leaks": (3, 4, 2), "threshold": None, "n_draws": 3},
    ),
    "binary weights, no hidden layer": ((4, 3), {"rule": "bimu", "leaks": (6,)}),
}


def made(name: str) -> tuple[SpikingClassifier, np.ndarray, np.ndarray]:
    layers, settings = LEARNERS[name]
    rng = np.random.default_rng(4)
    rows = np.cumsum(rng.normal(size=(60, layers[0])), axis=0).astype(np.float32)
    return (
        SpikingClassifier(layers, classes=LABELS, seed=7, **settings),
        rows,
        rng.integers(-1, 3, 60),
    )


def taught(learner: SpikingClassifier, x: np.ndarray, label: int) -> Any:
    return learner.step(x) if label < 0 else learner.test_then_learn_one(x, LABELS[label])


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("opset", [18, min(onnx.defs.onnx_opset_version(), 23)])
def test_steps_with_and_without_a_label_end_in_the_learners_state(name: str, opset: int) -> None:
    learner, rows, labels = made(name)
    state = start_of(learner)
    runtime = session(models(learner, opset=opset)[1])
    names = [output.name for output in runtime.get_outputs()]
    found = dict(zip(names, runtime.run(None, {"x": rows, "label": labels, **state}), strict=True))
    said = [taught(learner, x, y) for x, y in zip(rows, labels.tolist(), strict=True)]
    assert [LABELS[k] for k in found["prediction"]] == said
    after = {field: found[f"{field}_next"] for field in state}
    assert sha256(learner, after) == learner.state_sha256
    assert learner.n_samples == int((labels >= 0).sum())
    assert all(n > 0 for n in learner.activity.live)


def test_the_reference_of_onnx_takes_the_same_step() -> None:
    learner, rows, labels = made("events")
    for x, y in zip(rows, labels.tolist(), strict=True):
        taught(learner, x, y)
    reference, names = ReferenceEvaluator(models(learner)[0]), learner.state.dtype.names
    for label in (1, -1):
        given = {"x": rows[0], "label": np.array(label), **start_of(learner)}
        outputs = dict(zip(reference.output_names, reference.run(None, given), strict=True))
        taught(learner, rows[0], label)
        assert sha256(learner, {n: outputs[f"{n}_next"] for n in names}) == learner.state_sha256


def test_a_row_that_is_not_finite_lets_no_time_pass() -> None:
    learner, rows, labels = made("events")
    for x, y in zip(rows, labels.tolist(), strict=True):
        taught(learner, x, y)
    runtime, names = session(models(learner)[0]), learner.state.dtype.names
    outputs = [output.name for output in runtime.get_outputs()]
    for label in (1, -1):
        bad = np.array([0, np.nan, 0, 0], np.float32)
        given = {"x": bad, "label": np.array(label), **start_of(learner)}
        found = dict(zip(outputs, runtime.run(None, given), strict=True))
        assert found["prediction"] == -1
        assert sha256(learner, {n: found[f"{n}_next"] for n in names}) == learner.state_sha256


@pytest.mark.parametrize("rule", ["mesu", "bimu"])
def test_a_network_without_hidden_units_is_exported(rule: str, tmp_path: Path) -> None:
    learner = SpikingClassifier((3, 2), rule=rule, classes=range(2))
    write_export(learner, tmp_path / "export")
    assert open_export(tmp_path / "export").learner.state_sha256 == learner.state_sha256
