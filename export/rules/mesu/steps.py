"""MESU in a graph: the steps of a layer, the gradient's and the prior's.

Counterpart, name for name: :mod:`quant.rules.mesu.golden_steps`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph import words
from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.learner import (
    shift_saturate,
)
from export.graph.shapes import expanded, squeezed
from export.graph.step import Scale
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    lookup,
    maximum,
    minimum,
    power_of_two,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    where,
)
from quant.rules.mesu.golden import RATIO_MAX, RATIO_SUM_MAX
from quant.rules.mesu.golden_steps import (
    DRAWN_BITS,
    FACTOR_BITS,
    FACTOR_MORE_BITS,
    LANE_MAX,
    RHO_STEP_BITS,
    RIGHT_MAX,
    THRESHOLD_MIN,
)
from quant.rules.mesu.variance import RHO_MAX, WIDE_BITS, most_exponent
from quant.sampling.plan import LayerPlan

_NO_REACH = -100


#: Bits of the square of an input of 8 bits, from a table.
_SQUARE_BITS = np.frexp(np.arange(1 << 8, dtype=np.float64) ** 2)[1]


def rounded(a: Any, b: Any) -> Any:
    """``a·b / 2^15``, rounding half up."""
    return shift_round(a * b, 15)


def below(u: str, bits: Any, g: GraphBuilder) -> Value:
    """The lowest bits of words, as a number; ``bits`` is ``number[1, 1]``."""
    mask = g.cast((power_of_two(bits) - 1).name, TensorProto.UINT32)
    return words.number(g, g.op("BitwiseAnd", u, mask))


def ratio(delta: Any, epsilon: Any, inverse: Any, first: bool) -> Any:
    """δ ε / s in Q8.16, of the first layer its sum over the draws in Q14.16.

    The product with the inverse may have 62 bits; it is clamped wherever it has more than 53.
    """
    product = delta * epsilon
    if first:
        product = reduce("Sum", product, 0)
    limit = RATIO_SUM_MAX if first else RATIO_MAX
    return clip(shift_round(shift_round(product, 8) * inverse, 22), -limit, limit)


def lanes(y: Any, gain: Scale) -> tuple[Any, Any]:
    """``y · gain`` as 16-bit lanes, ``lanes · 2^-exponent``, the largest with 15 bits.

    ``y`` is ``number[1, columns]``.
    """
    bits = bit_length(reduce("Max", absolute(y), 1), 48)
    product = shift_round(y, bits - 15) * gain[0]
    drop = bit_length(reduce("Max", absolute(product), 1), 32) - 15
    kept = clip(shift_round(product, drop), -LANE_MAX, LANE_MAX)
    return kept, 15 - bits + gain[1] - drop


def factors(
    x: Any, x_bits: int, exponent: Any, lasting: Any, least: int, drawn: int, draw: Any
) -> tuple[Any, Any]:
    """A layer's factors, ``number[rows, 1]``, and the shift that remains, ``number[1, 1]``."""
    reach = where(x > 0, bit_length(x, x_bits) + exponent, float(_NO_REACH))
    most = reduce("Max", reach, 0)
    right = clip(lasting - most, least, RIGHT_MAX)
    wide = shift_round(x, most - FACTOR_BITS - FACTOR_MORE_BITS - exponent)
    threshold = maximum(right + drawn, THRESHOLD_MIN)
    own = wide >= power_of_two(threshold + FACTOR_MORE_BITS)
    share = shift_floor(wide, threshold - FACTOR_MORE_BITS)
    drawn_bits = minimum(threshold, DRAWN_BITS)
    large = where(draw < share, power_of_two(drawn_bits), 0)
    rows = where(own, shift_round(wide, FACTOR_MORE_BITS), large)
    return rows, right - (threshold - drawn_bits)


def step_rho(rho: Any, y: Any, right: Any, u: Any) -> Any:
    """The gradient's step of σ²: rho (1 + c/2)² where c, rho y, lies within -½ … 1."""
    curve = shift_saturate(rho * rounded(rho, y), right, RHO_STEP_BITS)
    curve = shift_floor(curve + u, 16)
    d = minimum(maximum(curve, -shift_floor(rho, 1)), rho)
    square = divide_floor(d * d, 4 * rho)
    square = where(absolute(d) * 64 > rho, square, 0)
    return minimum(rho + d + square, LANE_MAX)


def fit(rho: Any, exponent: Any, layer: LayerPlan) -> tuple[Any, Any]:
    """Narrow the rows that have grown: ``rho`` is ``[rows, columns]``, ``exponent`` ``[rows]``."""
    grown = reduce("Max", rho, 1, keepdims=False) > RHO_MAX
    grown = grown & (exponent < most_exponent(layer.v_exponent))
    halved = where(expanded(grown, 1), shift_round(rho, 1), rho)
    return minimum(halved, RHO_MAX), exponent + where(grown, 1.0, 0.0)


def widened(rho: Any, exponent: Any, least: int) -> tuple[Any, Any]:
    """Double the rows that have shrunk below 13 bits until they have them, if they may."""
    bits = bit_length(reduce("Max", rho, 1), WIDE_BITS + 1)
    up = maximum(minimum(WIDE_BITS - bits, expanded(exponent, 1) - least), 0)
    return scaled(rho, up), exponent - squeezed(up, 1)


def square_bits(x: Any) -> Any:
    """Bits of the squares of numbers of 8 bits."""
    return lookup(_SQUARE_BITS, x)
