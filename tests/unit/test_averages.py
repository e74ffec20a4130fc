"""Averaged weights of spiking networks: what reads them, how they follow, golden's bits in C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant import averages
from quant.averages import golden
from quant.description import to_json
from quant.network import NetworkSpec, layer_view
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state, layout_of
from streamlearn import SpikingClassifier, load
from streamlearn import averages as real
from streamlearn.engines import make_engine
from streamlearn.interchange import posterior, set_posterior

#: Layers, leaks, events, what stands before them, bias, draws, recurrent.
NETWORKS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str, bool, int, bool]] = [
    ((12, 16, 3), (3, 4), (), "none", False, 3, False),
    ((12, 70, 9, 3), (3, 4, 2), (8, 5), "standardise", True, 4, False),
    ((4, 9, 7, 5, 3), (2, 5, 2, 4), (8, 5), "frozen", True, 9, True),
    ((6, 3), (2,), (), "none", True, 4, False),
]
ARITHMETICS = RULES["mesu"].averages
EACH = pytest.mark.parametrize("arithmetic", ARITHMETICS)


def signal(n: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, n_features)), axis=0).astype(np.float32).astype(float)


def made(arithmetic: str, window: int = 128, **given: Any) -> SpikingClassifier:
    settings = {"classes": range(2), "sigma_init": 2.0, **given}
    return SpikingClassifier((3, 16, 2), arithmetic=arithmetic, average_window=window, **settings)


def learned(arithmetic: str, window: int = 128, n: int = 300, **given: Any) -> SpikingClassifier:
    learner = made(arithmetic, window, **given)
    for t, x in enumerate(signal(n, 3)):
        learner.learn_one(x, t // 20 % 2)
    return learner


@pytest.mark.parametrize(
    ("layers", "leaks", "delta", "front_end", "bias", "draws", "own"), NETWORKS
)
def test_c_has_the_golden_models_bits(
    layers: tuple[int, ...],
    leaks: tuple[int, ...],
    delta: tuple[int, ...],
    front_end: str,
    bias: bool,
    draws: int,
    own: bool,
) -> None:
    spec = NetworkSpec(
        layers, bias, front_end, leaks=leaks, delta=delta, recurrent=own, average_window=256
    )
    config = MesuConfig(n_draws=draws, sigma_init=2.0)
    engines = [make_engine(spec, config, "q16", backend) for backend in ("numpy", "c")]
    states = [init_state(spec, config, "q16", 1) for _ in engines]
    for t, x in enumerate(signal(400, spec.n_features) / 2):
        if t % 5 == 0:
            pairs = zip(engines, states, strict=True)
            asked = [e.predict(s, x, t % 2 == 0).logits for e, s in pairs]
            assert np.array_equal(*asked)
        for engine, state in zip(engines, states, strict=True):
            if t % 4:
                engine.learn(state, x, t // 3 % 3)
            else:
                engine.advance(state, x)
        assert states[0].tobytes() == states[1].tobytes(), t
    assert engines[0].saturations == engines[1].saturations
    apart = states[0]["average"] != states[0]["mu"]
    assert apart.mean() > 0.2, "the average differs from the weights, or this compares less"


@EACH
def test_learning_is_what_it_is_without_an_average(arithmetic: str) -> None:
    learners = [learned(arithmetic, window) for window in (0, 256)]
    plain, averaged = (learner.state for learner in learners)
    assert not np.array_equal(averaged["average"], averaged["mu"])
    for name in plain.dtype.names:
        assert np.array_equal(plain[name], averaged[name]), name


@EACH
def test_a_step_without_a_label_leaves_charges_of_the_average(arithmetic: str) -> None:
    """Learning steps between such steps find them, as docs/spiking.md says."""
    plain, averaged = learned(arithmetic, 0), learned(arithmetic, 256)
    for y in (None, 1):
        assert np.array_equal(plain.state["mu"], averaged.state["mu"])
        for learner in (plain, averaged):
            learner.learn_one([1.0, -1.0, 0.5], y)
    assert not np.array_equal(plain.state["mu"], averaged.state["mu"])


@EACH
def test_a_learned_step_says_what_the_weights_say(arithmetic: str) -> None:
    plain, averaged = made(arithmetic, 0), made(arithmetic, 256)
    for t, x in enumerate(signal(200, 3)):
        y = t // 20 % 2
        assert plain.test_then_learn_one(x, y) == averaged.test_then_learn_one(x, y)


def with_weights_of_the_average(learner: SpikingClassifier) -> SpikingClassifier:
    """A learner without an average whose weights are another's average."""
    given = {**learner.get_params(), "average_window": 0}
    other, state = SpikingClassifier(**given), learner.state
    mine = other.state
    for name in mine.dtype.names:
        mine[name] = state["average" if name == "mu" else name]
    other.state = mine
    return other


