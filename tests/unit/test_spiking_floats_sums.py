"""Binary weights in float32 whose units spike: what their sums over traces have of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from spiking_floats import apart, signal

from quant.rule import RULES
from quant.rules.bimu.config import BELIEF_MAX
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.spiking import TRACES, recurrence
from streamlearn import SpikingClassifier
from streamlearn.spiking import READ_MAX

FLOATS = ("float32", "float64")
#: The rules whose membranes are sums, with settings that make steps of any size.
RULES_OF_SUMS: dict[str, dict[str, Any]] = {"bimu": {}, "metaplastic": {"skip": 0.0, "lr": 16.0}}
EACH = pytest.mark.parametrize("rule", RULES_OF_SUMS)


def test_every_rule_whose_membranes_are_sums_is_here() -> None:
    summed = {name for name, rule in RULES.items() if rule.spiking and not rule.charges}
    assert summed == {*RULES_OF_SUMS}


def both(rule: str, layers: tuple[int, ...], **given: Any) -> list[SpikingClassifier]:
    """The C kernel and the equations: currents, no front end."""
    own = {"front_end": "none", "threshold": None, "classes": range(2), **RULES_OF_SUMS[rule]}
    settings = {**own, **given}
    return [SpikingClassifier(layers, rule=rule, arithmetic=a, **settings) for a in FLOATS]


@EACH
def test_a_layer_reads_traces_up_to_an_end(rule: str) -> None:
    """A unit that fires at every step has a trace of 64; the layer above reads less of it."""
    learners = both(rule, (2, 8, 6, 2), leaks=(1, 6, 6), recurrent=True, unit_threshold=1 / 64)
    for t in range(120):
        said = [one.predict_proba_one([7.0, 7.0]) for one in learners]
        assert said[0][0] == pytest.approx(said[1][0], abs=1e-3), t
        for one in learners:
            one.learn_one([7.0, 7.0], t % 2)
    traces = [one.state["output_trace"][0] for one in learners]
    assert traces[0].max() > 2 * READ_MAX, "or no end is met"
    for name in (RULES[rule].weight, "output_trace", "own_trace"):
        assert apart(*(one.state[name] for one in learners)) < 1e-3, name


@EACH
def test_membranes_are_sums_with_the_weights_of_now(rule: str) -> None:
    """Other weights between two steps, the same traces: other spikes; nothing else is kept."""
    one, other = (both(rule, (3, 24, 2), seed=1)[0] for _ in range(2))
    for x in signal(20, 3):
        one.step(x)
        other.step(x)
    state = other.state
    state[RULES[rule].weight] *= -1
    other.state = state
    x = signal(20, 3)[-1]
    one.step(x)
    other.step(x)
    assert "charge_mean" not in one.state.dtype.names
    assert np.array_equal(one.state["input_trace"], other.state["input_trace"])
    assert not np.array_equal(one.state["output_trace"], other.state["output_trace"])


@EACH
def test_an_input_without_a_trace_is_not_learned_but_for_the_pull(rule: str) -> None:
    learner = both(rule, (4, 9, 2), unit_threshold=1.0)[0]
    learner.step([0.0] * 4)
    start = learner.state[RULES[rule].weight][0, : 4 * 9].reshape(4, 9).copy()
    x = np.array([2.0, 0.0, 3.0, 0.0])
    for t in range(5):  # BiMU's prior pulls row 0, then rows that a layer of four has not
        learner.learn_one(x, t % 2)
    now = learner.state[RULES[rule].weight][0, : 4 * 9].reshape(4, 9)
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


def test_hidden_weights_end_at_the_clamp() -> None:
    clamp = MetaplasticConfig().clamp
    for one in both("metaplastic", (3, 12, 2), lr=16.0, lr_output=16.0):
        for t, x in enumerate(signal(60, 3)):
            one.learn_one(x, t % 2)
        assert np.abs(one.state["hidden_weight"]).max() == pytest.approx(clamp, rel=1e-6)


@EACH
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
