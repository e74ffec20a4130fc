"""BiMU's steps: what rows that are taken for a share of the samples add up to."""

from __future__ import annotations

import numpy as np
import pytest

from quant import noise
from quant.counters import Saturations
from quant.integers import Int64
from quant.network import NetworkSpec
from quant.rules.bimu import golden_steps
from quant.rules.bimu.belief import BELIEFS, Q16, STEP_FRAC_BITS, Belief
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden_normal import Size
from quant.rules.bimu.plan import SHRINK, TANH, VARIANCE, BimuPlan, make_bimu_plan

KEYS = 6_000
X = np.array([127, -60, 16, 3, 0])


def mean_step(plan: BimuPlan, delta: Int64, noisy: Int64, start: Int64) -> np.ndarray:
    """What a sample moves λ by, in LSBs of a byte, on the average over many keys."""
    total, size = np.zeros(start.shape), Size(40960, 13, 0, 1)
    first = start << plan.belief.low_bits
    for key in range(KEYS):
        belief = first.astype(plan.belief.dtype)
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
        total += belief - first
    return total / KEYS / (1 << plan.belief.low_bits)


@pytest.mark.parametrize("belief", BELIEFS.values(), ids=lambda belief: belief.arithmetic)
@pytest.mark.parametrize("gradient", [3000, 300])
def test_the_mean_step_is_the_equations_whether_a_row_is_rare_or_not(
    gradient: int, belief: Belief
) -> None:
    config = BimuConfig(lr=2.0, caution=3.0, n_draws=2, cuts=0)
    plan = make_bimu_plan(NetworkSpec((5, 3), bias=False), config, belief)
    delta = np.array([[gradient, gradient], [-gradient, gradient // 3], [gradient // 9, 0]])
    noisy = np.array([[gradient, -2 * gradient], [gradient, gradient], [0, gradient // 2]])
    start = np.array([[40, -90, 0], [5, 60, -20], [-3, 0, 10], [1, -100, 70], [8, 8, 8]])
    t = TANH[start + 128] / 256
    variance = (VARIANCE[start + 128] >> 5) / 1024  # steps have these bits of it
    x = X / 16
    size = 40960 / 2**13
    of_mean = np.outer(x, delta.mean(axis=1)) / 65536 / size
    of_noise = np.outer(x**2, noisy.mean(axis=1)) / 65536 / size
    g = variance * (of_mean - t * of_noise)
    expected = -32 * config.lr * g / (1 + 3.0 * (np.abs(g) + g * t))
    found = mean_step(plan, delta, noisy, start)
    lsb = 2.0**-belief.low_bits
    spread = np.sqrt(np.maximum(np.abs(expected), 1e-3) * lsb / KEYS)  # of steps of one LSB
    shrink = 1 - SHRINK[0] / 1024  # a step worth nothing has this less
    rounding = 2.0**-STEP_FRAC_BITS  # m, its product with the variance, the shrunk step
    most = 5 * spread + 1.5 * shrink * np.abs(expected) + (rounding if belief.low_bits else 0)
    assert np.all(np.abs(found - expected) < most)
    assert not found[4].any(), "an input of 0 moves nothing"
    assert np.abs(found).max() > 20 * spread.max(), "the test sees no step"


@pytest.mark.parametrize("belief", BELIEFS.values(), ids=lambda belief: belief.arithmetic)
def test_rare_rows_take_steps_of_at_most_one_lsb(belief: Belief) -> None:
    bound, bits = np.arange(1, 1 << 15), belief.step_frac_bits
    doubled = golden_steps.rarity(bound, bits)
    assert np.all((bound << doubled <= 1 << bits) | (doubled == 0))
    assert (int(doubled.min()), int(doubled.max())) == (0, min(golden_steps.RAREST, bits - 1))


def test_two_bytes_are_pulled_by_the_share_that_the_equations_say() -> None:
    """On the average, from every magnitude: -λ sech² λ sweep / N."""
    config = BimuConfig(memory_window=5000.0, sweep=4)
    plan = make_bimu_plan(NetworkSpec((4, 2), bias=False), config, Q16)
    start = np.array([[-32512, -20000, -129, -128, -1, 0, 1, 127, 128, 3000, 20000, 32512]])
    total, rounds = np.zeros(start.shape), 4000
    for n in range(rounds):
        belief, key = np.repeat(start, 4, axis=0).astype("<i2"), noise.sample_key(3, n)
        column = noise.words(key, noise.STREAM_COLUMN, start.size).astype(np.int64)
        golden_steps.pull(belief, 0, n, plan, key, column, Saturations())
        total += (belief - start).sum(axis=0)  # of one row of the four
    share = 4 / 5000 * (1 - np.tanh(start / 2**13) ** 2)
    expected = -start * share
    most = 5 * np.sqrt(np.maximum(np.abs(expected), 1e-2) / rounds) + 0.02 * np.abs(expected)
    assert np.all(np.abs(total / rounds - expected) < most)
