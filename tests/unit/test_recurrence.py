"""Recurrent connections of spiking layers: golden's bits in C, and the equations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.network import NetworkSpec, layer_view
from quant.rule import RULES
from quant.rules.bimu.state import belief_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.state import weight_view
from quant.spiking import TRACES, recurrence
from quant.state import init_state, layout_of
from streamlearn import SpikingClassifier, load
from streamlearn.engines import make_engine
from streamlearn.interchange import posterior, set_posterior

#: Layers, leaks, events, what stands before them, bias, draws.
NETWORKS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str, bool, int]] = [
    ((12, 16, 3), (3, 4), (), "none", False, 3),
    ((12, 16, 9, 3), (3, 4, 2), (8, 5), "standardise", True, 4),
    ((4, 9, 7, 5, 3), (2, 5, 2, 4), (8, 5), "frozen", True, 9),
]
#: Each rule's settings, with which all layers fire, and how its weights are found.
KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "mesu": ({"sigma_init": 2.0}, lambda spec, state, k: layer_view(spec, state, "mu", k)),
    "bimu": ({"unit_threshold": 0.1, "lr": 4.0}, belief_view),
    "metaplastic": ({"unit_threshold": 0.1, "lr": 16.0, "skip": 0.0}, weight_view),
}
#: Every rule that has such connections; one that is not among the kinds above fails.
RECURRENT = [rule.name for rule in RULES.values() if rule.recurrent]
EACH = pytest.mark.parametrize(
    ("rule", "arithmetic"), [(name, a) for name in RECURRENT for a in RULES[name].recurrent]
)


def made(rule: str, layers: tuple[int, ...], **given: Any) -> SpikingClassifier:
    """A recurrent learner whose hidden layers fire."""
    return SpikingClassifier(layers, rule=rule, recurrent=True, **{**KINDS[rule][0], **given})


def signal(n: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, n_features)), axis=0).astype(np.float32).astype(float)


@pytest.mark.parametrize("rule", RECURRENT)
@pytest.mark.parametrize(("layers", "leaks", "delta", "front_end", "bias", "draws"), NETWORKS)
def test_c_has_the_golden_models_bits(
    rule: str,
    layers: tuple[int, ...],
    leaks: tuple[int, ...],
    delta: tuple[int, ...],
    front_end: str,
    bias: bool,
    draws: int,
) -> None:
    spec = NetworkSpec(layers, bias, front_end, leaks=leaks, delta=delta, recurrent=True)
    drawn = {"n_draws": draws} if RULES[rule].draws else {}
    config, integers = made(rule, layers, leaks=leaks, **drawn).config, RULES[rule].recurrent[0]
    golden, c = (make_engine(spec, config, integers, backend) for backend in ("numpy", "c"))
    states = init_state(spec, config, integers, 1), init_state(spec, config, integers, 1)
    before = states[0].copy()
    for t, x in enumerate(signal(70, spec.n_features) / 2):
        asked = [e.predict(s, x, t % 2 == 0) for e, s in zip((golden, c), states, strict=True)]
        assert np.array_equal(asked[0].logits, asked[1].logits)
        for engine, state in zip((golden, c), states, strict=True):
            if t % 3:
                engine.learn(state, x, t % 2)
            else:
                engine.advance(state, x)
        assert states[0].tobytes() == states[1].tobytes(), t
    assert golden.saturations == c.saturations
    for layer in range(len(layers) - 2):
        below = layers[layer]
        mine = slice(below, below + layers[layer + 1])
        old, new = (KINDS[rule][1](spec, state, layer)[mine] for state in (before, states[0]))
        moved = np.count_nonzero(old != new)
        assert moved > new.size / 40, "own rows are learned, or this compares less"


def by_hand(
    mu: list[np.ndarray], leaks: tuple[int, ...], rows: np.ndarray
) -> list[list[np.ndarray]]:
    """Recurrent LIF layers as textbooks have them: the spikes of each layer at each step."""
    membranes = [np.zeros(m.shape[1]) for m in mu]
    before = [np.zeros(m.shape[1]) for m in mu]
    found = []
    for row in rows:
        arriving, spikes = row, []
        for k, m in enumerate(mu):
            membranes[k] = membranes[k] * (1 - 2.0 ** -leaks[k])
            membranes[k] += np.concatenate([arriving, before[k]]) @ m
            fired = (membranes[k] >= 1).astype(float)
            membranes[k] -= fired
            arriving = fired
            spikes.append(fired)
        before = spikes
        found.append(spikes)
    return found


@pytest.mark.parametrize("arithmetic", RULES["mesu"].recurrent)
def test_units_read_their_layers_spikes_of_the_step_before(arithmetic: str) -> None:
    learner = SpikingClassifier(
        (3, 8, 6, 2), arithmetic=arithmetic, front_end="none", threshold=None, n_draws=2,
        leaks=(2, 3, 4), recurrent=True, classes=range(2),
    )  # fmt: skip
    rng, arrays = np.random.default_rng(5), posterior(learner)
    for name, values in arrays.items():
        values[:] = 1e-9 if name.endswith("sigma") else rng.integers(-3, 6, values.shape) / 8
    set_posterior(learner, arrays)
    rows = rng.integers(0, 5, (60, 3)) / 4
    mu = [arrays[f"{2 * k}.weight_mu"].T for k in range(2)]
    spikes = by_hand(mu, learner.leaks, rows)
    agreed = []
    for row, (first, later) in zip(rows, spikes, strict=True):
        learner.step(row)
        own = learner.state["own_spikes"][0].astype(float)
        whole = 16 if arithmetic == "q16" else 1
        expected = np.concatenate([whole * first, np.repeat(later, 2)])
        agreed.append(float(np.mean(own == expected)))
    assert all(sum(s[k].sum() for s in spikes) > 100 for k in range(2))
    assert np.mean(agreed) >= (0.9 if arithmetic == "q16" else 1), "leaks of integers round up"
    alone = by_hand([np.where(np.arange(len(m))[:, None] < len(m) - m.shape[1], m, 0) for m in mu],
                    learner.leaks, rows)  # fmt: skip
    differs = sum(not np.array_equal(a[0], b[0]) for a, b in zip(spikes, alone, strict=True))
    assert differs > 10, "canary: without its own rows a layer fires otherwise"


@pytest.mark.parametrize(("arithmetic", "limit"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_recurrent_weight_learns_by_the_trace_of_the_unit_before_it(
    arithmetic: str, limit: float
) -> None:
    """Factorised e-prop: steps of one unit's weights are as the traces times the variances."""
    spec = NetworkSpec((2, 9, 2), False, "none", leaks=(3, 4), recurrent=True)
    config = MesuConfig(n_draws=3, memory_window=float("inf"), step="fixed")
    state, engine = init_state(spec, config, arithmetic), make_engine(spec, config, arithmetic)
    compared = 0
    for t, x in enumerate(np.abs(signal(60, 2)) % 2):
        mu, sigma = (layer_view(spec, state, n, 0).copy() for n in ("mu", "sigma"))
        spikes, trace = state["own_spikes"][0].copy(), state["input_trace"][0, 2:].copy()
        engine.learn(state, x, t % 2)
        after = state["input_trace"][0]
        assert np.allclose(after[2:], trace * (1 - 2**-3) + spikes, atol=limit)
        eligible = after[:, None] * sigma**2
        moved = layer_view(spec, state, "mu", 0) - mu
        for j in range(9):
            if abs(moved[0, j]) > 1e3 * limit:  # the learning signal times the derivative of unit j
                signal_j = moved[0, j] / eligible[0, j]
                assert np.allclose(moved[:, j], signal_j * eligible[:, j], atol=limit)
                compared += int(np.count_nonzero(moved[2:, j]))
    assert compared > 50


