"""Drawn pre-activations move σ as drawn weights do if they have its noise, and not without."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.errors import ExperimentError
from experiments.loop.runs import Setting
from experiments.mesu.sampled import MODES, SampledLearner

SETTING = Setting("mesu-weights", (64, 48, 3), n_draws=4)
MODES_IN_ORDER = ("weights", "noisy", "pre-activations")
N = 2000


def changes(mode, layer):
    """What one and the same sample does to σ, once for each of N draws of the noise."""
    learner = SampledLearner(SETTING, 0, mode)
    start = learner.arrays()
    start["sigma1"] *= np.float32(0.02)  # as after some tasks
    x, y = np.random.default_rng(0).normal(size=(1, 64)).astype(np.float32), np.int64([1])
    before = start[f"sigma{layer}"][:, : SETTING.layers[layer + 1]]
    found = []
    for n in range(N):
        learner.restore(start | {"seen": np.array([64 * n + 40])})  # no row is pulled
        learner.learn(x, y, 0)
        found.append(learner.moments(layer)[1] / before - 1)
    return np.array(found)


@pytest.mark.parametrize("layer", [0, 1])
def test_noise_makes_sigma_move_as_under_drawn_weights(layer):
    drawn, noisy, local = (changes(mode, layer) for mode in MODES_IN_ORDER)
    error = drawn.std(0) * np.sqrt(2 / N)
    assert np.all(np.abs(drawn.mean(0) - noisy.mean(0)) < 5 * error)
    assert np.all(np.abs(drawn.mean(0) - local.mean(0)) < 5 * error)
    assert noisy.std() / drawn.std() == pytest.approx(1, abs=0.12)
    assert local.std() / drawn.std() < 0.8


def test_modes_are_all_here():
    assert set(MODES_IN_ORDER) == set(MODES)


def test_one_hidden_layer_is_expected():
    with pytest.raises(ExperimentError, match="one hidden layer"):
        SampledLearner(Setting("mesu-weights", (6, 5, 4, 3)), 0, "weights")
