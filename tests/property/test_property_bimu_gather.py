"""BiMU's rows that take turns: no sample is lost, none counts twice; what settling takes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant import noise
from quant.counters import Saturations
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.bimu import golden_steps
from quant.rules.bimu.belief import BELIEFS, Belief
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.gather import NAMES, slots
from quant.rules.bimu.golden_gather import learn_gathered
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.plan import BimuPlan, make_bimu_plan
from quant.state import init_state
from streamlearn.rules.bimu.learners import BimuClassifier

GATHER, ROUNDS = 4, 6_000
SIZE = Size(40960, 13, 0, 1)
SPEC = NetworkSpec((5, 3), bias=False, front_end="none")
X = np.array([127, -60, 16, 3, 0])
START = np.array([[40, -90, 0], [5, 60, -20], [-3, 0, 10], [1, -70, 70], [8, 8, 8]])


def words(n: int, rows: int) -> tuple[Int64, Int64]:
    """Random words of rows and of columns."""
    key = noise.sample_key(1, n)
    drawn = (
        noise.words(key, noise.STREAM_ROW, rows),
        noise.words(key, noise.STREAM_COLUMN, 3),
    )
    return drawn[0].astype(np.int64), drawn[1].astype(np.int64)


def plan_of(belief: Belief, **more: Any) -> BimuPlan:
    return make_bimu_plan(SPEC, BimuConfig(lr=0.5, caution=0.0, n_draws=2, cuts=0, **more), belief)


@pytest.mark.parametrize("belief", BELIEFS.values(), ids=lambda belief: belief.arithmetic)
def test_the_sum_over_turns_is_the_sum_over_samples(belief: Belief) -> None:
    plan, at_once = plan_of(belief, gather=GATHER), plan_of(belief)
    state = init_state(SPEC, BimuConfig(gather=GATHER), belief.arithmetic, 0)
    gradient = np.array([[2400, 2400], [-2400, 800], [280, 0]])
    noisy = np.array([[140, -280], [140, 140], [0, 70]])
    first = START << belief.low_bits
    found, expected = np.zeros(first.shape), np.zeros(first.shape)
    for n in range(ROUNDS):
        sign = 1 if n % 3 else 3
        state["n_samples"] = n
        drawn = words(n, len(X))
        one, other = (first.astype(belief.dtype) for _ in range(2))
        given = X[:, None], sign * gradient, sign * noisy, SIZE
        learn_gathered(one, state, *given, plan, *drawn, Saturations())
        found += one - first
        x, delta, noise_, size = given
        golden_steps.learn_layer(
            other, x, 127, delta, noise_, size, at_once, *words(n + ROUNDS, len(X)), Saturations()
        )
        expected += other - first
    lsb = 2.0**-belief.low_bits
    found, expected = found / ROUNDS * lsb, expected / ROUNDS * lsb
    rounding = np.sqrt(2 * np.maximum(np.abs(expected), 1e-3) * lsb / ROUNDS)  # of both sums
    most = 5 * rounding + 0.03 * np.abs(expected) + 1e-3
    assert np.all(np.abs(found - expected) < most)
    assert np.any(np.abs(expected) > 6 * most), "a sample lost of six would not be seen"


def test_a_step_that_has_no_size_leaves_empty_slots() -> None:
    belief = BELIEFS["q8"]
    plan, state = (
        plan_of(belief, gather=GATHER),
        init_state(SPEC, BimuConfig(gather=GATHER), "q8", 0),
    )
    for name in NAMES:
        state[name] = 1
    beliefs, zero = START.astype("i1"), np.full((3, 2), 500)
    learn_gathered(
        beliefs, state, X[:, None], zero, zero, Size(0, 0, 0, 0), plan, *words(0, 5), Saturations()
    )
    inputs, lane, noisy = slots(state, GATHER)
    assert inputs[:5, 0].tolist() == X.tolist()
    assert not lane[:, 0].any()
    assert not noisy[:, 0].any()


@pytest.mark.parametrize("settle", [0.0, 1.0])
def test_settling_keeps_an_even_distribution_even(settle: float) -> None:
    """Steps of one size before sech², signs at random: λ leaves the middle, or does not."""
    plan = plan_of(BELIEFS["q8"], settle=settle)
    rng = np.random.default_rng(5)
    belief = np.linspace(-127, 127, 1500).round().astype("i1")[:, None]
    right = (0, 0)
    for _ in range(10_000):
        g = np.where(rng.random(belief.shape) < 0.5, -2000, 2000)
        byte = belief.astype(np.int64) + 128
        step = golden_steps.steps(byte, g, np.zeros_like(g), right, plan)
        u = rng.integers(0, 4096, belief.shape)
        belief = np.clip(belief - (step + u >> 12), -127, 127).astype("i1")
    unsure = float((np.abs(belief.astype(int)) < 32).mean())  # a quarter of an even one
    assert unsure == pytest.approx(0.25, abs=0.05) if settle else unsure < 0.15


def test_a_learner_that_gathers_learns() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (6000, 16))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    learner = BimuClassifier((16, 24, 2), lr=0.3, gather=8, settle=1.0, cuts=0)
    learner.learn_many(x[:5000], y[:5000])
    right = np.mean(np.array(learner.predict_many(x[5000:])) == y[5000:])
    assert right > 0.83