@EACH
@pytest.mark.parametrize(
    "verb", ["predict_one", "step", "learn_one", "recording", "proba", "novelty"]
)
def test_what_has_no_label_reads_the_average(arithmetic: str, verb: str) -> None:
    learner = learned(arithmetic)
    shown, live = with_weights_of_the_average(learner), learned(arithmetic, 0)
    verbs: dict[str, Any] = {
        "predict_one": lambda one, x: one.predict_one(x),
        "step": lambda one, x: one.step(x),
        "learn_one": lambda one, x: one.learn_one(x, None) and None,
        "recording": lambda one, x: one.predict_recording([x] * 3),
        "proba": lambda one, x: one.predict_proba_one(x),
        "novelty": lambda one, x: one.novelty_one(x),
    }
    differs = 0
    for x in signal(60, 3, 1):
        said = [verbs[verb](one, x) for one in (learner, shown, live)]
        assert said[0] == said[1]
        for one in (learner, shown, live):
            if verb != "learn_one":
                one.learn_one(x, None)
        assert np.array_equal(learner.state["charge_mean"], shown.state["charge_mean"])
        differs += not np.array_equal(learner.state["charge_mean"], live.state["charge_mean"])
    assert differs > 30, "canary: the weights themselves charge membranes otherwise"


@EACH
@pytest.mark.parametrize("draws", [True, False])
def test_engines_predict_with_the_average(arithmetic: str, draws: bool) -> None:
    learner = learned(arithmetic)
    other = with_weights_of_the_average(learner)
    engines = [make_engine(one.spec, one.config, arithmetic) for one in (learner, other)]
    rows = signal(20, 3, 1)
    found = [
        engine.predict_many(one.state, rows, draws)[1]
        for engine, one in zip(engines, (learner, other), strict=True)
    ]
    assert np.array_equal(*found)
    live = learned(arithmetic, 0)
    plain = make_engine(live.spec, live.config, arithmetic).predict_many(live.state, rows, draws)
    assert not np.array_equal(found[0], plain[1])


@EACH
def test_an_average_follows_a_row_in_64_at_each_learned_step(arithmetic: str) -> None:
    """By hand: row r of all rows at the steps n with r + n a multiple of 64."""
    spec = NetworkSpec((70, 20, 3), leaks=(3, 4), front_end="none", average_window=128)
    config, rows = MesuConfig(), 71 + 21
    engine, state = make_engine(spec, config, arithmetic), init_state(spec, config, arithmetic)
    assert np.array_equal(state["average"], state["mu"])
    for n, x in enumerate(signal(150, 70) / 4):
        before = state.copy()
        engine.learn(state, x, n % 3)
        moved, expected = [], [r for r in range(rows) if (r + n) % 64 == 0]
        for layer, first in ((0, 0), (1, 71)):
            old, new = (layer_view(spec, s, "average", layer) for s in (before, state))
            mu = layer_view(spec, state, "mu", layer).astype(float)
            changed = np.flatnonzero((old != new).any(axis=1))
            moved += [first + r for r in changed.tolist()]
            for r in changed:
                share = 1 if n < 64 else 2
                wide = old[r].astype(float)
                limit = 1 if arithmetic == "q16" else 1e-6
                assert (np.abs(new[r] - (wide + (mu[r] - wide) / share)) < limit).all()
        assert {*moved} <= {*expected}
        assert len(moved) == len(expected) or n % 64 > 40, "nearly every row moves"
    before = state.copy()
    engine.advance(state, x)
    assert np.array_equal(state["average"], before["average"])


