"""The integer operations of the golden model, each as docs/numbers.md §2 defines it.

Arrays are int64 throughout so that nothing wraps here; the ranges that C relies on are proved in
docs/numbers.md and checked by the property tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


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


def shift_truncate(x: Int64, right: int) -> Int64:
    """Divide by 2^right, rounding towards zero; a negative ``right`` multiplies by 2^-right."""
    if right <= 0:
        return x << min(-right, 31)
    size: Int64 = np.abs(x) >> min(right, 62)
    return np.where(x < 0, -size, size)


def isqrt(x: Int64) -> Int64:
    """Floor of the square root of integers in [0, 2^32)."""
    root = np.floor(np.sqrt(x.astype(np.float64))).astype(np.int64)
    return root - (root * root > x)
