"""The metaplastic rule in float32, in C, against its equations in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state
from streamlearn import MetaplasticClassifier
from streamlearn.engines import make_engine

N = 80
NETWORKS: dict[str, tuple[NetworkSpec, MetaplasticConfig]] = {
    "defaults": (NetworkSpec((30, 40, 5)), MetaplasticConfig()),
    "cut, adaptive": (NetworkSpec((4, 10, 3)), MetaplasticConfig(skip=0.0)),
    "three layers, no bias": (
        NetworkSpec((9, 21, 10, 4), bias=False, front_end="none"),
        MetaplasticConfig(cuts=0, skip=0.0, lr=16.0, lr_output=8.0, metaplasticity=5.0),
    ),
    "gates": (
        NetworkSpec((9, 40, 11, 4)),
        MetaplasticConfig(cuts=0, skip=0.0, n_blocks=40, n_active=13, window=4.0),
    ),
    "gates of signs": (NetworkSpec((4, 12, 3)), MetaplasticConfig(n_blocks=6, n_active=2)),
    "adaptive, two words": (
        NetworkSpec((9, 70, 4)),
        MetaplasticConfig(cuts=0, step="adaptive", skip=0.0, calibration_window=64),
    ),
    "one layer, steps to the ends": (
        NetworkSpec((9, 4)),
        MetaplasticConfig(cuts=0, lr_output=16.0, metaplasticity_output=0.0, clamp=0.2),
    ),
    "a start beyond the clamp": (
        NetworkSpec((9, 30, 4)),
        MetaplasticConfig(cuts=0, weight_init=1.0, clamp=0.2, skip=0.0, window=1 / 16),
    ),
}


def samples(spec: NetworkSpec, seed: int) -> list[tuple[np.ndarray, int]]:
    x = np.random.default_rng(seed).normal(size=(N, spec.n_features)).astype(np.float32)
    return [(row, int(row[0] > 0) + int(row[1] > 0)) for row in x]


def one_of(spec: NetworkSpec, config: MetaplasticConfig, state: Any, seed: int) -> Any:
    """A state in float32 that has what one in float64 has."""
    one = init_state(spec, config, "float32", seed)
    for name in one.dtype.names or ():
        if not name.startswith("padding"):
            one[name] = state[name]
    return one


def apart(spec: NetworkSpec, config: MetaplasticConfig, seed: int) -> tuple[list[float], ...]:
    """How far a step in float32 goes from float64's, from the same state; and how far that goes.

    In weights, and in single numbers of the state. The state is that of a learner in float64.
    """
    equations = make_engine(spec, config, "float64", "numpy")
    kernel = NativeKernel(spec, config, "float32")
    state = init_state(spec, config, "float64", seed)
    errors, steps, others = [], [], []
    for x, label in samples(spec, seed):
        one, before = one_of(spec, config, state, seed), state["hidden_weight"].copy()
        kernel.learn_one(one, x, label)
        equations.learn_many(state, x[None].astype(np.float64), np.array([label]))
        errors.append(float(np.abs(one["hidden_weight"] - state["hidden_weight"]).max()))
        steps.append(float(np.abs(before - state["hidden_weight"]).max()))
        words = {"log_temperature", "step_log2", "step_spread", "trace"} & {*one.dtype.names}
        others.append(max(float(np.abs(one[name] - state[name]).max()) for name in words))
    return errors, steps, others


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_step_is_the_equations_within_float32(name: str, seed: int) -> None:
    """A sum that is 0 but for rounding has either sign: not often."""
    errors, steps, others = apart(*NETWORKS[name], seed)
    assert max(steps) > 0.005, "the canary: a step is seen"
    assert errors[0] < 2e-6
    assert np.mean(np.array(errors) < 2e-6) >= 0.95
    assert np.mean(np.array(others) < 1e-5) >= 0.95


def test_canary_another_metaplasticity_is_no_rounding() -> None:
    spec, config = NETWORKS["three layers, no bias"]
    other = MetaplasticConfig(cuts=0, skip=0.0, lr=16.0, lr_output=8.0, metaplasticity=5.01)
    kernel, equations = NativeKernel(spec, other, "float32"), make_engine(spec, config, "float64")
    one, two = (init_state(spec, config, numbers, 3) for numbers in ("float32", "float64"))
    for x, label in samples(spec, 3)[:3]:
        kernel.learn_one(one, x, label)
        equations.learn_many(two, x[None].astype(np.float64), np.array([label]))
    assert np.abs(one["hidden_weight"] - two["hidden_weight"]).max() > 2e-5


def test_rows_without_an_input_and_samples_that_are_right_stay() -> None:
    spec, settings = NetworkSpec((6, 8, 3), bias=False, front_end="none"), {"cuts": 0, "lr": 16.0}
    config = MetaplasticConfig(**settings, skip=0.0)
    kernel, state = NativeKernel(spec, config, "float32"), init_state(spec, config, "float32", 1)
    before = state["hidden_weight"].copy()
    kernel.learn_one(state, np.array([1, 0, 0, 0, 0, 2], np.float32), 1)
    old, new = before[0, :48].reshape(6, 8), weight_view(spec, state, 0)
    assert np.array_equal(old[1:5], new[1:5])
    assert not np.array_equal(old[[0, 5]], new[[0, 5]])
    calm = NativeKernel(spec, MetaplasticConfig(**settings, skip=1.0), "float32")
    before = state["hidden_weight"].copy()
    calm.learn_one(state, np.array([1, 0, 0, 0, 0, 2], np.float32), 1)
    assert np.array_equal(before, state["hidden_weight"])


@pytest.mark.parametrize(
    "given",
    [{}, {"memory": "lda", "memory_features": 9}, {"replay_bytes": 300}, {"memory": "mean"}],
    ids=["plain", "memory", "replay", "nearest mean"],
)
def test_a_learner_says_what_the_equations_say(given: dict[str, Any]) -> None:
    """Probabilities, how new a sample is, and the temperature, beside a memory and a reservoir."""
    floats, real = (
        MetaplasticClassifier((6, 14, 3), classes=range(3), seed=2, arithmetic=a, **given)
        for a in ("float32", "float64")
    )
    for one in (floats, real):
        state = one.state
        state["log_temperature"] = -1.3  # as after a long stream
        one.state = state
    for x, label in samples(floats.spec, 5):
        found, expected = (one.predict_proba_one(x) for one in (floats, real))
        assert [*found.values()] == pytest.approx([*expected.values()], abs=1e-4)
        assert floats.novelty_one(x) == pytest.approx(real.novelty_one(x), abs=1e-4)
        for one in (floats, real):
            one.learn_one(x, label)
    assert real.state["log_temperature"][0] < -0.5, "a temperature to divide by"
