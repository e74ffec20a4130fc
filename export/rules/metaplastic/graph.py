"""The metaplastic rule in a graph: binary layers, in integers or in real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.shapes import expanded, squeezed
from export.graph.sums import Fire, fire_sums
from export.graph.whole import (
    Value,
    divide_floor,
    equal,
    floor,
    isqrt,
    matmul,
    maximum,
    reduce,
    scaled,
    shift_round,
    where,
)
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import SIGN, cut_values, cuts_of, layers_of, n_inputs
from quant.rules.metaplastic.gates import Gates, gate_bits, gates_of
from quant.rules.metaplastic.plan import MetaplasticPlan, make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view

_SQUARE_SUM_BITS = 32


class Layer(NamedTuple):
    """What a layer's forward pass leaves.

    Attributes
    ----------
    x : number[batch, rows]
        Inputs, the bias's last: Q3.4 in layer 0, later ±1, or 0 of a unit that is not active; of a
        spiking network traces, Q3.4.
    sums : number[batch, columns]
    norm : (number, number)
        The root of Σ x² as ``mantissa · 2^-exponent``.
    active : truth values[batch, columns]
        Which units are active.
    """

    x: Any
    sums: Any
    norm: tuple[Any, Any]
    active: Any


def integer(
    g: GraphBuilder, z_q: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> Drawn:
    """All layers in q8, bit for bit; logits int64[batch, 1, classes], before the temperature.

    ``z_q`` is ``int64[batch, n_features]`` in Q3.4.
    """
    plan = make_metaplastic_plan(spec, config)
    weights = [
        np.where(weight_view(spec, state, layer) < 0, -1.0, 1.0)
        for layer in range(len(spec.shapes))
    ]
    bits = None
    if plan.gates.n_blocks:
        inputs = n_inputs(spec, config)
        bits = gate_bits(inputs, plan.gates.n_blocks, int(state["seed"][0])).astype(np.float64)
    z = Value(g, g.cast(z_q, TensorProto.DOUBLE))
    passed = forward(g, z, spec, plan, weights, bits)
    found = g.cast(logits(passed[-1], plan).name, TensorProto.INT64)
    return Drawn(g.unsqueeze(found, 1), 1)


def real(
    g: GraphBuilder, z: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> Drawn:
    """All layers in the state's type; logits [batch, 1, classes] in it, before the temperature."""
    return Drawn(g.unsqueeze(_real_logits(g, z, spec, config, state), 1), 1)


def forward(
    g: GraphBuilder,
    z: Value,
    spec: NetworkSpec,
    plan: MetaplasticPlan,
    weights: Sequence[Any],
    bits: Any,
    fire: Fire | None = None,
) -> list[Layer]:
    """All layers of ``number[batch, n_features]`` in Q3.4.

    Parameters
    ----------
    g : GraphBuilder
    z : Value
    spec : NetworkSpec
    plan : MetaplasticPlan
    weights : sequence of number[rows, columns]
        Binary: ±1.
    bits : number[inputs, n_blocks] or None
        Of the gates.
    fire : callable, optional
        What the hidden layers of a spiking network do with their charges, Q15.16.
    """
    x: Any = z
    if len(plan.cuts):
        reached = g.op("GreaterOrEqual", g.unsqueeze(z.name, 2), plan.cuts.astype(np.float64))
        x = Value(g, _signs(g, reached, np.array(float(SIGN))))
    idle = None if bits is None else Value(g, _idle(g, _scores(x, bits, plan.gates), plan.gates))
    found: list[Layer] = []
    for layer, binary in enumerate(weights):
        with g.scope(f"layer_{layer}"):
            if spec.bias:
                later = 1 if fire is None else SIGN
                one = np.array(float(later if layer else plan.bias_input_q))
                x = Value(g, g.append_last(x.name, 2, one))
            active: Any = np.array(True)
            if layer == 0 and idle is not None:
                active = ~idle
            sums = matmul(x, binary)
            found.append(Layer(x, sums, _norm(x, spec, plan, layer), active))
            if fire is None:
                x = where(active, where(sums < 0, -1.0, np.array(1.0)), 0.0)
            elif layer + 1 < len(weights):
                unit, drawn = plan.charges[layer], expanded(sums, 1)
                x = squeezed(fire_sums(unit, layer, drawn, 0, fire), 1)
    return found


def logits(last: Layer, plan: MetaplasticPlan) -> Any:
    """The sums of the last layer, divided by the norm of its input, in Q.16."""
    mantissa, exponent = last.norm
    inverse = divide_floor(float(plan.logit_scale_q), maximum(mantissa, 1))
    inverse = where(mantissa > 0, inverse, 0)
    return shift_round(last.sums * inverse, 12 - exponent)


