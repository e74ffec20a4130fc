"""The Gaussian head in integers: the golden model, which the C kernel equals bit for bit.

The equations are those of :mod:`streamlearn.heads.gaussian`, the formats, roundings and bounds
those of NUMBERS.md beside this file. C counterpart: ``kernel/integer``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.front_end.statistics import (
    MEAN_FRAC_BITS,
    RATE_ONE,
    Statistics,
    first,
    follow,
    without_subnormals,
)
from quant.heads.head import NumberPrediction
from quant.integers import Int64, bit_length, isqrt, shift_round
from quant.layout import State
from quant.tables import EXP2

#: Residuals are clamped to ± this many standard deviations,
RESIDUAL_MAX = 3
#: the logarithm of the variance to base 2 within this range,
LOG2_VARIANCE_MIN = -12
LOG2_VARIANCE_MAX = 4
#: and standardised targets within ± this.
TARGET_MAX = 8

FRAC_BITS = 16
TARGET_MAX_Q = TARGET_MAX << FRAC_BITS
RESIDUAL_MAX_Q = RESIDUAL_MAX << FRAC_BITS
LOG_VARIANCE_LIMIT = 1 << 20
DEVIATION_MAX = (1 << 24) - 1
INFINITY_BITS = 0x7F800000
LARGEST_BITS = 0x7F7FFFFF


class Sums(NamedTuple):
    """Sums over the draws, of the standardised prediction.

    Attributes
    ----------
    centre : int
        Of the mean, Q.16.
    aleatoric : int
        Of the variance v, Q.24.
    epistemic : int
        Of the squared deviation and the squared spread of the mean, Q.32.
    """

    centre: int
    aleatoric: int
    epistemic: int


def standardise_target(state: State, y: float, config: Any) -> tuple[dict[str, Any], int, int]:
    """Follow the target's mean and variance, and standardise it by them.

    Parameters
    ----------
    state : State
        Not changed.
    y : float
        Finite; read as float32.
    config : rule's configuration
        Its ``target_window``: samples over which the statistics follow the target.

    Returns
    -------
    statistics : dict
        The new fields of the state.
    y_q : int
        Q.16, within ±8; the statistics include ``y``, as far as it is within ±8 of the old ones.
    n_clamped : int
        How often it was clamped: to that range of the old statistics, and of the new ones.
    """
    old, raw = _statistics(state), np.float32(y)
    held = _hold(old, raw)
    value = without_subnormals(np.array([held], np.float32))
    new, after = first(value), np.zeros(1, np.int64)
    if old.samples[0] > 0:
        new, after = follow(old, value, np.zeros(1, np.bool_), config.target_window)
    statistics = {
        "target_count": int(new.samples[0]),
        "target_mean": int(new.mean[0]) >> MEAN_FRAC_BITS,
        "target_mean_low": int(new.mean[0]) & RATE_ONE - 1,
        "target_variance": new.variance[0],
        "target_exponent": new.exponent[0],
    }
    sd = int(isqrt(new.variance)[0])
    size = 0
    if sd > 0:
        size = ((abs(int(after[0])) << FRAC_BITS) + (sd >> 1)) // sd
    kept = min(size, TARGET_MAX_Q)
    y_q = -kept if after[0] < 0 else kept
    return statistics, y_q, int(held != raw) + int(size > TARGET_MAX_Q)


def _hold(old: Statistics, y: np.float32) -> np.float32:
    """Keep a target within eight standard deviations, where there is one: float32 to float32.

    One outlier must not become the scale of the next thousand samples; a scale that really has
    grown is reached in a few hundred.
    """
    mean, exponent = int(old.mean[0]) >> MEAN_FRAC_BITS, int(old.exponent[0])
    reach = int(isqrt(old.variance)[0])
    if reach == 0:
        return y
    low, high = (_real32(mean + sign * TARGET_MAX * reach, exponent) for sign in (-1, 1))
    held: np.float32 = low if y < low else high if y > high else y
    return held


def _real32(x: int, frac_bits: int) -> np.float32:
    bits = np.array(binary32(abs(x), frac_bits), np.uint32)
    value: np.float32 = np.float32(math.copysign(float(bits.view(np.float32)), x))
    return value


def _statistics(state: State) -> Statistics:
    mean, low, variance, exponent, count = (
        state[f"target_{name}"].astype(np.int64)
        for name in ("mean", "mean_low", "variance", "exponent", "count")
    )
    return Statistics((mean << MEAN_FRAC_BITS) + low, variance, exponent, count)


def log2_variance(log_variance: Int64) -> Int64:
    """Return log2 v in Q.10, not yet clamped to its range, from ln v in Q.16."""
    held = np.clip(log_variance, -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
    octaves: Int64 = (held >> 6) * 23637 >> 14
    return octaves


def _exp2_below(down: Int64, top: int) -> Int64:
    """Return 2^(top - down), as an integer below 2^31, ``down`` in Q.10 from 0."""
    value: Int64 = EXP2[down >> 2 & 255].astype(np.int64) << top - 15 >> (down >> 10)
    return value


def inverse_sd(octaves: Int64) -> Int64:
    """Return 1/√v in Q.18, 2^16 to 2^24, from log2 v in Q.10 within its range."""
    return _exp2_below((octaves - LOG2_VARIANCE_MIN * 1024) >> 1, 18 - LOG2_VARIANCE_MIN // 2)


def variance(octaves: Int64) -> Int64:
    """Return v in Q.24, 2^12 to 2^28, from log2 v in Q.10 within its range."""
    return _exp2_below(LOG2_VARIANCE_MAX * 1024 - octaves, 24 + LOG2_VARIANCE_MAX)


def predict(state: State, forward: Any, count: Saturations) -> NumberPrediction:
    """Mean, aleatoric and epistemic standard deviation of the target, from a forward pass."""
    outputs: Int64 = forward.outputs
    found = sums(outputs, forward.inverse_spread[-1], forward.epsilon[-1], count)
    bits = prediction_bits(state, found, outputs.shape[1])
    return NumberPrediction(*bits.view(np.float32).tolist())


def output_gradient(outputs: Int64, target: int, count: Saturations) -> Int64:
    """Gradient of the loss of each draw by the two outputs, ``int64[2, draws]``, Q.16.

    ``∂m = (m - y)/v``, ``∂l = ½ (1 - (y - m)²/v)``; no gradient pushes l further beyond its range.

    Parameters
    ----------
    outputs : int64[2, draws]
        m and l in Q.16.
    target : int
        Standardised target, Q.16.
    count : Saturations
        Residuals beyond ±3 are counted as gradients.
    """
    m, log_variance = outputs
    octaves = log2_variance(log_variance)
    low, high = LOG2_VARIANCE_MIN * 1024, LOG2_VARIANCE_MAX * 1024
    inverse = inverse_sd(np.clip(octaves, low, high))
    residual = shift_round((target - m) * inverse, 18)
    clamped = np.clip(residual, -RESIDUAL_MAX_Q, RESIDUAL_MAX_Q)
    count.gradient += int(np.count_nonzero(clamped != residual))
    by_mean = shift_round(-clamped * inverse, 18)
    by_log = ((1 << FRAC_BITS) - (clamped * clamped >> FRAC_BITS)) >> 1
    outward = np.where(by_log > 0, octaves <= low, octaves >= high)
    return np.stack([by_mean, np.where(outward, 0, by_log)])


def sums(outputs: Int64, inverse_spread: Int64, epsilon: Int64, count: Saturations) -> Sums:
    """Return what the prediction is made of, from the last layer of a forward pass.

    The draws are a mixture of Gaussians N(c, s²), c = m - s ε: see
    :func:`streamlearn.heads.gaussian.moments`. s comes from its inverse, which the backward pass
    needs anyway.

    Parameters
    ----------
    outputs : int64[2, draws]
        Q.16.
    inverse_spread : int64[2, draws]
        Q.18.
    epsilon : int64[2, draws]
        Q7.8.
    count : Saturations
        Deviations beyond 2^24 (256) are counted as activations.
    """
    inverse = inverse_spread[0]
    spread = np.where(inverse == 0, 0, (1 << 30) // np.maximum(inverse, 1))
    centre = outputs[0] - (spread * epsilon[0] + 8 >> 4)
    total = int(centre.sum())
    deviation = centre - total // len(centre)
    kept = np.clip(deviation, -DEVIATION_MAX, DEVIATION_MAX)
    count.activation += int(np.count_nonzero(kept != deviation))
    octaves = log2_variance(outputs[1])
    v = variance(np.clip(octaves, LOG2_VARIANCE_MIN * 1024, LOG2_VARIANCE_MAX * 1024))
    return Sums(total, int(v.sum()), int((kept * kept + (spread << 4) ** 2).sum()))


def prediction_bits(state: State, found: Sums, n_draws: int) -> npt.NDArray[np.uint32]:
    """Mean, aleatoric and epistemic standard deviation in the target's units.

    Parameters
    ----------
    state : State
        Gives the target's mean and standard deviation.
    found : Sums
    n_draws : int

    Returns
    -------
    uint32[3]
        Bit patterns of binary32. Before a second target has given a scale the standard deviations
        are infinite. Beyond the largest float32 the largest, below the smallest normal one 0.
    """
    old = _statistics(state)
    mean, exponent = int(old.mean[0]) >> MEAN_FRAC_BITS, int(old.exponent[0])
    sd = int(isqrt(old.variance)[0])
    numerator = mean * (n_draws << FRAC_BITS) + sd * found.centre
    up = 62 - bit_length(abs(numerator))
    bits = [
        binary32((abs(numerator) << up) // n_draws, FRAC_BITS + exponent + up)
        | (0x80000000 if numerator < 0 else 0)
    ]
    for total, frac_bits in ((found.aleatoric, 24), (found.epistemic, 32)):
        up = (63 - bit_length(total)) & ~1
        root = math.isqrt((total << up) // n_draws)
        bits.append(binary32(root * sd, (frac_bits + up) // 2 + exponent))
    if state["target_count"][0] < 2:
        bits[1:] = [INFINITY_BITS, INFINITY_BITS]
    return np.array(bits, np.uint32)


def binary32(x: int, frac_bits: int) -> int:
    """Return the bit pattern of ``x · 2^-frac_bits``, 0 <= x < 2^63, rounding half up."""
    shift = bit_length(x) - 24
    mantissa = (x + (1 << (shift - 1))) >> shift if shift > 0 else x << -shift
    if mantissa >> 24:
        mantissa, shift = mantissa >> 1, shift + 1
    field = shift - frac_bits + 150
    if x == 0 or field <= 0:
        return 0
    return LARGEST_BITS if field >= 255 else field << 23 | mantissa & 0x7FFFFF
