"""Running mean and variance of sensor values, in integers whose units follow their scale.

A feature's in the front end, and a target's in a head. C: ``kernel/integer/sl_statistics.h``; in
words: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.front_end import EXPONENT_START
from quant.front_end.hold import HOLD
from quant.integers import Int64, bit_lengths, clip, isqrt, shift_round_each

MAGNITUDE_BITS = 28
DELTA_BITS = 20
VARIANCE_BITS = 28
VARIANCE_LOW_BITS = 24
RATE_ONE = 1 << 16
MEAN_FRAC_BITS = 16
#: A value of more bits than this, at the exponent of its statistics, is far from every mean.
VALUE_BITS = 29

Float32 = npt.NDArray[np.float32]


def shift_round(x: Int64, right: Int64) -> Int64:
    """Element-wise rounding shift; amounts of 32 and more give 0."""
    small = np.minimum(right, 40)
    half = (np.int64(1) << small) >> 1  # 0 where nothing is shifted out
    return np.where(right >= 32, 0, (x + half) >> small)


def at_exponent(x: Float32, exponent: Int64) -> Int64:
    """Return ``x`` as integers in units of 2^-exponent, rounding half away from zero."""
    scaled = np.ldexp(x.astype(np.float64), exponent)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    kept: Int64 = np.minimum(np.maximum(rounded, -(2.0**62)), 2.0**62).astype(np.int64)
    return kept


def without_subnormals(x: Float32) -> Float32:
    """Return ``x`` with 0 for subnormals and for -0."""
    kept: Float32 = np.where(np.abs(x) < np.finfo(np.float32).tiny, np.float32(0), x)
    return kept


def fitting(x: Float32) -> Int64:
    """Return the finest exponent at which ``x`` has at most 28 bits."""
    return np.where(x == 0, EXPONENT_START, MAGNITUDE_BITS - np.frexp(x)[1].astype(np.int64))


class Statistics(NamedTuple):
    """Running mean and variance of values, ``int64[n]`` each.

    Attributes
    ----------
    mean : int64[n]
        In units of 2^-(exponent + 16).
    variance : int64[n]
        In units of 2^-(2 exponent).
    exponent : int64[n]
    samples : int64[n]
        Samples in them, up to the window.
    """

    mean: Int64
    variance: Int64
    exponent: Int64
    samples: Int64


def bounded(x: Float32, exponent: Int64) -> Int64:
    """Return ``x`` in units of 2^-exponent, ±2^30 if it has more than 29 bits."""
    value = at_exponent(x, exponent)
    wide = np.abs(value) >= 1 << VALUE_BITS
    return np.where(wide, np.sign(value) << VALUE_BITS + 1, value) if wide.any() else value


def coarsen(old: Statistics, down: Int64) -> Statistics:
    """Return the statistics in units that are 2^down times as large."""
    mean = shift_round_each(old.mean, down)
    variance = np.where(down >= 16, 0, old.variance >> clip(2 * down, 0, 32))
    return Statistics(mean, variance, old.exponent - down, old.samples)


def first(x: Float32) -> Statistics:
    """Return the statistics of one value."""
    exponent = np.minimum(fitting(x), EXPONENT_START)
    zero = np.zeros(len(x), np.int64)
    return Statistics(at_exponent(x, exponent) << MEAN_FRAC_BITS, zero, exponent, zero + 1)


def follow(old: Statistics, x: Float32, held: npt.NDArray[np.bool_], window: int) -> Any:
    """Let a value enter mean and variance.

    Parameters
    ----------
    old : Statistics
    x : float32[n]
        Raw and finite.
    held : bool[n]
        The value enters as if it were 8 standard deviations from the mean.
    window : int

    Returns
    -------
    new : Statistics
    after : int64[n]
        The value minus the new mean, in the new units.
    """
    count = np.minimum(old.samples + 1, window)
    rate = RATE_ONE // count
    fresh = old.variance == 0

    # The first deviation finds the units: at most 28 bits for a value, 20 for a deviation.
    if fresh.any():
        old = coarsen(old, np.where(fresh, np.maximum(old.exponent - fitting(x), 0), 0))
        delta = at_exponent(x, np.where(fresh, old.exponent, 0)) - (old.mean >> MEAN_FRAC_BITS)
        wide = np.maximum(bit_lengths(np.abs(delta)) - DELTA_BITS, 0)
        old = coarsen(old, np.where(fresh, wide, 0))

    mean, variance, exponent, _ = old
    before = mean >> MEAN_FRAC_BITS
    delta = bounded(x, exponent) - before
    delta = np.where(held, np.sign(delta) * HOLD * isqrt(variance), delta)
    delta = clip(delta, -(1 << DELTA_BITS), 1 << DELTA_BITS)  # of a foreign state's target
    mean = mean + delta * rate
    after = delta - ((mean >> MEAN_FRAC_BITS) - before)
    variance = variance + (((delta * after - variance) * rate + RATE_ONE // 2) >> 16)

    mean_bits = bit_lengths(np.abs(mean >> MEAN_FRAC_BITS))
    wide = np.maximum((bit_lengths(variance) - VARIANCE_BITS + 1) >> 1, mean_bits - MAGNITUDE_BITS)
    down = np.maximum(wide, 0)
    new = Statistics(mean, variance, exponent, count)
    if down.any():
        new, after = coarsen(new, down), shift_round(after, down)

    bits = bit_lengths(new.variance)
    narrow = (bits > 0) & (bits <= VARIANCE_LOW_BITS)
    if not narrow.any():
        return new, after
    mean_bits = bit_lengths(np.abs(new.mean >> MEAN_FRAC_BITS))
    room = np.minimum(MAGNITUDE_BITS - 1 - mean_bits, EXPONENT_START - new.exponent)
    up = np.where(narrow, clip((VARIANCE_BITS - bits) >> 1, 0, np.maximum(room, 0)), 0)
    return Statistics(new.mean << up, new.variance << 2 * up, new.exponent + up, count), after << up
