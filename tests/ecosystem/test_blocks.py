"""learn_many and predict_many: the bits of one by one, the whole block or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ecosystem_helpers import (
    CLASSIFIERS,
    LEARNERS,
    N_CLASSES,
    N_FEATURES,
    REGRESSORS,
    made,
    samples,
    variants,
)

from quant.errors import DivergedError, InputValueError, LabelError, ShapeError
from quant.rule import RULES
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.learners.classifier import StreamClassifier

VARIANTS = variants()


def learn_each(learner: Any, x: Any, y: Any) -> None:
    for row, label in zip(x, y, strict=True):
        learner.learn_one(row, label)


def test_every_class_runs_in_a_compiled_and_an_obvious_engine() -> None:
    """The list that the tests of this folder go through has holes otherwise."""
    for kind in LEARNERS:
        backends = {p.values[1]["backend"] for p in VARIANTS if p.values[0] is kind}
        assert backends == {"c", "numpy"}, kind


@pytest.mark.parametrize(("kind", "chosen"), VARIANTS)
@pytest.mark.parametrize("cuts", [(60,), (0, 1, 7, 60), (20, 20, 60)])
def test_blocks_leave_the_bits_of_one_by_one(kind: Any, chosen: Any, cuts: Any) -> None:
    x, y = samples(60)
    one, many = made(kind, **chosen), made(kind, **chosen)
    before = [one.test_then_learn_one(row, label) for row, label in zip(x, y, strict=True)]
    said: list[Any] = []
    for start, stop in zip((0, *cuts), (*cuts, 60), strict=True):
        part = slice(start, stop)
        found = many.test_then_learn_many(x[part], y[part])
        said += found if isinstance(many, StreamClassifier) else found.tolist()
    assert many.state_sha256 == one.state_sha256
    assert many.labels == one.labels
    assert many.n_samples == 60
    assert said == (before if isinstance(one, StreamClassifier) else [list(b) for b in before])

    asked, _ = samples(20, seed=1)
    kept = many.state_sha256
    assert list(many.predict_many(asked)) == [one.predict_one(row) for row in asked]
    if isinstance(one, StreamClassifier):
        found = many.predict_proba_many(asked)
        rows = [list(one.predict_proba_one(row).values()) for row in asked]
        assert found.tolist() == rows
    else:
        found = many.predict_distribution_many(asked).tolist()
        assert found == [list(one.predict_distribution_one(row)) for row in asked]
    assert many.state_sha256 == kept, "predicting changed the state"


@pytest.mark.parametrize(("kind", "chosen"), VARIANTS)
def test_saturations_are_counted_in_blocks_too(kind: Any, chosen: Any) -> None:
    x, y = samples(40)
    chosen = {**chosen, "front_end": "none"}
    one, many = made(kind, **chosen), made(kind, **chosen)
    learn_each(one, x, y)
    assert many.learn_many(x, y) is many
    assert many.saturations == one.saturations
    assert many.saturations.input > 0


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_bad_row_is_named_and_nothing_of_the_block_is_learned(kind: Any) -> None:
    learner = made(kind)
    x, y = samples(10)
    learner.learn_many(x[:4], y[:4])
    before, labels = learner.to_bytes(), learner.labels
    bad = x.copy()
    bad[7, 2] = np.nan
    rows: list[Any] = x.tolist()
    rows[6] = rows[6][:4]
    texts: list[Any] = x.tolist()
    texts[5][1] = "wet"
    cases = (
        (bad, y, InputValueError, "feature 2 in row 7 is nan: .*1 of 50 values are bad"),
        (texts, y, InputValueError, "row 5: features must be numbers: got 'wet' for feature 1"),
        (rows, y, ShapeError, r"row 6: has shape \(4,\), the first row \(5,\)"),
        (x[:, :4], y, ShapeError, r"X has shape \(10, 4\): a 5-8-\d network takes \(n, 5\)"),
        (x[0], y, ShapeError, r"X has shape \(5,\).* learn_one and predict_one take one sample"),
        (x, y[:9], ShapeError, "y has 9 .*: X has 10 samples"),
        (x, [*y[:8], None, 1], (LabelError, InputValueError), "row 8"),
        (x, "0120120120", ShapeError, "y is a str"),
        (x, np.array(y)[:, None], ShapeError, r"y has shape \(10, 1\)"),
        (x, iter(y), ShapeError, "y is a list_iterator"),
        (iter(x), y, ShapeError, "X is a generator|X is a .*iterator"),
        (dict(enumerate(x[0])), y, ShapeError, "X is a dict, one sample"),
    )
    for X, given, error, message in cases:
        with pytest.raises(error, match=message):
            learner.learn_many(X, given)
        assert (learner.to_bytes(), learner.labels) == (before, labels)


def test_a_label_too_many_is_named_by_its_row() -> None:
    learner = made(MesuClassifier)
    x, _ = samples(6)
    with pytest.raises(LabelError, match=r"row 4: label 'd' is unknown: the 3 classes .*'c'\]"):
        learner.learn_many(x, ["a", "b", "c", "a", "d", "a"])
    assert learner.labels == ()
    assert learner.n_samples == 0
    learner.learn_many(x, list("abcabc"))
    assert learner.labels == ("a", "b", "c")


def diverging(kind: Any, arithmetic: str) -> Any:
    """Return a learner whose state overflows after some samples."""
    learner = made(kind, arithmetic=arithmetic)
    state = learner.state
    state["sigma"] = 1e18
    learner.state = state
    return learner


@pytest.mark.parametrize(
    "arithmetic", [a for a in RULES["mesu"].arithmetics if a.startswith("float")]
)
@pytest.mark.parametrize("kind", [MesuClassifier, MesuRegressor])
def test_a_block_that_diverges_leaves_the_learner_as_it_was(kind: Any, arithmetic: str) -> None:
    x, y = samples(400)
    one = diverging(kind, arithmetic)
    with pytest.raises(DivergedError):
        learn_each(one, x, y)
    many = diverging(kind, arithmetic)
    before = many.to_bytes()
    with pytest.raises(DivergedError, match=rf"(row|sample) {one.n_samples}\b.*no longer finite"):
        many.learn_many(x, y)
    assert many.to_bytes() == before


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_no_label_and_no_row(kind: Any) -> None:
    learner = made(kind)
    x, y = samples(3)
    assert learner.predict_many(x) == [None] * 3
    assert learner.predict_proba_many(x).shape == (3, 0)
    for empty in ([], np.empty((0, N_FEATURES)), ()):
        assert learner.learn_many(empty, []).n_samples == 0
        assert learner.predict_many(empty) == []
    learner.learn_many(x[:1], ["only"])
    assert learner.predict_many(x) == ["only"] * 3
    assert learner.predict_proba_many(x).tolist() == [[1.0]] * 3
    assert learner.predict_proba_many([]).shape == (0, 1)
    assert len(y) == N_CLASSES


@pytest.mark.parametrize("kind", REGRESSORS)
def test_no_row_of_a_regressor(kind: Any) -> None:
    learner = made(kind)
    assert learner.learn_many([], []).n_samples == 0
    assert learner.predict_many(np.empty((0, N_FEATURES))).shape == (0,)
    assert learner.predict_distribution_many([]).shape == (0, 3)


def test_blocks_of_dicts_go_by_name() -> None:
    x, y = samples(20)
    listed, named = made(MesuClassifier), made(MesuClassifier)
    listed.learn_many(x, y)
    records = [dict(zip("abcde", row, strict=True)) for row in x.tolist()]
    shuffled = [{name: row[name] for name in "cabed"} for row in records]
    named.learn_many([records[0], *shuffled[1:]], y)
    assert named.state_sha256 == listed.state_sha256
    assert named.features is None, "the parameter stays as it was given"
    assert np.array_equal(named.predict_proba_many(shuffled), listed.predict_proba_many(x))
    del shuffled[3]["b"]
    with pytest.raises(ShapeError, match=r"row 3: features differ .* missing \['b'\]"):
        named.predict_many(shuffled)
