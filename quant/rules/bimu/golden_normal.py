"""BiMU in integers: a layer's sums less their mean, and their standard deviation (LayerNorm).

Mean and deviation are over the units and the draws together. C counterpart:
``kernel/integer/sl_bimu_normal.c``. Every format and bound: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quant.integers import Int64, bit_length, isqrt, shift_round
from quant.rules.bimu.plan import BimuPlan

#: Before they are squared the largest sum has so many bits.
SIZE_BITS = 15
SUM_FRAC_BITS = 12


def centred(a: Int64) -> Int64:
    """Return sums less their mean, which is rounded towards zero."""
    total = int(a.sum())
    mean = abs(total) // a.size
    return a - (-mean if total < 0 else mean)


def root(square: int) -> tuple[int, int]:
    """Return the root of an integer below 2^32 as 16 bits of mantissa, and its exponent.

    ``root = mantissa · 2^-exponent``, 2^15 <= mantissa < 2^16; (0, 0) for 0.
    """
    if square == 0:
        return 0, 0
    exponent = (32 - bit_length(square)) >> 1
    return int(isqrt(np.array(square << 2 * exponent))), exponent


class Size(NamedTuple):
    """Root mean square of a layer's sums: ``mantissa · 2^-exponent``.

    Attributes
    ----------
    mantissa : int
        16 bits, or 0.
    exponent : int
    shift : int
        To the right: leaves 15 bits of the largest sum.
    square : int
        Mean square of the sums that are left, rounded down.
    """

    mantissa: int
    exponent: int
    shift: int
    square: int


def deviation(apart: Int64) -> Size:
    """Return the root mean square of sums in .12."""
    shift = bit_length(int(np.abs(apart).max())) - SIZE_BITS
    square = int((shift_round(apart, shift) ** 2).sum()) // apart.size
    mantissa, exponent = root(square)
    return Size(mantissa, exponent + SUM_FRAC_BITS - shift, shift, square)


def size_q(size: Size) -> int:
    """Return a deviation in .12."""
    right = size.exponent - SUM_FRAC_BITS
    return size.mantissa >> right if right > 0 else size.mantissa << -right


def _distance(apart: Int64, plan: BimuPlan) -> Int64:
    """Return what a gate compares with its threshold."""
    return np.abs(apart) if plan.sides == 2 else apart


def open_units(apart: Int64, size: Size, plan: BimuPlan) -> Int64:
    """Return 1 where a gate is open, else 0."""
    return (_distance(apart, plan) > size_q(size) * plan.threshold_q >> 8).astype(np.int64)


def slopes(apart: Int64, size: Size, plan: BimuPlan) -> Int64:
    """Return a gate's slope: ±1 around its thresholds and 0 elsewhere."""
    distance, limit = _distance(apart, plan), size_q(size)
    near = distance > limit * (plan.threshold_q - plan.window_q) >> 8
    near &= distance < limit * (plan.threshold_q + plan.window_q) >> 8
    return near * (np.sign(apart) if plan.sides == 2 else 1)


def without_radial(gradient: Int64, apart: Int64, size: Size, share: int) -> Int64:
    """Return a gradient by normalised sums less a share of what only makes all of them larger.

    Parameters
    ----------
    gradient : int64[columns, draws]
        Q.16.
    apart : int64[columns, draws]
        The sums, .12.
    size : Size
    share : int
        Q0.16.
    """
    if size.square == 0:
        return gradient
    kept = shift_round(apart, size.shift)
    total = int((gradient * kept).sum())
    mean = abs(total) // apart.size * share // size.square
    return gradient - shift_round(kept * (-mean if total < 0 else mean), 16)
