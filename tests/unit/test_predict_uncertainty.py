"""MesuClassifier.predict_uncertainty_one: entropies of the draws, in every engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from quant.errors import InputValueError, LabelError, ShapeError
from streamlearn import MesuClassifier
from streamlearn.streams import load_gas_drift
from streamlearn.uncertainty import auc, entropies, uncertainty_of

ENGINES = {
    "float64": {"arithmetic": "float64"},
    "float32": {"arithmetic": "float32"},
    "q16-c": {"arithmetic": "q16", "backend": "c"},
    "q16-numpy": {"arithmetic": "q16", "backend": "numpy"},
}
engines = pytest.mark.parametrize("engine", ENGINES)


def blobs(n: int, seed: int = 0) -> list[tuple[list[float], int]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = np.eye(3)[y] * 3 + rng.normal(size=(n, 3))
    return list(zip(x.tolist(), y.tolist(), strict=True))


def trained(engine: str, n: int = 300, **more: Any) -> MesuClassifier:
    learner = MesuClassifier((3, 8, 3), **{**ENGINES[engine], **more})
    for x, y in blobs(n):
        learner.learn_one(x, y)
    return learner


@engines
def test_parts_add_up_and_predicting_changes_nothing(engine: str) -> None:
    learner = trained(engine)
    before = learner.state_sha256
    for x, _ in blobs(10, seed=1):
        found = learner.predict_uncertainty_one(x)
        assert found.predictive == pytest.approx(found.aleatoric + found.epistemic)
        assert 0 <= found.epistemic <= found.predictive <= math.log2(3)
        assert learner.predict_uncertainty_one(x) == found
    assert learner.state_sha256 == before


@engines
def test_mean_of_the_draws_is_what_the_prediction_is_made_of(engine: str) -> None:
    learner = trained(engine)
    for x, _ in blobs(10, seed=1):
        draws = learner._engine.draws(learner.state, learner._read(x))
        assert draws.shape == (3, learner.config.n_draws)
        _, logits = learner._engine.predict(learner.state, learner._read(x))
        np.testing.assert_allclose(draws.mean(axis=1), logits, rtol=1e-6, atol=1e-6)
        weights = np.exp(draws - draws.max(axis=0))
        by_hand = entropies((weights / weights.sum(axis=0)).T[:, None, :])
        assert learner.predict_uncertainty_one(x) == tuple(float(part[0]) for part in by_hand)


def test_golden_and_c_agree_to_the_last_bit_on_the_gas_stream() -> None:
    stream = load_gas_drift(limit=260)
    pair = [
        MesuClassifier((128, 16, 6), classes=range(6), **ENGINES[name])
        for name in ("q16-c", "q16-numpy")
    ]
    spread = 0.0
    for t, (x, y) in enumerate(stream):
        if t % 5 == 0:
            found = [learner.predict_uncertainty_one(x) for learner in pair]
            assert found[0] == found[1]
            spread = max(spread, found[0].epistemic)
        for learner in pair:
            learner.learn_one(x, y)
    assert spread > 0.05


@engines
def test_one_draw_has_no_epistemic_part(engine: str) -> None:
    learner = trained(engine, 30, n_draws=1)
    assert learner.predict_uncertainty_one([0, 1, 2]).epistemic == 0


@engines
def test_only_known_labels_count(engine: str) -> None:
    learner = MesuClassifier((3, 8, 3), **ENGINES[engine])
    with pytest.raises(LabelError, match="no label is known yet"):
        learner.predict_uncertainty_one([1, 2, 3])
    learner.learn_one([1, 2, 3], "only")
    assert learner.predict_uncertainty_one([1, 2, 3]) == (0, 0, 0)


@engines
def test_bad_features_are_refused(engine: str) -> None:
    learner = trained(engine, 5)
    with pytest.raises(ShapeError):
        learner.predict_uncertainty_one([1, 2])
    with pytest.raises(InputValueError):
        learner.predict_uncertainty_one([1, 2, math.nan])


@pytest.mark.parametrize("engine", ["float32", "q16-c"])
def test_unlike_inputs_are_more_uncertain(engine: str) -> None:
    """Rows whose features were shuffled against each other are told from real ones."""
    stream = load_gas_drift(limit=1700)
    learner = MesuClassifier((128, 32, 6), classes=range(6), **ENGINES[engine])
    for x, y in zip(stream.x[:1500], stream.y[:1500].tolist(), strict=True):
        learner.learn_one(x, y)
    rng = np.random.default_rng(0)
    real = stream.x[1500:]
    unlike = rng.permuted(real, axis=0)
    scores = [
        np.array([learner.predict_uncertainty_one(x).epistemic for x in rows])
        for rows in (real, unlike)
    ]
    assert auc(*scores) > 0.75


def test_logits_need_two_dimensions() -> None:
    for shape in ((3,), (0, 2), (2, 0)):
        with pytest.raises(ShapeError, match=r"expected \[classes, draws\]"):
            uncertainty_of(np.zeros(shape))


def test_no_doubt_has_no_sign() -> None:
    one = MesuClassifier((2, 4, 3)).learn_one([1, 2], "a").predict_uncertainty_one([1, 2])
    assert repr(one) == "Uncertainty(predictive=0.0, aleatoric=0.0, epistemic=0.0)"
    sure = entropies(np.array([[[1.0, 0.0]]]))
    assert not any(np.signbit(np.asarray(part)).any() for part in sure)
