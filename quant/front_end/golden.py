"""The front end in integers: raw float32 sensor values in, standardised Q3.4 inputs out.

Each feature has its own binary exponent, moved by the data so that the standard deviation keeps
12 to 14 bits whatever the sensor's scale. Golden model; its C counterpart is
``kernel/integer``; the float reference :func:`streamlearn.front_end.standardise`. The equations
and every rounding are in NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations, counted
from quant.front_end import EXPONENT_START, INPUT_FRAC_BITS, INPUT_MAX
from quant.integers import Int64, bit_lengths, isqrt
from quant.layout import State

MAGNITUDE_BITS = 28
DELTA_BITS = 20
VARIANCE_BITS = 28
VARIANCE_LOW_BITS = 24
RATE_ONE = 1 << 16


def _shift_round(x: Int64, right: Int64) -> Int64:
    """Element-wise rounding shift; amounts of 32 and more give 0."""
    small = np.minimum(right, 40)
    half = np.where(small > 0, np.int64(1) << np.maximum(small - 1, 0), 0)
    return np.where(right >= 32, 0, (x + half) >> small)


def _at_exponent(x: npt.NDArray[np.float32], exponent: Int64) -> Int64:
    """Return ``x`` as integers in units of 2^-exponent, rounding half away from zero."""
    scaled = np.ldexp(x.astype(np.float64), exponent)
    size = np.minimum(np.floor(np.abs(scaled) + 0.5), 2.0**62)
    return (np.sign(scaled) * size).astype(np.int64)


def quantise_input(x: npt.NDArray[np.float32]) -> tuple[Int64, int]:
    """Return ``x`` in Q3.4, clamped to ±127, and how many values were clamped."""
    scaled = _at_exponent(x, np.full(x.shape, INPUT_FRAC_BITS))
    clamped = np.clip(scaled, -INPUT_MAX, INPUT_MAX)
    return clamped, int(np.count_nonzero(clamped != scaled))


class Statistics(NamedTuple):
    """Running mean and variance, ``int64[n]`` each, in units of 2^-exponent and its square."""

    mean: Int64
    variance: Int64
    exponent: Int64


def follow(old: Statistics, x: npt.NDArray[np.float32], count: int) -> tuple[Statistics, Int64]:
    """Follow mean and variance by one sample.

    Parameters
    ----------
    old : Statistics
    x : float32[n]
        Raw and finite.
    count : int
        Samples in the new statistics, this one included; at most the window.

    Returns
    -------
    new : Statistics
    after : int64[n]
        ``x`` minus the new mean, in the new units.
    """
    tiny = np.abs(x) < np.finfo(np.float32).tiny
    x = np.where(tiny, np.float32(0), x)
    mean, variance, exponent = old
    rate = RATE_ONE // count

    # No value may need more than 28 bits.
    fits = np.where(x == 0, EXPONENT_START, MAGNITUDE_BITS - np.frexp(x)[1].astype(np.int64))
    down = np.maximum(exponent - fits, 0)
    exponent, mean = exponent - down, _shift_round(mean, down)
    variance = np.where(down >= 16, 0, variance >> np.minimum(2 * down, 62))
    x_q = _at_exponent(x, exponent)

    if count == 1:
        zeros = np.zeros_like(mean)
        return Statistics(x_q, zeros, exponent), zeros

    # No deviation may need more than 20 bits, so that its square keeps within 64 below.
    down = np.maximum(bit_lengths(np.abs(x_q - mean)) - DELTA_BITS, 0)
    exponent, mean = exponent - down, _shift_round(mean, down)
    variance = np.where(down >= 16, 0, variance >> np.minimum(2 * down, 62))
    x_q = _at_exponent(x, exponent)

    delta = x_q - mean
    mean = mean + ((delta * rate + RATE_ONE // 2) >> 16)
    after = x_q - mean
    variance = variance + (((delta * after - variance) * rate + RATE_ONE // 2) >> 16)

    down = np.maximum((bit_lengths(variance) - VARIANCE_BITS + 1) >> 1, 0)
    exponent, mean = exponent - down, _shift_round(mean, down)
    variance, after = variance >> (2 * down), _shift_round(after, down)

    bits = bit_lengths(variance)
    room = np.minimum(MAGNITUDE_BITS - 1 - bit_lengths(np.abs(mean)), EXPONENT_START - exponent)
    up = np.where(
        (bits > 0) & (bits <= VARIANCE_LOW_BITS),
        np.clip((VARIANCE_BITS - bits) >> 1, 0, np.maximum(room, 0)),
        0,
    )
    return Statistics(mean << up, variance << (2 * up), exponent + up), after << up


def standardise(
    state: State, x: npt.NDArray[np.float32], window: int
) -> tuple[dict[str, Int64], Int64, int]:
    """Follow the mean and variance of every feature, and standardise by them.

    Parameters
    ----------
    state : State
        Not changed.
    x : float32[n_features]
        Raw and finite.
    window : int
        Samples over which the statistics follow the sensor.

    Returns
    -------
    statistics : dict
        The new ``front_end_count``, ``mean``, ``variance`` and ``exponent``.
    z_q : int64[n_features]
        Q3.4, within ±127; the statistics include ``x``.
    n_clamped : int
        How many were clamped to that range.
    """
    old = Statistics(*(state[name][0].astype(np.int64) for name in Statistics._fields))
    count = min(int(state["front_end_count"][0]) + 1, window)
    new, after = follow(old, x, count)

    spread = isqrt(new.variance)
    safe = np.maximum(spread, 1)
    size = ((np.abs(after) << INPUT_FRAC_BITS) + (safe >> 1)) // safe
    size = np.where(spread == 0, 0, size)
    z_q = np.sign(after) * np.minimum(size, INPUT_MAX)
    statistics = {"front_end_count": np.array(count), **new._asdict()}
    return statistics, z_q, int(np.count_nonzero(size > INPUT_MAX))


def inputs(
    front_end: str,
    window: int,
    state: State,
    x: npt.NDArray[np.floating],
    count: Saturations,
) -> tuple[dict[str, Any], Int64]:
    """Return the new statistics of the front end and the inputs in Q3.4; the state is as before.

    Parameters
    ----------
    front_end : {"standardise", "none"}
    window : int
        Samples over which the statistics follow the sensor.
    state : State
        Not changed.
    x : float[n_features]
        Raw and finite; read as float32.
    count : Saturations
        Clamped inputs are counted here.
    """
    raw = x.astype(np.float32)
    if front_end == "standardise":
        return counted(standardise(state, raw, window), count)
    return counted(({}, *quantise_input(raw)), count)
