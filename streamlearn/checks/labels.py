"""Labels of a classifier: any kind, unknown ones, and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.errors import LabelError
from streamlearn.checks.registry import CLASSIFIER, check
from streamlearn.checks.samples import N_CLASSES, fresh, refuses, samples, trained


@check(CLASSIFIER)
def none_before_any_label(learner: Any) -> None:
    """A classifier that has met no label predicts none."""
    made = fresh(learner)
    x, y = samples(learner, 1)[0]
    assert made.predict_one(x) is None, "a label was predicted that nobody taught"
    assert made.predict_proba_one(x) == {}
    made.learn_one(x, y)
    assert made.predict_one(x) == y
    assert made.predict_proba_one(x) == {y: 1.0}


@check(CLASSIFIER)
def given_classes_are_known_from_the_start(learner: Any) -> None:
    """``classes`` names every output."""
    made = fresh(learner, classes=("low", "mid", "high"))
    x, _ = samples(learner, 1)[0]
    assert made.predict_one(x) == "low", "before anything is taught the answer is the first label"
    assert made.predict_proba_one(x) == dict.fromkeys(("low", "mid", "high"), 1 / 3)
    with refuses(made, LabelError, r"label 'off' is unknown"):
        made.learn_one(x, "off")


@check(CLASSIFIER)
def a_class_never_taught_is_never_predicted(learner: Any) -> None:
    """Whatever the untrained network says: one by one, in blocks, before and after learning."""
    made, block = (fresh(learner, classes=("never", "low", "high")) for _ in range(2))
    taught = [(x, ("low", "high")[y > 0]) for x, y in samples(learner, 40)]
    asked = [x for x, _ in samples(learner, 40, seed=1)]
    for seed in range(8):  # untrained networks, of which some prefer another class
        other = fresh(learner, classes=("never", "low", "high"), seed=seed)
        other.learn_one(*taught[0])
        assert {other.predict_one(x) for x in asked} == {taught[0][1]}, "one class was taught"
    before = [made.test_then_learn_one(*taught[0])]
    assert {made.predict_one(x) for x in asked} == {taught[0][1]}, "one class was taught so far"
    before += [made.test_then_learn_one(x, y) for x, y in taught[1:]]
    assert before[0] == "never", "before anything is taught the answer is the first label"
    assert set(before[1:]) <= {"low", "high"}, "a class was predicted that was never taught"
    found = [made.predict_one(x) for x in asked]
    assert set(found) <= {"low", "high"}, "a class was predicted that was never taught"
    for x, label in zip(asked, found, strict=True):
        probabilities = made.predict_proba_one(x)
        assert probabilities["never"] == 0, "a class never taught has a probability"
        assert max(probabilities, key=probabilities.__getitem__) == label
    rows = [x for x, _ in taught]
    assert list(block.test_then_learn_many(rows, [y for _, y in taught])) == before
    assert list(block.predict_many(asked)) == found
    assert (block.predict_proba_many(asked)[:, 0] == 0).all()


@check(CLASSIFIER)
def an_unknown_label_is_refused(learner: Any) -> None:
    """Once every output has a label, another is refused."""
    made = trained(learner)
    assert len(made.labels) == N_CLASSES
    message = (
        r"label 'new' is unknown: the 3 classes are \[.*\]; "
        "give the network a larger last layer or drop the sample"
    )
    with refuses(made, LabelError, message):
        made.learn_one(samples(learner, 1)[0][0], "new")


@check(CLASSIFIER)
def labels_of_every_kind(learner: Any) -> None:
    """Text, numbers, truth values, NumPy's scalars; what no file can hold is refused at once."""
    for kind in (
        lambda y: ("red", "green", "blue")[y],
        lambda y: y * 10 - 10,
        lambda y: y > 0,
        lambda y: y + 0.5,
        np.int64,
        np.uint8,
        lambda y: np.bool_(y > 0),
        lambda y: np.str_("abc"[y]),
    ):
        made = fresh(learner)
        for x, y in samples(learner, 30):
            made.learn_one(x, kind(y))
        expected = {kind(y) for _, y in samples(learner, 30)}
        assert set(made.labels) == expected
        assert not any(isinstance(label, np.generic) for label in made.labels), "NumPy's label kept"
        x, _ = samples(learner, 1, seed=1)[0]
        assert made.predict_one(x) in expected
        assert tuple(made.predict_proba_one(x)) == made.labels
    made = trained(learner, 1)
    before = made.state_sha256
    with refuses(made, LabelError, r"of type tuple cannot be saved: use text"):
        made.learn_one(samples(learner, 1)[0][0], ("north", 1))
    assert made.state_sha256 == before, "a refused label was learned"


@check(CLASSIFIER)
def names_of_labels_change_no_bit(learner: Any) -> None:
    """Only the order in which labels appear counts."""
    numbered, texts = fresh(learner), fresh(learner)
    for x, y in samples(learner, 20):
        numbered.learn_one(x, y)
        texts.learn_one(x, str(y))
    assert numbered.state_sha256 == texts.state_sha256, "what a label is called changed the state"


@check(CLASSIFIER)
def probabilities_sum_to_one_and_agree_with_the_prediction(learner: Any) -> None:
    """At every moment, for the labels known so far."""
    made = fresh(learner)
    for x, y in samples(learner, 40):
        made.learn_one(x, y)
        probabilities = made.predict_proba_one(x)
        values = list(probabilities.values())
        assert all(isinstance(value, float) and 0 <= value <= 1 for value in values)
        assert abs(sum(values) - 1) < 1e-9, "probabilities do not sum to 1"
        assert max(probabilities, key=probabilities.__getitem__) == made.predict_one(x)
        assert tuple(probabilities) == made.labels


@check(CLASSIFIER)
def uncertainty_and_novelty_have_one_meaning(learner: Any) -> None:
    """Entropy in bits of the probabilities, and a score from 0 to 1; neither changes anything."""
    made = trained(learner, 60)
    x, _ = samples(learner, 1, seed=1)[0]
    before = made.state_sha256
    uncertainty, novelty = made.predict_uncertainty_one(x), made.novelty_one(x)
    assert 0 <= uncertainty.predictive <= np.log2(N_CLASSES) + 1e-9, "entropy out of range"
    assert 0 <= novelty <= 1, "novelty out of range"
    assert made.state_sha256 == before, "asking changed the state"
