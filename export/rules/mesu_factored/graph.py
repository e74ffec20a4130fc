"""MESU with factored variance in a graph: its golden model and equations, with a batch axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.sampling import (
    SUM_BITS,
    IntegerLayer,
    Layer,
    RealLayer,
    block_inputs,
    centre_of,
    largest_sum,
)
from export.graph.shapes import read
from export.graph.whole import equal, floor, isqrt, minimum, odd, reduce, scaled, shift_floor, where
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import FACTOR_MANTISSA_BITS, make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.sampling.golden import SPREAD_MAX

# A sum of squares times factors is below 2^36.
_POWER_BITS = 37


class Weights(NamedTuple):
    """A layer's state: ``[rows, columns]``, one number, ``[rows]``, ``[columns]``.

    ``top`` is the largest octave of all rows' factors.
    """

    mu: Any
    mu_frac_bits: Any
    row: Any
    column: Any
    top: Any


class Roots(NamedTuple):
    """Square roots, ``root · 2^-exponent``, as :class:`quant.rules.mesu_factored.golden_codes`."""

    root: Any
    exponent: Any


def integer_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> IntegerLayer:
    """:func:`forward_layer` with the weights of a state, which become constants."""
    plan = make_factored_plan(spec, config)

    def layer(index: int, x: Any, frac_bits: Any, epsilon: Any) -> Layer:
        mu = read(g, g.constant(layer_view(spec, state, "mu", index)))
        row, column = (
            factor_view(spec, state, field, index).astype(np.float64) for field in FACTORS
        )
        top = float(octave(row).max())
        weights = Weights(mu, int(state["mu_frac_bits"][0, index]), row, column, top)
        rows = spec.shapes[index][0] if index == 0 else None
        return forward_layer(x, frac_bits, weights, plan.layers[index].v_exponent, epsilon, rows)

    return layer


def forward_layer(
    x: Any, frac_bits: Any, weights: Weights, v_exponent: int, epsilon: Any, rows: int | None
) -> Layer:
    """``x·μ`` in Q15.16, and its deviation ``√(c Σ x² r)``.

    As :func:`export.rules.mesu.graph.forward_layer`; ``extra`` are the roots of ``Σ x² r``,
    ``number[batch, draws or 1, 1]``, and of the columns' factors.
    """
    blocked, k_mean = block_inputs(x, rows)
    centre = centre_of(blocked, k_mean, frac_bits, weights.mu, weights.mu_frac_bits)
    squares, k_square = _block_squares(blocked)
    scale = 39 - v_exponent + 2 * (frac_bits - k_mean) + k_square
    inputs, columns = input_roots(squares, weights, scale), column_roots(weights.column)
    product = inputs.root * columns.root
    right = inputs.exponent + columns.exponent - 12
    spread = minimum(shift_floor(product, right), SPREAD_MAX)
    spread = where((right < 0) & (product > 0), SPREAD_MAX, spread)
    return Layer(x, frac_bits, centre, spread, epsilon, (inputs, columns))


def top_bits(code: Any, bits: int) -> Any:
    """The mantissa of factors, cut to ``bits`` bits, the highest 1."""
    fraction = FACTOR_MANTISSA_BITS + 1 - bits
    whole = code - octave(code) * 2.0**FACTOR_MANTISSA_BITS
    return shift_floor(whole, fraction) + float(1 << bits - 1)


def octave(code: Any) -> Any:
    """The octave of factors, 0 to 31."""
    return floor(code * 2.0**-FACTOR_MANTISSA_BITS)


def column_roots(column: Any) -> Roots:
    """√c of every column."""
    o = octave(column)
    return Roots(isqrt(scaled(top_bits(column, 28), 4 - odd(o + 1))), floor((47 - o) * 0.5))


def input_roots(squares: Any, weights: Weights, exponent: Any) -> Roots:
    """√(Σ x² r) of every draw, ``number[batch, draws or 1, 1]``."""
    row, top, o = weights.row, weights.top, octave(weights.row)
    power = reduce("Sum", shift_floor(top_bits(row, 12) * squares, top - o), 2)
    exponent = exponent - top
    up = 32 - bit_length(power, _POWER_BITS)
    up = up - odd(exponent + up)
    root = where(equal(power, 0), 0, isqrt(floor(scaled(power, up))))
    return Roots(root, (exponent + up) * 0.5)


def block(roots: Roots, drop: int = 0) -> tuple[Any, Any]:
    """Roots at one exponent, the largest with ``16 - drop`` bits, and the exponent."""
    some = roots.root > 0
    least = reduce("Min", where(some, roots.exponent, 1000.0), None, keepdims=False)
    least = where(least > 999, 0, least)
    down = minimum(where(some, roots.exponent - least, 0) + drop, 31)
    return shift_floor(roots.root, down), least - drop


def _block_squares(blocked: Any) -> tuple[Any, Any]:
    """The squares of a block, and by which power of two they are scaled, ``[batch, 1, 1]``."""
    squares = blocked * blocked
    k = 20 - bit_length(largest_sum(squares), SUM_BITS)
    k = k - odd(k)
    return floor(scaled(squares, k)), k


def real_layer(
    g: GraphBuilder, spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> RealLayer:
    """``x·μ`` and ``√(c Σ x² r)`` in the state's type."""
    del config

    def layer(index: int, x: str) -> tuple[str, str]:
        row, column = (factor_view(spec, state, field, index) for field in FACTORS)
        root = g.op("Sqrt", g.op("MatMul", g.op("Mul", x, x), row[:, None]))
        mean = g.op("MatMul", x, layer_view(spec, state, "mu", index))
        return mean, g.op("Mul", root, np.sqrt(column))

    return layer
