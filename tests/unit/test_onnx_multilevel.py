"""Weights of few levels as a graph that learns: the golden model's state from edge states too."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_steps import session

from export.graph.learning import learning_models
from quant.network import NetworkSpec
from quant.rules.multilevel.config import COUNTER_MAX, MultilevelConfig
from quant.state import init_state
from streamlearn.engines import make_engine

FOREVER = float("inf")
CASES = {
    "two levels, everything moves": (
        NetworkSpec((9, 12, 7, 4), bias=False, front_end="none"),
        {"n_levels": 2, "devices": 1, "lr": 64.0, "lr_hidden": 64.0, "consolidation": 0.0,
         "growth": 1.0, "growth_hidden": 1.0, "memory_window": 1.0, "sweep": 1},
    ),
    "consolidated": (
        NetworkSpec((9, 12, 4), front_end="none"),
        {"lr": 64.0, "lr_hidden": 64.0, "consolidation": 8.0, "growth": 0.3, "threshold": -7.0},
    ),
    "the first layer stays": (
        NetworkSpec((9, 12, 4), front_end="none"), {"lr_hidden": 0.0, "growth_hidden": 0.0},
    ),
    "only the first layer moves": (
        NetworkSpec((9, 12, 7, 4), front_end="none"), {"lr": 0.0, "lr_hidden": 40.0},
    ),
    "nothing fades": (NetworkSpec((9, 4)), {"memory_window": FOREVER, "growth": 1.0}),
    "256 levels": (
        NetworkSpec((9, 1, 2), front_end="none"),
        {"n_levels": 256, "devices": 1, "lr": 20.0, "threshold": -7.0, "weight_init": 0.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("ends", [False, True], ids=["from its start", "from ends"])
@pytest.mark.parametrize("case", CASES)
def test_the_graph_learns_as_golden(case: str, ends: bool) -> None:
    spec, settings = CASES[case]
    config = MultilevelConfig(**settings)
    state = init_state(spec, config, "q8", 3)
    rng = np.random.default_rng(4)
    if ends:
        for field, most in (("level", config.steps), ("used", COUNTER_MAX)):
            there = init_state(spec, MultilevelConfig(weight_init=0.0), "q8", 0)["level"][0] > 0
            drawn = rng.choice([0, 1, most // 2, most - 1, most], there.shape)
            state[field][0] = np.where(there, drawn, 0)
    x = rng.normal(0, 2, (60, 9)).astype(np.float32)
    x[3], x[4], x[5, 1:], x[6] = 0, 1e30, 0, -1e-45
    labels = rng.integers(0, spec.n_classes, 60)
    given = spec, config, "q8"
    inputs = {name: np.asarray(state[name][0]) for name in state.dtype.names}
    block = session(learning_models(*given, state)[1])
    names = [output.name for output in block.get_outputs()]
    found = dict(zip(names, block.run(None, {"x": x, "label": labels, **inputs}), strict=True))
    golden = make_engine(*given, "numpy")
    before = state.copy()
    predictions = golden.learn_many(state, x.astype(np.float64), labels.astype(np.uint32))
    for name in state.dtype.names:
        np.testing.assert_array_equal(found[f"{name}_next"], state[name][0], err_msg=name)
    assert found["prediction"][10:].tolist() == list(predictions)[10:]
    assert np.any(state["level"] != before["level"])