def test_the_integers_follow_the_equations_step_by_step() -> None:
    """Of the same weights, which do not move: what is rounded stays far below a spike."""
    learners = [
        SpikingClassifier(
            (3, 16, 9, 2), arithmetic=a, seed=2, front_end="none", recurrent=True, sigma_init=1.5,
            leaks=(3, 2, 4), drift=0, classes=range(2),
        )
        for a in ("q16", "float64")
    ]  # fmt: skip
    same = 0
    for x in np.round(signal(150, 3) % 3 * 16) / 16:
        for learner in learners:
            learner.step(x)
        q16, real = (learner.state for learner in learners)
        same += np.array_equal(q16["own_spikes"][0, :16] / 16, real["own_spikes"][0, :16])
    assert same > 120
    events = [learner.activity.events for learner in learners]
    assert events[1][1] > 2, "spikes come back to both hidden layers, or this compares less"
    assert np.allclose(events[0], events[1], rtol=0.1)


def test_predictions_are_mostly_those_of_the_equations() -> None:
    learners = [
        SpikingClassifier((3, 16, 2), arithmetic=a, seed=2, recurrent=True)
        for a in ("q16", "float64")
    ]
    same = 0
    for x in signal(150, 3):
        y = int(x[0] > x[1])
        same += len({learner.test_then_learn_one(x, y) for learner in learners}) == 1
    assert same > 130


