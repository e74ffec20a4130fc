"""Weights of few levels: the step by hand, what it is on average, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.state import integer_check, view
from quant.state import init_state
from streamlearn import MultilevelClassifier
from streamlearn.evaluation import evaluate
from streamlearn.rules.multilevel import CERTAINTY, equations
from streamlearn.streams import load_gas_drift

#: One layer of three inputs and two classes, of which nothing fades.
SPEC = NetworkSpec((3, 2), bias=False, front_end="none")
STILL: dict[str, Any] = {"memory_window": float("inf"), "growth": 0.0}


def test_a_step_follows_the_derivative_times_what_keeps_a_weight() -> None:
    config = MultilevelConfig(n_levels=9, devices=1, lr=0.01, logit_scale=1.0, **STILL)
    state = init_state(SPEC, config, "float64", 3)
    view(SPEC, state, "used", 0)[0, 0] = 40.0
    z, size = np.array([1.0, -0.5, 2.0]), np.sqrt(5.25)
    level = view(SPEC, state, "level", 0).copy()

    def loss(w: np.ndarray) -> float:
        logits = z @ w / size
        return float(np.log(np.exp(logits).sum()) - logits[1])

    w = 2 * level / 8 - 1
    gradient = np.zeros_like(w)
    for at in np.ndindex(*w.shape):
        moved = w.copy()
        moved[at] += 1e-6
        gradient[at] = (loss(moved) - loss(w)) / 1e-6
    keep = np.ones_like(w)
    keep[0, 0] = np.exp(-0.05 * 40 * abs(w[0, 0]))
    count = Saturations()
    passed = equations.forward(SPEC, config, state, z, count)
    equations.update(SPEC, config, state, passed, 1, count)
    step = view(SPEC, state, "level", 0) - level
    np.testing.assert_allclose(step, -0.01 * 4 * gradient * keep, atol=1e-6)


def test_integers_move_as_often_as_float64_moves_far() -> None:
    settings: dict[str, Any] = {"n_levels": 9, "devices": 1, "lr": 0.05, "logit_scale": 1.0}
    given = {"bias": False, "front_end": "none", **settings, **STILL}
    z = np.array([1.0, -0.5, 2.0])
    moved = []
    for seed in range(600):
        learner = MultilevelClassifier((3, 2), classes=[0, 1], seed=seed, **given)
        state = learner.state
        view(SPEC, state, "level", 0)[:] = 6
        view(SPEC, state, "used", 0)[:] = 30
        learner.state = state
        learner.learn_one(z, 1)
        moved.append(view(SPEC, learner.state, "level", 0).astype(int) - 6)
    real = MultilevelClassifier((3, 2), classes=[0, 1], arithmetic="float64", **given)
    state = real.state
    view(SPEC, state, "level", 0)[:], view(SPEC, state, "used", 0)[:] = 6, 30
    real.state = state
    step = view(SPEC, real.learn_one(z, 1).state, "level", 0) - 6
    assert set(np.unique(moved)) == {-1, 0, 1}
    np.testing.assert_allclose(np.mean(moved, axis=0), step, atol=0.025)


def test_a_counter_rises_where_both_ends_are_active() -> None:
    learner = MultilevelClassifier(
        (3, 2), classes=[0, 1], bias=False, front_end="none",
        memory_window=float("inf"), growth=1.0, active=0.5,
    )  # fmt: skip
    learner.learn_one([0.4, -0.6, 2.0], 1)
    found = view(learner.spec, learner.state, "used", 0)
    np.testing.assert_array_equal(found, [[0, 0], [0, 1], [0, 1]])


def test_defaults_learn_the_gas_stream() -> None:
    """Plain SGD has 95.7 % here, the mean of three seeds; one seed may have half a point less."""
    learner = MultilevelClassifier((128, 32, 6), classes=range(6))
    assert evaluate(learner, load_gas_drift()).accuracy > 0.952


def test_certainty_is_what_keeps_a_weight() -> None:
    learner = MultilevelClassifier((5, 8, 3))
    state = learner.state
    state["used"][0] = 100
    firm = CERTAINTY.values(learner.spec, learner.config, state)
    assert [v.shape for v in firm] == [(6, 8), (9, 3)]
    assert 4 < max(v.max() for v in firm) <= 5 + 1e-9


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_levels": 1}, "n_levels=1: expected 2 to 256 levels"),
        ({"n_levels": 2.5}, "n_levels=2.5: expected a whole number"),
        (
            {"n_levels": 256, "devices": 2},
            r"devices · \(n_levels - 1\) is 510, expected 255 at most",
        ),
        ({"growth": 2}, "growth=2: expected a probability"),
        ({"sweep": 3}, "sweep=3: expected a power of two"),
        ({"memory_window": 0.5}, "memory_window=0.5: expected a number of samples"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MultilevelClassifier((5, 8, 3), **given)


def test_a_state_with_a_level_that_is_not_there_is_refused() -> None:
    learner = MultilevelClassifier((5, 8, 3), n_levels=3, devices=1)
    state = learner.state
    state["level"][0, 0] = 3
    with pytest.raises(ShapeError, match="a level of 3: expected 0 to 2"):
        integer_check(learner.spec, learner.config, state)
