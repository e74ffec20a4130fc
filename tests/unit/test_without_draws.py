"""A prediction without draws: the mean weights, in every arithmetic, and nothing of the noise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from export.graph.model import prediction_model
from quant.rule import RULES
from streamlearn.engines import NativeEngine, NumpyEngine
from streamlearn.learners.loading import learner_class

KINDS = [name for name, rule in RULES.items() if rule.draws]
KINDS_AND_HEADS = [(kind, head) for kind in KINDS for head in RULES[kind].heads]
EVERY = [(*pair, numbers) for pair in KINDS_AND_HEADS for numbers in RULES[pair[0]].arithmetics]
#: Odd and even widths, one layer and three, with and without biases.
SHAPES = [((5, 7, 3), True), ((6, 8, 4, 3), False), ((9, 4), True)]


def learner(kind: str, head: str = "categorical", **more: Any) -> Any:
    layers = more.pop("layers", (5, 7, 3))
    if head == "gaussian":
        layers = (*layers[:-1], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the noise of so few weights
        return learner_class(kind, head)(layers, **more)


def rows(n: int, n_features: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32) * 3.0


def taught(made: Any, n: int = 60) -> Any:
    x = rows(n, made.spec.n_features)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0) if made.spec.n_classes else x[:, 0] * 2.0
    return made.learn_many(x, y.tolist())


def answer(made: Any, x: Any, **more: Any) -> Any:
    if made.spec.n_classes:
        return np.array([list(made.predict_proba_one(row, **more).values()) for row in x])
    return np.array([made.predict_distribution_one(row, **more) for row in x])


@pytest.mark.parametrize(("kind", "head", "arithmetic"), EVERY)
def test_the_noise_does_not_matter(kind: str, head: str, arithmetic: str) -> None:
    """Another sample number draws other noise; the mean weights are the same."""
    made = taught(learner(kind, head, arithmetic=arithmetic))
    x = rows(5, 5, seed=1)
    before, drawn = answer(made, x, draws=False), answer(made, x)
    state = made.state
    state["n_samples"] += 1
    made.state = state
    assert np.array_equal(answer(made, x, draws=False), before)
    assert not np.array_equal(answer(made, x), drawn), "the canary: draws do depend on it"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_drawn_prediction_where_nothing_is_unsure(kind: str) -> None:
    made = taught(learner(kind, arithmetic="float64"))
    state = made.state
    for name in {"sigma", "row"} & set(state.dtype.names):
        state[name] = 0
    if "belief" in state.dtype.names:
        state["belief"] = np.where(state["belief"] < 0, -40, 40)
    made.state = state
    x = rows(8, 5, seed=2)
    assert np.allclose(answer(made, x, draws=False), answer(made, x), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("kind", "head", "arithmetic"), [one for one in EVERY if one[1] == "gaussian"]
)
def test_a_regressor_is_sure_of_its_weights(kind: str, head: str, arithmetic: str) -> None:
    """Exactly, and infinite while there is no scale."""
    made = learner(kind, head, arithmetic=arithmetic)
    x = rows(6, 5, seed=3)
    fresh = made.predict_distribution_one(x[0], draws=False)
    assert fresh.mean == 0
    assert fresh.epistemic == np.inf
    taught(made)
    found = answer(made, x, draws=False)
    assert (found[:, 2] == 0).all()
    assert (found[:, 1] > 0).all()
    assert (answer(made, x)[:, 2] > 0).all()
    assert [made.predict_one(row, draws=False) for row in x] == found[:, 0].tolist()
    assert made.predict_many(x, draws=False).tolist() == found[:, 0].tolist()


@pytest.mark.parametrize(("layers", "bias"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_golden_equals_c_from_any_weights(kind: str, layers: tuple[int, ...], bias: bool) -> None:
    """Random weights, small and at the ends of 16 bits, and every input: outputs and counters."""
    made = learner(kind, layers=layers, bias=bias, front_end="none")
    given = made.spec, made.config, made.arithmetic
    golden, native = NumpyEngine(*given), NativeEngine(*given)
    rng = np.random.default_rng(5)
    for reach in (40, 3000, 32768):
        state = made.state
        weight = state[RULES[kind].weight]
        ends = np.iinfo(weight.dtype)
        low, high = max(-reach, ends.min), min(reach, ends.max)
        state[RULES[kind].weight] = rng.integers(low, high, weight.shape)
        state["taught"] = 0xFFFF
        x = rows(12, layers[0], seed=reach).astype(np.float64)
        x[0], x[1] = 0, 1e30
        found, expected = (e.predict_many(state, x, draws=False) for e in (native, golden))
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])
    assert golden.saturations == native.saturations
    assert golden.saturations.input > 0


@pytest.mark.parametrize(("kind", "head"), KINDS_AND_HEADS)
def test_the_graph_without_draws_has_no_variances(kind: str, head: str) -> None:
    made = taught(learner(kind, head, layers=(5, 40, 3)))
    given = made.spec, made.config, made.state, made.arithmetic, [str(k) for k in made.labels]
    sizes = [len(prediction_model(*given, draws=draws).SerializeToString()) for draws in (1, 0)]
    assert sizes[1] < 0.75 * sizes[0]
