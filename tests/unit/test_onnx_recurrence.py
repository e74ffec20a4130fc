"""The graph that learns, of a recurrent spiking network: its state is C's, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_steps import models, session, sha256, start_of

from quant.rule import RULES
from streamlearn import SpikingClassifier

LABELS = ("rest", "wave", "push")
LEARNERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "events": ((4, 12, 3), {}),
    "currents, two hidden layers": (
        (6, 12, 7, 3),
        {"leaks": (3, 4, 2), "threshold": None, "front_end": "none"},
    ),
    "bias, adaptive step": ((3, 9, 5, 3), {"bias": True, "step": "adaptive", "n_draws": 3}),
    "three hidden layers": ((4, 12, 9, 7, 3), {"bias": True, "sigma_init": 1.5}),
    "bimu, events": ((4, 12, 3), {"rule": "bimu", "n_draws": 3}),
    "bimu, two hidden layers": ((6, 12, 7, 3), {"rule": "bimu", "leaks": (3, 4, 2)}),
    "bimu, relaxed": ((5, 12, 7, 3), {"rule": "bimu", "relaxed": 1, "unit_threshold": 0.1}),
    "bimu, three hidden layers": (
        (4, 12, 9, 7, 3),
        {"rule": "bimu", "bias": True, "unit_threshold": 0.1, "threshold": None},
    ),
    "metaplastic, events": ((4, 12, 3), {"rule": "metaplastic", "step": "adaptive"}),
    "metaplastic, two hidden layers": (
        (6, 12, 7, 3),
        {"rule": "metaplastic", "leaks": (3, 4, 2), "unit_threshold": 0.1},
    ),
    "metaplastic, three hidden layers": (
        (4, 12, 9, 7, 3),
        {"rule": "metaplastic", "bias": True, "unit_threshold": 0.1, "threshold": None},
    ),
}


def test_every_rule_with_such_connections_is_among_them() -> None:
    here = {settings.get("rule", "mesu") for _, settings in LEARNERS.values()}
    assert here == {rule.name for rule in RULES.values() if rule.recurrent}


@pytest.mark.parametrize("name", LEARNERS)
def test_steps_with_and_without_a_label_end_in_the_learners_state(name: str) -> None:
    layers, settings = LEARNERS[name]
    rng = np.random.default_rng(4)
    rows = np.cumsum(rng.normal(size=(60, layers[0])), axis=0).astype(np.float32)
    labels = rng.integers(-1, 3, 60)
    learner = SpikingClassifier(layers, classes=LABELS, seed=7, recurrent=True, **settings)
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
    assert all(n > 0.5 for n in learner.activity.events), "all layers fire"


def test_the_reference_of_onnx_takes_the_same_step() -> None:
    learner = SpikingClassifier((3, 9, 5, 3), classes=LABELS, recurrent=True, sigma_init=2.0)
    rows = np.cumsum(np.random.default_rng(4).normal(size=(30, 3)), axis=0).astype(np.float32)
    for t, row in enumerate(rows):
        learner.learn_one(row, LABELS[t % 3])
    reference, names = ReferenceEvaluator(models(learner)[0]), learner.state.dtype.names
    assert learner.state["own_trace"].any()
    for label in (1, -1):
        given = {"x": rows[0], "label": np.array(label), **start_of(learner)}
        outputs = dict(zip(reference.output_names, reference.run(None, given), strict=True))
        learner.learn_one(rows[0], None if label < 0 else LABELS[label])
        assert sha256(learner, {n: outputs[f"{n}_next"] for n in names}) == learner.state_sha256
