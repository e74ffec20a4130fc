"""MESU in a graph: what a sample's gradient makes of a layer's weights.

Counterpart: ``first_gradient`` and ``later_gradient`` of :mod:`quant.rules.mesu.golden_steps`.
"""

from __future__ import annotations

from typing import Any

from export.graph import step, words
from export.graph.builder import GraphBuilder
from export.graph.learner import shift_saturate
from export.graph.sampling import Layer
from export.graph.shapes import expanded, transposed
from export.graph.step import Scale
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divided,
    floor,
    matmul,
    maximum,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    sign,
    where,
)
from export.rules.mesu.graph import Weights
from export.rules.mesu.steps import below, factors, lanes, rounded, square_bits, step_rho
from quant.rules.mesu.golden_steps import DRAWN_MU, DRAWN_RHO, RIGHT_MIN_MU, RIGHT_MIN_RHO
from quant.rules.mesu.plan import Plan
from quant.sampling.golden import MU_STEP_BITS


def first_gradient(
    g: GraphBuilder,
    plan: Plan,
    was: Weights,
    layer: Layer,
    delta: Any,
    r_sum: Any,
    gain: Scale,
    rare: str,
    u: tuple[str, Value],
) -> tuple[Any, Any]:
    """The gradient's step of layer 0: of the rows whose factors are not 0."""
    mine = plan.layers[0]
    x = transposed(layer.x)
    exponent, z = expanded(was.exponent, 1), absolute(x)
    low, high = (expanded(half(g, rare), 1) for half in (words.low_half, words.high_half))
    lanes_g, exponent_g = lanes(reduce("Sum", delta, 0), gain)
    lasting = exponent_g + 23 - mine.mu_frac_bits
    rows, right = factors(z, 7, exponent, lasting, RIGHT_MIN_MU, DRAWN_MU, low)
    h = rounded(was.rho, rounded(-sign(x) * rows, lanes_g))
    down = maximum(right, 1)
    moved = scaled(floor(divided(h + below(u[0], down, g), down)), down - right)
    mu = clip(was.mu + where(rows > 0, moved, 0), -32768, 32767)
    lanes_q, exponent_q = lanes(r_sum, plan.gain_sigma)
    lasting = exponent_q + 10
    rows, right = factors(z * z, 14, exponent, lasting, RIGHT_MIN_RHO, DRAWN_RHO, high)
    stepped = step_rho(was.rho, rounded(-rows, lanes_q), right - 3, u[1])
    return mu, where(rows > 0, stepped, was.rho)


def later_gradient(
    g: GraphBuilder,
    plan: Plan,
    index: int,
    was: Weights,
    layer: Layer,
    delta: Any,
    r: Any,
    gain: Scale,
    u: tuple[str, Value],
) -> tuple[Any, Any]:
    """The gradient's step of a later layer."""
    mine = plan.layers[index]
    spare = (plan.n_draws - 1).bit_length()
    xn, narrow = layer.extra
    frac_bits = layer.frac_bits - narrow
    by_mu, exponent_g = step.apply_gain(delta, gain, 19)
    by_rho, exponent_q = step.apply_gain(r, plan.gain_sigma, 20)
    inputs = transposed(xn)
    most = reduce("Max", inputs, 1)
    e = maximum(square_bits(most) - 8, 0)
    exponent = expanded(was.exponent, 1)
    w = -shift_round(matmul(inputs, by_mu), spare + 2)
    squares = shift_floor(inputs * inputs, e)
    y = -shift_round(matmul(squares, by_rho), spare + 1)
    right_mu = 17 + frac_bits + exponent_g - mine.mu_frac_bits - spare - exponent
    right_rho = 2 * frac_bits + exponent_q - e - spare - 1 - exponent
    moved = shift_saturate(was.rho * w, right_mu, MU_STEP_BITS)
    moved = shift_floor(moved + words.number(g, u[0]), 16)
    mu = clip(was.mu + moved, -32768, 32767)
    return mu, step_rho(was.rho, y, right_rho, u[1])
