"""Whole numbers in a graph, written as the golden model writes them.

A :class:`Value` holds whole numbers as float64, which is exact below 2^53: sums, products, shifts
(a product with a power of two, and a floor) and the ends of a format. So the graph needs neither
the slow division of 64-bit integers, nor ONNX Runtime's vectorised Max, Min and Clip of int64,
which go wrong beyond 32 bits. Where a product may need more than 53 bits, what makes it harmless
is said beside it.

Whatever is known when the graph is written stays an array of NumPy: the functions here compute it
at once, and only what depends on an input becomes nodes. So one text serves the graph that
predicts, whose state is constant, and the graph that learns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder

Array = npt.NDArray[Any]
#: What the functions here take and return: a :class:`Value`, an array of NumPy, a number.
Number = Any

#: Exponents of a power of two lie within ±this.
EXPONENT_MAX = 260
#: Those from 0 first, then the negative ones: Gather counts a negative index from the end.
_POWERS = np.ldexp(1.0, np.r_[0 : EXPONENT_MAX + 1, -EXPONENT_MAX:0])
#: The same of the exponent's negative: a shift to the right needs no node that negates.
_INVERSES = 1 / _POWERS


class Value:
    """A value of the graph: whole numbers in float64, or truth values."""

    __array_ufunc__ = None  # an array beside it leaves the operation to it

    def __init__(self, g: GraphBuilder, name: str) -> None:
        self.g, self.name = g, name

    def __add__(self, other: Number) -> Number:
        return _add(self, other)

    def __radd__(self, other: Number) -> Number:
        return _add(other, self)

    def __sub__(self, other: Number) -> Number:
        return _apply("Sub", np.subtract, self, other)

    def __rsub__(self, other: Number) -> Number:
        return _apply("Sub", np.subtract, other, self)

    def __mul__(self, other: Number) -> Number:
        return _apply("Mul", np.multiply, self, other)

    def __rmul__(self, other: Number) -> Number:
        return _apply("Mul", np.multiply, other, self)

    def __neg__(self) -> Number:
        return _apply("Neg", np.negative, self)

    def __lt__(self, other: Number) -> Number:
        return _apply("Less", np.less, self, other)

    def __le__(self, other: Number) -> Number:
        return _apply("LessOrEqual", np.less_equal, self, other)

    def __gt__(self, other: Number) -> Number:
        return _apply("Greater", np.greater, self, other)

    def __ge__(self, other: Number) -> Number:
        return _apply("GreaterOrEqual", np.greater_equal, self, other)

    def __and__(self, other: Number) -> Number:
        return both(self, other)

    def __rand__(self, other: Number) -> Number:
        return both(self, other)

    def __or__(self, other: Number) -> Number:
        return either(self, other)

    def __ror__(self, other: Number) -> Number:
        return either(self, other)

    def __invert__(self) -> Number:
        return _apply("Not", np.logical_not, self)


def known_real(x: Number) -> Any:
    """A value as it is, and what is known as float64 or bool."""
    if isinstance(x, Value):
        return x
    array = np.asarray(x)
    return array if array.dtype == np.bool_ else array.astype(np.float64)


def name_of(x: Number) -> str | Array:
    """The name of a value; what is known is itself."""
    found: str | Array = x.name if isinstance(x, Value) else known_real(x)
    return found


def builder_of(*values: Number) -> GraphBuilder | None:
    """Return the builder of the values among these; None if all are known."""
    return next((x.g for x in values if isinstance(x, Value)), None)


def _apply(op: str, known: Callable[..., Any], *values: Number) -> Number:
    """One node, or what is known."""
    g = builder_of(*values)
    if g is None:
        found: Array = known(*(known_real(x) for x in values))
        return found
    return Value(g, g.op(op, *(name_of(x) for x in values)))


def _add(a: Number, b: Number) -> Number:
    if not isinstance(a, Value) and np.ndim(a) == 0 and a == 0:
        return b
    if not isinstance(b, Value) and np.ndim(b) == 0 and b == 0:
        return a
    return _apply("Add", np.add, a, b)


def both(a: Number, b: Number) -> Number:
    """Truth values: a and b."""
    for one, other in ((a, b), (b, a)):
        if not isinstance(one, Value) and isinstance(other, Value):
            if not np.any(one):
                return np.array(False)
            if np.all(one):
                return other
    return _apply("And", np.logical_and, a, b)


def either(a: Number, b: Number) -> Number:
    """Truth values: a or b."""
    for one, other in ((a, b), (b, a)):
        if not isinstance(one, Value) and isinstance(other, Value):
            if np.all(one):
                return np.array(True)
            if not np.any(one):
                return other
    return _apply("Or", np.logical_or, a, b)


def equal(a: Number, b: Number) -> Number:
    """``a == b``, element by element."""
    return _apply("Equal", np.equal, a, b)


def where(condition: Number, a: Number, b: Number) -> Number:
    """``a`` where the condition holds, else ``b``."""
    if not isinstance(condition, Value):
        if np.all(condition):
            return a
        if not np.any(condition):
            return b
    return _apply("Where", np.where, condition, a, b)


def maximum(a: Number, b: Number) -> Number:
    """The larger of two."""
    return _apply("Max", np.maximum, a, b)


def minimum(a: Number, b: Number) -> Number:
    """The smaller of two."""
    return _apply("Min", np.minimum, a, b)


def clip(x: Number, low: float, high: float) -> Number:
    """Within ``low`` and ``high``, two constants."""
    return _apply("Clip", np.clip, x, np.array(float(low)), np.array(float(high)))


def absolute(x: Number) -> Number:
    """The magnitude."""
    return _apply("Abs", np.abs, x)


def sign(x: Number) -> Number:
    """-1, 0 or 1."""
    return _apply("Sign", np.sign, x)


def floor(x: Number) -> Number:
    """The largest whole number that is not above."""
    return _apply("Floor", np.floor, x)


def divide_floor(a: Number, b: Number) -> Number:
    """``a // b``, exact while both are whole and below 2^52."""
    return floor(_apply("Div", np.divide, a, b))


