"""MESU as ONNX nodes: :mod:`quant.rules.mesu.golden` and its equations, with a batch axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.integers import (
    at_most,
    bit_length,
    isqrt,
    positive_part,
    power_of_two,
    shift_round_both,
    shift_truncate_both,
)
from export.graph.sampling import IntegerLayer, RealLayer, blocked_mean, largest_sum
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import POWER_BITS, SQUARE_BITS, SQUARE_MORE_BITS
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import POINT, exponent_view
from quant.sampling.golden import NARROW_BITS, NARROW_MAX, SPREAD_MAX

# Sums of inputs have at most 31 bits; sums of at most 65536 squares of 24 bits.
_INPUT_BITS, _SQUARE_SUM_BITS = 32, 41


def integer_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State
) -> IntegerLayer:
    """``x·μ`` in Q15.16 and ``√(x²·σ²)`` in .12, ``int64[batch, draws or 1, columns]``.

    ``x`` is ``int64[batch, draws or 1, rows]``.
    """
    plan = make_plan(spec, config)

    def layer(index: int, x: str, frac_bits: Operand) -> tuple[str, str]:
        mu, rho = (layer_view(spec, state, name, index) for name in ("mu", "rho"))
        exponent = exponent_view(spec, state["rho_exponent"][0], index).astype(np.int64)
        _, _, centre = blocked_mean(g, x, frac_bits, mu, plan.layers[index].mu_frac_bits)
        xn, narrow = _narrow_inputs(g, x)
        squares, scale = _scaled_squares(g, xn, exponent)
        power = g.op("MatMul", g.cast(squares, TensorProto.INT32), rho.astype(np.int32))
        root = isqrt(g, g.cast(power, TensorProto.INT64))
        # scale - POINT is even, so that Div is exact whatever its sign.
        halved = g.op("Div", g.op("Sub", scale, POINT), 2)
        half_exponent = g.op("Sub", g.op("Sub", frac_bits, narrow), halved)
        spread = shift_truncate_both(g, root, g.op("Sub", half_exponent, 12))
        spread = at_most(g, spread, SPREAD_MAX)
        return centre, spread

    return layer


def real_layer(g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State) -> RealLayer:
    """``x·μ`` and ``√(x²·σ²)`` in the state's type."""
    del config

    def layer(index: int, x: str) -> tuple[str, str]:
        mu, sigma = (layer_view(spec, state, name, index) for name in ("mu", "sigma"))
        spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), np.square(sigma)))
        return g.op("MatMul", x, mu), spread

    return layer


def _narrow_inputs(g: GraphBuilder, x: str) -> tuple[str, str]:
    """Inputs of 8 bits, and by how many bits they are shorter, ``int64[batch, 1, 1]``."""
    most = g.reduce("ReduceMax", g.reduce("ReduceMax", g.op("Abs", x), 2), 1)
    narrow = positive_part(g, g.op("Sub", bit_length(g, most, _INPUT_BITS), NARROW_BITS))
    return at_most(g, shift_round_both(g, x, narrow), NARROW_MAX), narrow


def _scaled_squares(g: GraphBuilder, xn: str, exponent: npt.NDArray[np.int64]) -> tuple[str, str]:
    """Return xn² 2^exponent of a layer as ``squares · 2^scale``, the scale odd.

    ``xn`` is ``int64[batch, draws or 1, rows]``, ``exponent`` ``int64[rows]``. The squares of a
    draw sum to less than 2^17 and mantissas have 14 bits: int32 holds every sum of their products.
    The scale is ``int64[batch, 1, 1]``.
    """
    product = g.op("Mul", xn, xn)
    active = g.op("Greater", g.reduce("ReduceMax", product, 1), 0)
    # Without an active row there is no power, and the scale does not matter.
    most = g.reduce("ReduceMax", g.op("Where", active, exponent, int(exponent.min())), 2)
    below = at_most(g, positive_part(g, g.op("Sub", most, exponent)), 31)
    wide = g.op("Mul", product, 1 << SQUARE_MORE_BITS)
    wide = g.op("Div", wide, power_of_two(g, below))  # not negative: the shift
    largest = g.reduce("ReduceMax", g.reduce("ReduceMax", wide, 2), 1)
    each = g.op("Sub", bit_length(g, largest, _INPUT_BITS), SQUARE_BITS)
    total = g.op("Sub", bit_length(g, largest_sum(g, wide), _SQUARE_SUM_BITS), POWER_BITS)
    k = g.op("Where", g.op("Greater", each, total), each, total)
    k = g.op("Add", k, g.op("Mod", g.op("Add", g.op("Add", k, most), 1), 2))
    scale = g.op("Add", g.op("Add", most, k), -SQUARE_MORE_BITS)
    return shift_truncate_both(g, wide, k), scale
