"""How many bits whole numbers of a graph have: beside :mod:`export.graph.whole`."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.whole import (
    Array,
    Number,
    Value,
    builder_of,
    divided,
    floor,
    known_real,
    name_of,
)


def bit_length(x: Number, bits: int, scalar: bool = True) -> Number:
    """Bits of whole numbers from 0 that are below 2^bits.

    Parameters
    ----------
    x : number
    bits : int
    scalar : bool
        The last axis has length 1, which saves a node.
    """
    g = builder_of(x)
    if g is None:
        known: Array = np.frexp(known_real(x))[1].astype(np.float64)
        return known
    thresholds = np.ldexp(1.0, np.arange(bits))
    wide = name_of(x) if scalar else g.unsqueeze(name_of(x), -1)
    reached = g.cast(g.op("GreaterOrEqual", wide, thresholds), TensorProto.DOUBLE)
    return Value(g, _count(g, reached, bits, keep=scalar))


def bit_length_wide(x: Number, bits: int) -> Number:
    """:func:`bit_length` of many numbers, of any real ones' whole part: two short counts."""
    if builder_of(x) is None:
        return bit_length(floor(x), bits)
    step = math.isqrt(bits - 1) + 1
    g = builder_of(x)
    assert g is not None
    coarse = np.ldexp(1.0, np.arange(step, bits, step))
    reached = g.op("GreaterOrEqual", g.unsqueeze(name_of(x), -1), coarse)
    counted = _count(g, g.cast(reached, TensorProto.DOUBLE), len(coarse), keep=False)
    found = Value(g, counted) * float(step)
    return found + bit_length(divided(x, found), step, scalar=False)


def _count(g: GraphBuilder, ones: str, n: int, keep: bool) -> str:
    """Sum of the last axis, of length ``n``.

    As a product: ONNX Runtime 1.30 forgets a negative axis of ReduceSum if no row is there.
    """
    return g.op("MatMul", ones, np.ones((n, 1) if keep else n))
