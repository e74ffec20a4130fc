"""The reservoir: what it costs, what it keeps and forgets, and what a replay leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.description import to_json
from quant.errors import ConfigError, ParameterError
from quant.front_end.golden import quantise_input
from quant.network import NetworkSpec
from quant.replay import golden
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn import (
    MesuClassifier,
    MesuFactoredClassifier,
    MesuRegressor,
    MetaplasticClassifier,
    load,
)
from streamlearn.learners.classifier import StreamClassifier

KINDS = [MesuClassifier, MetaplasticClassifier]
FLOATS = [(MesuClassifier, "float32"), (MesuClassifier, "float64")]


def rows(n: int, n_features: int = 4, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return (rng.normal(size=(n, n_features)) + y[:, None]).astype(np.float32), y


def filled(labels: list[int], capacity: int, seed: int = 0) -> Any:
    """A state whose reservoir saw samples of these labels; each one's number is its inputs."""
    spec = NetworkSpec((2, 4), replay_bytes=10 + 8 * 4 + 3 * capacity)
    assert spec.replay_capacity == capacity
    state = init_state(spec, MesuConfig(), "q16")
    words = np.random.default_rng(seed).integers(0, 2**32, len(labels))
    for t, (label, word) in enumerate(zip(labels, words.tolist(), strict=True)):
        codes = np.array([t % 100, t // 100])
        golden.store(state, codes, label, word)
    return state


def kept(state: Any, label: int) -> list[int]:
    """Numbers of the stored samples of a class."""
    low, high = state["replay_input"][0].reshape(-1, 2).T.astype(int)
    n = int(state["replay_stored"].sum())
    mine = state["replay_class"][0, :n] == label
    return sorted((100 * high + low)[:n][mine].tolist())


# -- what it costs -----------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [(128, 32, 6), (2, 8, 2), (5, 3), (7, 100)])
@pytest.mark.parametrize("n_bytes", [4000, 18_001])
def test_the_state_grows_by_no_more_than_was_given(layers: Any, n_bytes: int) -> None:
    states = [MesuClassifier(layers, replay_bytes=n).state.nbytes for n in (0, n_bytes)]
    grown = states[1] - states[0]
    assert n_bytes - 16 - layers[0] < grown <= n_bytes


def test_too_few_bytes_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(ConfigError, match="6 classes needs 832 bytes"):
        MesuClassifier((128, 32, 6), replay_bytes=831)
    assert MesuClassifier((128, 32, 6), replay_bytes=832).spec.replay_capacity == 6


@pytest.mark.parametrize("given", [{"replay_bytes": -1}, {"replay_bytes": 2.5}, {"replays": 0}])
def test_nonsense_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(given))}="):
        MesuClassifier((4, 3), **given)


def test_a_regressor_refuses_it() -> None:
    with pytest.raises(ParameterError, match="MesuRegressor has no parameter replay_bytes"):
        MesuRegressor((4, 1), replay_bytes=1000)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="this network predicts a number; leave it at 0"):
        NetworkSpec((4, 1), head="gaussian", replay_bytes=1000)


def test_without_it_nothing_is_kept_and_nothing_is_described() -> None:
    learner = MesuClassifier((4, 3))
    assert not any("replay" in name for name in learner.state.dtype.names)
    assert not any("replay" in name for name in to_json(learner.spec, learner.config)["network"])
    assert learner.get_params()["replay_bytes"] == 0


# -- what it keeps -----------------------------------------------------------------------------


def test_classes_one_after_another_get_as_many_places() -> None:
    state = filled([0] * 300 + [1] * 50 + [2] * 200 + [3] * 9, 40)
    assert state["replay_stored"].tolist() == [[10, 10, 11, 9]]
    assert state["replay_seen"].tolist() == [[300, 50, 200, 9]]
    assert kept(state, 3) == list(range(550, 559))


