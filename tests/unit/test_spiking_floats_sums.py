"""Binary weights in float32 whose units spike: what their sums over traces have of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from spiking_floats import apart, signal

from quant.rule import RULES
from quant.rules.bimu.config import BELIEF_MAX
from quant.spiking import TRACES, recurrence
from streamlearn import SpikingClassifier
from streamlearn.spiking import READ_MAX

FLOATS = ("float32", "float64")


def both(rule: str, layers: tuple[int, ...], **given: Any) -> list[SpikingClassifier]:
    """The C kernel and the equations: currents, no front end."""
    settings = {"front_end": "none", "threshold": None, "classes": range(2), **given}
    return [SpikingClassifier(layers, rule=rule, arithmetic=a, **settings) for a in FLOATS]


def test_a_layer_reads_traces_up_to_an_end() -> None:
    """A unit that fires at every step has a trace of 64; the layer above reads less of it."""
    learners = both("bimu", (2, 8, 6, 2), leaks=(1, 6, 6), recurrent=True, unit_threshold=1 / 64)
    for t in range(120):
        said = [one.predict_proba_one([7.0, 7.0]) for one in learners]
        assert said[0][0] == pytest.approx(said[1][0], abs=1e-3), t
        for one in learners:
            one.learn_one([7.0, 7.0], t % 2)
    traces = [one.state["output_trace"][0] for one in learners]
    assert traces[0].max() > 2 * READ_MAX, "or no end is met"
    for name in ("belief", "output_trace", "own_trace"):
        assert apart(*(one.state[name] for one in learners)) < 1e-3, name


def test_membranes_are_sums_with_the_weights_of_now() -> None:
    """Other weights between two steps, the same traces: other spikes; nothing else is kept."""
    one, other = (both("bimu", (3, 24, 2), seed=1)[0] for _ in range(2))
    for x in signal(20, 3):
        one.step(x)
        other.step(x)
    state = other.state
    state["belief"] *= -1
    other.state = state
    x = signal(20, 3)[-1]
    one.step(x)
    other.step(x)
    assert "charge_mean" not in one.state.dtype.names
    assert np.array_equal(one.state["input_trace"], other.state["input_trace"])
    assert not np.array_equal(one.state["output_trace"], other.state["output_trace"])


def test_an_input_without_a_trace_is_not_learned_but_for_the_pull() -> None:
    learner = both("bimu", (4, 9, 2), sweep=64, memory_window=100.0, unit_threshold=0.1)[0]
    learner.step([0.0] * 4)
    start = learner.state["belief"][0, : 4 * 9].reshape(4, 9).copy()
    x = np.array([2.0, 0.0, 3.0, 0.0])
    for t in range(5):  # rows 0, 63, 62, ... are pulled
        learner.learn_one(x, t % 2)
    now = learner.state["belief"][0, : 4 * 9].reshape(4, 9)
    moved = np.abs(now - start).max(axis=1)
    assert (moved[x == 0] == 0).all()
    assert (moved[x != 0] > 1e-4).all()


def test_beliefs_end_where_those_of_a_byte_do() -> None:
    learner, real = both("bimu", (3, 12, 2), lr=64.0, caution=0.0, belief_init=3.9)
    for t, x in enumerate(signal(60, 3)):
        learner.learn_one(x, t % 2)
        real.learn_one(x, t % 2)
    for one in (learner, real):
        assert np.abs(one.state["belief"]).max() == pytest.approx(BELIEF_MAX, rel=1e-6)


@pytest.mark.parametrize("rule", ["bimu"])
def test_traces_end_in_silence(rule: str) -> None:
    """Own spikes can go on for ever by themselves; where no unit fires any more they end."""
    learner = both(rule, (2, 8, 6, 2), leaks=(3, 6, 3), recurrent=True, unit_threshold=0.1)[0]
    for t in range(20):
        learner.learn_one([4.0, -4.0], t % 2)
    kept = {*TRACES, *recurrence.FIELDS} & {*learner.state.dtype.names}
    assert all(learner.state[name].any() for name in kept)
    state = learner.state
    state[RULES[rule].weight] = -3.9
    learner.state = state
    for _ in range(2500):
        learner.step([0.0, 0.0])
    assert not any(learner.state[name].any() for name in kept)
