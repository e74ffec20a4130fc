"""predict_uncertainty_one and novelty_one: one meaning for every classifier."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ecosystem_helpers import CLASSIFIERS, N_CLASSES, made, samples, variants

from quant.errors import InputValueError, LabelError, ShapeError, StreamlearnError, UndefinedError
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.streams import Stream
from streamlearn.uncertainty import auc

CLASSIFYING = [p for p in variants() if p.values[0] in CLASSIFIERS]


def taught(kind: Any, **chosen: Any) -> Any:
    x, y = samples(200)
    learner = made(kind, **chosen)
    for row, label in zip(x, y, strict=True):
        learner.learn_one(row, label)
    return learner


@pytest.mark.parametrize(("kind", "chosen"), CLASSIFYING)
def test_the_same_verbs_in_the_same_units(kind: Any, chosen: Any) -> None:
    learner = taught(kind, **chosen)
    before = learner.state_sha256
    for row in samples(20, seed=1)[0]:
        found = learner.predict_uncertainty_one(row)
        assert 0 <= found.predictive <= math.log2(N_CLASSES)
        novelty = learner.novelty_one(row)
        assert isinstance(novelty, float)
        assert 0 <= novelty <= 1
        assert novelty == learner.novelty_one(dict(zip("abcde", row.tolist(), strict=True)))
        assert learner.look_one(row) == (novelty, found)
        if hasattr(found, "epistemic"):
            assert found.aleatoric + found.epistemic == pytest.approx(found.predictive)
    assert learner.state_sha256 == before


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_what_both_refuse(kind: Any) -> None:
    learner = made(kind)
    row = samples(1)[0][0]
    with pytest.raises(LabelError, match="no label is known yet"):
        learner.predict_uncertainty_one(row)
    with pytest.raises(LabelError, match="no label is known yet"):
        learner.look_one(row)
    assert 0 <= learner.novelty_one(row) <= 1, "novelty is not of labels"
    learner.learn_one(row, "only")
    assert learner.predict_uncertainty_one(row).predictive == 0
    for verb in (learner.predict_uncertainty_one, learner.novelty_one, learner.look_one):
        with pytest.raises(ShapeError, match="x has shape"):
            verb(row[:4])
        with pytest.raises(InputValueError, match="feature 0 is nan"):
            verb([np.nan, *row[1:]])


def test_predictive_is_the_entropy_of_the_calibrated_probabilities() -> None:
    learner = taught(MetaplasticClassifier)
    for row in samples(20, seed=1)[0]:
        p = np.array(list(learner.predict_proba_one(row).values()))
        expected = -sum(q * math.log2(q) for q in p if q > 0)
        assert learner.predict_uncertainty_one(row).predictive == pytest.approx(expected)


def test_novelty_of_mesu_is_the_mean_of_predictive_and_epistemic_entropy() -> None:
    learner = taught(MesuClassifier)
    for row in samples(20, seed=1)[0]:
        found = learner.predict_uncertainty_one(row)
        expected = (found.predictive + found.epistemic) / (2 * math.log2(N_CLASSES))
        assert learner.novelty_one(row) == pytest.approx(expected)


def test_a_rule_without_draws_says_why_it_has_no_split() -> None:
    found = taught(MetaplasticClassifier).predict_uncertainty_one(samples(1)[0][0])
    for part in ("aleatoric", "epistemic"):
        assert not hasattr(found, part)
        assert getattr(found, part, None) is None
        with pytest.raises(UndefinedError, match=f"no {part} uncertainty: the split needs draws"):
            getattr(found, part)
    assert issubclass(UndefinedError, StreamlearnError)
    assert hasattr(taught(MesuClassifier).predict_uncertainty_one(samples(1)[0][0]), "epistemic")


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_novelty_tells_a_gas_that_was_never_seen(kind: Any, gas: Stream) -> None:
    """Toluene, the last class: what docs/confidence.md measures for all six."""
    unseen = gas.classes.index("Toluene")
    learner = kind((gas.n_features, 64, gas.n_classes), classes=range(gas.n_classes))
    known = np.flatnonzero(gas.y != unseen)[:3000]
    learner.learn_many(gas.x[known], gas.y[known])
    last = int(known[-1])
    new = [t for t in range(last - 1500, last + 1500) if gas.y[t] == unseen][:200]
    old = [t for t in range(last + 1, last + 1000) if gas.y[t] != unseen][:200]
    inside, outside = (
        np.array([learner.novelty_one(gas.x[t]) for t in rows]) for rows in (old, new)
    )
    assert len(new) > 50
    assert auc(inside, outside) > 0.85