def test_a_rare_class_among_others_is_kept_whole() -> None:
    labels = [3 if t % 100 == 99 else t % 3 for t in range(1000)]
    state = filled(labels, 60)
    assert kept(state, 3) == list(range(99, 1000, 100))
    assert state["replay_stored"][0, :3].sum() == 50
    assert np.ptp(state["replay_stored"][0, :3]) <= 1


def unfairness(labels: list[int], label: int, capacity: int, places: int = 10) -> float:
    """χ² per degree of freedom of where in the stream the stored samples of a class come from."""
    mine = np.flatnonzero(np.array(labels) == label)
    counts = np.zeros(places)
    for seed in range(100):
        found = np.searchsorted(mine, kept(filled(labels, capacity, seed), label))
        counts += np.histogram(found, places, (0, len(mine)))[0]
    expected = counts.sum() / places
    return float(((counts - expected) ** 2 / expected).sum() / (places - 1))


STREAMS = {
    "in blocks": [0] * 200 + [1] * 200 + [2] * 100,
    "mixed": [0, 0, 0, 1, 2] * 100,
}


@pytest.mark.parametrize("labels", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("label", [0, 1])
def test_within_a_class_each_sample_is_as_likely(labels: list[int], label: int) -> None:
    assert unfairness(labels, label, 30) < 2.5  # of 9 degrees of freedom: once in 130 fair runs


@pytest.mark.parametrize("broken", ["always takes", "takes the first"])
def test_canary_an_unfair_sampler_is_seen(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    store = golden.store

    def unfair(state: Any, codes: Any, label: int, word: int) -> None:
        if broken == "always takes":
            state["replay_seen"] = np.minimum(state["replay_seen"], state["replay_stored"] + 1)
        store(state, codes, label, word if broken == "always takes" else word // 8)

    monkeypatch.setattr(golden, "store", unfair)
    assert unfairness(STREAMS["mixed"], 0, 30) > 2.5


def test_a_class_is_drawn_as_often_as_another_however_few_it_has() -> None:
    state = filled([0] * 20 + [1] * 3, 30)
    words = np.random.default_rng(0).integers(0, 2**32, (3000, 2)).tolist()
    drawn = [golden.draw(state, *pair) for pair in words]
    labels = np.array([label for _, label in drawn])
    assert abs(np.mean(labels == 1) - 0.5) < 0.03
    ones = np.array([codes[0] for codes, label in drawn if label == 1])
    assert sorted(set(ones.tolist())) == [20, 21, 22]
    assert np.ptp(np.bincount(ones)[20:]) < 150


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_is_what_the_network_saw(kind: type[StreamClassifier]) -> None:
    x, y = rows(20)
    learner: Any = kind((4, 8, 3), classes=range(3), front_end="none", replay_bytes=500)
    learner.learn_many(x, y)
    stored = learner.state["replay_input"][0].reshape(-1, 4)[:20]
    assert stored.tolist() == [quantise_input(row)[0].tolist() for row in x]
    assert learner.state["replay_class"][0, :20].tolist() == y.tolist()


@pytest.mark.parametrize(("kind", "arithmetic"), FLOATS)
def test_floats_store_the_same_codes_as_integers(kind: Any, arithmetic: str) -> None:
    x, y = rows(20)
    settings = {"classes": range(3), "front_end": "none", "replay_bytes": 500}
    one, other = (kind((4, 8, 3), arithmetic=a, **settings) for a in (arithmetic, "q16"))
    for learner in (one, other):
        learner.learn_many(x, y)
    for name in ("replay_input", "replay_class", "replay_stored", "replay_seen"):
        assert np.array_equal(one.state[name], other.state[name]), name


# -- what a replay changes, and what it leaves alone -------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_prediction_of_a_step_is_the_one_before_it(kind: type[StreamClassifier]) -> None:
    x, y = rows(100)
    learner: Any = kind((4, 8, 3), classes=range(3), replay_bytes=200, replays=3)
    for row, label in zip(x, y.tolist(), strict=True):
        expected = learner.predict_one(row)
        assert learner.test_then_learn_one(row, label) == expected
    assert learner.n_samples == 100
    assert learner.state["replaying"][0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_replays_are_learned_and_differ_from_one_another(kind: type[StreamClassifier]) -> None:
    x, y = rows(60)
    states = []
    for more in ({}, {"replay_bytes": 500}, {"replay_bytes": 500, "replays": 2}):
        learner: Any = kind((4, 8, 3), classes=range(3), **more)
        states.append(learner.learn_many(x, y).state)
    weight = "mu" if kind is MesuClassifier else "hidden_weight"
    for first, second in ((0, 1), (1, 2)):
        assert not np.array_equal(states[first][weight], states[second][weight])
    for name in ("n_samples", "seed", "mean", "variance", "exponent"):
        assert all(np.array_equal(states[0][name], other[name]) for other in states[1:]), name


SIGMA = {
    MesuClassifier: ("rho", "rho_exponent", "sigma"),
    MesuFactoredClassifier: ("row", "column"),
}


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
@pytest.mark.parametrize("kind", SIGMA)
def test_a_replay_moves_the_means_alone(kind: Any, arithmetic: str) -> None:
    x, _ = rows(1)
    made = [
        kind((4, 8, 3), classes=range(3), arithmetic=arithmetic, front_end="none", **more)
        for more in ({}, {"replay_bytes": 500})
    ]
    wrong = (made[0].predict_one(x[0]) + 1) % 3
    plain, again = (learner.learn_one(x[0], wrong).state for learner in made)
    assert not np.array_equal(plain["mu"], again["mu"])
    for name in set(SIGMA[kind]) & set(plain.dtype.names):
        assert np.array_equal(plain[name], again[name]), name


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
@pytest.mark.parametrize("kind", SIGMA)
def test_the_prior_pulls_once_per_sample(kind: Any, arithmetic: str) -> None:
    """Samples of nothing but zeros move no weight: what moves is pulled."""
    start, plain, again = (
        kind(
            (4, 3), classes=range(3), arithmetic=arithmetic, front_end="none", bias=False,
            memory_window=2000, sigma_prior=0.2, **more,
        )
        .learn_many(np.zeros((n, 4)), rows(n)[1])
        .state
        for n, more in ((0, {}), (100, {}), (100, {"replay_bytes": 500, "replays": 5}))
    )  # fmt: skip
    assert not np.array_equal(start["mu"], plain["mu"])
    for name in {"mu", *SIGMA[kind]} & set(plain.dtype.names):
        assert np.array_equal(plain[name], again[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_its_image_goes_on_bit_for_bit(kind: type[StreamClassifier], tmp_path: Any) -> None:
    x, y = rows(200)
    learner: Any = kind((4, 8, 3), classes=range(3), replay_bytes=300, replays=2)
    learner.learn_many(x[:120], y[:120]).save(tmp_path / "learner.sls")
    other: Any = load(tmp_path / "learner.sls")
    assert other.get_params() == learner.get_params()
    for one in (learner, other):
        one.learn_many(x[120:], y[120:])
    assert other.to_bytes() == learner.to_bytes()


def test_classes_in_blocks_are_still_known_at_the_end() -> None:
    """What it is for; without it the first class is lost."""
    x, y = rows(1500, seed=1)
    order = np.argsort(y, kind="stable")
    right = {}
    for n_bytes in (0, 600):
        learner = MesuClassifier((4, 16, 3), classes=range(3), replay_bytes=n_bytes)
        learner.learn_many(x[:100], y[:100]).learn_many(x[order], y[order])
        found = np.array(learner.predict_many(x))
        right[n_bytes] = np.mean(found[y == 0] == 0)
    assert right[600] > right[0] + 0.3, right
