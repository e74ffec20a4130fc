"""Factored variance in integers: what a factor's code holds, and the roots taken of it.

A code is 32 bits: 5 of octave, 27 of mantissa. Shared by the forward and the backward pass; C
counterpart: ``kernel/q16``. Source: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quant.integers import Int64, bit_length, bit_lengths, isqrt
from quant.rules.mesu_factored.plan import FACTOR_MANTISSA_BITS

#: What a factor's code grows by from one octave to the next.
OCTAVE = 1 << FACTOR_MANTISSA_BITS


def top_bits(code: Int64, bits: int) -> Int64:
    """Return the mantissa of factors, cut to ``bits`` bits, the highest 1."""
    fraction = FACTOR_MANTISSA_BITS + 1 - bits
    return (code >> fraction & (1 << bits - 1) - 1) | 1 << bits - 1


def octave(code: Int64) -> Int64:
    """Return the octave of factors, 0 to 31."""
    return code >> FACTOR_MANTISSA_BITS


class Roots(NamedTuple):
    """Square roots, ``root · 2^-exponent``, roots of 16 bits whose highest is 1 (or 0).

    Attributes
    ----------
    root, exponent : int64[n]
    """

    root: Int64
    exponent: Int64

    def block(self, drop: int = 0) -> tuple[Int64, int]:
        """Return them at one exponent, the largest with ``16 - drop`` bits, and the exponent."""
        some = self.root > 0
        least = int(self.exponent[some].min()) if some.any() else 0
        down = np.minimum(np.where(some, self.exponent - least, 0) + drop, 31)
        return self.root >> down, least - drop


def column_roots(column: Int64) -> Roots:
    """√c of every column."""
    o = octave(column)
    return Roots(isqrt(top_bits(column, 28) << 4 - (o + 1 & 1)), (47 - o) >> 1)


def block_squares(x: Int64) -> tuple[Int64, int]:
    """Square inputs and scale by 2^k, k even, so that each draw's sum is below 2^20."""
    squares = x * x
    k = 20 - bit_length(int(squares.sum(axis=0).max()))
    k -= k & 1
    return (squares << k if k >= 0 else squares >> -k), k


def input_roots(squares: Int64, row: Int64, exponent: int) -> Roots:
    """√(Σ x² r) of every draw.

    ``squares`` is ``int64[rows, draws]``, of fewer than 20 bits a sum; ``exponent`` what they and
    r's format bring along.
    """
    o = octave(row)
    top = int(o.max())
    power = (top_bits(row, 12)[:, None] * squares >> (top - o)[:, None]).sum(axis=0)
    exponent -= top
    up = 32 - bit_lengths(power)
    up -= (exponent + up) & 1
    scaled = np.where(up >= 0, power << np.maximum(up, 0), power >> np.maximum(-up, 0))
    return Roots(isqrt(np.where(power == 0, 0, scaled)), (exponent + up) >> 1)
