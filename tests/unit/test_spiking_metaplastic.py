"""Spiking layers under the metaplastic rule: C, equations, learners, and what is refused."""

from __future__ import annotations

import copy
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from quant.spiking import TRACES
from quant.state import init_state
from streamlearn import SpikingClassifier, SpikingMetaplasticClassifier, load
from streamlearn.engines import make_engine


def signal(n: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, n_features)), axis=0).astype(np.float32).astype(float)


def wave(quick: bool, phase: float) -> np.ndarray:
    """Eight sensors swing one after another."""
    t = np.arange(40)[:, None]
    return 2 * np.sin(t * (0.9 if quick else 0.3) + phase + np.arange(8))


#: For two classes that take turns.
SETTINGS: dict[str, Any] = {"lr": 0.8, "lr_output": 0.03, "unit_threshold": 0.2, "logit_scale": 2.0}
SETTINGS |= {"weight_init": 0.6, "metaplasticity": 3.0, "metaplasticity_output": 5.0}


@functools.cache
def _taught() -> SpikingMetaplasticClassifier:
    learner: Any = SpikingClassifier((8, 64, 2), rule="metaplastic", front_end="none", **SETTINGS)
    for recording in range(40):
        for quick in (False, True):
            learner.learn_recording(wave(quick, recording), "quick" if quick else "slow")
    found: SpikingMetaplasticClassifier = learner
    return found


def taught() -> SpikingMetaplasticClassifier:
    """A learner that knows two waves."""
    return copy.deepcopy(_taught())


@pytest.mark.parametrize("step", ["adaptive", "fixed"])
def test_c_has_the_golden_models_bits_at_the_ends_of_its_settings(step: str) -> None:
    """Units that fire often, large steps; and as many units near a spike."""
    spec = NetworkSpec((12, 16, 9, 3), True, leaks=(3, 4, 2), delta=(8, 5))
    config = MetaplasticConfig(window=1 / 64, step=step, lr=16.0, lr_output=16.0, skip=0.0)
    golden, c = (make_engine(spec, config, "q8", backend) for backend in ("numpy", "c"))
    states = init_state(spec, config, "q8", 1), init_state(spec, config, "q8", 1)
    near = []
    for t, x in enumerate(signal(90, spec.n_features) / 2):
        near.append(golden.undecided(states[0], x))
        assert near[-1] == c.undecided(states[1], x)
        assert golden.learn(states[0], x, t % 3) == c.learn(states[1], x, t % 3)
        assert states[0].tobytes() == states[1].tobytes(), t
    assert golden.saturations == c.saturations
    assert 0 < max(near) < 25


@pytest.mark.parametrize("bias", [False, True])
def test_the_integers_follow_the_equations_while_weights_rest(bias: bool) -> None:
    """The same signs of weights: membranes and traces differ by what the integers round."""
    given: dict[str, Any] = {"rule": "metaplastic", "seed": 2, "bias": bias, "bias_input": 1.0}
    given |= {"front_end": "none", "leaks": (3, 2, 4), "drift": 0, "unit_threshold": 0.3}
    q8, real = (SpikingClassifier((3, 16, 9, 2), arithmetic=a, **given) for a in ("q8", "float64"))
    for layer in range(3):
        signs = [weight_view(one.spec, one.state, layer) < 0 for one in (q8, real)]
        assert np.array_equal(*signs)
    for x in np.round(signal(200, 3) % 3 * 16) / 16:
        for learner in (q8, real):
            learner.step(x)
        apart = np.abs(q8.state["input_trace"] / 512 - real.state["input_trace"])
        assert apart.max() < 8 / 512, "a leak takes up to 2^-9 more, of which 2^3 are left"
    events = real.activity.events
    assert events[1] > 0.2
    assert events[2] > 0.2
    for k in (1, 2):
        assert math.isclose(q8.activity.events[k], events[k], rel_tol=0.1)


def test_a_membrane_by_hand() -> None:
    """One input, one unit of weight 1 that fires at 1/2, leaks of a half."""
    spec = NetworkSpec((1, 1, 2), False, "none", leaks=(1, 1))
    config = MetaplasticConfig(window=0.5)
    for arithmetic, one in (("float64", 1.0), ("q8", 512.0)):
        state = init_state(spec, config, arithmetic)
        weight_view(spec, state, 0)[:] = 1
        engine = make_engine(spec, config, arithmetic, None if one == 1 else "numpy")
        arriving, reset, trace, fired = 0.0, 0.0, 0.0, []
        for value in (0.25, 0.25, 0.5, 0.0, 1.0, 0.0, 0.0):
            engine.advance(state, np.array([value]))
            arriving, reset = arriving / 2 + value, reset / 2
            spike = arriving / 0.5 - reset >= 1
            reset, trace = reset + spike, trace / 2 + spike
            fired.append(int(spike))
            found = float(state["output_trace"][0, 0]) / one
            assert abs(found - trace) <= (0 if one == 1 else 2 / 512)
        assert fired == [0, 0, 1, 0, 1, 0, 0]


