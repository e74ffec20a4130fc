"""Figures of a classifier: against scikit-learn and River, at the edges, and over a long stream."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn.baselines import MajorityClassifier, NoChangeClassifier
from streamlearn.errors import ConfigError, InputValueError, LabelError, ShapeError
from streamlearn.evaluation import (
    Adwin,
    Calibration,
    ClassificationMetrics,
    advice,
    evaluate,
    majority_accuracy,
    no_change_accuracy,
)
from streamlearn.uncertainty import expected_calibration_error

sklearn = pytest.importorskip("sklearn.metrics")

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=80)


def drawn(n: int = 800, k: int = 5, accuracy: float = 0.7, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.choice(k, n, p=rng.dirichlet(np.ones(k)))
    return y, np.where(rng.random(n) < accuracy, y, rng.integers(0, k, n))


def counted(pairs: list[tuple[int, int]], **options: Any) -> ClassificationMetrics:
    found = ClassificationMetrics(range(5), **options)
    for y, predicted in pairs:
        found.update(y, predicted)
    return found


def check_against_sklearn(scores: Any, y: list[int], p: list[int]) -> None:
    classes = range(5)
    assert scores.n_samples == len(y)
    assert scores.accuracy == pytest.approx(sklearn.accuracy_score(y, p))
    matrix = sklearn.confusion_matrix(y, p, labels=classes)
    assert np.array_equal(scores.confusion_matrix, matrix)
    if len({*y, *p}) > 1:
        assert scores.kappa == pytest.approx(sklearn.cohen_kappa_score(y, p))
    recall, precision = (
        score(y, p, labels=classes, average=None, zero_division=np.nan)
        for score in (sklearn.recall_score, sklearn.precision_score)
    )
    assert [scores.recall[i] for i in classes] == pytest.approx(recall, nan_ok=True)
    assert [scores.precision[i] for i in classes] == pytest.approx(precision, nan_ok=True)
    assert [scores.support[i] for i in classes] == [y.count(i) for i in classes]
    assert scores.balanced_accuracy == pytest.approx(np.nanmean(recall))


@settings(deadline=None, max_examples=25)
@given(PAIRS, st.integers(1, 100))
def test_equals_scikit_learn_over_all_and_over_the_window(
    pairs: list[tuple[int, int]], window: int
) -> None:
    found = counted(pairs, window=window)
    check_against_sklearn(found, *(list(part) for part in zip(*pairs, strict=True)))
    check_against_sklearn(
        found.latest, *(list(part) for part in zip(*pairs[-window:], strict=True))
    )


def test_balanced_accuracy_is_scikit_learns() -> None:
    y, p = drawn()
    found = ClassificationMetrics(range(5)).update_many(y, p)
    assert found.balanced_accuracy == pytest.approx(sklearn.balanced_accuracy_score(y, p))


def test_equals_river() -> None:
    river = pytest.importorskip("river.metrics")
    y, p = drawn(n=2000)
    ours = ClassificationMetrics(range(5))
    theirs = {
        "accuracy": river.Accuracy(),
        "kappa": river.CohenKappa(),
        "balanced_accuracy": river.BalancedAccuracy(),
    }
    for label, predicted in zip(y.tolist(), p.tolist(), strict=True):
        ours.update(label, predicted)
        for metric in theirs.values():
            metric.update(label, predicted)
    for name, metric in theirs.items():
        assert getattr(ours, name) == pytest.approx(metric.get()), name


@settings(deadline=None)
@given(PAIRS)
def test_kappas_against_baselines_by_their_definition(pairs: list[tuple[int, int]]) -> None:
    """κ_M and κ_T against the accuracy of the two baseline classifiers."""
    y = [label for label, _ in pairs]
    found = counted(pairs)
    for kappa, baseline, learner in (
        (found.kappa_m, majority_accuracy(y), MajorityClassifier()),
        (found.kappa_t, no_change_accuracy(y), NoChangeClassifier()),
    ):
        assert evaluate(learner, [(np.zeros(1, np.float32), i) for i in y]).accuracy == baseline
        if baseline == 1:
            assert math.isnan(kappa)
        else:
            assert kappa == pytest.approx((found.accuracy - baseline) / (1 - baseline))


def test_kappas_by_hand() -> None:
    """Ten labels that repeat: saying the label before is right 8 times of 10."""
    y = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    found = ClassificationMetrics(range(2)).update_many(y, [0] * 4 + [1] * 6)
    assert (found.accuracy, found.accuracy_no_change, found.accuracy_majority) == (0.9, 0.9, 0.5)
    assert (found.kappa, found.kappa_m, found.kappa_t) == pytest.approx((0.8, 0.8, 0.0))


@settings(deadline=None)
@given(PAIRS, st.integers(1, 6))
def test_baselines_know_no_label_before_its_time(pairs: list[tuple[int, int]], delay: int) -> None:
    y = [label for label, _ in pairs]
    found = counted(pairs, label_delay=delay)
    for learner, accuracy in (
        (MajorityClassifier(), found.accuracy_majority),
        (NoChangeClassifier(), found.accuracy_no_change),
    ):
        late = evaluate(learner, [(np.zeros(1, np.float32), i) for i in y], label_delay=delay)
        assert late.accuracy == accuracy
        assert late.metrics().kappa_m == pytest.approx(
            counted(
                list(zip(y, late.predictions.tolist(), strict=True)), label_delay=delay
            ).kappa_m,
            nan_ok=True,
        )


# -- edges ---------------------------------------------------------------------------------------


def test_no_samples() -> None:
    for found in (ClassificationMetrics(), ClassificationMetrics(range(2))):
        for name in (
            "accuracy", "accuracy_majority", "accuracy_no_change", "kappa", "kappa_m", "kappa_t",
            "balanced_accuracy", "expected_calibration_error",
        ):  # fmt: skip
            assert math.isnan(getattr(found, name)), name
        assert (found.n_samples, found.drifts, found.n_drifts) == (0, [], 0)
        assert found.confusion_matrix.shape == (len(found.classes),) * 2
        assert advice(found) == ()
    assert all(math.isnan(value) for value in found.recall.values())


def test_one_class_only() -> None:
    found = ClassificationMetrics().update_many(["a"] * 9, ["a"] * 9)
    assert (found.accuracy, found.balanced_accuracy) == (1, 1)
    assert math.isnan(found.kappa)
    assert found.kappa_m == found.kappa_t == 1, "the first label is known to nobody"
    assert math.isnan(ClassificationMetrics("a").update_many("aaa", "aaa").kappa_m)


def test_class_never_predicted_and_class_never_seen() -> None:
    found = ClassificationMetrics(["idle", "worn", "broken"])
    found.update_many(["idle", "worn", "idle"], ["idle", "idle", "idle"])
    assert math.isnan(found.precision["worn"])
    assert math.isnan(found.recall["broken"])
    assert found.recall["worn"] == 0
    assert found.balanced_accuracy == 0.5, "a class that never came counts nothing"
    assert found.confusion_matrix.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_label_that_nobody_announced_is_appended() -> None:
    found = ClassificationMetrics(["a"]).update_many(["a", "b"], ["a", "c"])
    assert found.classes == ("a", "b", "c")
    assert found.recall["b"] == 0
    assert found.precision["c"] == 0


def test_labels_of_numpy_are_those_of_python() -> None:
    found = ClassificationMetrics()
    found.update(np.int64(3), 3)
    found.update(np.str_("x"), "x")
    assert (found.classes, found.accuracy) == ((3, "x"), 1)
    assert json.dumps(found.to_dict())


@pytest.mark.parametrize("pair", [(None, 1), (1, None)])
def test_none_is_no_label(pair: tuple[Any, Any]) -> None:
    with pytest.raises(LabelError, match="None cannot be counted; leave out samples without"):
        ClassificationMetrics().update(*pair)


def test_refused_numbers() -> None:
    for options, message in (
        ({"window": 0}, "window must be 1 or more, got 0"),
        ({"window": 1.5}, "window must be 1 or more, got 1.5: expected a whole number"),
        ({"window": float("nan")}, "got nan: expected a whole number"),
        ({"label_delay": "3"}, "label_delay must be 0 or more, got '3': expected a whole number"),
        ({"n_bins": 2.5}, "n_bins=2.5: expected 1 or more, a whole number"),
        ({"label_delay": -1}, "label_delay must be 0 or more, got -1"),
        ({"n_bins": 0}, "n_bins=0: expected 1 or more"),
        ({"delta": 0}, "delta=0: expected a number between 0 and 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            ClassificationMetrics(**options)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="label_delay must be 0 or more, got -2"):
        evaluate(NoChangeClassifier(), [], label_delay=-2)
    with pytest.raises(ShapeError, match=r"1 predictions and .* for 2 labels"):
        ClassificationMetrics().update_many([1, 2], [1])


# -- calibration ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 30))
def test_calibration_is_the_error_of_the_whole(seed: int, n_bins: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(3, 0.5), 60)
    y = rng.integers(0, 3, 60)
    found = ClassificationMetrics(range(3), n_bins=n_bins)
    by_label = ClassificationMetrics(n_bins=n_bins)
    for label, row in zip(y.tolist(), p, strict=True):
        found.update(label, int(row.argmax()), row)
        by_label.update(label, int(row.argmax()), dict(enumerate(row.tolist())))
    whole = expected_calibration_error(p, y, n_bins)
    at_once = ClassificationMetrics(range(3), n_bins=n_bins).update_many(y, p.argmax(axis=1), p)
    assert at_once.to_dict() == found.to_dict()
    assert found.expected_calibration_error == pytest.approx(whole, abs=1e-12)
    assert by_label.expected_calibration_error == found.expected_calibration_error
    assert sum(one.n_samples for one in found.reliability) == 60


def test_bins_are_those_of_a_reliability_diagram() -> None:
    curve = pytest.importorskip("sklearn.calibration").calibration_curve
    rng = np.random.default_rng(0)
    p = rng.random(500)
    right = rng.random(500) < p**2
    found = Calibration(10)
    for confidence, ok in zip(p.tolist(), right.tolist(), strict=True):
        found.update(confidence, ok)
    accuracy, confidence = curve(right, p, n_bins=10)
    assert [one.accuracy for one in found.bins] == pytest.approx(accuracy)
    assert [one.confidence for one in found.bins] == pytest.approx(confidence)
    assert found.bins[0].lower == 0
    assert found.bins[-1].upper == 1


def test_a_probability_that_binary32_rounded_above_one_is_one() -> None:
    found = Calibration(10)
    found.update(1.0000001, True)
    assert found.bins[-1].confidence == 1
    assert found.expected_calibration_error == 0


def test_refused_probabilities() -> None:
    metrics = ClassificationMetrics("ab")
    for proba in ({"a": 1.0}, [1.0], 0.5, {"b": "x"}):
        with pytest.raises(ShapeError, match="no number for the predicted class 'b'"):
            metrics.update("a", "b", proba)  # type: ignore[arg-type]
    for bad in (1.5, -0.1, math.nan):
        with pytest.raises(InputValueError, match=r"a probability must be in 0\.\.1"):
            metrics.update("a", "b", [0.0, bad])
    assert metrics.n_samples == 0, "what is refused is not counted"


# -- drift ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.002, 0.05, 1e-4])
@pytest.mark.parametrize("seed", range(6))
def test_adwin_is_rivers(seed: int, delta: float) -> None:
    drift = pytest.importorskip("river.drift")
    rng = np.random.default_rng(seed)
    p = np.repeat(rng.random(6), 700)
    values = rng.random(len(p)) < p if seed % 2 else p + rng.normal(0, 0.3, len(p))
    ours, theirs = Adwin(delta), drift.ADWIN(delta=delta)
    changes = 0
    for value in values.astype(float).tolist():
        changed = ours.update(value)
        theirs.update(value)
        assert (changed, ours.width) == (theirs.drift_detected, theirs.width)
        assert ours.mean == pytest.approx(theirs.estimation, abs=1e-9)
        changes += changed
    assert ours.n_changes == changes > 1


def test_adwin_refuses_what_is_no_number() -> None:
    with pytest.raises(InputValueError, match="ADWIN takes finite numbers, got nan"):
        Adwin().update(math.nan)


def test_a_fall_is_marked_and_a_rise_is_not() -> None:
    rng = np.random.default_rng(0)
    shares = np.repeat([0.6, 0.95, 0.5, 0.95], 1500)
    found = ClassificationMetrics(range(2))
    for right in rng.random(6000) < shares:
        found.update(1, int(right))
    (drift,) = found.drifts
    assert found.n_drifts == 1
    assert drift.at == pytest.approx(3000, abs=30)
    assert 3000 < drift.seen < 3100
    assert drift.accuracy_before == pytest.approx(0.95, abs=0.02)
    assert drift.accuracy_after == pytest.approx(0.5, abs=0.2)


def test_a_steady_stream_has_no_marks() -> None:
    rng = np.random.default_rng(0)
    found = ClassificationMetrics(range(2))
    for right in rng.random(20000) < 0.8:
        found.update(1, int(right))
    assert found.drifts == []


# -- constant memory, and going on ---------------------------------------------------------------


def size_of(value: Any, seen: set[int] | None = None) -> int:
    """Bytes of an object and of all that it refers to."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    inside: Iterator[Any] = iter(())
    if isinstance(value, dict):
        inside = iter([*value.keys(), *value.values()])
    elif hasattr(value, "__dict__"):
        inside = iter([vars(value)])
    elif hasattr(value, "__iter__") and not isinstance(value, str):
        inside = iter(value)
    return sys.getsizeof(value) + sum(size_of(one, seen) for one in inside)


