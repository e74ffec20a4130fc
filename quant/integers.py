"""The integer operations of the golden model, each as quant/NUMBERS.md defines it.

Arrays are int64 throughout so that nothing wraps here; the ranges that C relies on are proved in
quant/NUMBERS.md and checked by the property tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def clip(x: Int64, low: Int64 | int, high: Int64 | int) -> Int64:
    """Limit to [low, high], as ``np.clip`` does, whose checks cost a golden step a sixth."""
    return np.minimum(np.maximum(x, low), high)


def bit_length(x: int) -> int:
    """Number of bits of a non-negative integer; 0 for 0."""
    return int(x).bit_length()


def bit_lengths(x: Int64) -> Int64:
    """Element-wise :func:`bit_length` of non-negative integers below 2^52 (exact)."""
    bits: Int64 = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    return bits


def shift_round(x: Int64, right: int) -> Int64:
    """Divide by 2^right, rounding half up; a negative ``right`` multiplies by 2^-right."""
    if right <= 0:
        return x << min(-right, 31)
    right = min(right, 62)
    return (x + (1 << (right - 1))) >> right


def shift_round_each(x: Int64, right: Int64) -> Int64:
    """Element-wise :func:`shift_round`."""
    down = clip(right, 0, 62)
    half = (np.int64(1) << down) >> 1  # 0 where nothing is shifted out
    return np.where(right <= 0, x << clip(-right, 0, 31), (x + half) >> down)


def shift_truncate(x: Int64, right: int) -> Int64:
    """Divide by 2^right, rounding towards zero; a negative ``right`` multiplies by 2^-right."""
    if right <= 0:
        return x << min(-right, 31)
    size: Int64 = np.abs(x) >> min(right, 62)
    return np.where(x < 0, -size, size)


def shift_saturate(x: Int64, right: Int64, bits: int) -> tuple[Int64, int]:
    """Element-wise ``x >> right``; a negative ``right`` shifts left, clamping to ±2^bits.

    Returns the result and how many elements were clamped.
    """
    down = np.minimum(right, 31)
    if down.size == 0 or down.min() >= 0:
        return x >> down, 0
    left = clip(-right, 0, bits)
    limit = np.int64(1) << bits >> left
    kept = np.where(left > 0, clip(x, -limit, limit), x)
    return (kept << left) >> np.maximum(down, 0), int(np.count_nonzero(kept != x))


def clamp_count(x: Int64, limit: int) -> tuple[Int64, int]:
    """Clamp to ±limit; return the result and how many elements were clamped."""
    clamped = clip(x, -limit, limit)
    return clamped, int(np.count_nonzero(clamped != x))


def isqrt(x: Int64) -> Int64:
    """Floor of the square root of integers in [0, 2^32)."""
    root = np.floor(np.sqrt(x.astype(np.float64))).astype(np.int64)
    return root - (root * root > x)
