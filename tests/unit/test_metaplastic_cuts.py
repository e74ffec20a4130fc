"""Few columns in the metaplastic rule: cuts, the step that sets itself, classes never taught."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import cut_integers, cut_reals, cut_values, cuts_of, layers_of
from quant.rules.metaplastic.step import LOG2_MAX, LOG2_MIN, stepped_gain
from quant.state import layout_of
from streamlearn import MetaplasticClassifier


def ring(n: int, seed: int = 0) -> tuple[Any, list[int]]:
    """Two columns; a class lies around the other, so that no line parts them."""
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return x * [3, 0.01] + [100, 0], (np.hypot(*x.T) < 1.18).astype(int).tolist()


@pytest.mark.parametrize(
    ("n", "more", "front_end", "cuts"),
    [
        (1, {}, "standardise", 31),
        (2, {}, "standardise", 31),
        (10, {}, "standardise", 12),
        (25, {}, "standardise", 5),
        (26, {}, "standardise", 0),
        (2, {}, "none", 0),
        (2, {"cuts": 7}, "none", 7),
        (2, {"cuts": 0}, "standardise", 0),
        (200, {"cuts": 2}, "standardise", 2),
    ],
)
def test_how_many_cuts(n: int, more: dict[str, Any], front_end: str, cuts: int) -> None:
    spec, config = NetworkSpec((n, 8, 2), front_end=front_end), MetaplasticConfig(**more)
    assert cuts_of(spec, config) == cuts
    assert layers_of(spec, config) == (n * max(cuts, 1), 8, 2)


def test_cuts_beyond_their_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"cuts=32: expected 0 to 31"):
        MetaplasticConfig(cuts=32)
    with pytest.raises(ConfigError, match=r"cuts=2.5: expected a whole number"):
        MetaplasticConfig(cuts=2.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"cuts=31: 3000 columns become 93,000 inputs"):
        MetaplasticClassifier((3000, 8, 2), cuts=31)
    with pytest.raises(ConfigError, match=r"step='quick': expected 'adaptive', 'fixed' or None"):
        MetaplasticConfig(step="quick")


def test_columns_are_cut_at_the_quantiles_of_a_normal() -> None:
    assert cut_values(3).tolist() == [-11, 0, 11]  # -0.674, 0, 0.674 in Q3.4
    z = np.array([-12, 5])
    assert cut_integers(z, cut_values(3)).tolist() == [-16, -16, -16, 16, 16, -16]
    assert all(len(set(cut_values(n).tolist())) == n for n in range(32)), "two cuts are one"
    assert cut_integers(z, cut_values(0)) is z


def test_equations_cut_where_the_rounded_column_would_be() -> None:
    real = np.random.default_rng(0).normal(size=1000)
    rounded = np.floor(real * 16 + 0.5).astype(np.int64)
    for cuts in (1, 5, 31):
        a, b = cut_integers(rounded, cut_values(cuts)), cut_reals(real, cut_values(cuts))
        assert np.array_equal(a / 16, b)


@pytest.mark.parametrize("arithmetic", ["q8", "float64"])
def test_a_class_around_another_is_learned_from_two_columns(arithmetic: str) -> None:
    x, y = ring(3000)
    found = {}
    for cuts in (None, 0):
        learner = MetaplasticClassifier(
            (2, 64, 2), classes=(0, 1), arithmetic=arithmetic, cuts=cuts
        )
        predicted = learner.test_then_learn_many(x, y)
        found[cuts] = np.mean(np.array(predicted[1000:]) == y[1000:])
    assert found[None] > 0.85
    assert found[0] < 0.75, "without cuts it was as good: what are they for?"


def test_the_step_is_kept_only_where_it_sets_itself() -> None:
    spec = NetworkSpec((2, 8, 2))
    names = ("step_log2", "step_spread", "trace")
    for config, there in (
        (MetaplasticConfig(), True),
        (MetaplasticConfig(step="fixed"), False),
        (MetaplasticConfig(cuts=0), False),
        (MetaplasticConfig(cuts=0, step="adaptive"), True),
    ):
        for arithmetic in ("q8", "float64"):
            layout = {field.name for field in layout_of(spec, config, arithmetic)}
            assert {name in layout for name in names} == {there}


def test_the_step_rises_where_labels_turn_round() -> None:
    """A border that flips every 300 samples, one that stays, and labels of pure chance."""
    rng = np.random.default_rng(0)
    x, blocks = rng.normal(size=(6000, 3)), np.arange(6000).reshape(-1, 100)
    border = x[:, 0] > 0
    steps = []
    for labels in (border ^ (np.arange(6000) // 300 % 2 == 1), border, rng.random(6000) < 0.5):
        learner, found = MetaplasticClassifier((3, 32, 2), classes=(0, 1)), []
        for rows in blocks:
            learner.learn_many(x[rows], labels[rows].astype(int).tolist())
            found.append(int(learner.state["step_log2"][0]) / 65536)
        steps.append(np.mean(found))
    assert steps[0] > 0.2
    assert max(steps[1:]) < 0


def test_a_gain_times_the_ends_of_the_step() -> None:
    assert stepped_gain(256, 0) == 256
    assert stepped_gain(256, LOG2_MAX) == 2048
    assert stepped_gain(256, LOG2_MIN) == 181
    assert stepped_gain(1, LOG2_MIN) == 1


@pytest.mark.parametrize("n_classes", [2, 33, 70])
def test_the_bit_of_each_class_taught(n_classes: int) -> None:
    learner = MetaplasticClassifier((3, 4, n_classes), classes=range(n_classes))
    assert learner.state["taught"].shape == (1, -(-n_classes // 32))
    assert learner.predict_one([0, 0, 0]) == 0
    taught = {1, n_classes - 1}
    for label in taught:
        learner.learn_one([label, 1, 2], label)
    words = learner.state["taught"][0]
    assert {k for k in range(n_classes) if words[k >> 5] >> (k & 31) & 1} == taught
    rows = np.random.default_rng(0).normal(size=(50, 3))
    assert set(learner.predict_many(rows)) <= taught
