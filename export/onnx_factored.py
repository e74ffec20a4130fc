"""A layer with factored variance as ONNX nodes: :mod:`quant.factored_q16` with a batch axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.onnx_blocks import block_squares, blocked_mean
from export.onnx_builder import GraphBuilder, Operand
from export.onnx_integers import (
    at_most,
    bit_length,
    isqrt,
    positive_part,
    shift_floor,
    shift_left,
    shift_round,
)
from quant.factored_q16_codes import column_roots, octave, top_bits
from quant.mesu_q16 import SPREAD_MAX

# A sum of squares times factors is below 2^32.
_POWER_BITS = 33


def forward_layer(
    g: GraphBuilder,
    x: str,
    frac_bits: Operand,
    mu: npt.NDArray[np.int16],
    mu_frac_bits: int,
    row: npt.NDArray[np.uint32],
    column: npt.NDArray[np.uint32],
    v_exponent: int,
    epsilon: npt.NDArray[np.int64],
) -> tuple[str, str]:
    """``a = x·μ + ε √(c Σ x² r)`` in Q15.16, ``int64[batch, draws, columns]``, and its spread.

    ``x`` is ``int64[batch, draws or 1, rows]``, ``epsilon`` ``int64[draws, columns]``.
    """
    blocked, k_mean, centre = blocked_mean(g, x, frac_bits, mu, mu_frac_bits)
    squares, k_square = block_squares(g, blocked, 0)
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
    return g.op("Add", centre, shift_round(g, g.op("Mul", spread, epsilon), 4)), spread
