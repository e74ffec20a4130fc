"""The graph that learns by the metaplastic rule in time: its labels and its state are C's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx_steps import models, run_of, session, sha256, start_of

from streamlearn import SpikingClassifier

LABELS = ("rest", "wave", "push")
LEARNERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "events": ((4, 12, 3), {}),
    "two hidden layers and a bias": (
        (6, 12, 7, 3),
        {"bias": True, "leaks": (3, 4, 2), "threshold": None, "skip": 0.0},
    ),
    "no hidden layer, adaptive step": ((4, 3), {"leaks": (6,), "step": "adaptive"}),
    "adaptive step": ((5, 9, 3), {"step": "adaptive", "lr": 8.0, "lr_output": 8.0}),
}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("opset", [18, min(onnx.defs.onnx_opset_version(), 23)])
def test_steps_of_a_graph_with_and_without_a_label_are_the_learners(name: str, opset: int) -> None:
    layers, settings = LEARNERS[name]
    rng = np.random.default_rng(4)
    rows = np.cumsum(rng.normal(size=(90, layers[0])), axis=0).astype(np.float32)
    labels = rng.integers(-1, 3, 90)
    learner = SpikingClassifier(layers, rule="metaplastic", classes=LABELS, seed=7, **settings)
    start = learner.state["hidden_weight"].copy()
    runtime = session(models(learner, opset=opset)[1])
    state = start_of(learner)
    found = run_of(runtime, {"x": rows, "label": labels, **state})
    said = [
        learner.step(x) if y < 0 else learner.test_then_learn_one(x, LABELS[y])
        for x, y in zip(rows, labels.tolist(), strict=True)
    ]
    assert [LABELS[k] for k in found["prediction"]] == said
    after = {field: found[f"{field}_next"] for field in state}
    assert sha256(learner, after) == learner.state_sha256
    assert learner.n_samples == int((labels >= 0).sum())
    assert all(n > 0 for n in learner.activity.live)
    assert (learner.state["hidden_weight"] != start).any(), "weights move"
