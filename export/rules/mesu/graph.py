"""MESU as ONNX nodes: :mod:`quant.rules.mesu.golden` and its equations, with a batch axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.integers import at_most, isqrt, shift_round, shift_truncate_both
from export.graph.sampling import IntegerLayer, RealLayer, block_squares, blocked_mean
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling.golden import SPREAD_MAX


def integer_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State
) -> IntegerLayer:
    """``a = x·μ + ε √(x²·σ²)`` in Q15.16, ``int64[batch, draws, columns]``, and its deviation.

    ``x`` is ``int64[batch, draws or 1, rows]``, ``epsilon`` ``int64[draws, columns]``.
    """
    plan = make_plan(spec, config)

    def layer(
        index: int, x: str, frac_bits: Operand, epsilon: npt.NDArray[np.int64]
    ) -> tuple[str, str]:
        mu, rho = (layer_view(spec, state, name, index) for name in ("mu", "rho"))
        bits = plan.layers[index]
        blocked, k_mean, centre = blocked_mean(g, x, frac_bits, mu, bits.mu_frac_bits)
        squares, k_square = block_squares(g, blocked, (12 - bits.v_exponent) & 1)
        # 12 - v_exponent + k_square is even, so that Div is exact whatever its sign.
        halved = g.op("Div", g.op("Add", 12 - bits.v_exponent, k_square), 2)
        half_exponent = g.op("Sub", g.op("Add", halved, frac_bits), k_mean)
        root = isqrt(g, _power(g, squares, rho))
        spread = shift_truncate_both(g, root, g.op("Sub", half_exponent, 12))
        spread = at_most(g, spread, SPREAD_MAX)
        return g.op("Add", centre, shift_round(g, g.op("Mul", spread, epsilon), 4)), spread

    return layer


def real_layer(g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State) -> RealLayer:
    """``x·μ`` and ``√(x²·σ²)`` in the state's type."""
    del config

    def layer(index: int, x: str) -> tuple[str, str]:
        mu, sigma = (layer_view(spec, state, name, index) for name in ("mu", "sigma"))
        spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), np.square(sigma)))
        return g.op("MatMul", x, mu), spread

    return layer


def _power(g: GraphBuilder, squares: str, rho: npt.NDArray[np.uint16]) -> str:
    """``Σ_rows (mantissa · square) >> (31 - octave)``, ``int64[batch, draws, columns]``.

    Squares of a draw sum to less than 2^20 and mantissas have 12 bits, so that uint32 holds every
    product and every sum. The products, ``uint32[batch, draws, rows, columns]``, are by far the
    largest value of the graph. The sum is a MatMul with ones: ReduceSum knows no uint32.
    """
    mantissa = ((rho & 2047) | 2048).astype(np.uint32)
    right = (31 - (rho >> 11)).astype(np.uint32)
    columns = g.unsqueeze(g.cast(squares, TensorProto.UINT32), 3)
    terms = g.op("BitShift", g.op("Mul", columns, mantissa), right, direction="RIGHT")
    ones = np.ones((1, len(rho)), np.uint32)
    return g.cast(g.squeeze(g.op("MatMul", ones, terms), 2), TensorProto.INT64)
