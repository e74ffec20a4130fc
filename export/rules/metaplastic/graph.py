"""The metaplastic rule's prediction as ONNX nodes: binary layers, in integers or in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.integers import bit_length, isqrt, shift_left, shift_round_both
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import SIGN, cut_values, cuts_of, layers_of, n_inputs
from quant.rules.metaplastic.gates import Gates, gate_bits, gates_of
from quant.rules.metaplastic.golden import norm
from quant.rules.metaplastic.plan import MetaplasticPlan, make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view

_SQUARE_SUM_BITS = 32


def integer(
    g: GraphBuilder, z_q: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> Drawn:
    """All layers in q8, bit for bit; logits int64[batch, 1, classes], before the temperature.

    ``z_q`` is ``int64[batch, n_features]`` in Q3.4.
    """
    plan = make_metaplastic_plan(spec, config)
    return Drawn(g.unsqueeze(_logits_q8(g, z_q, spec, plan, state), 1), 1)


def real(
    g: GraphBuilder, z: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> Drawn:
    """All layers in float64; logits float64[batch, 1, classes], before the temperature."""
    return Drawn(g.unsqueeze(_logits_float64(g, z, spec, config, state), 1), 1)


def _logits_q8(
    g: GraphBuilder, z_q: str, spec: NetworkSpec, plan: MetaplasticPlan, state: State
) -> str:
    gates, seed = plan.gates, int(state["seed"][0])
    if len(plan.cuts):
        z_q = _signs(g, g.op("GreaterOrEqual", g.unsqueeze(z_q, 2), plan.cuts), np.array(SIGN))
    n_rows = spec.n_features * max(len(plan.cuts), 1)
    x = g.cast(z_q, TensorProto.INT32)
    idle = None if gates.n_blocks == 0 else _idle(g, _scores_q8(g, x, n_rows, gates, seed), gates)
    minus_one, zero, one = (np.array(value, np.int32) for value in (-1, 0, 1))
    for layer in range(len(spec.shapes)):
        if layer:
            x = g.op("Where", g.op("Less", x, zero), minus_one, one)
        if layer == 1 and idle is not None:
            x = g.op("Where", idle, zero, x)
        if spec.bias:
            x = g.append_last(x, 2, np.array(1 if layer else plan.bias_input_q, np.int32))
        below, binary = x, np.where(weight_view(spec, state, layer) < 0, -1, 1).astype(np.int32)
        x = g.op("MatMul", x, binary)
    sums = g.cast(x, TensorProto.INT64)
    if len(spec.shapes) > 1:  # all its inputs are ±1, but for those of units that are not active
        below_last = gates.n_selected if len(spec.shapes) == 2 else spec.layers[-2]
        mantissa, exponent = norm(below_last + int(spec.bias))
        inverse = plan.logit_scale_q // mantissa
        return shift_round_both(g, g.op("Mul", sums, inverse), 12 - exponent)
    wide = g.cast(below, TensorProto.INT64)
    square_sum = g.reduce("ReduceSum", g.op("Mul", wide, wide), 1)
    spare = g.op("Sub", 32, bit_length(g, square_sum, _SQUARE_SUM_BITS))
    half = g.op("Div", spare, 2)
    root = isqrt(g, shift_left(g, square_sum, g.op("Mul", half, 2)))
    some = g.op("Greater", root, 0)
    quotient = g.op("Div", plan.logit_scale_q, g.op("Max", root, 1))
    scaled = g.op("Mul", sums, g.op("Where", some, quotient, 0))
    exponents = g.op("Where", some, half, 0)
    return shift_round_both(g, scaled, g.op("Sub", 12, exponents))


def _signs(g: GraphBuilder, reached: str, plus: npt.NDArray[Any]) -> str:
    """Return ±plus, ``[batch, columns * cuts]``, from ``bool[batch, columns, cuts]``."""
    minus = np.array(-plus, plus.dtype)
    return g.op("Reshape", g.op("Where", reached, plus, minus), np.array([0, -1]))


def _scores_q8(g: GraphBuilder, x: str, n_inputs: int, gates: Gates, seed: int) -> str:
    """The gate score of each block, as ``float64[batch, n_blocks]`` without equals.

    Exact: the sums stay below 2^23, and their multiples with the block's place, which decides
    between equals, below 2^39.
    """
    bits = gate_bits(n_inputs, gates.n_blocks, seed)
    sums = g.cast(g.op("MatMul", x, bits.astype(np.int32)), TensorProto.INT64)
    places = np.arange(gates.n_blocks - 1, -1, -1)
    return g.cast(g.op("Add", g.op("Mul", sums, gates.n_blocks), places), TensorProto.DOUBLE)


def _idle(g: GraphBuilder, scores: str, gates: Gates) -> str:
    """The units of the first hidden layer that are not active, ``bool[batch, units]``.

    Of equal scores ONNX's TopK puts the lower index first, as the gates do.
    """
    strongest = g.second("TopK", scores, np.array([gates.n_active]), axis=1)
    at = g.op("Equal", g.unsqueeze(strongest, 1), np.arange(gates.n_blocks)[:, None])
    active = g.reduce("ReduceSum", g.cast(at, TensorProto.INT64), 2, keepdims=False)
    block = np.arange(gates.n_blocks * gates.block_units) // gates.block_units
    return g.op("Equal", g.op("Gather", active, block, axis=1), 0)


def _logits_float64(
    g: GraphBuilder, z: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> str:
    gates = gates_of(spec, config)
    x, idle, values = z, None, cut_values(cuts_of(spec, config))
    if len(values):
        scaled = g.op("Mul", g.unsqueeze(z, 2), np.array(float(SIGN)))
        x = _signs(g, g.op("GreaterOrEqual", scaled, values - 0.5), np.array(1.0))
    if gates.n_blocks:
        bits = gate_bits(n_inputs(spec, config), gates.n_blocks, int(state["seed"][0]))
        idle = _idle(g, g.op("MatMul", x, bits.astype(np.float64)), gates)
    for layer in range(len(spec.shapes)):
        if layer:
            x = g.op("Where", g.op("Less", x, np.array(0.0)), np.array(-1.0), np.array(1.0))
        if layer == 1 and idle is not None:
            x = g.op("Where", idle, np.array(0.0), x)
        if spec.bias:
            x = g.append_last(x, 2, np.array(1.0 if layer else config.bias_input))
        below, binary = x, np.where(weight_view(spec, state, layer) < 0, -1.0, 1.0)
        x = g.op("MatMul", x, binary)
    size = g.op("Sqrt", g.reduce("ReduceSum", g.op("Mul", below, below), 1))
    some = g.op("Greater", size, np.array(0.0))
    scaled = g.op(
        "Div", g.op("Mul", x, np.array(config.for_sizes(layers_of(spec, config)).logit_scale)), size
    )
    return g.op("Where", some, scaled, np.array(0.0))
