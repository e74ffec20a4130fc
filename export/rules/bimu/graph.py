"""BiMU's prediction as ONNX nodes, in integers or in float64.

Counterparts: :mod:`quant.rules.bimu.golden` and its equations, with a batch axis in front.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.whole import (
    Value,
    divide_floor,
    floor,
    isqrt,
    matmul,
    maximum,
    odd,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    where,
)
from quant import noise
from quant.cuts import SIGN, cut_values, cuts_of
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden import SQUARE_BITS, norm, spread_of
from quant.rules.bimu.plan import TANH, VARIANCE, BimuPlan, make_bimu_plan
from quant.rules.bimu.state import belief_view

_SQUARE_SUM_BITS = 32


def integer(
    g: GraphBuilder,
    z_q: str,
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    draws: bool = True,
) -> Drawn:
    """All layers in q8 with the noise of the next sample; logits int64[batch, draws, classes].

    ``z_q`` is ``int64[batch, n_features]`` in Q3.4. Without draws all of them are alike.
    """
    plan, key = make_bimu_plan(spec, config), _key(state)
    z = g.cast(z_q, TensorProto.DOUBLE)
    if len(plan.cuts):
        reached = g.op("GreaterOrEqual", g.unsqueeze(z, 2), plan.cuts.astype(np.float64))
        z = _signs(g, reached, np.array(float(SIGN)))
    x: Any = Value(g, g.unsqueeze(z, 1))
    square_sum: Any = None
    for layer, (rows, n_out) in enumerate(plan.shapes):
        with g.scope(f"layer_{layer}"):
            if spec.bias:
                x = Value(g, g.append_last(x.name, 3, np.array(float(SIGN))))
            byte = belief_view(spec, state, layer).astype(np.int64) + 128
            a = matmul(x, TANH[byte])
            if layer == 0:
                square_sum = reduce("Sum", x * x, 2)
            if draws:
                epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws).T
                if layer == 0:
                    spread = _spread(x, VARIANCE[byte], square_sum)
                else:
                    spread = spread_of(np.full(rows, SIGN), VARIANCE[byte], rows * SIGN**2)
                a = a + shift_round(shift_floor(spread, 3) * epsilon, 5)
            x = where(a < 0, float(-SIGN), float(SIGN))
    logits = _logits(a, plan, square_sum)
    if not draws:
        logits = logits * np.ones((plan.n_draws, 1))
    return Drawn(g.cast(logits.name, TensorProto.INT64), plan.n_draws)


def _key(state: State) -> int:
    return noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))


def _signs(g: GraphBuilder, reached: str, plus: npt.NDArray[Any]) -> str:
    """Return ±plus, ``[batch, columns * cuts]``, from ``bool[batch, columns, cuts]``."""
    minus = np.array(-plus, plus.dtype)
    return g.op("Reshape", g.op("Where", reached, plus, minus), np.array([0, -1]))


def _spread(x: Any, variance: npt.NDArray[np.int64], square_sum: Any) -> Any:
    """Deviation of layer 0's pre-activations, .12, ``number[batch, 1, columns]``."""
    k = maximum(bit_length(square_sum, _SQUARE_SUM_BITS) - SQUARE_BITS, -1)
    k = k + 1 - odd(k)  # an even one becomes odd
    power = matmul(shift_round(x * x, k), variance)
    return scaled(isqrt(power), (k + 1) * 0.5)


def _logits(a: Any, plan: BimuPlan, square_sum: Any) -> Any:
    """The last layer's sums over the norm of its input, Q.16."""
    if len(plan.shapes) > 1:  # all its inputs are ±1
        mantissa, exponent = norm(plan.shapes[-1][0] * SIGN**2)
        return shift_round(a * float(plan.logit_scale_q // mantissa), 20 - exponent)
    half = floor((32 - bit_length(square_sum, _SQUARE_SUM_BITS)) * 0.5)
    root = isqrt(scaled(square_sum, 2 * half))
    inverse = divide_floor(float(plan.logit_scale_q), maximum(root, 1))
    inverse = where(root > 0, inverse, 0)
    return shift_round(a * inverse, 20 - where(root > 0, half, 0))


def real(
    g: GraphBuilder,
    z: str,
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    draws: bool = True,
) -> Drawn:
    """All layers in float64; logits float64[batch, draws, classes]."""
    x, values, key = z, cut_values(cuts_of(spec, config.cuts)), _key(state)
    if len(values):
        scaled = g.op("Mul", g.unsqueeze(z, 2), np.array(float(SIGN)))
        x = _signs(g, g.op("GreaterOrEqual", scaled, values - 0.5), np.array(1.0))
    x = g.unsqueeze(x, 1)
    square_sum = ""
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = g.append_last(x, 3, np.array(1.0))
        t = np.tanh(belief_view(spec, state, layer))
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws).T * (draws / 256)
        if layer == 0:
            square_sum = g.reduce("ReduceSum", g.op("Mul", x, x), 2)
            spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), 1 - t**2))
        else:
            spread = g.constant(np.sqrt((1 - t**2).sum(axis=0)))
        a = g.op("Add", g.op("MatMul", x, t), g.op("Mul", spread, epsilon))
        x = g.op("Where", g.op("Less", a, np.array(0.0)), np.array(-1.0), np.array(1.0))
    if len(spec.shapes) > 1:
        over_norm = np.array(config.logit_scale / math.sqrt(spec.shapes[-1][0]))
        return Drawn(g.op("Mul", a, over_norm), config.n_draws)
    size = g.op("Sqrt", square_sum)
    some = g.op("Greater", size, np.array(0.0))
    logits = g.op("Div", g.op("Mul", a, np.array(config.logit_scale)), size)
    return Drawn(g.op("Where", some, logits, np.array(0.0)), config.n_draws)