def test_a_sample_moves_weights_by_its_traces_and_gates_on_average() -> None:
    """The mean step over many keys is the equations' step."""
    spec = NetworkSpec((3, 5, 2), False, "none", leaks=(2, 2))
    settings: dict[str, Any] = {"window": 1.0, "metaplasticity": 0.0, "metaplasticity_output": 0.0}
    config = MetaplasticConfig(**settings, skip=0.0, lr=2.0, lr_output=2.0, weight_init=0.5)
    state, real = (init_state(spec, config, a) for a in ("q8", "float64"))
    golden, equations = (
        make_engine(spec, config, a, b) for a, b in (("q8", "numpy"), ("float64", None))
    )
    for layer in (0, 1):
        view = weight_view(spec, state, layer)
        weight_view(spec, real, layer)[:] = (view.astype(float) + 0.5) / 128
    x = np.array([1.5, 0.5, 2.0])
    for _ in range(3):
        golden.advance(state, x)
        equations.advance(real, x)
    after = real.copy()
    equations.learn(after, x, 0)
    expected = (after["hidden_weight"] - real["hidden_weight"])[0] * 128
    total, n = np.zeros(len(expected)), 3000
    for seed in range(n):
        one = state.copy()
        one["seed"] = seed
        golden.learn(one, x, 0)
        for layer, part in ((0, slice(0, 15)), (1, slice(15, 25))):
            moved = weight_view(spec, one, layer).astype(int) - weight_view(spec, state, layer)
            total[part] += moved.ravel()
    assert np.abs(expected).max() > 1
    assert np.abs(total / n - expected).max() < 0.12 * np.abs(expected).max()


def test_it_learns_what_one_instant_cannot_tell_and_comes_back_from_a_file(tmp_path: Path) -> None:
    learner = taught()
    right = sum(
        learner.predict_recording(wave(quick, k + 0.5)) == ("quick" if quick else "slow")
        for k in range(8)
        for quick in (False, True)
    )
    assert right >= 15
    learner.step(wave(True, 0)[3])
    learner.save(tmp_path / "waves.slrn")
    other = load(tmp_path / "waves.slrn")
    assert type(other) is SpikingMetaplasticClassifier
    assert other.state_sha256 == learner.state_sha256
    assert {**other.get_params(), "classes": None} == learner.get_params()
    for one in (learner, other):
        one.learn_recording(wave(True, 5), "quick")
    assert other.state_sha256 == learner.state_sha256
    proba = learner.predict_proba_one(wave(True, 0)[0])
    assert math.isclose(sum(proba.values()), 1, abs_tol=1e-6)


def test_a_reset_forgets_the_time_and_keeps_weights_and_temperature() -> None:
    learner = taught()
    kept = learner.state["hidden_weight"].copy(), learner.state["log_temperature"].copy()
    assert kept[1][0] != 0
    learner.reset()
    for name in TRACES:
        if name in (learner.state.dtype.names or ()):
            assert not learner.state[name].any(), name
    assert np.array_equal(learner.state["hidden_weight"], kept[0])
    assert np.array_equal(learner.state["log_temperature"], kept[1])


def test_activity_counts_events_spikes_and_live_rows() -> None:
    """A line without a live trace costs nothing, and no row of it moves."""
    learner = SpikingClassifier((4, 16, 2), rule="metaplastic", front_end="none", threshold=None)
    start = weight_view(learner.spec, copy.deepcopy(learner.state), 0)
    for t in range(60):
        learner.learn_one([2.0 * (t % 2), 0, 1.5, 0], t // 10 % 2)
    moved = (weight_view(learner.spec, learner.state, 0) != start).any(axis=1)
    assert moved.tolist() == [True, False, True, False]
    activity = learner.activity
    assert activity.steps == 60
    assert activity.events[0] == 1.5
    assert activity.live[0] == pytest.approx(2, abs=0.1)
    assert 0 < activity.events[1] <= 16
    assert activity.synaptic_operations == pytest.approx(
        activity.live[0] * 16 + activity.live[1] * 2
    )
    assert activity.dense_operations == 4 * 16 + 16 * 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"window": 0.01}, "window=0.01: a spiking unit fires at 0.015625 or above"),
        ({"cuts": 5}, "cuts=5: a spiking network reads traces, not signs; take 0"),
        ({"n_blocks": 4, "n_active": 2}, "n_blocks=4: a spiking network chooses no blocks; take 0"),
    ],
)
def test_what_a_spiking_network_has_not_is_refused(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        init_state(NetworkSpec((4, 8, 2), leaks=(3, 4)), MetaplasticConfig(**given), "q8")


def test_settings_of_other_arithmetics_and_rules_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected one of q8, float32, float64"):
        SpikingClassifier((4, 8, 2), rule="metaplastic", arithmetic="q16")
    with pytest.raises(ConfigError, match="has no parameter memory_window"):
        SpikingClassifier((4, 8, 2), rule="metaplastic", memory_window=10.0)