def test_own_rows_start_at_zero_and_less_uncertain_than_the_others() -> None:
    for arithmetic in RULES["mesu"].recurrent:
        plain, learner = (
            SpikingClassifier((4, 32, 2), arithmetic=arithmetic, seed=3, recurrent=r)
            for r in (False, True)
        )
        arrays, without = posterior(learner), posterior(plain)
        mu, sigma = arrays["0.weight_mu"], arrays["0.weight_sigma"]
        assert mu.shape == (32, 8 + 32)
        assert np.array_equal(mu[:, :8], without["0.weight_mu"])
        assert np.array_equal(sigma[:, :8], without["0.weight_sigma"])
        assert not mu[:, 8:].any()
        expected = learner.config.sigma_init / np.sqrt(8 + 32) / 2
        assert np.allclose(sigma[:, 8:], expected, rtol=1e-3)


@EACH
def test_reset_forgets_the_spikes_before_too(rule: str, arithmetic: str) -> None:
    learner = made(rule, (3, 16, 9, 2), leaks=(3, 4, 4), arithmetic=arithmetic)
    for t, x in enumerate(signal(40, 3)):
        learner.learn_one(x, t % 2)
    before = learner.state
    learner.reset()
    after = learner.state
    changed = {name for name in before.dtype.names if (before[name] != after[name]).any()}
    assert changed <= {*TRACES, *recurrence.FIELDS}
    assert changed >= {*recurrence.FIELDS}
    assert not any(after[name].any() for name in changed)


@EACH
def test_predicting_changes_nothing_and_a_step_is_what_was_predicted(
    rule: str, arithmetic: str
) -> None:
    learner = made(rule, (3, 16, 2), arithmetic=arithmetic)
    rows = signal(40, 3)
    for t, x in enumerate(rows):
        learner.learn_one(x, t % 2)
    for x in rows[:10]:
        before = learner.state_sha256
        looked = learner.predict_one(x)
        learner.predict_recording(rows)
        assert learner.state_sha256 == before
        assert learner.step(x) == looked


@EACH
def test_files_keep_the_connections(rule: str, arithmetic: str, tmp_path: Path) -> None:
    learner = made(rule, (3, 16, 2), arithmetic=arithmetic)
    for t, x in enumerate(signal(40, 3)):
        learner.learn_one(x, t % 2)
    learner.save(tmp_path / "learner")
    other = load(tmp_path / "learner")
    assert type(other) is type(learner)
    assert other.recurrent
    assert other.get_params()["recurrent"] is True
    assert other.state_sha256 == learner.state_sha256
    for one in (learner, other):
        one.learn_one([1.0, -1.0, 0.5], 1)
    assert other.state_sha256 == learner.state_sha256


@pytest.mark.parametrize("rule", RECURRENT)
def test_own_units_count_as_inputs(rule: str) -> None:
    activity = made(rule, (3, 16, 9, 2)).activity
    assert activity.dense_operations == (6 + 16) * 16 + (16 + 9) * 9 + 9 * 2


def test_without_the_option_the_state_is_what_it_was() -> None:
    given: tuple[Any, ...] = (MesuConfig(), "q16")
    spec = NetworkSpec((4, 9, 7, 2), leaks=(3, 4, 4))
    names = [field.name for field in layout_of(spec, *given)]
    assert not {*recurrence.FIELDS} & {*names}
    assert spec.shapes == ((5, 9), (10, 7), (8, 2))
