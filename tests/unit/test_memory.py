"""Learners with a memory: what was taught once stays, and the network is as it was without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, ParameterError
from quant.memory import FEATURES_MAX, features_for, n_bytes
from quant.network import NetworkSpec
from quant.rule import RULES
from streamlearn import MesuClassifier, MesuRegressor, MetaplasticClassifier, load
from streamlearn.learners.loading import learner_class
from streamlearn.streams.gas_drift import read_bundle

CENTRES = np.random.default_rng(5).normal(size=(4, 6)) * 2


def blobs(y: Any, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    """Samples of classes 0 to 3 in the order of ``y``."""
    rng = np.random.default_rng(seed)
    x = CENTRES[np.asarray(y)] + rng.normal(size=(len(y), 6))
    return (x * [1, 1e-3, 50, 1e4, 1, 1] + 7).astype(np.float32), list(y)


def made(kind: Any = MesuClassifier, memory: str | None = "lda", **given: Any) -> Any:
    return kind((6, 16, 4), **{"classes": range(4), "memory": memory, **given})


def right(found: list[Any], expected: list[int]) -> float:
    return float(np.mean(np.array(found) == np.array(expected)))


TEST = blobs(np.arange(400) % 4, seed=9)


@pytest.mark.parametrize("memory", ["lda", "mean"])
@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
def test_classes_one_after_another_are_recalled(arithmetic: str, memory: str) -> None:
    learner = made(memory=memory, arithmetic=arithmetic)
    learner.learn_many(*blobs(np.repeat([2, 0, 3, 1], 250)))
    assert right(learner.recall_many(TEST[0]), TEST[1]) > 0.93
    if arithmetic == "q16":
        without = made(memory=None).learn_many(*blobs(np.repeat([2, 0, 3, 1], 250)))
        assert right(without.predict_many(TEST[0]), TEST[1]) < 0.7  # the reason for a memory


def test_a_class_that_was_long_away_is_known_at_once() -> None:
    learner = made().learn_many(*blobs(np.arange(1200) % 4))
    x, y = blobs([0] * 200, seed=2)
    before = right(learner.recall_many(x), y)
    learner.learn_many(*blobs(1 + np.arange(3000) % 3, seed=1))
    assert right(learner.recall_many(x), y) > before - 0.07 > 0.8


def test_labels_that_repeat_for_long_are_kept() -> None:
    learner = made().learn_many(*blobs(np.arange(12_000) // 1500 % 4))
    assert right(learner.recall_many(TEST[0]), TEST[1]) > 0.93


def gas_by_gas(seed: int) -> tuple[list[np.ndarray], np.ndarray, Any, Any]:
    x, y, batch = read_bundle()
    rng = np.random.default_rng((seed, 77))
    rows = rng.permutation(np.flatnonzero(batch <= 3))
    held, taught = rows[: len(rows) // 4], rows[len(rows) // 4 :]
    order = [c for c in rng.permutation(6) if (y[taught] == c).any()]
    return [rng.permutation(taught[y[taught] == c]) for c in order], held, x, y


def test_gas_by_gas_is_recalled_in_twelve_kilobytes() -> None:
    blocks, held, x, y = gas_by_gas(0)
    learner = MesuClassifier((128, 32, 6), classes=range(6), memory="lda", memory_bytes=12_288)
    for rows in blocks:
        learner.learn_many(x[rows], y[rows].tolist())
    found = np.array(learner.recall_many(x[held]))
    assert np.mean([np.mean(found[y[held] == c] == c) for c in np.unique(y[held])]) > 0.93
    p = learner.recall_proba_many(x[held])
    sure, hits = p.max(axis=1), found == y[held]
    bins = np.minimum((sure * 15).astype(int), 14)
    error = sum(abs(np.sum(sure[bins == b] - hits[bins == b])) for b in range(15)) / len(held)
    assert error < 0.06, "the memory's probabilities are calibrated"


def test_the_pool_is_better_than_the_network_on_the_gas_stream(gas: Any) -> None:
    kinds: list[dict[str, Any]] = [{}, {"memory": "lda", "memory_bytes": 12_288}]
    alone, pool = (
        right(
            MesuClassifier((128, 32, 6), classes=range(6), **given).test_then_learn_many(
                gas.x, gas.y.tolist()
            ),
            gas.y.tolist(),
        )
        for given in kinds
    )
    assert pool > alone + 0.004


@pytest.mark.parametrize("rule", RULES)
def test_the_networks_bits_are_those_without_a_memory(rule: str) -> None:
    kind = learner_class(rule, "categorical")
    x, y = blobs(np.arange(200) % 4)
    for arithmetic in RULES[rule].arithmetics:
        one, other = (made(kind, memory, arithmetic=arithmetic) for memory in ("lda", None))
        one.learn_many(x, y)
        other.learn_many(x, y)
        ours, theirs = one.state, other.state
        names = [name for name in theirs.dtype.names if not name.startswith(("padding", "reserv"))]
        assert all(ours[name].tobytes() == theirs[name].tobytes() for name in names)
        one_by_one = made(kind, "lda", arithmetic=arithmetic)
        for row, label in zip(x, y, strict=True):
            one_by_one.learn_one(row, label)
        assert one_by_one.state_sha256 == one.state_sha256


def test_what_is_remembered_is_the_same_beside_every_rule_and_arithmetic() -> None:
    x, y = blobs(np.arange(200) % 4)
    found = {
        made(learner_class(rule, "categorical"), arithmetic=arithmetic)
        .learn_many(x, y)
        .state[field]
        .tobytes()
        for rule in RULES
        for arithmetic in RULES[rule].arithmetics
        for field in ("memory_inverse",)
    }
    assert len(found) == 1


def test_a_class_never_taught_is_never_answered() -> None:
    learner = made(MetaplasticClassifier).learn_many(*blobs(np.arange(300) % 3))
    x = np.random.default_rng(1).normal(size=(300, 6)) * 100
    for verb in ("predict", "recall"):
        assert 3 not in getattr(learner, f"{verb}_many")(x)
        p = getattr(learner, f"{verb}_proba_many")(x)
        assert not p[:, 3].any()
        assert np.allclose(p.sum(axis=1), 1)


def test_verbs_of_one_are_those_of_many_and_change_nothing() -> None:
    learner = made().learn_many(*blobs(np.arange(80) % 4))
    before = learner.state_sha256
    many, p = learner.recall_many(TEST[0][:20]), learner.recall_proba_many(TEST[0][:20])
    for x, label, shares in zip(TEST[0][:20], many, p, strict=True):
        assert learner.recall_one(x) == label
        assert list(learner.recall_proba_one(x).values()) == shares.tolist()
        assert max(learner.recall_proba_one(x), key=learner.recall_proba_one(x).get) == label
    assert learner.state_sha256 == before
    fresh = MesuClassifier((6, 16, 4), memory="lda")
    assert (fresh.recall_one([0] * 6), fresh.recall_proba_one([0] * 6)) == (None, {})


def test_saved_in_the_middle_it_goes_on_bit_for_bit(tmp_path: Any) -> None:
    x, y = blobs(np.arange(150) % 4)
    whole, half = made().learn_many(x, y), made().learn_many(x[:70], y[:70])
    half.save(tmp_path / "a.sls")
    again: Any = load(tmp_path / "a.sls")
    assert again.spec == half.spec
    assert again.learn_many(x[70:], y[70:]).state_sha256 == whole.state_sha256


@pytest.mark.parametrize("at", [0, 1, 2, 50, 200])
@pytest.mark.parametrize("value", [1e3, 65535.0, 1e9, 3e38])
def test_one_bad_row_is_survived(at: int, value: float) -> None:
    x, y = blobs(np.arange(400) % 4)
    x[at] = value
    learner = made().learn_many(x, y)
    undisturbed = made().learn_many(*blobs(np.arange(400) % 4))
    found, expected = (right(m.recall_many(TEST[0]), TEST[1]) for m in (learner, undisturbed))
    assert found > expected - 0.03


def test_a_sensor_that_was_stuck_comes_back() -> None:
    x, y = blobs(np.arange(600) % 4)
    x[:150, 0] = 3.5
    learner = made().learn_many(x, y)
    assert learner.state["memory_scale"][0, 0] > 0
    dead = made().learn_many(*(lambda a, b: (np.where(np.arange(6) == 0, 3.5, a), b))(x, y))
    assert dead.state["memory_scale"][0, 0] == 0
    assert right(learner.recall_many(TEST[0]), TEST[1]) > 0.9


@pytest.mark.parametrize("front_end", ["standardise", "none"])
@pytest.mark.parametrize("memory", ["lda", "mean"])
def test_features_for_fill_the_bytes_given(memory: str, front_end: str) -> None:
    for room in (700, 5000, 12_288, 40_960):
        d = features_for(room, 9, 5, memory, front_end != "none")
        assert 0 < d <= FEATURES_MAX
        sizes = [
            n_bytes(
                NetworkSpec((9, 5), front_end=front_end, memory=memory, memory_features=columns)
            )
            for columns in (d, min(d + 1, FEATURES_MAX))
        ]
        assert sizes[0] <= room
        assert sizes[1] > room or d == FEATURES_MAX
        learner = MesuClassifier((9, 5), front_end=front_end, memory=memory, memory_bytes=room)
        assert learner.memory_features == d
        plain = MesuClassifier((9, 5), front_end=front_end).state.nbytes
        assert abs(learner.state.nbytes - plain - sizes[0]) <= 8  # padding


def test_what_is_no_memory_is_refused_with_a_sentence() -> None:
    with pytest.raises(ParameterError, match=r"MesuRegressor has no memory: .* predicts a number"):
        MesuRegressor((4, 8, 1), memory="lda")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="this head predicts a number"):
        NetworkSpec((4, 8, 1), head="gaussian", memory="lda")
    with pytest.raises(ConfigError, match=r"memory='knn': expected None or 'lda' or 'mean'"):
        made(memory="knn")
    with pytest.raises(ConfigError, match=r"memory_bytes=99 without a memory"):
        made(memory=None, memory_bytes=99)
    with pytest.raises(ConfigError, match=r"memory_bytes=99: .* takes at least \d+ bytes"):
        made(memory_bytes=99)
    with pytest.raises(ConfigError, match=r"memory_features=-1: expected 0"):
        made(memory_features=-1)
    with pytest.raises(ConfigError, match=r"2000 inputs are too many"):
        MesuClassifier((2000, 4), memory="lda", memory_features=0)
    for verb in ("recall_one", "recall_proba_one"):
        with pytest.raises(ConfigError, match="no memory to recall from"):
            getattr(made(memory=None), verb)([0] * 6)
    for verb in ("recall_many", "recall_proba_many"):
        with pytest.raises(ConfigError, match="no memory to recall from"):
            getattr(made(memory=None, arithmetic="float64"), verb)([[0] * 6])


def test_uncertainty_and_novelty_are_the_networks() -> None:
    x, y = blobs(np.arange(120) % 4)
    for kind in (MesuClassifier, MetaplasticClassifier):
        one, other = (made(kind, memory).learn_many(x, y) for memory in ("lda", None))
        for row in TEST[0][:5]:
            assert one.predict_uncertainty_one(row) == other.predict_uncertainty_one(row)
            assert one.novelty_one(row) == other.novelty_one(row)


def test_another_seed_draws_other_features() -> None:
    x, y = blobs(np.arange(60) % 4)
    states = [made(seed=seed).learn_many(x, y).state["memory_inverse"] for seed in (0, 1)]
    assert not np.array_equal(*states)
