"""Figures in blocks: the same as sample by sample, and their size does not grow."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from streamlearn.errors import ConfigError
from streamlearn.evaluation import (
    ClassificationMetrics,
    Curve,
    Fingerprint,
    PrequentialResult,
    adwin_kernel,
    hash_of_predictions,
    majority,
    majority_predictions,
    no_change_predictions,
)
from streamlearn.evaluation.adwin import Adwin
from streamlearn.evaluation.curve import MAX_BINS
from streamlearn.evaluation.fingerprint import PART_BYTES


def pieces(n: int, most: int, seed: int) -> list[slice]:
    rng, found, at = np.random.default_rng(seed), [], 0
    while at < n:
        found.append(slice(at, at + int(rng.integers(1, most))))
        at = found[-1].stop
    return found


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("k", [2, 3, 9])
@pytest.mark.parametrize("most", [2, 40, 900])
def test_figures_in_blocks(k: int, most: int, delay: int) -> None:
    rng, n = np.random.default_rng(k), 3000
    y = np.where(np.arange(n) % 700 < 300, np.sort(rng.integers(0, k, n)), rng.integers(0, k, n))
    known = rng.random(n) < np.where(np.arange(n) < 1200, 0.95, 0.5)
    predicted = np.where(known, y, rng.integers(0, k, n))
    one = ClassificationMetrics(range(k), label_delay=delay).update_many(y, predicted)
    many = ClassificationMetrics(range(k), label_delay=delay)
    flags = [many.update_block(y[part], predicted[part]) for part in pieces(n, most, 1)]
    assert json.dumps(many.to_dict()) == json.dumps(one.to_dict())
    assert one.n_drifts, "a test without a drift"
    assert (many.accuracy, many.latest.accuracy) == (one.accuracy, one.latest.accuracy)
    assert many.latest.confusion_matrix.tolist() == one.latest.confusion_matrix.tolist()
    if not delay:
        common, before = (np.concatenate([f[i] for f in flags]) for i in range(2))
        assert np.array_equal(common, majority_predictions(y) == y)
        assert np.array_equal(before, no_change_predictions(y) == y)


def test_majorities_of_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(majority, "MOST", 100)
    y = np.random.default_rng(0).integers(0, 40, 500)
    assert np.array_equal(majority.majorities(y, {}, 0)[:-1], majority_predictions(y))


@pytest.mark.parametrize("compiler", [True, False])
def test_a_window_in_blocks(monkeypatch: pytest.MonkeyPatch, compiler: bool) -> None:
    """In C and, without a compiler, in Python: the bits of one value after the other."""
    if not compiler:
        monkeypatch.setattr(adwin_kernel, "is_there", lambda: False)
    rng = np.random.default_rng(3)
    means = np.repeat([0.0, 1e3, -5.0, 0.0, 1e-3], 2000)
    for values in (
        rng.normal(means, 1),
        (rng.random(len(means)) < 0.9 - means / 2e3).astype(float),
    ):
        one, many, found = Adwin(), Adwin(), []
        expected = [(i + 1, one.latest) for i, v in enumerate(values.tolist()) if one.update(v)]
        for part in pieces(len(values), 900, 2):
            found += [(part.start + at, change) for at, change in many.update_many(values[part])]
        assert found == expected != []
        assert many.to_dict() == one.to_dict()


def test_a_block_of_nothing() -> None:
    none = np.zeros(0, np.int64)
    metrics = ClassificationMetrics(range(3))
    before = metrics.to_dict()
    assert [len(f) for f in metrics.update_block(none, none)] == [0, 0]
    assert metrics.to_dict() == before


def test_a_curve_of_few_samples_is_exact() -> None:
    rng, n = np.random.default_rng(0), MAX_BINS
    y, predicted = rng.integers(0, 2, n), rng.integers(0, 2, n)
    at, accuracy = Curve.of(predicted, y).over_time(300)
    expected = PrequentialResult(predicted, y, 1.0).accuracy_over_time(300)
    assert np.array_equal(at, np.arange(1, n + 1))
    assert np.array_equal(accuracy, expected)


@pytest.mark.parametrize("n", [1, MAX_BINS, MAX_BINS + 1, 5 * MAX_BINS + 7, 300_000])
def test_a_curve_does_not_depend_on_blocks_and_does_not_grow(n: int) -> None:
    right = np.random.default_rng(n).random(n) < np.linspace(0.2, 0.9, n)
    whole, parts = Curve(), Curve()
    whole.add(right)
    for i, part in enumerate(pieces(n, 5000, 2)):
        parts.add(right[part])
        if i == 3:
            parts = Curve.from_dict(json.loads(json.dumps(parts.to_dict())))
    assert parts.to_dict() == whole.to_dict()
    assert (whole.n_samples, whole.n_right) == (n, right.sum())
    at, accuracy = whole.over_time(300)
    assert len(at) <= MAX_BINS
    assert at[-1] == n
    assert len(at) > MAX_BINS // 2 - 1 or n <= MAX_BINS
    assert abs(accuracy[-1] - right[-300:].mean()) < 0.1 or n > 300 * MAX_BINS
    assert len(json.dumps(whole.to_dict())) < 30_000


def test_a_curve_refuses_no_window() -> None:
    with pytest.raises(ConfigError, match="window must be 1 or more"):
        Curve().over_time(0)
    assert Curve().over_time(5)[0].size == 0


@pytest.mark.parametrize("n", [0, 1, 16_383, 16_384, 16_385, 40_000])
def test_a_fingerprint_goes_on_where_it_stopped(n: int) -> None:
    predictions = np.random.default_rng(n).integers(0, 9, n)
    found = Fingerprint()
    for part in pieces(n, 9_000, 3):
        found.add(predictions[part])
        assert len(found.part) <= PART_BYTES
        found = Fingerprint(found.chain, found.part)  # what a checkpoint holds
    data = predictions.astype("<u2").tobytes()
    expected = hashlib.sha256(data[:PART_BYTES])
    for at in range(PART_BYTES, len(data), PART_BYTES):
        expected = hashlib.sha256(expected.digest() + data[at : at + PART_BYTES])
    assert found.hexdigest() == expected.hexdigest() == hash_of_predictions(predictions)
