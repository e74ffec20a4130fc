"""Shapes of values in a graph, and how they are read and stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.whole import Array, Number, Value, builder_of, floor, known_real, name_of


def transposed(x: Number) -> Number:
    """The transpose of a matrix of whole numbers.

    The floor changes nothing. It stands between Transpose and MatMul, which ONNX Runtime before
    1.24 makes one operator of, that it does not have in float64.
    """
    g = builder_of(x)
    if g is None:
        known: Array = known_real(x).T
        return known
    return floor(Value(g, g.op("Transpose", name_of(x), perm=[1, 0])))


def expanded(x: Number, axis: int) -> Number:
    """With an axis of length 1 more."""
    g = builder_of(x)
    if g is None:
        known: Array = np.expand_dims(known_real(x), axis)
        return known
    return Value(g, g.unsqueeze(name_of(x), axis))


def squeezed(x: Number, axis: int) -> Number:
    """Without an axis of length 1."""
    g = builder_of(x)
    if g is None:
        known: Array = np.squeeze(known_real(x), axis)
        return known
    return Value(g, g.squeeze(name_of(x), axis))


def concatenated(parts: Sequence[Number], axis: int) -> Number:
    """One after the other."""
    g = builder_of(*parts)
    assert g is not None
    return Value(g, g.op("Concat", *(name_of(x) for x in parts), axis=axis))


def reshaped(x: Number, shape: Sequence[int]) -> Number:
    """In another shape; -1 is what is left."""
    g = builder_of(x)
    if g is None:
        known: Array = known_real(x).reshape(tuple(shape))
        return known
    return Value(g, g.op("Reshape", name_of(x), np.array(shape, np.int64)))


def column(x: Number, k: int, axis: int) -> Number:
    """One element of an axis, which is kept."""
    g = builder_of(x)
    if g is None:
        known: Array = np.take(known_real(x), [k], axis)
        return known
    return Value(g, g.op("Gather", name_of(x), np.array([k]), axis=axis))


def read(g: GraphBuilder, name: str) -> Value:
    """Return whole numbers of an integer type, such as a field of a state."""
    return Value(g, g.cast(name, TensorProto.DOUBLE))


def stored(x: Number, to: int) -> str:
    """Return whole numbers as an integer type of ONNX."""
    g = builder_of(x)
    assert g is not None
    return g.cast(name_of(x), to)
