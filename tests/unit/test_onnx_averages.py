"""The graph that learns, of a network with averaged weights: its state is C's, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_steps import models, session, sha256, start_of

from streamlearn import SpikingClassifier

LABELS = ("rest", "wave", "push")
LEARNERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "events": ((4, 70, 3), {}),
    "currents, two hidden layers": (
        (6, 12, 7, 3),
        {"leaks": (3, 4, 2), "threshold": None, "front_end": "none"},
    ),
    "bias, adaptive step": ((3, 9, 5, 3), {"bias": True, "step": "adaptive", "n_draws": 3}),
    "recurrent": ((4, 12, 9, 3), {"recurrent": True, "leaks": (3, 4, 2)}),
    "no hidden layer": ((4, 3), {"bias": True}),
}


def made(name: str) -> tuple[SpikingClassifier, np.ndarray, np.ndarray]:
    layers, settings = LEARNERS[name]
    rng = np.random.default_rng(4)
    rows = np.cumsum(rng.normal(size=(330, layers[0])), axis=0).astype(np.float32)
    given = {"classes": LABELS, "seed": 7, "average_window": 256, "sigma_init": 1.5, **settings}
    return SpikingClassifier(layers, **given), rows, rng.integers(-1, 3, len(rows))


@pytest.mark.parametrize("name", LEARNERS)
def test_steps_with_and_without_a_label_end_in_the_learners_state(name: str) -> None:
    learner, rows, labels = made(name)
    state = start_of(learner)
    runtime = session(models(learner)[1])
    names = [output.name for output in runtime.get_outputs()]
    found = dict(zip(names, runtime.run(None, {"x": rows, "label": labels, **state}), strict=True))
    said = [
        learner.step(x) if y < 0 else learner.test_then_learn_one(x, LABELS[y])
        for x, y in zip(rows, labels.tolist(), strict=True)
    ]
    assert [LABELS[k] for k in found["prediction"]] == said
    after = {field: found[f"{field}_next"] for field in state}
    assert sha256(learner, after) == learner.state_sha256
    now = learner.state
    assert (now["average"] != now["mu"]).mean() > 0.2, "the two differ, or this compares less"


def test_the_reference_of_onnx_takes_the_same_step() -> None:
    learner, rows, labels = made("recurrent")
    for row, label in zip(rows, labels.tolist(), strict=True):
        learner.learn_one(row, LABELS[label])
    reference, names = ReferenceEvaluator(models(learner)[0]), learner.state.dtype.names
    for label in (1, -1):
        given = {"x": rows[0], "label": np.array(label), **start_of(learner)}
        outputs = dict(zip(reference.output_names, reference.run(None, given), strict=True))
        learner.learn_one(rows[0], None if label < 0 else LABELS[label])
        assert sha256(learner, {n: outputs[f"{n}_next"] for n in names}) == learner.state_sha256