def test_how_fast_an_average_follows_grows_to_its_window() -> None:
    found = [averages.shift(1024, visit * 64) for visit in range(40)]
    assert found == [0, 1, 1, 2, 2, 2, 2, *[3] * 8, *[4] * 25]
    assert averages.shift(64, 10**6) == 0
    assert averages.shift(averages.WINDOW_MAX, 2**32 - 1) == averages.SHIFT_MAX


@EACH
def test_of_weights_that_rest_the_average_comes_to_them(arithmetic: str) -> None:
    """The widest window: without rounding at random nothing below 4,096 LSBs would move."""
    follow = golden.follow if arithmetic == "q16" else real.follow
    spec = NetworkSpec((4, 3), leaks=(3,), front_end="none", average_window=averages.WINDOW_MAX)
    state = init_state(spec, MesuConfig(), arithmetic)
    state["mu"], state["average"] = 100, 0
    n = 2**20
    for visit in range(5 * 4096):
        state["time_steps"] = 64 * visit
        follow(spec, state, n - n % 64)  # row 0 of all
    mean = state["average"][0, :3].astype(float)
    assert (np.abs(mean - 100 * (1 - np.exp(-5))) < 6).all()
    assert (state["average"][0, 3:] == 0).all()


@EACH
def test_files_keep_the_average(arithmetic: str, tmp_path: Path) -> None:
    learner = learned(arithmetic)
    learner.save(tmp_path / "learner")
    other = load(tmp_path / "learner")
    assert isinstance(other, SpikingClassifier)
    assert other.average_window == 128
    assert other.get_params()["average_window"] == 128
    for one in (learner, other):
        one.learn_one([1.0, -1.0, 0.5], 1)
    assert other.state_sha256 == learner.state_sha256


def test_without_one_files_and_states_say_nothing_of_it() -> None:
    spec, config = NetworkSpec((4, 9, 2), leaks=(3, 4)), MesuConfig()
    assert "average" not in [field.name for field in layout_of(spec, config, "q16")]
    assert "average_window" not in to_json(spec, config)["network"]


@EACH
def test_reset_leaves_the_average(arithmetic: str) -> None:
    learner = learned(arithmetic)
    before = learner.state["average"].copy()
    learner.reset()
    assert np.array_equal(learner.state["average"], before)


@EACH
def test_given_weights_are_the_average_too(arithmetic: str) -> None:
    learner = learned(arithmetic)
    arrays = posterior(learner)
    arrays["0.weight_mu"][:] = 0.25
    set_posterior(learner, arrays)
    assert np.array_equal(learner.state["average"], learner.state["mu"])


def test_integers_follow_the_equation() -> None:
    """Of the same weights, which swing: rounding stays within what NUMBERS.md says of it."""
    window, rng = 1024, np.random.default_rng(0)
    spec = NetworkSpec((64, 40), False, leaks=(3,), front_end="none", average_window=window)
    states = [init_state(spec, MesuConfig(), a, 3) for a in ("q16", "float64")]
    steady = np.round(rng.normal(0, 2000, spec.n_synapses))
    seen = []
    for n in range(6 * window):
        if n % 64 == 0:
            weights = steady + np.round(rng.normal(0, 300, spec.n_synapses))
        for state, follow in zip(states, (golden.follow, real.follow), strict=True):
            state["mu"], state["time_steps"] = weights, n
            follow(spec, state, n)
        if n > window:
            seen.append(states[0]["average"][0] - states[1]["average"][0])
    off = np.array(seen)
    assert abs(off.mean()) < 0.1, "no bias"
    assert 0.5 < off.std() < np.sqrt(window / 64 / 8) + 0.3


@EACH
def test_a_posterior_is_of_the_weights_or_of_their_average(arithmetic: str) -> None:
    learner = learned(arithmetic)
    live, shown = posterior(learner), posterior(learner, averaged=True)
    other = posterior(with_weights_of_the_average(learner))
    for name, values in shown.items():
        assert np.array_equal(values, other[name])
    assert not np.array_equal(live["0.weight_mu"], shown["0.weight_mu"])
