"""BiMU as published: drawn weights, exact steps, and the same bits however a stream is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.bimu.drawn import Constants, DrawnLearner
from experiments.errors import ExperimentError
from streamlearn.errors import DivergedError

LAYERS = (20, 18, 5)


def samples(n=60):
    rng = np.random.default_rng(1)
    return rng.uniform(0, 1, (n, LAYERS[0])).astype(np.float32), rng.integers(0, LAYERS[2], n)


def beliefs(learner):
    return [learner.belief(layer).copy() for layer in (0, 1)]


def test_two_calls_and_a_checkpoint_learn_what_one_call_does():
    x, y = samples()
    once, twice, restored = (DrawnLearner(LAYERS, Constants(), 7) for _ in range(3))
    once.learn(x, y, 0)
    twice.learn(x[:23], y[:23], 0)
    restored.restore(twice.arrays())
    for learner in (twice, restored):
        learner.learn(x[23:], y[23:], 0)
        for name, values in once.arrays().items():
            assert np.array_equal(values, learner.arrays()[name]), name


def test_seeds_have_other_starts_and_other_noise():
    x, y = samples(1)
    one, other = (DrawnLearner(LAYERS, Constants(), seed) for seed in (0, 1))
    assert not np.array_equal(one.belief(0), other.belief(0))
    other.restore(one.arrays())
    one.learn(x, y, 0)
    other.learn(x, y, 0)
    assert not np.array_equal(one.belief(0), other.belief(0))


def test_columns_beyond_the_units_stay_0():
    learner = DrawnLearner(LAYERS, Constants(), 0)
    learner.learn(*samples(), 0)
    for layer in (0, 1):
        whole = learner.arrays()[f"belief{layer}"]
        assert whole.shape[1] > LAYERS[layer + 1]
        assert not whole[:, LAYERS[layer + 1] :].any()


def test_predicts_with_weights_of_1_as_often_positive_as_they_should_be():
    learner = DrawnLearner(LAYERS, replace(Constants(), belief_init=2.0), 0)
    rng = np.random.default_rng(0)
    for layer in (0, 1):
        drawn = np.array([learner._weights(layer, rng) for _ in range(4000)])
        assert set(np.unique(drawn)) == {-1, 1}
        mean = np.tanh(learner.belief(layer))
        assert np.all(np.abs(drawn.mean(0) - mean) < 5 * np.sqrt((1 - mean**2) / 4000))


def test_classes_are_those_of_the_mean_probability_of_reproducible_draws():
    learner = DrawnLearner(LAYERS, Constants(), 0)
    x, y = samples()
    learner.learn(x, y, 0)
    logits = learner.drawn(x, (3,))
    assert logits.shape == (5, len(x), LAYERS[2])
    assert np.array_equal(logits, learner.drawn(x, (3,)))
    assert not np.array_equal(logits, learner.drawn(x, (4,)))
    np.testing.assert_allclose(logits.mean(-1), 0, atol=1e-5)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(-1, keepdims=True)
    assert np.array_equal(learner.classify(x, (3,)), p.mean(0).argmax(-1))


def test_keeps_four_bytes_for_each_weight():
    assert DrawnLearner(LAYERS, Constants(), 0).bytes() == 4 * (20 * 18 + 18 * 5)


def test_says_what_it_cannot_learn():
    with pytest.raises(ExperimentError, match="one hidden layer"):
        DrawnLearner((6, 5, 4, 3), Constants(), 0)
    learner = DrawnLearner(LAYERS, Constants(), 0)
    x, y = samples(4)
    for images, labels in ((x[:, :19], y), (x, y[:3])):
        with pytest.raises(ExperimentError, match="expected"):
            learner.learn(images, labels, 0)
    x[2, 3] = np.inf
    with pytest.raises(DivergedError):
        learner.learn(x, y, 0)
