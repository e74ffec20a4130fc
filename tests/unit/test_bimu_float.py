"""BiMU in float32, in C, against its equations in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.bimu.config import BELIEF_MAX, BimuConfig
from quant.rules.bimu.state import belief_view
from quant.state import init_state
from streamlearn.engines import make_engine

N = 60
PAPER: dict[str, Any] = {
    "sides": 2,
    "threshold": 1.0,
    "window": 0.5,
    "radial": 1.0,
    "logit_scale": 1.0,
    "lr": 1.8,
    "caution": 0.7,
}
NETWORKS: dict[str, tuple[NetworkSpec, BimuConfig]] = {
    "paper": (NetworkSpec((30, 40, 5), bias=False, front_end="none"), BimuConfig(**PAPER)),
    "defaults": (NetworkSpec((9, 21, 4)), BimuConfig()),
    "cut": (NetworkSpec((4, 10, 3)), BimuConfig()),
    "three layers, seventeen draws": (
        NetworkSpec((9, 21, 10, 4), bias=False),
        BimuConfig(n_draws=17, memory_window=500.0, sweep=4, belief_init=3.0),
    ),
    "relaxed": (
        NetworkSpec((9, 21, 10, 4)),
        BimuConfig(relaxed=1, belief_init=3.0, memory_window=500.0, **PAPER),
    ),
    "one layer, one draw": (NetworkSpec((9, 4)), BimuConfig(n_draws=1, cuts=0, sweep=1)),
    "steps to the ends": (
        NetworkSpec((9, 13, 3)),
        BimuConfig(lr=64.0, caution=0.0, memory_window=200.0, belief_init=3.9),
    ),
}


def apart(spec: NetworkSpec, config: BimuConfig, seed: int) -> tuple[list[float], list[float]]:
    """How far one step in float32 goes from float64's, from the same state; and how far that goes.

    The state is that of a learner in float64 along a stream.
    """
    equations = make_engine(spec, config, "float64", "numpy")
    kernel = NativeKernel(spec, config, "float32")
    state = init_state(spec, config, "float64", seed)
    rng = np.random.default_rng(seed)
    errors, steps = [], []
    for x in rng.normal(size=(N, spec.n_features)).astype(np.float32):
        one = init_state(spec, config, "float32", seed)
        for name in one.dtype.names or ():
            if one[name].shape == state[name].shape:
                one[name] = state[name]
        before = state["belief"].copy()
        label = int(x[0] > 0) + int(x[1] > 0)
        kernel.learn_one(one, x, label)
        equations.learn_many(state, x[None].astype(np.float64), np.array([label]))
        errors.append(float(np.abs(one["belief"] - state["belief"]).max()))
        steps.append(float(np.abs(before - state["belief"]).max()))
        assert np.abs(one["belief"]).max() <= np.float32(BELIEF_MAX)
    return errors, steps


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_step_is_the_equations_within_float32(name: str, seed: int) -> None:
    """A unit that stands on an end of its gate may fall on the other side: not often."""
    errors, steps = apart(*NETWORKS[name], seed)
    assert max(steps) > 0.01, "the canary: a step is seen"
    close = [error < 2e-4 * max(step, 0.1) for error, step in zip(errors, steps, strict=True)]
    assert np.mean(close) >= 0.95
    assert np.median(errors) < 2e-5


def test_canary_another_caution_is_no_rounding() -> None:
    spec, config = NETWORKS["paper"]
    other = BimuConfig(**{**PAPER, "caution": 0.71})
    kernel, equations = (
        NativeKernel(spec, other, "float32"),
        make_engine(spec, config, "float64", "numpy"),
    )
    one, two = (init_state(spec, config, numbers, 3) for numbers in ("float32", "float64"))
    x = np.random.default_rng(3).normal(size=30).astype(np.float32)
    kernel.learn_one(one, x, 0)
    equations.learn_many(two, x[None].astype(np.float64), np.array([0]))
    assert np.abs(one["belief"] - two["belief"]).max() > 2e-4


def test_rows_without_an_input_stay_but_for_the_pull() -> None:
    spec = NetworkSpec((6, 8, 3), bias=False, front_end="none")
    config = BimuConfig(cuts=0, sweep=4, memory_window=1000.0)
    kernel, state = NativeKernel(spec, config, "float32"), init_state(spec, config, "float32", 1)
    before = state["belief"].copy()
    kernel.learn_one(state, np.array([1, 0, 0, 0, 0, 2], np.float32), 1)
    old, new = (before[0, :48].reshape(6, 8), belief_view(spec, state, 0))
    assert np.array_equal(old[[1, 2, 3]], new[[1, 2, 3]])
    share = 4 / 1000 * (1 - np.tanh(old[4].astype(np.float64)) ** 2)
    np.testing.assert_allclose(new[4], old[4] * (1 - share), rtol=1e-6)
    assert not np.array_equal(old[[0, 5]], new[[0, 5]])