def truncated(x: Number) -> Number:
    """Without what is behind the point; below 2^63."""
    g = builder_of(x)
    if g is None:
        known: Array = np.trunc(known_real(x))
        return known
    return Value(g, g.cast(g.cast(name_of(x), TensorProto.INT64), TensorProto.DOUBLE))


def power_of_two(exponent: Number) -> Number:
    """``2^exponent``, exponents within ±:data:`EXPONENT_MAX`."""
    return _power(exponent, 1)


def _power(exponent: Number, sign: int) -> Number:
    """``2^(sign · exponent)``."""
    g = builder_of(exponent)
    if g is None:
        known: Array = np.ldexp(1.0, sign * np.asarray(exponent).astype(int))
        return known
    table = _POWERS if sign > 0 else _INVERSES
    return Value(g, g.op("Gather", table, g.cast(name_of(exponent), TensorProto.INT64)))


def scaled(x: Number, exponent: Number) -> Number:
    """``x · 2^exponent``, exact."""
    return x if isinstance(exponent, int) and exponent == 0 else x * power_of_two(exponent)


def divided(x: Number, exponent: Number) -> Number:
    """``x / 2^exponent``, exact."""
    return x if isinstance(exponent, int) and exponent == 0 else x * _power(exponent, -1)


def shift_floor(x: Number, right: Number) -> Number:
    """``x >> right``, arithmetic; a negative ``right`` shifts left."""
    return floor(divided(x, right))


def shift_round(x: Number, right: Number) -> Number:
    """``x / 2^right``, rounding half up; a negative ``right`` multiplies by 2^-right."""
    if isinstance(right, int) and right <= 0:
        return scaled(x, -right)
    return floor(divided(x, right) + 0.5)


def shift_truncate(x: Number, right: Number) -> Number:
    """``x / 2^right``, rounding towards zero; a negative ``right`` multiplies by 2^-right."""
    if isinstance(right, int) and right <= 0:
        return scaled(x, -right)
    return truncated(divided(x, right))


def odd(x: Number) -> Number:
    """1 where a whole number is odd, else 0."""
    return x - 2 * floor(x * 0.5)


def reduce(op: str, x: Number, axis: int | None, keepdims: bool = True) -> Number:
    """Reduce by "Max", "Min" or "Sum" over one axis, or over all."""
    g = builder_of(x)
    if g is None:
        known: Array = getattr(np, op.lower())(known_real(x), axis=axis, keepdims=keepdims)
        return known
    if axis is None:
        return Value(g, g.op(f"Reduce{op}", name_of(x), keepdims=int(keepdims)))
    return Value(g, g.reduce(f"Reduce{op}", name_of(x), axis, keepdims))


def largest(x: Number) -> Number:
    """The largest of all but the first axis, which is kept: ``[batch, 1, …]``."""
    g = builder_of(x)
    assert g is not None
    return Value(g, g.op("ReduceMax", name_of(x), np.array([1, 2]), keepdims=1))


def isqrt(x: Number) -> Number:
    """Floor of the square root of whole numbers below 2^52: IEEE 754 rounds the root correctly."""
    return floor(_apply("Sqrt", np.sqrt, x))


def root(x: Number) -> Number:
    """The square root, no whole number."""
    return _apply("Sqrt", np.sqrt, x)


def matmul(a: Number, b: Number) -> Number:
    """A matrix product whose sums stay below 2^53, in whatever order they are added."""
    return _apply("MatMul", np.matmul, a, b)


def lookup(table: Array, index: Number) -> Number:
    """Elements of a table of NumPy."""
    g = builder_of(index)
    if g is None:
        known: Array = np.asarray(table, np.float64)[np.asarray(index).astype(int)]
        return known
    wide = g.cast(name_of(index), TensorProto.INT64)
    return Value(g, g.op("Gather", np.asarray(table, np.float64), wide))
