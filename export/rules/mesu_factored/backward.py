"""MESU with factored variance in a graph: the gradients by the variances.

Counterpart: :mod:`quant.rules.mesu_factored.golden_backward`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.learner import (
    largest_sum,
    squeezed_layer,
)
from export.graph.sampling import Layer
from export.graph.shapes import (
    concatenated,
    reshaped,
    squeezed,
    stored,
)
from export.graph.whole import (
    Value,
    absolute,
    divide_floor,
    floor,
    maximum,
    minimum,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    shift_truncate,
    where,
)
from export.rules.mesu_factored.graph import (
    Roots,
    block,
)


class Curvature(NamedTuple):
    """As :class:`quant.rules.mesu_factored.golden_backward.Curvature`."""

    by_row: Any
    row_exponent: Any
    by_column: Any
    column_exponent: Any


def curvature(
    g: GraphBuilder, delta: Any, layer: Layer, first: bool, n_columns: int
) -> tuple[Any, Any, Curvature]:
    """δ with a sum of magnitudes below 2^16, its shift, and the curvature."""
    inputs, columns = layer.extra
    k_delta = maximum(largest_sum(delta, 42) - 16, 0)
    blocked = shift_truncate(delta, k_delta)
    noisy = shift_round(blocked * layer.epsilon, 8)
    if first:
        noisy = reduce("Sum", noisy, 0)
    short, short_exponent = block(columns, drop=3)
    total = reduce("Sum", noisy * short, 1)

    up = 31 - bit_length(absolute(total), 48)
    size = floor(scaled(absolute(total), up))
    quotient = where(inputs.root > 0, divide_floor(size, maximum(inputs.root, 1)), 0)
    exponents = 20 - k_delta + short_exponent + up - inputs.exponent
    some = quotient > 0
    least = reduce("Min", where(some, exponents, 1000.0), 0)
    least = where(least > 999, 0, least)
    quotient = shift_floor(quotient, minimum(where(some, exponents - least, 0), 31))
    k_row = maximum(bit_length(reduce("Sum", quotient, 0), 40) - 15, 0)
    by_row = where(total < 0, -1.0, 1.0) * shift_floor(quotient, k_row)

    full, full_exponent = block(inputs)
    whole, whole_exponent = block(columns)
    by_column, k_column = _shortened(g, reduce("Sum", noisy * full, 0), whole)
    by_column = by_column - divide_floor(reduce("Sum", by_column, 1), n_columns)
    exponent = 20 - k_delta + full_exponent + whole_exponent - k_column
    return blocked, k_delta, Curvature(by_row, least - k_row, by_column, exponent)


def _shortened(g: GraphBuilder, a: Any, b: Any) -> tuple[Any, Any]:
    """``a · b`` in 30 bits or fewer, and by how many it was shortened; in int64: it may have 58."""
    product = g.op("Mul", stored(a, TensorProto.INT64), stored(b, TensorProto.INT64))
    powers = np.left_shift(np.int64(1), np.arange(62))
    size = g.unsqueeze(g.op("Abs", product), -1)
    reached = g.cast(g.op("GreaterOrEqual", size, powers), TensorProto.DOUBLE)
    bits = Value(
        g, g.op("ReduceSum", g.reduce("ReduceMax", reached, 1), np.array([-1]), keepdims=0)
    )
    k = maximum(bits - 30, 0)
    short = g.op("Div", product, g.op("Gather", powers, stored(k, TensorProto.INT64)))
    return Value(g, g.cast(short, TensorProto.DOUBLE)), k


def most(x: Any, y: Any) -> Any:
    """The largest magnitude of a difference, ``number[]``; 0 of nothing."""
    flat = reshaped(absolute(x - y), [-1])
    return reduce("Max", concatenated([flat, np.zeros(1)], 0), None, keepdims=False)


def squeezed_pass(layer: Layer) -> Layer:
    """A layer's pass without the batch axis."""
    inputs, columns = layer.extra
    found = squeezed_layer(layer._replace(extra=()))
    roots = Roots(squeezed(inputs.root, 0), squeezed(inputs.exponent, 0))
    return found._replace(extra=(roots, columns))
