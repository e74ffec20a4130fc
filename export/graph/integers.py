"""The integer operations of :mod:`quant.integers` as ONNX nodes, bit for bit.

Everything is ``int64`` unless a docstring says otherwise. A shift is a division by a power of two:
``(x - x mod 2^n) / 2^n`` with ONNX's Mod, whose result has the divisor's sign, is the arithmetic
shift of a negative number too, without a detour through unsigned types. ONNX's Div truncates; here
it never meets a negative number but where it leaves no remainder.

float64 appears in three places, each exact: the float32 input times a power of two (a table, so
that no library's ``pow`` is trusted), the comparison with powers of two of that product and of
integers below 2^52, and the square root of an integer below 2^32, which IEEE 754 rounds correctly
and one integer comparison corrects.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand

SHIFT_MAX = 62
LEFT_SHIFT_MAX = 31
SCALE_MAX = 256

_POWERS = np.left_shift(np.int64(1), np.arange(SHIFT_MAX + 1))
_SCALES = np.ldexp(1.0, np.arange(-SCALE_MAX, SCALE_MAX))


def power_of_two(g: GraphBuilder, exponent: Operand) -> Operand:
    """``2^min(exponent, 62)`` of exponents from 0; Python numbers stay constants."""
    if isinstance(exponent, int):
        return 1 << min(exponent, SHIFT_MAX)
    return g.op("Gather", _POWERS, g.op("Min", exponent, SHIFT_MAX))


def scale(g: GraphBuilder, x: Operand, exponent: Operand) -> str:
    """float64 ``x · 2^exponent``, exponents from -256 to 255; exact while nothing underflows."""
    return g.op("Mul", x, g.op("Gather", _SCALES, g.op("Add", exponent, SCALE_MAX)))


def at_most(g: GraphBuilder, x: Operand, limit: int) -> str:
    """``min(x, limit)``; not by Min, see :func:`clamp`."""
    return g.op("Where", g.op("Greater", x, limit), limit, x)


def clamp(g: GraphBuilder, x: Operand, limit: int) -> str:
    """``x`` within ±limit.

    By comparison and choice: ONNX Runtime 1.31's vectorised Clip, Min, Max, Sign and ReduceMax of
    int64 go wrong beyond 32 bits (Clip(-2735239341, -16777215, …) returns its input).
    """
    x = at_most(g, x, limit)
    return g.op("Where", g.op("Less", x, -limit), -limit, x)


def positive_part(g: GraphBuilder, x: Operand) -> str:
    """``max(x, 0)``; not by Max, see :func:`clamp`."""
    return g.op("Where", g.op("Less", x, 0), 0, x)


def shift_floor(g: GraphBuilder, x: Operand, right: Operand) -> str:
    """``x >> right``, arithmetic, ``right`` from 0."""
    divisor = power_of_two(g, right)
    return g.op("Div", g.op("Sub", x, g.op("Mod", x, divisor)), divisor)


def shift_left(g: GraphBuilder, x: Operand, left: Operand) -> str:
    """``x << min(left, 31)``, ``left`` from 0."""
    return g.op("Mul", x, power_of_two(g, g.op("Min", left, LEFT_SHIFT_MAX)))


def shift_round(g: GraphBuilder, x: Operand, right: Operand) -> str:
    """``x / 2^right``, rounding half up, ``right`` from 0."""
    half = 1 << right >> 1 if isinstance(right, int) else g.op("Div", power_of_two(g, right), 2)
    return shift_floor(g, g.op("Add", x, half), right)


def _both_ways(g: GraphBuilder, x: Operand, right: Operand) -> tuple[str, str]:
    """``x`` shifted left where ``right`` is negative, and what is left to shift right."""
    left = positive_part(g, g.op("Sub", 0, right))
    return shift_left(g, x, left), positive_part(g, right)


def shift_round_both(g: GraphBuilder, x: Operand, right: Operand) -> str:
    """:func:`quant.integers.shift_round`: where ``right`` is negative, a shift to the left."""
    return shift_round(g, *_both_ways(g, x, right))


def shift_truncate_both(g: GraphBuilder, x: Operand, right: Operand) -> str:
    """:func:`quant.integers.shift_truncate`: towards zero; negative ``right``: to the left."""
    x, right = _both_ways(g, x, right)
    size = g.op("Div", g.op("Abs", x), power_of_two(g, right))
    return g.op("Where", g.op("Less", x, 0), g.op("Neg", size), size)


def count_reached(g: GraphBuilder, x: Operand, thresholds: npt.NDArray[Any]) -> str:
    """How many of ``thresholds`` (of the type of ``x``) each element reaches."""
    reached = g.op("GreaterOrEqual", g.unsqueeze(x, -1), thresholds)
    return g.reduce("ReduceSum", g.cast(reached, TensorProto.INT64), -1, keepdims=False)


def float_bit_length(g: GraphBuilder, x: Operand, bits: int) -> str:
    """Bits of the whole part of each float64 from 0, which must be below 2^bits, bits to 256.

    Two counts of √bits thresholds each instead of one of ``bits``: the counts are what costs.
    """
    step = math.isqrt(bits - 1) + 1
    coarse = count_reached(g, x, np.ldexp(1.0, np.arange(step, bits, step)))
    coarse = g.op("Mul", coarse, step)
    rest = scale(g, x, g.op("Sub", 0, coarse))
    return g.op("Add", coarse, count_reached(g, rest, np.ldexp(1.0, np.arange(step))))


def bit_length(g: GraphBuilder, x: Operand, bits: int) -> str:
    """Bits of each integer from 0, which must be below 2^bits, bits to 52."""
    return float_bit_length(g, g.cast(x, TensorProto.DOUBLE), bits)


def isqrt(g: GraphBuilder, x: Operand) -> str:
    """Floor of the square root of integers in [0, 2^32)."""
    root = g.op("Floor", g.op("Sqrt", g.cast(x, TensorProto.DOUBLE)))
    root = g.cast(root, TensorProto.INT64)
    too_large = g.op("Greater", g.op("Mul", root, root), x)
    return g.op("Sub", root, g.cast(too_large, TensorProto.INT64))


def round_half_away(g: GraphBuilder, x: Operand) -> str:
    """float64 to the nearest whole float64, halves away from zero."""
    size = g.op("Floor", g.op("Add", g.op("Abs", x), np.array(0.5)))
    return g.op("Mul", g.op("Sign", x), size)
