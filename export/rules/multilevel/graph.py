"""The prediction of weights of few levels as ONNX nodes, in integers or in float64.

Counterparts: :mod:`quant.rules.multilevel.golden` and its equations, with a batch axis in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.whole import (
    Number,
    Value,
    absolute,
    clip,
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
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.golden import DEVIATION_BITS, ONE, weights
from quant.rules.multilevel.plan import MultilevelPlan, make_multilevel_plan
from quant.rules.multilevel.state import view

_SUM_BITS, _SQUARE_SUM_BITS = 34, 32


class Layer(NamedTuple):
    """What a layer's forward pass leaves.

    Attributes
    ----------
    x : number[batch, rows]
        Inputs in Q3.4, the bias's last.
    sums : number[batch, columns]
    norm : (number, number)
        The root of Σ x² as ``mantissa · 2^-exponent``.
    """

    x: Number
    sums: Number
    norm: tuple[Number, Number]


def integer(
    g: GraphBuilder, z_q: str, spec: NetworkSpec, config: MultilevelConfig, state: State
) -> Drawn:
    """All layers in q8, bit for bit; logits int64[batch, 1, classes].

    ``z_q`` is ``int64[batch, n_features]`` in Q3.4.
    """
    plan = make_multilevel_plan(spec, config)
    levels = [
        weights(spec, plan, state, layer).astype(np.float64) for layer in range(len(spec.shapes))
    ]
    z = Value(g, g.cast(z_q, TensorProto.DOUBLE))
    found = logits(forward(g, z, spec, plan, levels)[-1], plan)
    return Drawn(g.unsqueeze(g.cast(_name(found), TensorProto.INT64), 1), 1)


def forward(
    g: GraphBuilder,
    z: Value,
    spec: NetworkSpec,
    plan: MultilevelPlan,
    levels: Sequence[Number],
) -> list[Layer]:
    """All layers of ``number[batch, n_features]`` in Q3.4.

    Parameters
    ----------
    g : GraphBuilder
    z : Value
    spec : NetworkSpec
    plan : MultilevelPlan
    levels : sequence of number[rows, columns]
        2v - steps.
    """
    x: Number = z
    sums: Number = x
    found: list[Layer] = []
    for layer, w in enumerate(levels):
        with g.scope(f"layer_{layer}"):
            if layer:
                x = _activate(sums, spec.shapes[layer - 1][1], plan)
            if spec.bias:
                x = _with_one(g, x, float(ONE))
            sums = matmul(x, w)
            found.append(Layer(x, sums, _norm(x)))
    return found


def logits(last: Layer, plan: MultilevelPlan) -> Number:
    """The last layer's sums over the norm of its input, scaled, Q.16."""
    mantissa, exponent = last.norm
    inverse = divide_floor(float(plan.logit_scale_q), maximum(mantissa, 1))
    inverse = where(equal(mantissa, 0), 0, inverse)
    return shift_round(last.sums * inverse, 20 - exponent)


def _norm(x: Number) -> tuple[Number, Number]:
    """The root of Σ x² as mantissa and exponent: mantissa · 2^-exponent; 0 of 0."""
    square_sum = reduce("Sum", x * x, 1)
    exponent = floor((32 - bit_length(square_sum, _SQUARE_SUM_BITS)) * 0.5)
    return isqrt(scaled(square_sum, 2 * exponent)), exponent


def real(
    g: GraphBuilder, z: str, spec: NetworkSpec, config: MultilevelConfig, state: State
) -> Drawn:
    """All layers in float64; logits float64[batch, 1, classes]."""
    x = sums = z
    for layer in range(len(spec.shapes)):
        with g.scope(f"layer_{layer}"):
            if layer:
                x = _activate_real(g, sums, spec.shapes[layer - 1][1], config.threshold)
            if spec.bias:
                x = g.append_last(x, 2, np.array(1.0))
            level: npt.NDArray[np.float64] = view(spec, state, "level", layer)
            sums = g.op("MatMul", x, 2 * level / config.steps - 1)
    size = g.op("Sqrt", g.reduce("ReduceSum", g.op("Mul", x, x), 1))
    some = g.op("Greater", size, np.array(0.0))
    found = g.op("Div", g.op("Mul", sums, np.array(config.logit_scale)), size)
    return Drawn(g.unsqueeze(g.op("Where", some, found, np.array(0.0)), 1), 1)


def _activate(sums: Number, n: int, plan: MultilevelPlan) -> Number:
    """How far units are above the threshold, in deviations of their layer's sums, Q3.4."""
    centred = sums - divide_floor(reduce("Sum", sums, 1), float(n))
    most = reduce("Max", absolute(centred), 1)
    b = shift_round(centred, bit_length(most, _SUM_BITS) - DEVIATION_BITS)
    deviation = isqrt(divide_floor(reduce("Sum", b * b, 1), float(n)))
    inverse = divide_floor(float(1 << 26), maximum(deviation, 1))
    inverse = where(equal(deviation, 0), 0, inverse)
    return clip(shift_round(b * inverse, 22) - plan.threshold_q, 0, INPUT_MAX)


def _activate_real(g: GraphBuilder, sums: str, n: int, threshold: float) -> str:
    mean = g.op("Div", g.reduce("ReduceSum", sums, 1), np.array(float(n)))
    apart = g.op("Sub", sums, mean)
    power = g.reduce("ReduceSum", g.op("Mul", apart, apart), 1)
    deviation = g.op("Sqrt", g.op("Div", power, np.array(float(n))))
    some = g.op("Greater", deviation, np.array(0.0))
    apart = g.op("Where", some, g.op("Div", apart, deviation), apart)
    most = np.array(INPUT_MAX / (1 << INPUT_FRAC_BITS))
    return g.op("Clip", g.op("Sub", apart, np.array(threshold)), np.array(0.0), most)


def _with_one(g: GraphBuilder, x: Number, one: float) -> Value:
    return Value(g, g.append_last(_name(x), 2, np.array(one)))


def _name(x: Number) -> str:
    assert isinstance(x, Value)
    return x.name
