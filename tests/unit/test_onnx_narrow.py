"""Graphs that learn, of layers of one row or one unit, and over rounds of gathered rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_steps import models, run_of, session, sha256, start_of

from quant.rule import RULES
from streamlearn import BimuClassifier
from streamlearn.learners.loading import learner_class


def same(learner: Any, x: Any, y: Any) -> None:
    """One block through the graph ends in the state that the learner comes to."""
    start = start_of(learner)
    found = run_of(session(models(learner)[1]), {"x": x, "label": y, **start})
    for row, label in zip(x, y.tolist(), strict=True):
        learner.learn_one(row, label)
    assert sha256(learner, {name: found[f"{name}_next"] for name in start}) == learner.state_sha256


def block(features: int, n: int) -> tuple[Any, Any]:
    """Rows of noise, of nothing, and with a few values."""
    rng = np.random.default_rng(n)
    x = 2 * rng.normal(size=(n, features)).astype(np.float32)
    x[::3], x[1::3] = 0, np.where(rng.random(x[1::3].shape) < 0.6, 0, x[1::3])
    return x, rng.integers(0, 2, n)


@pytest.mark.parametrize("layers", [(1, 2), (1, 1, 2), (3, 4, 1, 2)])
@pytest.mark.parametrize("front_end", ["standardise", "none"])
@pytest.mark.parametrize("rule", RULES)
def test_a_layer_of_one_row_learns(rule: str, front_end: str, layers: tuple[int, ...]) -> None:
    made = learner_class(rule, "categorical")
    learner = made(layers, classes=range(2), bias=False, front_end=front_end)  # type: ignore[call-arg]
    same(learner, *block(layers[0], 20))


@pytest.mark.parametrize("layers", [(1, 1, 2), (5, 9, 2)])
@pytest.mark.parametrize("gather", [2, 64])
def test_rows_take_turns_over_two_rounds_and_past_the_end_of_the_counter(
    gather: int, layers: tuple[int, ...]
) -> None:
    settings: dict[str, Any] = {"gather": gather, "settle": 1.0, "lr": 16.0, "cuts": 0}
    learner = BimuClassifier(layers, classes=range(2), **settings)
    state = learner.state
    state["n_samples"] = 2**32 - gather // 2 - 1
    learner.state = state
    same(learner, *block(layers[0], 2 * gather + 5))
    assert learner.state["n_samples"][0] < 2 * gather + 5
    assert learner.state["gathered_input"].any()
    assert learner.state["gathered_lane"].any() or layers[1] == 1  # one unit has no deviation