def test_memory_does_not_grow_with_the_stream() -> None:
    found = ClassificationMetrics(range(5), label_delay=10)
    sizes = []
    for seed in range(16):
        found.update_many(*drawn(n=2500, seed=seed))
        sizes.append(size_of(found))
    assert max(sizes[8:]) < 1.1 * max(sizes[2:8]), sizes


def test_canary_a_list_of_all_samples_would_be_seen() -> None:
    found = ClassificationMetrics(range(5))
    found.everything = []  # type: ignore[attr-defined]
    before = size_of(found)
    found.everything.extend(range(1000, 3500))  # type: ignore[attr-defined]
    assert size_of(found) > 2 * before


@pytest.mark.parametrize("delay", [0, 7])
def test_goes_on_with_the_same_bits(delay: int) -> None:
    y, p = drawn(n=3000)
    p[1500:] = (p[1500:] + 1) % 5  # a drift
    whole = ClassificationMetrics(range(5), window=50, label_delay=delay, n_bins=9, delta=0.01)
    cut = ClassificationMetrics(range(5), window=50, label_delay=delay, n_bins=9, delta=0.01)
    proba = np.random.default_rng(1).random((3000, 5))
    for i in range(3000):
        if i % 400 == 17:
            cut = ClassificationMetrics.from_dict(json.loads(json.dumps(cut.to_dict())))
        for metrics in (whole, cut):
            metrics.update(int(y[i]), int(p[i]), proba[i])
    assert cut.to_dict() == whole.to_dict()
    assert cut.confusion_matrix.tolist() == whole.confusion_matrix.tolist()
    assert (cut.kappa, cut.kappa_m, cut.latest.kappa_t) == (
        whole.kappa, whole.kappa_m, whole.latest.kappa_t,
    )  # fmt: skip
    assert cut.n_drifts == whole.n_drifts >= 1


