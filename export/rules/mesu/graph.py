"""MESU as ONNX nodes: :mod:`quant.rules.mesu.golden` and its equations, with a batch axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.drawn import Drawn
from export.graph.integers import at_most, isqrt, shift_round, shift_truncate_both
from export.graph.sampling import block_squares, blocked_mean, integer_layers, real_layers
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling.golden import SPREAD_MAX
from quant.sampling.plan import LayerPlan


def integer(
    g: GraphBuilder, z_q: str, spec: NetworkSpec, config: MesuConfig, state: State
) -> Drawn:
    """All layers in q16, bit for bit; see :func:`export.graph.sampling.integer_layers`."""
    plan = make_plan(spec, config)

    def layer(
        index: int, x: str, frac_bits: Operand, epsilon: npt.NDArray[np.int64]
    ) -> tuple[str, str]:
        mu, rho = (layer_view(spec, state, name, index) for name in ("mu", "rho"))
        return _forward_layer(g, x, frac_bits, mu, rho, plan.layers[index], epsilon)

    return integer_layers(g, z_q, spec, plan.n_draws, state, layer)


def real(g: GraphBuilder, z: str, spec: NetworkSpec, config: MesuConfig, state: State) -> Drawn:
    """All layers in the state's type; see :func:`export.graph.sampling.real_layers`."""

    def layer(index: int, x: str) -> tuple[str, str]:
        mu, sigma = (layer_view(spec, state, name, index) for name in ("mu", "sigma"))
        spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), np.square(sigma)))
        return g.op("MatMul", x, mu), spread

    return real_layers(g, z, spec, config.n_draws, state, layer)


def _forward_layer(
    g: GraphBuilder,
    x: str,
    frac_bits: Operand,
    mu: npt.NDArray[np.int16],
    rho: npt.NDArray[np.uint16],
    plan: LayerPlan,
    epsilon: npt.NDArray[np.int64],
) -> tuple[str, str]:
    """``a = x·μ + ε √(x²·σ²)`` in Q15.16, ``int64[batch, draws, columns]``, and its deviation.

    ``x`` is ``int64[batch, draws or 1, rows]``, ``epsilon`` ``int64[draws, columns]``.
    """
    blocked, k_mean, centre = blocked_mean(g, x, frac_bits, mu, plan.mu_frac_bits)
    squares, k_square = block_squares(g, blocked, (12 - plan.v_exponent) & 1)
    # 12 - v_exponent + k_square is even, so that Div is exact whatever its sign.
    halved = g.op("Div", g.op("Add", 12 - plan.v_exponent, k_square), 2)
    half_exponent = g.op("Sub", g.op("Add", halved, frac_bits), k_mean)
    root = isqrt(g, _power(g, squares, rho))
    spread = shift_truncate_both(g, root, g.op("Sub", half_exponent, 12))
    spread = at_most(g, spread, SPREAD_MAX)
    return g.op("Add", centre, shift_round(g, g.op("Mul", spread, epsilon), 4)), spread


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
