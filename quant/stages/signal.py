"""What stages share in integers: values at an exponent, roots, logarithms, and back to binary32.

In words: NUMBERS.md beside this file. C: ``kernel/sl_signal.h``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import at_exponent, without_subnormals
from quant.integers import Int64

Float32 = npt.NDArray[np.float32]

#: Bits of the largest value of a channel.
VALUE_BITS = 20
#: Bits of what differs from a mean, of a wave, and what is behind them in a sum of both.
DEVIATION_BITS, WAVE_FRAC_BITS = 14, 15
WAVE_ONE = (1 << WAVE_FRAC_BITS) - 1
#: Fraction bits of a logarithm.
LOG_FRAC_BITS = 8
LARGEST = np.finfo(np.float32).max


def wave(n: int) -> Int64:
    """Return one wave in Q15, ``int64[n, 2]``: cosine and sine at each of n samples."""
    turn = 2 * np.pi * np.arange(n) / n
    both = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.floor(WAVE_ONE * both + 0.5).astype(np.int64)


def tops(x: Float32) -> Int64:
    """Return the p with 2^(p-1) <= \\|x\\| < 2^p; 0 of 0."""
    return np.frexp(x)[1].astype(np.int64)


def scaled(x: Float32, axis: int | tuple[int, int], bits: int = VALUE_BITS) -> tuple[Int64, Int64]:
    """Return values in units of 2^-exponent, so that the largest has so many bits."""
    exponent = bits - tops(np.abs(x).max(axis=axis, keepdims=True))
    return at_exponent(x, np.broadcast_to(exponent, x.shape)), exponent


def within(x: Float32, exponent: Int64 | int, bits: int) -> Int64:
    """Return values in units of 2^-exponent, clamped to ±2^bits."""
    found = at_exponent(without_subnormals(x), np.broadcast_to(np.asarray(exponent), x.shape))
    return np.clip(found, -(1 << bits), 1 << bits)


def apart_from_mean(q: Int64, axis: int) -> tuple[Int64, Int64, Int64]:
    """Return mean, values minus their mean, and the latter with 14 bits; and the bits they lost."""
    n = q.shape[axis]
    total = q.sum(axis=axis, keepdims=True)
    mean = np.sign(total) * ((np.abs(total) + n // 2) // n)
    apart = q - mean
    bits = bit_length(np.abs(apart).max(axis=axis, keepdims=True))
    return mean, apart, np.maximum(bits - DEVIATION_BITS, 0)


def rounded(x: Int64, down: Int64 | int) -> Int64:
    """Return x / 2^down, half up."""
    right = np.asarray(down, np.int64)
    found: Int64 = (x + ((np.int64(1) << right) >> 1)) >> right
    return found


def log2(x: Int64) -> Int64:
    """Return log2 of integers from 1 on, .8: a straight line between two powers of two."""
    bits = bit_length(x)
    right = bits - 1 - LOG_FRAC_BITS
    lead = np.where(right >= 0, x >> np.maximum(right, 0), x << np.maximum(-right, 0))
    return ((bits - 1) << LOG_FRAC_BITS) + lead - (1 << LOG_FRAC_BITS)


def bit_length(x: Int64) -> Int64:
    """Return the number of bits of integers from 0 to below 2^62."""
    high = x >> 31
    bits = np.frexp(np.where(high > 0, high, x).astype(np.float64))[1].astype(np.int64)
    return bits + np.where(high > 0, 31, 0)


def real(x: Int64, exponent: Int64 | int) -> Float32:
    """Return ``x 2^-exponent`` as binary32; of less than 25 bits, and 0 for subnormals."""
    wide = np.ldexp(x.astype(np.float64), -np.asarray(exponent))
    return without_subnormals(np.clip(wide, -LARGEST, LARGEST).astype(np.float32))


def decay(value: Int64, k: Int64 | int) -> Int64:
    """Take 2^-k of a value's size, rounded up: so every trace ends at 0."""
    size = np.abs(value)
    down = np.asarray(k, np.int64)
    left: Int64 = np.sign(value) * (size - ((size + (np.int64(1) << down) - 1) >> down))
    return left
