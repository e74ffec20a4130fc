"""MESU in a graph: :mod:`quant.rules.mesu.golden` and its equations, with a batch axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.sampling import (
    IntegerLayer,
    Layer,
    RealLayer,
    block_inputs,
    centre_of,
    largest_sum,
    narrow_inputs,
)
from export.graph.shapes import read
from export.graph.whole import (
    clip,
    divided,
    floor,
    isqrt,
    largest,
    matmul,
    maximum,
    minimum,
    odd,
    reduce,
    scaled,
    where,
)
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import POWER_BITS, SQUARE_BITS, SQUARE_MORE_BITS
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import POINT, exponent_view
from quant.sampling.golden import SPREAD_MAX

# Sums of at most 65536 squares of 24 bits; below any exponent of a row.
_SQUARE_BITS, _SQUARE_SUM_BITS, _NO_EXPONENT = 25, 41, -100


class Weights(NamedTuple):
    """A layer's state: ``[rows, columns]``, ``[rows, columns]``, ``[rows]``."""

    mu: Any
    rho: Any
    exponent: Any


def integer_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State
) -> IntegerLayer:
    """:func:`forward_layer` with the weights of a state, which become constants."""
    plan = make_plan(spec, config)

    def layer(index: int, x: Any, frac_bits: Any, epsilon: Any) -> Layer:
        mu, rho = (layer_view(spec, state, name, index) for name in ("mu", "rho"))
        exponent = exponent_view(spec, state["rho_exponent"][0], index)
        mean, mantissa = read(g, g.constant(mu)), read(g, g.constant(rho))
        weights = Weights(mean, mantissa, exponent.astype(np.float64))
        rows = spec.shapes[index][0] if index == 0 else None
        mu_frac_bits = plan.layers[index].mu_frac_bits
        return forward_layer(x, frac_bits, weights, mu_frac_bits, epsilon, rows)

    return layer


def forward_layer(
    x: Any, frac_bits: Any, weights: Weights, mu_frac_bits: int, epsilon: Any, rows: int | None
) -> Layer:
    """``x·μ`` in Q15.16, and its deviation ``√(x²·σ²)``.

    Parameters
    ----------
    x : number[batch, draws or 1, rows]
    frac_bits : number[batch, 1, 1] or int
    weights : Weights
    mu_frac_bits : int
    epsilon : number[draws, columns]
    rows : int, optional
        In the first layer: how many there are at most.

    Returns
    -------
    Layer
        Its ``extra`` are the inputs in 8 bits, and by how many bits they are shorter.
    """
    found = sums(x, frac_bits, weights, mu_frac_bits, rows)
    spread = minimum(floor(scaled(isqrt(found.power), 12 - found.half_exponent)), SPREAD_MAX)
    return Layer(x, frac_bits, found.centre, spread, epsilon, found.short)


class Sums(NamedTuple):
    """As :class:`quant.rules.mesu.golden.Sums`, and the inputs in 8 bits with their shift."""

    centre: Any
    power: Any
    half_exponent: Any
    short: tuple[Any, Any]


def sums(x: Any, frac_bits: Any, weights: Weights, mu_frac_bits: int, rows: int | None) -> Sums:
    """As :func:`quant.rules.mesu.golden.sums`."""
    blocked, k_mean = block_inputs(x, rows)
    centre = centre_of(blocked, k_mean, frac_bits, weights.mu, mu_frac_bits)
    xn, narrow = narrow_inputs(x, rows is not None)
    squares, scale = _scaled_squares(xn, weights.exponent)
    half_exponent = frac_bits - narrow - (scale - POINT) * 0.5
    return Sums(centre, matmul(squares, weights.rho), half_exponent, (xn, narrow))


def real_layer(g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, state: State) -> RealLayer:
    """``x·μ`` and ``√(x²·σ²)`` in the state's type."""
    del config

    def layer(index: int, x: str) -> tuple[str, str]:
        mu, sigma = (layer_view(spec, state, name, index) for name in ("mu", "sigma"))
        spread = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), np.square(sigma)))
        return g.op("MatMul", x, mu), spread

    return layer


def _scaled_squares(xn: Any, exponent: Any) -> tuple[Any, Any]:
    """Return xn² 2^exponent of a layer as ``squares · 2^scale``, the scale odd.

    ``xn`` is ``[batch, draws or 1, rows]``, ``exponent`` ``[rows]``, the scale ``[batch, 1, 1]``.
    """
    product = xn * xn
    active = reduce("Max", product, 1) > 0
    # Without an active row there is no power, and the scale does not matter.
    most = reduce("Max", where(active, exponent, float(_NO_EXPONENT)), 2)
    below = clip(most - exponent, 0, 31)
    wide = floor(scaled(product, SQUARE_MORE_BITS - below))
    each = bit_length(largest(wide), _SQUARE_BITS) - SQUARE_BITS
    total = bit_length(largest_sum(wide), _SQUARE_SUM_BITS) - POWER_BITS
    k = maximum(each, total)
    k = k + odd(k + most + 1)
    return floor(divided(wide, k)), most + k - SQUARE_MORE_BITS
