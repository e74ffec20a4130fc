"""What the layers of both kinds of variance share in fixed point: blocks of inputs, and x·μ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.onnx_builder import GraphBuilder, Operand
from export.onnx_integers import (
    bit_length,
    clamp,
    positive_part,
    shift_round_both,
    shift_truncate_both,
)
from quant.mesu_q16 import PRE_ACTIVATION_MAX

# Block sums of at most 65536 inputs of 15 bits, and squares of sums of 16 bits.
SUM_BITS = 32


def largest_sum(g: GraphBuilder, x: str) -> str:
    """Of ``[batch, draws, rows]``, the largest sum over the rows of any draw, ``[batch, 1, 1]``.

    The maximum is taken in float64, exact below 2^53: see :func:`export.onnx_integers.clamp`.
    """
    sums = g.cast(g.reduce("ReduceSum", x, 2), TensorProto.DOUBLE)
    return g.cast(g.reduce("ReduceMax", sums, 1), TensorProto.INT64)


def blocked_mean(
    g: GraphBuilder, x: str, frac_bits: Operand, mu: npt.NDArray[np.int16], mu_frac_bits: int
) -> tuple[str, str, str]:
    """The inputs as a block, its shift ``int64[batch, 1, 1]``, and ``x·μ`` in Q15.16."""
    bits = bit_length(g, largest_sum(g, g.op("Abs", x)), SUM_BITS)
    k_mean = positive_part(g, g.op("Sub", bits, 16))
    blocked = shift_truncate_both(g, x, k_mean)
    mean = g.op("MatMul", g.cast(blocked, TensorProto.INT32), mu.astype(np.int32))
    right = g.op("Sub", g.op("Add", frac_bits, mu_frac_bits - 16), k_mean)
    centre = shift_round_both(g, g.cast(mean, TensorProto.INT64), right)
    return blocked, k_mean, clamp(g, centre, PRE_ACTIVATION_MAX)


def block_squares(g: GraphBuilder, blocked: str, parity: int) -> tuple[str, str]:
    """The squares of a block, and by which power of two they are scaled, ``int64[batch, 1, 1]``."""
    squares = g.op("Mul", blocked, blocked)
    k_square = g.op("Sub", 20, bit_length(g, largest_sum(g, squares), SUM_BITS))
    k_square = g.op("Sub", k_square, g.op("Mod", g.op("Sub", k_square, parity), 2))
    return shift_truncate_both(g, squares, g.op("Sub", 0, k_square)), k_square
