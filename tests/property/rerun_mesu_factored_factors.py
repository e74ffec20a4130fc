"""The steps of the factors of MESU with factored variance, run again and held to their bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from limits_mesu_factored import BOUNDS

from quant.counters import Saturations
from quant.integers import bit_length, shift_round, shift_round_each
from quant.rules.mesu_factored.golden_codes import OCTAVE, octave, top_bits
from quant.rules.mesu_factored.golden_factors import (
    gauge,
    prior_ratio,
    step_columns,
    step_factor,
    step_rows,
)
from quant.rules.mesu_factored.plan import FACTOR_MAX, FactoredPlan

hold = BOUNDS.hold


def check_step(code: np.ndarray, product: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A factor's step, before it is stored; in Python's integers where it may need 64 bits."""
    left = np.broadcast_to(np.clip(-right, 0, 16), product.shape)
    for n in np.unique(left):
        hold("step_before_shift", int(np.abs(product[left == n]).max()) << int(n))
    step = shift_round_each(product, np.maximum(right, -16))
    mantissa = top_bits(code, 28)
    step = np.clip(step, -(mantissa >> 1), mantissa)
    # v·(1 + step/mantissa), octave by octave.
    new = mantissa + step
    octaves = octave(code) + (new >= 2 * OCTAVE) - (new < OCTAVE)
    inside = np.where(new < OCTAVE, 2 * new, np.where(new >= 2 * OCTAVE, new >> 1, new))
    moved = octaves * OCTAVE + inside - OCTAVE
    hold("code_before_store", moved)
    np.testing.assert_array_equal(
        step_factor(code, product, right, Saturations()), np.clip(moved, 0, FACTOR_MAX)
    )
    kept: np.ndarray = np.clip(moved, 0, FACTOR_MAX)
    return kept


def check_factors(
    x: np.ndarray, frac_bits: int, found: Any, row: np.ndarray, column: np.ndarray,
    plan: FactoredPlan, layer: int, pull: int,
) -> None:  # fmt: skip
    """The factors' steps, their pulls and the gauge, every intermediate held."""
    mine = plan.layers[layer]
    hold("row_gain_product", found.by_row * mine.gain_row[0])
    by_row = shift_round(found.by_row * mine.gain_row[0], 15)
    y = x * x @ by_row
    hold("row_curvature", np.cumsum(x * x * np.abs(by_row), axis=1))
    mantissa = top_bits(row, 16)
    product = -((mantissa * mantissa >> 16) * y)
    hold("row_step", product)
    right = 2 * frac_bits + found.row_exponent + mine.gain_row[1] - mine.v_exponent - octave(row)
    np.testing.assert_array_equal(
        check_step(row, product, right), step_rows(row, x, frac_bits, found, mine, Saturations())
    )
    hold("column_gain_product", found.by_column * mine.gain_column[0])
    by_column = shift_round(found.by_column * mine.gain_column[0], 15)
    product = -(top_bits(column, 16) * by_column)
    hold("column_step", product)
    right = np.int64(found.column_exponent + mine.gain_column[1] - 27)
    np.testing.assert_array_equal(
        check_step(column, product, right), step_columns(column, found, mine, Saturations())
    )
    for code, others, ratio in ((row, column, mine.ratio_row), (column, row, mine.ratio_column)):
        top = int(octave(others).max())
        total = int((top_bits(others, 16) >> np.minimum(top - octave(others), 31)).sum())
        hold("factor_sum", total)
        up = 16 - bit_length(total)
        short = total << up if up >= 0 else total >> -up
        hold("prior_ratio_product", short * ratio[0])
        hold("prior_ratio_product", top_bits(code, 16) * (short * ratio[0] >> 16))
        u = prior_ratio(code, others, ratio, mine.v_exponent)
        hold("factor_ratio", u)
        missing = 65536 - u
        if code is column:
            hold("ratio_sum", int(u.sum()))
            missing = int(u.sum()) // len(u) - u
        pulled = top_bits(code, 16) * pull * missing
        hold("pull_of_code", pulled)
        check_step(code, pulled, np.int64(32))
    for move in (-OCTAVE, OCTAVE):
        hold("code_before_store", row + move)
        hold("code_before_store", column + move)
    for new, old in zip(gauge(row, column, Saturations()), (row, column), strict=True):
        allowed = [np.clip(old + move, 0, FACTOR_MAX) for move in (-OCTAVE, 0, OCTAVE)]
        assert any(np.array_equal(new, other) for other in allowed)
