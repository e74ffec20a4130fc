"""BiMU's prediction as ONNX nodes, in integers or in real numbers.

Counterparts: :mod:`quant.rules.bimu.golden` and its equations, with a batch axis in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.chosen import epsilon_of
from export.graph.drawn import Drawn
from export.graph.sums import Fire, fire_sums
from export.graph.whole import (
    Value,
    divide_floor,
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
from export.rules.bimu.normal import (
    Size,
    centred,
    charge_of,
    deviation,
    is_open,
    real_gate,
    real_normalised,
)
from quant import noise
from quant.cuts import SIGN, cut_values, cuts_of
from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.bimu.belief import belief_of
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden import SQUARE_BITS
from quant.rules.bimu.golden_normal import SUM_FRAC_BITS
from quant.rules.bimu.law import law_of
from quant.rules.bimu.plan import BimuPlan, make_bimu_plan
from quant.rules.bimu.state import belief_view

_SQUARE_SUM_BITS = 32


class Layer(NamedTuple):
    """What a layer's forward pass leaves.

    Attributes
    ----------
    x : number[batch, draws, rows]
        Inputs in Q3.4, the bias's last; of layer 0 one for all draws. Later ones are 0 or 1.
    apart : number[batch, draws, columns]
        Pre-activations less their mean, .12.
    epsilon : number[draws, columns] or None
        Q7.8; None without draws.
    spread : number[batch, draws, columns]
        Standard deviation of the pre-activations, .12, of layer 0 one for all draws; 0 without
        draws.
    size : Size
    """

    x: Any
    apart: Any
    epsilon: Any
    spread: Any
    size: Size


def integer(
    g: GraphBuilder,
    z_q: str,
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    draws: bool = True,
) -> Drawn:
    """All layers in integers with the noise of the next sample.

    Logits are int64[batch, draws, classes]; ``z_q`` is ``int64[batch, n_features]`` in
    Q3.4. Without draws all of them are alike.
    """
    belief, key = belief_of(state), _key(state)
    plan = make_bimu_plan(spec, config, belief)
    bytes_ = [belief.byte(belief_view(spec, state, k)) for k in range(len(plan.shapes))]
    epsilon: list[Any] = [None] * len(bytes_)
    if draws:
        columns = enumerate(n for _, n in plan.shapes)
        epsilon = [epsilon_of(g, key, k, n, plan.n_draws) for k, n in columns]
    z = Value(g, g.cast(z_q, TensorProto.DOUBLE))
    weights = [(plan.law.mean[byte], plan.law.variance[byte]) for byte in bytes_]
    found = logits(forward(g, z, spec, plan, weights, epsilon)[-1], plan)
    if not draws:
        found = found * np.ones((plan.n_draws, 1))
    return Drawn(g.cast(found.name, TensorProto.INT64), plan.n_draws)


def forward(
    g: GraphBuilder,
    z: Value,
    spec: NetworkSpec,
    plan: BimuPlan,
    weights: Sequence[tuple[Any, Any]],
    epsilon: Sequence[Any],
    fire: Fire | None = None,
) -> list[Layer]:
    """All layers of ``number[batch, n_features]`` in Q3.4.

    Parameters
    ----------
    g : GraphBuilder
    z : Value
    spec : NetworkSpec
    plan : BimuPlan
    weights : sequence of (number[rows, columns], number[rows, columns])
        tanh λ and its variance, by layer.
    epsilon : sequence of number[draws, columns], or of None
        By layer.
    fire : callable, optional
        What the hidden layers of a spiking network do with their charges, Q15.16.
    """
    if len(plan.cuts):
        reached = g.op("GreaterOrEqual", g.unsqueeze(z.name, 2), plan.cuts.astype(np.float64))
        z = Value(g, _signs(g, reached, np.array(float(SIGN))))
    x: Any = Value(g, g.unsqueeze(z.name, 1))
    found: list[Layer] = []
    for layer, (tanh, variance) in enumerate(weights):
        with g.scope(f"layer_{layer}"):
            if spec.bias:
                x = Value(g, g.append_last(x.name, 3, np.array(float(SIGN))))
            a, spread = matmul(x, tanh), 0
            if epsilon[layer] is not None:
                rows = plan.shapes[layer][0]
                square_sum = np.array(rows * SIGN**2)
                if layer == 0 or fire is not None:
                    square_sum = reduce("Max", reduce("Sum", x * x, 2), 1)
                spread = _spread(x, variance, square_sum)
                a = a + shift_round(shift_floor(spread, 3) * epsilon[layer], 5)
            a = centred(a) if fire is None else a
            size = deviation(a) if fire is None else charge_of(plan, layer)
            found.append(Layer(x, a, epsilon[layer], spread, size))
            if fire is None:
                x = where(is_open(a, size, plan), float(SIGN), 0.0)
            elif layer + 1 < len(weights):
                x = fire_sums(plan.charges[layer], layer, a, SUM_FRAC_BITS, fire)
    return found


def _key(state: State) -> int:
    return noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))


def _signs(g: GraphBuilder, reached: str, plus: npt.NDArray[Any]) -> str:
    """Return ±plus, ``[batch, columns * cuts]``, from ``bool[batch, columns, cuts]``."""
    minus = np.array(-plus, plus.dtype)
    return g.op("Reshape", g.op("Where", reached, plus, minus), np.array([0, -1]))


def _spread(x: Any, variance: Any, square_sum: Any) -> Any:
    """Deviation of a layer's pre-activations, .12."""
    k = maximum(bit_length(square_sum, _SQUARE_SUM_BITS) - SQUARE_BITS, -1)
    k = k + 1 - odd(k)  # an even one becomes odd
    power = matmul(shift_round(x * x, k), variance)
    return scaled(isqrt(power), (k + 1) * 0.5)


def logits(last: Layer, plan: BimuPlan) -> Any:
    """The last layer's normalised sums, scaled, in Q.16."""
    mantissa, exponent = last.size.mantissa, last.size.exponent
    inverse = divide_floor(float(plan.logit_scale_q), maximum(mantissa, 1))
    return shift_round(last.apart * where(mantissa > 0, inverse, 0), 24 - exponent)


def real(
    g: GraphBuilder,
    z: str,
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    draws: bool = True,
) -> Drawn:
    """All layers in the state's type; logits [batch, draws, classes] in it."""
    x, values, key = z, cut_values(cuts_of(spec, config.cuts)), _key(state)
    number = state["belief"].dtype.type
    if len(values):
        scaled = g.op("Mul", g.unsqueeze(z, 2), np.array(number(SIGN)))
        x = _signs(g, g.op("GreaterOrEqual", scaled, number(values - 0.5)), np.array(number(1)))
    x = g.unsqueeze(x, 1)
    for layer, (_, n_out) in enumerate(spec.shapes):
        with g.scope(f"layer_{layer}"):
            if spec.bias:
                x = g.append_last(x, 3, np.array(number(1)))
            law = law_of(belief_view(spec, state, layer), config.relaxed)
            epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws).T * (draws / 256)
            spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), law.variance))
            a = g.op("Add", g.op("MatMul", x, law.mean), g.op("Mul", spread, number(epsilon)))
            y = real_normalised(g, a, number)
            x = real_gate(g, y, config, number)
    return Drawn(g.op("Mul", y, np.array(number(config.logit_scale))), config.n_draws)
