"""BiMU's steps: what rows that are taken for a share of the samples add up to."""

from __future__ import annotations

import numpy as np
import pytest

from quant import noise
from quant.counters import Saturations
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.bimu import golden_steps
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.plan import SHRINK, TANH, VARIANCE, BimuPlan, make_bimu_plan

KEYS = 6_000
X = np.array([127, -60, 16, 3, 0])


def mean_step(plan: BimuPlan, delta: Int64, noisy: Int64, start: Int64) -> np.ndarray:
    """What a sample moves λ by, in LSBs, on the average over many keys."""
    total, size = np.zeros(start.shape), Size(40960, 13, 0, 1)
    for key in range(KEYS):
        belief = start.astype(np.int8)
        golden_steps.learn_layer(
            belief,
            X[:, None],
            int(np.abs(X).max()),
            delta,
            noisy,
            size,
            plan,
            noise.words(noise.sample_key(1, key), noise.STREAM_ROW, len(X)).astype(np.int64),
            noise.words(noise.sample_key(1, key), noise.STREAM_COLUMN, 3).astype(np.int64),
            Saturations(),
        )
        total += belief - start
    return total / KEYS


@pytest.mark.parametrize("gradient", [3000, 300])
def test_the_mean_step_is_the_equations_whether_a_row_is_rare_or_not(gradient: int) -> None:
    config = BimuConfig(lr=2.0, caution=3.0, n_draws=2, cuts=0)
    plan = make_bimu_plan(NetworkSpec((5, 3), bias=False), config)
    delta = np.array([[gradient, gradient], [-gradient, gradient // 3], [gradient // 9, 0]])
    noisy = np.array([[gradient, -2 * gradient], [gradient, gradient], [0, gradient // 2]])
    start = np.array([[40, -90, 0], [5, 60, -20], [-3, 0, 10], [1, -100, 70], [8, 8, 8]])
    t = TANH[start + 128] / 256
    variance = VARIANCE[start + 128] / 32768
    x = X / 16
    size = 40960 / 2**13
    of_mean = np.outer(x, delta.mean(axis=1)) / 65536 / size
    of_noise = np.outer(x**2, noisy.mean(axis=1)) / 65536 / size
    g = variance * (of_mean - t * of_noise)
    expected = -32 * config.lr * g / (1 + 3.0 * (np.abs(g) + g * t))
    found = mean_step(plan, delta, noisy, start)
    spread = np.sqrt(np.maximum(np.abs(expected), 1e-3) / KEYS)  # of steps of one LSB
    shrink = 1 - SHRINK[0] / 1024  # a step worth nothing has this less
    assert np.all(np.abs(found - expected) < 5 * spread + 1.5 * shrink * np.abs(expected))
    assert not found[4].any(), "an input of 0 moves nothing"
    assert np.abs(found).max() > 20 * spread.max(), "the test sees no step"


def test_rare_rows_take_steps_of_at_most_one_lsb() -> None:
    bound = np.arange(1, 1 << 15)
    doubled = golden_steps.rarity(bound)
    assert np.all((bound << doubled <= 4096) | (doubled == 0))
    assert (int(doubled.min()), int(doubled.max())) == (0, golden_steps.RAREST)