def test_what_is_no_state_is_refused() -> None:
    state = ClassificationMetrics(range(2)).to_dict()
    del state["adwin"]
    with pytest.raises(KeyError):
        ClassificationMetrics.from_dict(state)


# -- advice --------------------------------------------------------------------------------------


def advised(y: Any, p: Any, **options: Any) -> tuple[str, ...]:
    return advice(ClassificationMetrics(range(2), **options).update_many(y, p), ["idle", "worn"])


def test_worse_than_the_majority_is_said_with_both_figures() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.3).astype(int)
    p = np.where(rng.random(500) < 0.6, y, 1 - y)
    sentence = advised(y, p)[0]
    right = 100 * float(np.mean(y == p))
    majority = 100 * majority_accuracy(y)
    assert right < majority
    assert sentence.startswith(f"worse than the majority: {right:.2f} % right, the most frequent")
    assert f"{majority:.2f} % (κ_M -" in sentence
    assert not advised(y[:99], p[:99]), "too few samples say nothing"


def test_worse_than_no_change_is_said() -> None:
    y = np.repeat(np.arange(10) % 2, 50)
    p = np.where(np.arange(500) % 10 == 0, 1 - y, y)
    (sentence,) = advised(y, p)
    assert sentence.startswith("worse than no change: 90.00 % right, the label before is right in")


def test_what_has_passed_is_said_to_have_passed() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.3).astype(int)
    p = np.where(np.arange(2000) < 1500, rng.integers(0, 2, 2000), y)
    assert "no longer so over the latest 300 samples (100.00 % against" in advised(y, p)[0]


def test_a_rare_class_is_not_hidden() -> None:
    """The case of the field: 2 % positives, accuracy 98 %, recall 12 %."""
    y = (np.arange(5000) % 50 == 7).astype(int)
    p = np.where(np.arange(5000) % 400 == 7, y, 0)
    found = [one for one in advised(y, p) if "worn" in one]
    (sentence,) = found
    assert sentence.startswith("the class 'worn' is hidden by the accuracy: of its 100 samples 13.")
    assert "Go by recall and balanced accuracy (56." in sentence
    assert not [one for one in advised(y[:900], p[:900]) if "worn" in one], "18 samples: too few"


def test_a_good_learner_hears_nothing() -> None:
    y, p = drawn(n=2000, k=2, accuracy=0.95)
    assert advised(y, p) == ()
