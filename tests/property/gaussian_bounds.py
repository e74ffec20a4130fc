"""docs/numbers.md §8 run again with every intermediate held to its bound."""

from __future__ import annotations

import math

import numpy as np
from quant_bounds import hold

from quant.counters import Saturations
from quant.front_end.golden import Statistics, follow
from quant.heads.gaussian import golden as golden
from quant.integers import bit_length, isqrt, shift_round
from quant.state import State

LARGEST, TINY = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)
LOW, HIGH = -12 * 1024, 4 * 1024


def check_target(state: State, y: np.float32, window: int) -> int:
    """Standardise a target, every intermediate held; return it."""
    old = Statistics(*(state[f"target_{name}"].astype(np.int64) for name in Statistics._fields))
    count = min(int(state["target_count"][0]) + 1, window)
    reach = 8 * int(isqrt(old.variance)[0])
    hold("target_reach", abs(int(old.mean[0])) + reach)
    held = float(y)
    if reach:  # within float32's rounding of mean ± 8 sd
        scale = 2.0 ** -int(old.exponent[0])
        low, high = ((int(old.mean[0]) + sign * reach) * scale for sign in (-1, 1))
        low, high = (np.clip(end, -LARGEST, LARGEST) for end in (low, high))
        held = float(np.clip(held, low, high))
    ours = golden._hold(old, y)
    assert abs(float(ours) - held) <= max(abs(held) * 2.0**-24, TINY)
    new, after = follow(old, np.array([ours], np.float32), count)
    hold("mean", new.mean)
    hold("variance", new.variance)
    sd = int(isqrt(new.variance)[0])
    numerator = (abs(int(after[0])) << 16) + (sd >> 1)
    if sd:
        hold("target_numerator", numerator)
    statistics, y_q, clamped = golden.standardise_target(state, y, window)
    hold("target", y_q)
    expected = min(numerator // sd, 2**19) if sd else 0
    assert abs(y_q) == expected
    assert clamped == (ours != y) + (sd > 0 and numerator // sd > 2**19)
    assert (y_q < 0) <= (after[0] < 0)
    assert statistics["target_count"] == count
    return y_q


def check_gradient(outputs: np.ndarray, y_q: int) -> np.ndarray:
    """Gradient by mean and log-variance, every intermediate held."""
    hold("logit", outputs)
    held = np.clip(outputs[1], -(2**20), 2**20) >> 6
    hold("octave_product", held * 23637)
    octaves = np.clip(golden.log2_variance(outputs[1]), LOW, HIGH)
    inverse = golden.inverse_sd(octaves)
    hold("inverse_sd", inverse)
    assert (inverse >= 2**16).all()
    hold("target_difference", y_q - outputs[0])
    hold("residual_product", np.abs((y_q - outputs[0]) * inverse) + 2**17)
    residual = shift_round((y_q - outputs[0]) * inverse, 18)
    clamped = np.clip(residual, -3 * 2**16, 3 * 2**16)
    hold("residual", clamped)
    hold("mean_product", np.abs(clamped * inverse) + 2**17)
    count = Saturations()
    delta = golden.output_gradient(outputs, y_q, count)
    hold("mean_gradient", delta[0])
    hold("log_gradient", delta[1])
    np.testing.assert_array_equal(delta[0], shift_round(-clamped * inverse, 18))
    assert count.gradient == np.count_nonzero(clamped != residual)
    return delta


def check_prediction(
    state: State, outputs: np.ndarray, inverse: np.ndarray, epsilon: np.ndarray
) -> np.ndarray:
    """The three words of a prediction, every intermediate held."""
    n = outputs.shape[1]
    spread = np.where(inverse[0] == 0, 0, 2**30 // np.maximum(inverse[0], 1))
    hold("kept_spread", spread)
    hold("kept_epsilon", np.abs(spread * epsilon[0]) + 8)
    centre = outputs[0] - (spread * epsilon[0] + 8 >> 4)
    hold("draw_centre", centre)
    octaves = np.clip(golden.log2_variance(outputs[1]), LOW, HIGH)
    hold("noise_variance", golden.variance(octaves))
    assert (golden.variance(octaves) >= 2**12).all()
    found = golden.sums(outputs, inverse, epsilon, Saturations())
    hold("centre_sum", found.centre)
    hold("aleatoric_sum", found.aleatoric)
    hold("epistemic_sum", found.epistemic)
    assert found.centre == centre.sum()
    sd = int(isqrt(state["target_variance"].astype(np.int64))[0])
    numerator = int(state["target_mean"][0]) * (n << 16) + sd * found.centre
    hold("mean_numerator", numerator)
    hold("scaled_numerator", abs(numerator) << (62 - bit_length(abs(numerator))))
    for total in (found.aleatoric, found.epistemic):
        up = (63 - bit_length(total)) & ~1
        assert total << up < 2**63
        hold("root_sd", math.isqrt((total << up) // n) * sd)
    return golden.prediction_bits(state, found, n)
