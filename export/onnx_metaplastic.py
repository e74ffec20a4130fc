"""The metaplastic rule's prediction as ONNX nodes: binary layers, in integers or in float64."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.onnx_builder import GraphBuilder, Operand
from export.onnx_integers import bit_length, isqrt, shift_left, shift_round_both
from quant.metaplastic_config import MetaplasticConfig
from quant.metaplastic_gates import gate_bits
from quant.metaplastic_plan import MetaplasticPlan
from quant.metaplastic_q8 import norm
from quant.metaplastic_state import weight_view
from quant.spec import NetworkSpec
from quant.state import State

_SQUARE_SUM_BITS = 32


def forward_q8(
    g: GraphBuilder, z_q: Operand, spec: NetworkSpec, plan: MetaplasticPlan, state: State
) -> str:
    """All layers, bit for bit as :mod:`quant.metaplastic_q8`.

    Parameters
    ----------
    g : GraphBuilder
    z_q : int64[batch, n_features]
        Q3.4.
    spec, plan, state : NetworkSpec, MetaplasticPlan, State
        Their numbers become constants.

    Returns
    -------
    int64[batch, classes]
        Logits in Q.16, before the temperature.
    """
    x = g.cast(z_q, TensorProto.INT32)
    idle = None if spec.n_blocks == 0 else _idle(g, _answers_q8(g, x, spec, state), spec)
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
    if len(spec.shapes) > 1:  # all its inputs are ±1, but for those of idle units
        below_last = spec.n_taking_part if len(spec.shapes) == 2 else spec.layers[-2]
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


def _answers_q8(g: GraphBuilder, x: str, spec: NetworkSpec, state: State) -> str:
    """How strongly each block answers, as ``float64[batch, n_blocks]`` without equals.

    Exact: the sums stay below 2^23, and their multiples with the block's place, which decides
    between equals, below 2^39.
    """
    gates = gate_bits(spec.n_features, spec.n_blocks, int(state["seed"][0]))
    sums = g.cast(g.op("MatMul", x, gates.astype(np.int32)), TensorProto.INT64)
    places = np.arange(spec.n_blocks - 1, -1, -1)
    return g.cast(g.op("Add", g.op("Mul", sums, spec.n_blocks), places), TensorProto.DOUBLE)


def _idle(g: GraphBuilder, answers: str, spec: NetworkSpec) -> str:
    """The units of the first hidden layer that take no part, ``bool[batch, units]``.

    Of equal answers ONNX's TopK puts the lower index first, as the gates do.
    """
    strongest = g.second("TopK", answers, np.array([spec.n_active]), axis=1)
    at = g.op("Equal", g.unsqueeze(strongest, 1), np.arange(spec.n_blocks)[:, None])
    taking_part = g.reduce("ReduceSum", g.cast(at, TensorProto.INT64), 2, keepdims=False)
    block = np.arange(spec.layers[1]) // spec.block_units
    return g.op("Equal", g.op("Gather", taking_part, block, axis=1), 0)


def forward_float64(
    g: GraphBuilder, z: Operand, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> str:
    """All layers as :mod:`streamlearn.metaplastic`; ``float64[batch, classes]`` logits.

    ``z`` is ``float64[batch, n_features]``.
    """
    x: Operand = z
    idle = None
    if spec.n_blocks:
        gates = gate_bits(spec.n_features, spec.n_blocks, int(state["seed"][0]))
        idle = _idle(g, g.op("MatMul", z, gates.astype(np.float64)), spec)
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
    scaled = g.op("Div", g.op("Mul", x, np.array(config.for_sizes(spec.layers).logit_scale)), size)
    return g.op("Where", some, scaled, np.array(0.0))
