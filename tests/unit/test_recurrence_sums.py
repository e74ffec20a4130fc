"""Recurrent connections of binary weights: by hand, beside the equations, and their memory."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules import bimu
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.state import belief_view
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from quant.spiking.recurrence import brings
from quant.spiking.sums import INPUT_MAX, hidden_rows
from quant.state import init_state
from streamlearn import SpikingBimuClassifier, SpikingClassifier
from streamlearn.engines import make_engine
from streamlearn.spiking import READ_MAX

#: Layers of a rule's binary weights, and numbers that are surely -1 and +1.
KINDS: dict[str, tuple[Any, float]] = {"bimu": (belief_view, 40.0), "metaplastic": (weight_view, 1)}
THETA, LEAKS = 0.25, (2, 3, 4)


def by_hand(
    w: list[np.ndarray], rows: np.ndarray, own: bool
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """The spikes of each layer at each step, and the traces that the first one reads."""
    keep = [1 - 2.0**-k for k in LEAKS]
    traces = [np.zeros(len(m)) for m in w]
    resets, before = ([np.zeros(m.shape[1]) for m in w] for _ in range(2))
    found, read = [], []
    for row in rows:
        arriving, spikes = row, []
        for k, m in enumerate(w):
            brought = before[k] * own * 2 / 2.0 ** LEAKS[k]
            traces[k] = keep[k] * traces[k] + np.concatenate([arriving, brought])
            u = np.minimum(traces[k], READ_MAX) @ m / (THETA * math.sqrt(len(m)))
            left = keep[k] * resets[k]
            arriving = (u - left >= 1).astype(float)
            resets[k] = left + arriving
            spikes.append(arriving)
        before = spikes
        found.append(spikes)
        read.append(traces[0].copy())
    return found, read


@pytest.mark.parametrize("rule", KINDS)
def test_units_read_their_layers_spikes_of_the_step_before(rule: str) -> None:
    """Of weights that are certain: then nothing is drawn."""
    learner = SpikingClassifier(
        (3, 12, 7, 2), rule=rule, arithmetic="float64", front_end="none", threshold=None,
        leaks=LEAKS, recurrent=True, classes=range(2), unit_threshold=THETA,
    )  # fmt: skip
    rng, (view, sure) = np.random.default_rng(5), KINDS[rule]
    state, spec, w = learner.state, learner.spec, []
    for layer in range(2):
        w.append(rng.choice([-1.0, 1.0], spec.shapes[layer]))
        view(spec, state, layer)[:] = sure * w[layer]
    engine = make_engine(spec, learner.config, "float64")
    rows = rng.integers(0, 5, (60, 3)) / 4
    spikes, traces = by_hand(w, rows, own=True)
    draws = getattr(learner.config, "n_draws", 1)
    for row, (first, later), read in zip(rows, spikes, traces, strict=True):
        engine.advance(state, row)
        expected = np.concatenate([first / 2, np.repeat(later, draws)])
        assert np.array_equal(state["own_spikes"][0], expected)
        assert np.allclose(state["input_trace"][0], read)
    assert all(sum(step[k].sum() for step in spikes) > 50 for k in range(2))
    alone, _ = by_hand(w, rows, own=False)
    differs = sum(not np.array_equal(a[0], b[0]) for a, b in zip(spikes, alone, strict=True))
    assert differs > 10, "canary: without its own rows a layer fires otherwise"


CONFIGS: dict[str, Any] = {
    "bimu": BimuConfig(threshold=THETA, caution=0.0, belief_init=0.0, lr=1 / 64,
                       memory_window=float("inf")),
    "metaplastic": MetaplasticConfig(window=THETA, metaplasticity=0.0, metaplasticity_output=0.0,
                                     lr=0.01, lr_output=0.01, skip=0.0, weight_init=0.4),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "arithmetic"),
    [(name, a) for name in KINDS for a in RULES[name].recurrent if a.startswith("float")],
)
def test_a_recurrent_weight_learns_by_the_trace_of_the_unit_before_it(
    rule: str, arithmetic: str
) -> None:
    """Factorised e-prop: the steps of one unit's weights are as the traces."""
    spec = NetworkSpec((3, 9, 2), False, "none", leaks=(3, 4), recurrent=True)
    config, view = CONFIGS[rule], KINDS[rule][0]
    state, engine = init_state(spec, config, arithmetic), make_engine(spec, config, arithmetic)
    rng, compared = np.random.default_rng(1), 0
    for t in range(60):
        old = view(spec, state, 0).copy()
        spikes, trace = state["own_spikes"][0].copy(), state["input_trace"][0, 3:].copy()
        engine.learn(state, rng.uniform(0, 2, 3), t % 2)
        after = state["input_trace"][0]
        assert np.allclose(after[3:], trace * (1 - 2**-3) + spikes)
        moved = view(spec, state, 0) - old
        for j in range(9):
            if abs(moved[0, j]) > 1e-9:
                expected = moved[0, j] / after[0] * after
                assert np.allclose(moved[:, j], expected, rtol=1e-2, atol=1e-7)
                compared += int(np.count_nonzero(moved[3:, j]))
    assert compared > 50


