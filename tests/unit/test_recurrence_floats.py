"""Recurrent connections in float32: exact steps by hand, and what they are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import DivergedError
from quant.network import NetworkSpec, layer_view
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.spiking import TRACES, recurrence
from quant.state import init_state
from streamlearn import SpikingClassifier
from streamlearn.engines import make_engine


def test_spikes_come_back_by_hand() -> None:
    """Leaks of a half, weights of quarters: every number of every layer is exact in float32.

    A σ of 0: with the mean weights, too, the step that comes is predicted.
    """
    spec = NetworkSpec((1, 2, 1, 2), True, "none", leaks=(1, 1, 1), recurrent=True)
    config = MesuConfig(n_draws=1)
    state = init_state(spec, config, "float32")
    state["sigma"] = 0.0
    first, later, last = (layer_view(spec, state, "mu", k) for k in range(3))
    first[:] = [[1.0, 0.25], [-0.5, 1.0], [0.0, 0.25], [0.25, -0.25]]
    later[:] = [[0.5], [0.75], [0.5], [0.25]]
    last[:] = [[1.0, -0.5], [0.25, 0.0]]
    engine = make_engine(spec, config, "float32")
    membranes, spikes = [np.zeros(2), np.zeros(1)], [np.zeros(2), np.zeros(1)]
    traces, output, counted = np.zeros(1), np.zeros(1), np.zeros(3, int)
    for value in (1.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.5, 1.0, 0.0, 0.0, 0.0):
        x, before = np.array([value]), spikes
        membranes[0] = membranes[0] / 2 + np.concatenate([x, before[0], [0.5]]) @ first
        spikes = [(membranes[0] >= 1).astype(float)]
        membranes[1] = membranes[1] / 2 + np.concatenate([spikes[0], before[1], [0.5]]) @ later
        spikes.append((membranes[1] >= 1).astype(float))
        membranes = [m - s for m, s in zip(membranes, spikes, strict=True)]
        traces, output = traces / 2 + before[1], output / 2 + spikes[1]
        for draws in (True, False, True):
            said = engine.predict(state, x, draws)
            assert np.array_equal(said.logits.ravel(), np.concatenate([output, [1.0]]) @ last)
        engine.advance(state, x)
        arrived = np.count_nonzero([value, *before[0]]), spikes[0].sum() + before[1].sum()
        counted += np.array([*arrived, spikes[1].sum()], int)
        assert np.array_equal(state["own_spikes"][0], np.concatenate(spikes))
        assert np.array_equal(state["own_trace"][0], traces)
        now = state["charge_mean"][0] - state["membrane_reset"][0]
        assert np.array_equal(now, np.concatenate(membranes))
        assert np.array_equal(state["events"][0], counted)
    assert (counted > 2).all(), "units of both layers fire, or this compares less"


def test_the_first_layers_own_units_bring_the_share_of_their_draws() -> None:
    learner = SpikingClassifier(
        (3, 16, 2), arithmetic="float32", recurrent=True, n_draws=5, sigma_init=2.0
    )
    seen: set[float] = set()
    for x in np.cumsum(np.random.default_rng(0).normal(size=(60, 3)), axis=0):
        before = learner.state["membrane_reset"][0].reshape(16, 5)
        learner.step(x)
        after = learner.state["membrane_reset"][0].reshape(16, 5)
        fired = after > before * np.float32(1 - 2**-3) + 0.5
        own = learner.state["own_spikes"][0]
        assert np.array_equal(own, fired.sum(axis=1).astype(np.float32) / np.float32(5))
        seen |= {float(v) for v in own}
    assert len(seen) == 6, "none, some and all of the draws"


#: Each rule's settings, with which units fire often.
SETTINGS: dict[str, dict[str, Any]] = {"mesu": {"sigma_init": 2.0}, "bimu": {}, "metaplastic": {}}
RECURRENT = [name for name in RULES if "float32" in RULES[name].recurrent]


def right_of_100(rule: str, loops: bool) -> int:
    """Learn to say, forty steps later, which of two lines was heard for two steps."""
    learner = SpikingClassifier(
        (2, 64, 2), rule=rule, arithmetic="float32", front_end="none", threshold=None,
        leaks=(1, 1), recurrent=loops, classes=range(2), **SETTINGS[rule],
    )  # fmt: skip
    cues = np.zeros((2, 40, 2))
    cues[[0, 1], :2, [0, 1]] = 4.0
    for heard in np.random.default_rng(0).integers(0, 2, 400):
        learner.learn_recording(cues[heard], int(heard))
    right = 0
    for heard in [0, 1] * 50:
        learner.reset()
        said = [learner.step(row) for row in cues[heard]]
        right += said[-1] == heard
    return right


@pytest.mark.parametrize("rule", RECURRENT)
def test_own_spikes_remember_what_traces_have_forgotten(rule: str) -> None:
    """Traces of k = 1 have ended after forty steps: without recurrence both cues are silence."""
    assert right_of_100(rule, loops=False) == 50
    assert right_of_100(rule, loops=True) > 95


def test_what_came_back_ends_in_silence() -> None:
    """Own spikes can go on for ever by themselves; where no unit fires any more they end."""
    learner = SpikingClassifier(
        (2, 8, 6, 2), arithmetic="float32", recurrent=True, front_end="none", threshold=None,
        sigma_init=2.0, leaks=(3, 6, 3),
    )  # fmt: skip
    for _ in range(20):
        learner.learn_one([4.0, -4.0], "a")
    state = learner.state
    assert all(state[name].any() for name in recurrence.FIELDS)
    state["mu"], state["sigma"] = 0.0, 1e-9
    learner.state = state
    for _ in range(2500):
        learner.step([0.0, 0.0])
    kept = {*TRACES, *recurrence.FIELDS} & {*learner.state.dtype.names}
    assert not any(learner.state[name].any() for name in kept)


def test_own_traces_stay_within_their_end() -> None:
    spec = NetworkSpec((1, 1, 1, 2), False, "none", leaks=(1, 6, 1), recurrent=True)
    config = MesuConfig(n_draws=1)
    state = init_state(spec, config, "float32")
    state["mu"], state["sigma"] = 8.0, 0.0
    engine, own = make_engine(spec, config, "float32"), []
    for _ in range(700):
        engine.advance(state, np.array([4.0]))
        own.append(float(state["own_trace"][0, 0]))
    assert max(own) == own[-1] == 64 - 2**-9


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_own_rows_that_diverged_are_seen_behind_spikes(layer: int, value: float) -> None:
    learner = SpikingClassifier(
        (2, 8, 6, 2), arithmetic="float32", recurrent=True, front_end="none", threshold=None,
        sigma_init=2.0, leaks=(3, 3, 3),
    )  # fmt: skip
    for _ in range(12):
        learner.learn_one([4.0, -4.0], "a")
    state, below = learner.state, learner.spec.layers[layer]
    own = layer_view(learner.spec, state, "mu", layer)[
        below : below + learner.spec.layers[layer + 1]
    ]
    own[:] = value
    engine = make_engine(learner.spec, learner.config, "float32")
    before = state.tobytes()
    for done in (
        lambda x: engine.learn(state, x, 0),
        lambda x: engine.advance(state, x),
        lambda x: engine.predict(state, x, True),
    ):
        with pytest.raises(DivergedError):
            done(np.array([4.0, -4.0]))
        assert state.tobytes() == before