def _norm(x: Any, spec: NetworkSpec, plan: MetaplasticPlan, layer: int) -> tuple[Any, Any]:
    """The root of Σ x²; behind the first layer signs are ±1, but for those that are idle."""
    if plan.charges:
        mantissa, exponent = plan.charges[layer]
        return np.array([[float(mantissa)]]), np.array([[float(exponent)]])
    if layer:
        gates, units = plan.gates, spec.layers[layer]
        if layer == 1 and gates.n_blocks:
            units = gates.n_active * gates.block_units
        square_sum: Any = np.array(float(units + spec.bias))
    else:
        square_sum = reduce("Sum", x * x, 1)
    exponent = floor((32 - bit_length(square_sum, _SQUARE_SUM_BITS)) * 0.5)
    mantissa = isqrt(scaled(square_sum, 2 * exponent))
    return mantissa, where(equal(square_sum, 0), 0, exponent)


def _scores(x: Any, bits: Any, gates: Gates) -> str:
    """The gate score of each block, as ``float64[batch, n_blocks]`` without equals.

    Exact: the sums stay below 2^23, and their multiples with the block's place, which decides
    between equals, below 2^39.
    """
    places = np.arange(gates.n_blocks - 1, -1, -1, dtype=np.float64)
    found: Value = matmul(x, bits) * float(gates.n_blocks) + places
    return found.name


def _signs(g: GraphBuilder, reached: str, plus: npt.NDArray[Any]) -> str:
    """Return ±plus, ``[batch, columns * cuts]``, from ``bool[batch, columns, cuts]``."""
    minus = np.array(-plus, plus.dtype)
    return g.op("Reshape", g.op("Where", reached, plus, minus), np.array([0, -1]))


def _idle(g: GraphBuilder, scores: str, gates: Gates) -> str:
    """The units of the first hidden layer that are not active, ``bool[batch, units]``.

    Of equal scores ONNX's TopK puts the lower index first, as the gates do; but there are none.
    """
    block = np.arange(gates.n_blocks * gates.block_units) // gates.block_units
    if g.plain:  # a block is active if fewer than n_active have a larger score
        larger = g.op("Greater", g.unsqueeze(scores, 1), g.unsqueeze(scores, 2))
        n_larger = g.reduce("ReduceSum", g.cast(larger, TensorProto.INT64), 2, keepdims=False)
        idle = g.op("GreaterOrEqual", n_larger, gates.n_active)
        return g.op("Gather", idle, block, axis=1)
    strongest = g.second("TopK", scores, np.array([gates.n_active]), axis=1)
    at = g.op("Equal", g.unsqueeze(strongest, 1), np.arange(gates.n_blocks)[:, None])
    active = g.reduce("ReduceSum", g.cast(at, TensorProto.INT64), 2, keepdims=False)
    return g.op("Equal", g.op("Gather", active, block, axis=1), 0)


def _real_logits(
    g: GraphBuilder, z: str, spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> str:
    gates, number = gates_of(spec, config), state["hidden_weight"].dtype.type
    none, one, minus = (np.array(number(n)) for n in (0, 1, -1))
    x, idle, values = z, None, cut_values(cuts_of(spec, config))
    if len(values):
        scaled = g.op("Mul", g.unsqueeze(z, 2), np.array(number(SIGN)))
        x = _signs(g, g.op("GreaterOrEqual", scaled, number(values - 0.5)), one)
    if gates.n_blocks:
        bits = gate_bits(n_inputs(spec, config), gates.n_blocks, int(state["seed"][0]))
        idle = _idle(g, g.op("MatMul", x, number(bits)), gates)
    for layer in range(len(spec.shapes)):
        with g.scope(f"layer_{layer}"):
            if layer:
                x = g.op("Where", g.op("Less", x, none), minus, one)
            if layer == 1 and idle is not None:
                x = g.op("Where", idle, none, x)
            if spec.bias:
                x = g.append_last(x, 2, one if layer else np.array(number(config.bias_input)))
            below, binary = x, np.where(weight_view(spec, state, layer) < 0, minus, one)
            x = g.op("MatMul", x, binary)
    size = g.op("Sqrt", g.reduce("ReduceSum", g.op("Mul", below, below), 1))
    scale = np.array(number(config.for_sizes(layers_of(spec, config)).logit_scale))
    found = g.op("Div", g.op("Mul", x, scale), size)
    return g.op("Where", g.op("Greater", size, none), found, none)
