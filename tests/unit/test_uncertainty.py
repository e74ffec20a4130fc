"""Entropies, the rank statistic and the calibration error do what their docstrings say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamlearn.errors import ConfigError, InputValueError, LabelError, ShapeError
from streamlearn.uncertainty import auc, entropies, expected_calibration_error

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7))
# few different values, so that ties and infinities are common
SCORES = st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 0.0, 0.5, 2.0, math.inf]), min_size=1)


@st.composite
def distributions(draw, shape=None):
    shape = draw(SHAPES) if shape is None else shape
    weights = draw(arrays(np.float64, shape, elements=st.sampled_from([0.0, 1e-9, 0.3, 1.0, 7.0])))
    weights[..., 0] += weights.sum(axis=-1) == 0
    return weights / weights.sum(axis=-1, keepdims=True)


@given(distributions())
def test_entropies_are_within_their_bounds_and_add_up(p):
    predictive, aleatoric, epistemic = entropies(p)
    most = math.log2(p.shape[-1])
    for part in (predictive, aleatoric, epistemic):
        assert part.shape == p.shape[1:2]
        assert (part >= 0).all()
        assert (part <= most).all()
    assert np.allclose(aleatoric + epistemic, predictive)
    if len(p) == 1:
        assert (epistemic < 1e-12).all()


def test_entropies_of_known_distributions():
    even, sure = [0.25] * 4, [0.0, 1.0, 0.0, 0.0]
    other = [1.0, 0.0, 0.0, 0.0]
    got = entropies(np.array([[even, sure, sure], [even, sure, other]]))
    assert got.predictive.tolist() == [2, 0, 1]
    assert got.aleatoric.tolist() == [2, 0, 0]
    assert got.epistemic.tolist() == [0, 0, 1]


@pytest.mark.parametrize("bad", [[[0.5, 0.5]], np.zeros((0, 2, 3)), np.zeros((2, 2, 0))])
def test_entropies_refuse_a_wrong_shape(bad):
    with pytest.raises(ShapeError, match=r"\[draws, n, classes\]"):
        entropies(np.array(bad))


@pytest.mark.parametrize("bad", [[0.5, math.nan], [1.5, -0.5], [0.4, 0.4]])
def test_probabilities_must_be_probabilities(bad):
    with pytest.raises(InputValueError, match="1 of 2 rows"):
        entropies(np.array([[[1.0, 0.0], bad]]))
    with pytest.raises(InputValueError):
        expected_calibration_error(np.array([bad]), np.array([0]))


@given(SCORES, SCORES)
def test_auc_counts_every_pair(inside, outside):
    pairs = [(b > a) + (b == a) / 2 for a in inside for b in outside]
    got = auc(np.array(inside), np.array(outside))
    assert got == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    assert auc(np.array(outside), np.array(inside)) == pytest.approx(1 - got, abs=1e-12)
    assert 0 <= got <= 1


def test_auc_is_exact_and_fast_with_many_samples():
    n = 200_000
    assert auc(np.arange(n), np.arange(n)) == 0.5
    assert auc(np.zeros(n), np.ones(n)) == 1


def test_auc_refuses():
    some = np.array([0.0])
    for bad in (np.zeros(0), np.zeros((1, 1))):
        with pytest.raises(ShapeError, match="in_scores"):
            auc(bad, some)
        with pytest.raises(ShapeError, match="out_scores"):
            auc(some, bad)
    with pytest.raises(InputValueError, match="1 NaN"):
        auc(some, np.array([1.0, math.nan]))


@given(distributions((8, 3)), arrays(np.int64, 8, elements=st.integers(0, 2)), st.integers(1, 20))
def test_calibration_error_is_the_sum_over_bins(p, labels, n_bins):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    expected = 0.0
    for k in range(n_bins):
        low, high = k / n_bins, (k + 1) / n_bins
        inside = (confidence * n_bins > k) & (confidence * n_bins <= k + 1)
        assert low < high
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    got = expected_calibration_error(p, labels, n_bins)
    assert got == pytest.approx(expected, abs=1e-12)
    assert 0 <= got <= 1


def test_calibration_error_of_known_predictions():
    sure = np.array([[1.0, 0.0]] * 4)
    assert expected_calibration_error(sure, np.zeros(4, int)) == 0
    assert expected_calibration_error(sure, np.ones(4, int)) == 1
    assert expected_calibration_error(sure, np.array([0, 0, 0, 1])) == 0.25


def test_calibration_error_refuses():
    p = np.array([[0.5, 0.5]])
    with pytest.raises(ConfigError, match="n_bins=0"):
        expected_calibration_error(p, np.array([0]), 0)
    with pytest.raises(ShapeError, match="one for each of 1 rows"):
        expected_calibration_error(p, np.array([0, 1]))
    for labels in ([2], [-1], [0.5]):
        with pytest.raises(LabelError, match="from 0 to 1"):
            expected_calibration_error(p, np.array(labels))
