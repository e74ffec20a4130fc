"""MESU with factored variance as ONNX nodes: its golden model and equations, with a batch axis."""

from __future__ import annotations

import numpy as np

from export.graph.builder import GraphBuilder, Operand
from export.graph.integers import (
    at_most,
    bit_length,
    isqrt,
    positive_part,
    shift_floor,
    shift_left,
    shift_truncate_both,
)
from export.graph.sampling import SUM_BITS, IntegerLayer, RealLayer, blocked_mean, largest_sum
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.golden_codes import column_roots, octave, top_bits
from quant.rules.mesu_factored.plan import make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.sampling.golden import SPREAD_MAX

# A sum of squares times factors is below 2^32.
_POWER_BITS = 33


def integer_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> IntegerLayer:
    """``a = x·μ + ε √(c Σ x² r)`` in Q15.16, ``int64[batch, draws, columns]``, and its deviation.

    ``x`` is ``int64[batch, draws or 1, rows]``, ``epsilon`` ``int64[draws, columns]``.
    """
    plan = make_factored_plan(spec, config)

    def layer(index: int, x: str, frac_bits: Operand) -> tuple[str, str]:
        mu = layer_view(spec, state, "mu", index)
        mu_frac_bits = int(state["mu_frac_bits"][0, index])
        row, column = (factor_view(spec, state, field, index) for field in FACTORS)
        v_exponent = plan.layers[index].v_exponent
        blocked, k_mean, centre = blocked_mean(g, x, frac_bits, mu, mu_frac_bits)
        squares, k_square = _block_squares(g, blocked)
        code = row.astype(np.int64)
        top = int(octave(code).max())
        terms = g.op("Mul", squares, top_bits(code, 12))
        terms = g.op("Div", terms, np.left_shift(np.int64(1), np.minimum(top - octave(code), 31)))
        power = g.reduce("ReduceSum", terms, 2)

        exponent = g.op("Mul", g.op("Sub", frac_bits, k_mean), 2)
        exponent = g.op("Add", g.op("Add", exponent, k_square), 39 - v_exponent - top)
        up = g.op("Sub", 32, bit_length(g, power, _POWER_BITS))
        up = g.op("Sub", up, g.op("Mod", g.op("Add", exponent, up), 2))
        scaled = shift_left(g, power, positive_part(g, up))
        scaled = shift_floor(g, scaled, positive_part(g, g.op("Sub", 0, up)))
        halved = g.op("Div", g.op("Add", exponent, up), 2)  # even: exact whatever its sign

        columns = column_roots(column.astype(np.int64))
        product = g.op("Mul", isqrt(g, scaled), columns.root)
        right = g.op("Add", halved, columns.exponent - 12)
        spread = at_most(g, shift_floor(g, product, positive_part(g, right)), SPREAD_MAX)
        beyond = g.op("And", g.op("Less", right, 0), g.op("Greater", product, 0))
        spread = g.op("Where", beyond, SPREAD_MAX, spread)
        return centre, spread

    return layer


def _block_squares(g: GraphBuilder, blocked: str) -> tuple[str, str]:
    """The squares of a block, and by which power of two they are scaled, ``int64[batch, 1, 1]``."""
    squares = g.op("Mul", blocked, blocked)
    k_square = g.op("Sub", 20, bit_length(g, largest_sum(g, squares), SUM_BITS))
    k_square = g.op("Sub", k_square, g.op("Mod", k_square, 2))
    return shift_truncate_both(g, squares, g.op("Sub", 0, k_square)), k_square


def real_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> RealLayer:
    """``x·μ`` and ``√(c Σ x² r)`` in the state's type."""
    del config

    def layer(index: int, x: str) -> tuple[str, str]:
        row, column = (factor_view(spec, state, field, index) for field in FACTORS)
        root = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), row[:, None]))
        mean = g.op("MatMul", x, layer_view(spec, state, "mu", index))
        return mean, g.op("Mul", root, np.sqrt(column))

    return layer
