"""BiMU's prediction as ONNX nodes, in integers or in float64.

Counterparts: :mod:`quant.rules.bimu.golden` and its equations, with a batch axis in front.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.integers import (
    bit_length,
    isqrt,
    shift_floor,
    shift_left,
    shift_round,
    shift_round_both,
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
    g: GraphBuilder, z_q: str, spec: NetworkSpec, config: BimuConfig, state: State
) -> Drawn:
    """All layers in q8 with the noise of the next sample; logits int64[batch, draws, classes].

    ``z_q`` is ``int64[batch, n_features]`` in Q3.4.
    """
    plan, key = make_bimu_plan(spec, config), _key(state)
    if len(plan.cuts):
        z_q = _signs(g, g.op("GreaterOrEqual", g.unsqueeze(z_q, 2), plan.cuts), np.array(SIGN))
    x = g.unsqueeze(z_q, 1)
    square_sum = ""
    for layer, (rows, n_out) in enumerate(plan.shapes):
        if spec.bias:
            x = g.append_last(x, 3, np.array(SIGN))
        byte = belief_view(spec, state, layer).astype(np.int64) + 128
        epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws).T
        mean = g.op("MatMul", g.cast(x, TensorProto.INT32), TANH[byte].astype(np.int32))
        mean = g.cast(mean, TensorProto.INT64)
        if layer == 0:
            square_sum = g.reduce("ReduceSum", g.op("Mul", x, x), 2)
            noisy = _noise(g, _spread(g, x, VARIANCE[byte], square_sum), epsilon)
        else:
            signs = np.full(rows, SIGN)
            spread = spread_of(signs, VARIANCE[byte], rows * SIGN**2)
            noisy = g.constant((spread >> 3) * epsilon + 16 >> 5)
        a = g.op("Add", mean, noisy)
        x = g.op("Where", g.op("Less", a, 0), -SIGN, SIGN)
    return Drawn(_logits(g, a, plan, square_sum), plan.n_draws)


def _key(state: State) -> int:
    return noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))


def _signs(g: GraphBuilder, reached: str, plus: npt.NDArray[Any]) -> str:
    """Return ±plus, ``[batch, columns * cuts]``, from ``bool[batch, columns, cuts]``."""
    minus = np.array(-plus, plus.dtype)
    return g.op("Reshape", g.op("Where", reached, plus, minus), np.array([0, -1]))


def _spread(g: GraphBuilder, x: str, variance: npt.NDArray[np.int64], square_sum: str) -> str:
    """Deviation of layer 0's pre-activations, .12, ``int64[batch, 1, columns]``."""
    beyond = g.op("Sub", bit_length(g, square_sum, _SQUARE_SUM_BITS), SQUARE_BITS)
    k = g.op("Where", g.op("Less", beyond, -1), -1, beyond)
    k = g.op("Add", k, g.op("Sub", 1, g.op("Mod", k, 2)))  # an even one becomes odd
    squares = shift_round_both(g, g.op("Mul", x, x), k)
    power = g.op("MatMul", g.cast(squares, TensorProto.DOUBLE), variance.astype(np.float64))
    root = isqrt(g, g.cast(power, TensorProto.INT64))  # whole numbers below 2^32
    return shift_left(g, root, g.op("Div", g.op("Add", k, 1), 2))


def _noise(g: GraphBuilder, spread: str, epsilon: npt.NDArray[np.int64]) -> str:
    return shift_round(g, g.op("Mul", shift_floor(g, spread, 3), epsilon), 5)


def _logits(g: GraphBuilder, a: str, plan: BimuPlan, square_sum: str) -> str:
    """The last layer's sums over the norm of its input, Q.16."""
    if len(plan.shapes) > 1:  # all its inputs are ±1
        mantissa, exponent = norm(plan.shapes[-1][0] * SIGN**2)
        inverse = plan.logit_scale_q // mantissa
        return shift_round_both(g, g.op("Mul", a, inverse), 20 - exponent)
    spare = g.op("Sub", 32, bit_length(g, square_sum, _SQUARE_SUM_BITS))
    half = g.op("Div", spare, 2)
    root = isqrt(g, shift_left(g, square_sum, g.op("Mul", half, 2)))
    some = g.op("Greater", root, 0)
    quotient = g.op("Div", plan.logit_scale_q, g.op("Max", root, 1))
    scaled = g.op("Mul", a, g.op("Where", some, quotient, 0))
    exponents = g.op("Where", some, half, 0)
    return shift_round_both(g, scaled, g.op("Sub", 20, exponents))


def real(g: GraphBuilder, z: str, spec: NetworkSpec, config: BimuConfig, state: State) -> Drawn:
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
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws).T / 256
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