def test_the_integers_follow_the_equations_while_weights_rest() -> None:
    """The same signs of weights: membranes and traces differ by what the integers round."""
    q8, real = (
        SpikingClassifier(
            (3, 16, 9, 2), rule="metaplastic", arithmetic=a, seed=2, front_end="none",
            leaks=LEAKS, drift=0, unit_threshold=THETA, recurrent=True,
        )
        for a in ("q8", "float64")
    )  # fmt: skip
    same = []
    rng = np.random.default_rng(0)
    for x in np.round(np.cumsum(rng.normal(size=(150, 3)), axis=0) % 3 * 16) / 16:
        for learner in (q8, real):
            learner.step(x)
        own = [one.state["own_spikes"][0] / whole for one, whole in ((q8, 16), (real, 1))]
        same.append(np.mean(own[0] == own[1]))
    assert np.mean(same) > 0.9, "a spike that differs comes back"
    for k in (1, 2):
        assert real.activity.events[k] > 0.5
        assert math.isclose(q8.activity.events[k], real.activity.events[k], rel_tol=0.1)


def remembered(rule: str, recurrent: bool, seed: int) -> float:
    """Share of right answers twelve steps behind a cue, where all traces of it have ended.

    Weights rest while it is asked: those that learn might follow the label of the steps before.
    """
    learner = SpikingClassifier(
        (2, 64, 2), rule=rule, classes=range(2), seed=seed, front_end="none", threshold=None,
        leaks=(1, 1), recurrent=recurrent,
    )  # fmt: skip
    cues = np.zeros((2, 14, 2))
    cues[[0, 1], :2, [0, 1]] = 4.0
    rng, right = np.random.default_rng(seed), []
    for side in rng.integers(0, 2, 400).tolist():
        learner.learn_recording(cues[side], side)
    for side in [0, 1] * 20:
        learner.reset()
        said = [learner.step(row) for row in cues[side]]
        right.append(said[-1] == side)
    return float(np.mean(right))


@pytest.mark.parametrize("rule", KINDS)
def test_a_cue_is_remembered_longer_than_traces_last(rule: str) -> None:
    """Spikes go round and keep it; without connections the answer is a guess."""
    seeds = range(3)
    assert np.mean([remembered(rule, True, seed) for seed in seeds]) > 0.8
    assert np.mean([remembered(rule, False, seed) for seed in seeds]) < 0.6


def test_a_spike_brings_a_layer_that_sums_less_where_its_trace_lasts() -> None:
    assert [brings(k, charges=True) for k in range(1, 7)] == [16] * 6
    assert [brings(k, charges=False) for k in range(1, 7)] == [16, 8, 4, 2, 1, 1]


def test_a_rule_without_such_connections_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = dataclasses.replace(bimu.RULE, recurrent=())
    monkeypatch.setattr(bimu, "RULE", alone)
    with pytest.raises(ConfigError, match="the rule 'bimu' has no recurrent connections"):
        SpikingClassifier((2, 8, 2), rule="bimu", recurrent=True)
    with pytest.raises(ConfigError, match=r"'bimu' in q8 has no.* q16 or float32 or float64"):
        SpikingBimuClassifier((2, 8, 2), recurrent=True)


def test_own_rows_are_inputs_of_their_layer() -> None:
    spec = NetworkSpec((4, 9, 7, 2), True, leaks=(3, 4, 4), recurrent=True)
    assert hidden_rows(spec) == (9 + 7) + 7
    for rule, (view, _) in KINDS.items():
        config = CONFIGS[rule]
        for arithmetic in ("q8", "float64"):
            state = init_state(spec, config, arithmetic)
            assert [view(spec, state, k).shape for k in range(3)] == [(14, 9), (17, 7), (8, 2)]
    assert INPUT_MAX == READ_MAX * 16
