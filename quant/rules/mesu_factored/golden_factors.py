"""Factored variance in integers: the steps of the factors' codes, their prior's pull, the gauge.

σ²_ij = r_i c_j. A step multiplies a factor by adding to its code. C counterpart: ``kernel/q16``.
Source: NUMBERS.md beside this file; the update of σ² is that of
Bonnet et al., arXiv 2504.13569.
"""

from __future__ import annotations

import numpy as np

from quant.counters import Saturations
from quant.integers import Int64, bit_length, shift_round, shift_round_each
from quant.rules.mesu_factored.golden_backward import Curvature
from quant.rules.mesu_factored.golden_codes import OCTAVE, octave, top_bits
from quant.rules.mesu_factored.plan import (
    FACTOR_MANTISSA_BITS,
    FACTOR_MAX,
    FactoredLayerPlan,
)

#: Octaves of the columns' mean between which the gauge leaves it alone.
GAUGE_LOW, GAUGE_HIGH = 13, 18
#: r c / σ_prior² is taken for at most this, Q.16.
RATIO_MAX = 1 << 24


def step_factor(code: Int64, product: Int64, right: Int64, count: Saturations) -> Int64:
    """Add to codes what multiplies their values by 1 + step/mantissa, step = product / 2^right.

    A step changes a factor by a factor of ½ to 2, as in floating point.
    """
    step = shift_round_each(product, np.maximum(right, -16))
    mantissa = top_bits(code, FACTOR_MANTISSA_BITS + 1)
    kept = np.clip(step, -(mantissa >> 1), mantissa)
    count.gradient += int(np.count_nonzero(kept != step))
    new = mantissa + kept
    down, up = new < OCTAVE, new >= 2 * OCTAVE  # the next octave's codes are half or twice as far
    bend = np.where(down, new - OCTAVE, np.where(up, OCTAVE - (new + 1 >> 1), 0))
    return store_factor(code + kept + bend, count)


def store_factor(code: Int64, count: Saturations) -> Int64:
    """Keep codes within 32 bits."""
    kept = np.clip(code, 0, FACTOR_MAX)
    count.rho += int(np.count_nonzero(kept != code))
    return kept


def step_rows(
    row: Int64,
    x: Int64,
    frac_bits: int,
    found: Curvature,
    plan: FactoredLayerPlan,
    count: Saturations,
) -> Int64:
    """Δ ln r_i = -lr/(S columns) r_i Σ_s x² (Σ_j c_j δ_j ε_j / s_j)."""
    by_row = shift_round(found.by_row * plan.gain_row[0], 15)
    y = x * x @ by_row
    mantissa = top_bits(row, 16)
    right = 2 * frac_bits + found.row_exponent + plan.gain_row[1] - plan.v_exponent - octave(row)
    product = -((mantissa * mantissa >> 16) * y)
    return step_factor(row, product, right, count)


def step_columns(
    column: Int64, found: Curvature, plan: FactoredLayerPlan, count: Saturations
) -> Int64:
    """Δ ln c_j = -lr/(S rows) (Σ_s s_j δ_j ε_j minus its mean over j)."""
    y = shift_round(found.by_column * plan.gain_column[0], 15)
    right = np.int64(found.column_exponent + plan.gain_column[1] - 27)
    product = -(top_bits(column, 16) * y)
    return step_factor(column, product, right, count)


def pull_factors(
    row: Int64, column: Int64, pull: int, layer: FactoredLayerPlan, count: Saturations
) -> tuple[Int64, Int64]:
    """``sweep`` samples of the prior's pull, Q.28, on all factors.

    ``Δ ln r_i = (1 - r_i c̄/σ_prior²)/N``, ``Δ ln c_j = r̄ (c̄ - c_j)/(N σ_prior²)``.
    """
    u_row = prior_ratio(row, column, layer.ratio_row, layer.v_exponent)
    u_column = prior_ratio(column, row, layer.ratio_column, layer.v_exponent)
    mean = int(u_column.sum()) // len(column)
    return (
        _pull_codes(row, 65536 - u_row, pull, count),
        _pull_codes(column, mean - u_column, pull, count),
    )


def prior_ratio(code: Int64, others: Int64, scale: tuple[int, int], v_exponent: int) -> Int64:
    """Return code · mean(others)/σ_prior² in Q.16, at most 2^24; ``scale`` has the mean's 1/n."""
    top = int(octave(others).max())
    total = int((top_bits(others, 16) >> np.minimum(top - octave(others), 31)).sum())
    up = 16 - bit_length(total)
    short = total << up if up >= 0 else total >> -up
    product = top_bits(code, 16) * (short * scale[0] >> 16)
    right = 42 - v_exponent - octave(code) - top + up + scale[1]
    kept: Int64 = np.where(right < 0, RATIO_MAX, product >> np.clip(right, 0, 32))
    return np.minimum(kept, RATIO_MAX)


def _pull_codes(code: Int64, missing: Int64, pull: int, count: Saturations) -> Int64:
    return step_factor(code, top_bits(code, 16) * pull * missing, np.int64(32), count)


def gauge(row: Int64, column: Int64, count: Saturations) -> tuple[Int64, Int64]:
    """Move an octave between rows and columns where the columns' left the middle.

    No product changes, unless a code meets its end.
    """
    octaves = int(octave(column).sum())
    move = 0
    if octaves >= GAUGE_HIGH * len(column):
        move = OCTAVE
    elif octaves < GAUGE_LOW * len(column):
        move = -OCTAVE
    if move:
        row, column = store_factor(row + move, count), store_factor(column - move, count)
    return row, column
