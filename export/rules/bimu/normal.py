"""LayerNorm and gate of BiMU as ONNX nodes.

Counterparts: :mod:`quant.rules.bimu.golden_normal` and the equations, with a batch axis in front.
Units and draws are axes 1 and 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.shapes import squeezed
from export.graph.whole import (
    Value,
    absolute,
    divide_floor,
    floor,
    isqrt,
    maximum,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    sign,
    where,
)
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden_normal import SIZE_BITS, SUM_FRAC_BITS
from quant.rules.bimu.plan import BimuPlan

#: Of the magnitude of a sum less the mean, and of a mean square.
_APART_BITS, _SQUARE_BITS = 33, 31


class Size(NamedTuple):
    """Deviation of a layer's sums, each ``number[batch, 1, 1]``: as in the golden model."""

    mantissa: Any
    exponent: Any
    shift: Any
    square: Any


def charge_of(plan: BimuPlan, layer: int) -> Size:
    """What a layer's sums are measured in where units spike, in the place of a deviation."""
    mantissa, exponent = (np.full((1, 1, 1), float(part)) for part in plan.charges[layer])
    nothing = np.zeros((1, 1, 1))
    return Size(mantissa, exponent, nothing, nothing)


def _whole(op: str, x: Any) -> Any:
    """Reduce over units and draws."""
    return reduce(op, reduce(op, x, 2), 1)


def count_of(x: Any) -> Any:
    """How many units and draws there are, ``number[1, 1, 1]``."""
    g: GraphBuilder = x.g
    shape = g.op("Shape", x.name)
    sizes = g.op("Gather", shape, np.array([1, 2]))
    product = g.op("ReduceProd", sizes, keepdims=1)
    return Value(g, g.cast(g.op("Reshape", product, np.array([1, 1, 1])), 11))


def divided_by_count(total: Any, like: Any) -> Any:
    """A sum over units and draws divided by how many there are, rounded towards zero."""
    return sign(total) * divide_floor(absolute(total), count_of(like))


def centred(a: Any) -> Any:
    """Sums less their mean."""
    return a - divided_by_count(_whole("Sum", a), a)


def deviation(apart: Any) -> Size:
    """Root mean square of sums in .12."""
    largest = _whole("Max", absolute(apart))
    shift = bit_length(largest, _APART_BITS) - SIZE_BITS
    kept = shift_round(apart, shift)
    square = divide_floor(_whole("Sum", kept * kept), count_of(apart))
    exponent = where(square > 0, floor((32 - bit_length(square, _SQUARE_BITS)) * 0.5), 0)
    mantissa = isqrt(scaled(square, 2 * exponent))
    return Size(mantissa, exponent + SUM_FRAC_BITS - shift, shift, square)


def _distance(apart: Any, plan: BimuPlan) -> Any:
    return absolute(apart) if plan.sides == 2 else apart


def _limit(size: Size, threshold: int) -> Any:
    """So many standard deviations, Q.8, in .12."""
    deviation_q = shift_floor(size.mantissa, size.exponent - SUM_FRAC_BITS)
    return shift_floor(deviation_q * float(threshold), 8)


def is_open(apart: Any, size: Size, plan: BimuPlan) -> Any:
    """Truth values: where a gate is open."""
    return _distance(apart, plan) > _limit(size, plan.threshold_q)


def slopes(apart: Any, size: Size, plan: BimuPlan) -> Any:
    """A gate's slope: ±1 around its thresholds and 0 elsewhere."""
    distance = _distance(apart, plan)
    near = distance > _limit(size, plan.threshold_q - plan.window_q)
    near = near & (distance < _limit(size, plan.threshold_q + plan.window_q))
    return where(near, sign(apart) if plan.sides == 2 else 1.0, 0.0)


def without_radial(gradient: Any, apart: Any, size: Size, plan: BimuPlan) -> Any:
    """A gradient by normalised sums less a share of what only makes all of them larger."""
    if plan.radial_q == 0:
        return gradient
    kept = shift_round(apart, size.shift)
    total = _whole("Sum", gradient * kept)
    mean = divide_floor(absolute(total), count_of(apart)) * float(plan.radial_q)
    share = sign(total) * divide_floor(mean, where(size.square > 0, size.square, 1))
    return gradient - shift_round(kept * share, 16)


def real_normalised(g: GraphBuilder, a: str, number: type[Any]) -> str:
    """In real numbers of a type: sums less their mean over their deviation."""
    apart = g.op("Sub", a, _real_mean(g, a))
    size = g.op("Sqrt", _real_mean(g, g.op("Mul", apart, apart)))
    none = np.array(number(0))
    return g.op("Where", g.op("Greater", size, none), g.op("Div", apart, size), none)


def _real_mean(g: GraphBuilder, x: str) -> str:
    return g.reduce("ReduceMean", g.reduce("ReduceMean", x, 2), 1)


def real_gate(g: GraphBuilder, y: str, config: BimuConfig, number: type[Any]) -> str:
    """In real numbers of a type: 1 where a gate is open, else 0."""
    distance = g.op("Abs", y) if config.sides == 2 else y
    is_above = g.op("Greater", distance, np.array(number(config.threshold)))
    return g.op("Where", is_above, np.array(number(1)), np.array(number(0)))


def size_of(size: Size) -> tuple[Any, Any]:
    """Mantissa and exponent of a deviation, without the batch axis."""
    return squeezed(size.mantissa, 0), squeezed(size.exponent, 0)


def inverse_mantissa(mantissa: Any) -> Any:
    """2^31 over a mantissa; 0 of 0."""
    return where(mantissa > 0, divide_floor(float(1 << 31), maximum(mantissa, 1)), 0)
