"""Factored variance in a graph: the steps of the factors' codes and the prior's pulls.

Counterparts: ``quant.rules.mesu_factored.golden_factors`` and ``golden_mu``, name for name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.graph.bits import bit_length
from export.graph.shapes import expanded, squeezed
from export.graph.step import Rates
from export.graph.whole import (
    clip,
    divide_floor,
    floor,
    matmul,
    maximum,
    minimum,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    where,
)
from export.rules.mesu_factored.graph import Weights, octave, top_bits
from quant.rules.mesu_factored.golden_codes import OCTAVE
from quant.rules.mesu_factored.golden_factors import GAUGE_HIGH, GAUGE_LOW, RATIO_MAX
from quant.rules.mesu_factored.plan import (
    FACTOR_MANTISSA_BITS,
    FACTOR_MAX,
    MU_FRAC_BITS_MAX,
    FactoredLayerPlan,
)


def moved(code: Any, by: Any) -> Any:
    """Codes whose values are multiplied by 1 + by/mantissa, by a factor of ½ to 2."""
    mantissa = top_bits(code, FACTOR_MANTISSA_BITS + 1)
    kept = minimum(maximum(by, -floor(mantissa * 0.5)), mantissa)
    new = mantissa + kept
    up = where(new >= 2.0 * OCTAVE, float(OCTAVE) - floor((new + 1) * 0.5), 0)
    bend = where(new < float(OCTAVE), new - float(OCTAVE), up)
    return clip(code + kept + bend, 0, FACTOR_MAX)


def step_rows(row: Any, inputs: Any, frac_bits: Any, curve: Any, plan: FactoredLayerPlan) -> Any:
    """The gradient's step of the rows' factors; ``inputs`` is ``number[rows, draws or 1]``."""
    by_row = shift_round(curve.by_row * float(plan.gain_row[0]), 15)
    y = squeezed(matmul(inputs * inputs, by_row), 1)
    mantissa = top_bits(row, 16)
    right = 2 * frac_bits + curve.row_exponent + plan.gain_row[1] - plan.v_exponent - octave(row)
    product = -(shift_floor(mantissa * mantissa, 16) * y)
    return moved(row, squeezed(shift_round(product, maximum(right, -16)), 0))


def step_columns(column: Any, curve: Any, plan: FactoredLayerPlan) -> Any:
    """The gradient's step of the columns' factors."""
    y = shift_round(curve.by_column * float(plan.gain_column[0]), 15)
    right = curve.column_exponent + plan.gain_column[1] - 27
    product = -(top_bits(column, 16) * y)
    return moved(column, squeezed(shift_round(product, maximum(right, -16)), 0))


def pull_factors(
    row: Any, column: Any, pull: Any, plan: FactoredLayerPlan, shape: tuple[int, int]
) -> tuple[Any, Any]:
    """``sweep`` samples of the prior's pull on all factors."""
    u_row = prior_ratio(row, column, plan.ratio_row, plan.v_exponent)
    u_column = prior_ratio(column, row, plan.ratio_column, plan.v_exponent)
    mean = divide_floor(reduce("Sum", u_column, 0), shape[1])
    return _pulled(row, 65536 - u_row, pull), _pulled(column, mean - u_column, pull)


def prior_ratio(code: Any, others: Any, scale: tuple[int, int], v_exponent: int) -> Any:
    """code · mean(others)/σ_prior² in Q.16, at most 2^24."""
    o = octave(others)
    top = reduce("Max", o, 0)
    total = reduce("Sum", shift_floor(top_bits(others, 16), minimum(top - o, 31)), 0)
    up = 16 - bit_length(total, 34)
    short = shift_floor(floor(scaled(total, up)) * float(scale[0]), 16)
    right = 42 - v_exponent - octave(code) - top + up + scale[1]
    return minimum(shift_floor(top_bits(code, 16) * short, right), RATIO_MAX)


def _pulled(code: Any, missing: Any, pull: Any) -> Any:
    """The step is ``mantissa · pull · missing / 2^32``: in two parts, it may have 63 bits."""
    product = top_bits(code, 16) * pull
    high = shift_floor(product, 20)
    low = product - high * 2.0**20
    carried = shift_floor(low * missing + 2.0**31, 20)
    return moved(code, shift_floor(high * missing + carried, 12))


def gauge(row: Any, column: Any, n_columns: int) -> tuple[Any, Any]:
    """Move an octave between rows and columns where the columns' left the middle."""
    octaves = reduce("Sum", octave(column), 0)
    down = where(octaves < float(GAUGE_LOW * n_columns), -float(OCTAVE), 0.0)
    move = where(octaves >= float(GAUGE_HIGH * n_columns), float(OCTAVE), down)
    return clip(row + move, 0, FACTOR_MAX), clip(column - move, 0, FACTOR_MAX)


def pull_mu(mu: Any, was: Weights, row: Any, plan: FactoredLayerPlan, rates: Rates, u: Any) -> Any:
    """``sweep`` samples of the prior's pull on some rows' μ, not yet clamped."""
    prior = shift_round(np.array(float(plan.mu_prior_q)), MU_FRAC_BITS_MAX - was.mu_frac_bits)
    prior = clip(prior, -32768, 32767)
    o = octave(was.column)
    top = reduce("Max", o, None, keepdims=False)
    weight = shift_floor(top_bits(was.column, 16), minimum(top - o + 1, 31))
    gain = rates.pull_gain(plan.gain_pull)
    row = expanded(row, 1)
    strength = shift_floor(shift_floor(top_bits(row, 16) * gain[0], 16) * weight, 16)
    right = 25 - plan.v_exponent - octave(row) - top + gain[1]
    step = shift_floor((prior - mu) * strength, clip(right, 0, 31))
    return mu + shift_floor(step + u, 16)
