"""Factored variance in integers, the backward pass: gradients by the variances and by the inputs.

C counterpart: ``kernel/q16``. Source: NUMBERS.md beside this file; the gradients are those
of Bonnet et al., arXiv 2504.13569, under the factors of Louizos and Welling, arXiv 1603.04733.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quant.counters import Saturations
from quant.integers import (
    Int64,
    bit_length,
    clamp_count,
    shift_round,
    shift_round_each,
    shift_truncate,
)
from quant.rules.mesu_factored.golden_codes import Roots, column_roots, octave, top_bits
from quant.sampling.golden import DELTA_MAX


class Curvature(NamedTuple):
    """What the gradient by the variances comes to.

    Attributes
    ----------
    by_row : int64[draws]
        Σ_j c_j δ_j ε_j / s_j, which r_i x_i² multiplies; sum of magnitudes below 2^15. One entry
        in layer 0, whose input is the same in all draws.
    row_exponent : int
    by_column : int64[columns]
        Σ_s s_j δ_j ε_j minus its mean over the columns; magnitudes below 2^31.
    column_exponent : int
    """

    by_row: Int64
    row_exponent: int
    by_column: Int64
    column_exponent: int


def curvature(
    delta: Int64, epsilon: Int64, inputs: Roots, column: Int64, first: bool
) -> tuple[Int64, int, Curvature]:
    """Return δ with a sum of magnitudes below 2^16, its shift, and the curvature."""
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - 16)
    blocked = shift_truncate(delta, k_delta)
    noisy = shift_round(blocked * epsilon, 8)
    if first:
        noisy = noisy.sum(axis=1, keepdims=True)
    columns = column_roots(column)
    short, short_exponent = columns.block(drop=3)
    total = (noisy * short[:, None]).sum(axis=0)

    # Σ_j δ ε √c / √(Σ x² r), each draw with 15 or 16 bits, then all at one exponent.
    bits = np.array([bit_length(abs(int(t))) for t in total], np.int64)
    up = 31 - bits
    size = np.abs(total)
    size = np.where(up >= 0, size << np.maximum(up, 0), size >> np.maximum(-up, 0))
    quotient = np.where(inputs.root > 0, size // np.maximum(inputs.root, 1), 0)
    exponents = 20 - k_delta + short_exponent + up - inputs.exponent
    some = quotient > 0
    least = int(exponents[some].min()) if some.any() else 0
    quotient = quotient >> np.minimum(np.where(some, exponents - least, 0), 31)
    k_row = max(0, bit_length(int(quotient.sum())) - 15)
    by_row = np.where(total < 0, -1, 1) * (quotient >> k_row)

    full, full_exponent = inputs.block()
    whole, whole_exponent = columns.block()
    by_column = (noisy * full).sum(axis=1) * whole
    k_column = max(0, bit_length(int(np.abs(by_column).max())) - 30)
    by_column = shift_truncate(by_column, k_column)
    by_column = by_column - int(by_column.sum()) // len(by_column)
    exponent = 20 - k_delta + full_exponent + whole_exponent - k_column
    return blocked, k_delta, Curvature(by_row, least - k_row, by_column, exponent)


def backward_inputs(
    x: Int64,
    frac_bits: int,
    delta: Int64,
    k_delta: int,
    found: Curvature,
    mu: Int64,
    mu_frac_bits: int,
    row: Int64,
    v_exponent: int,
    count: Saturations,
) -> Int64:
    """Gradient by a layer's inputs, masked by their ReLU, ``int64[rows, draws]`` in Q4.20.

    ``∂x_i = Σ_j δ_j μ_ij + x_i r_i Σ_j c_j δ_j ε_j / s_j``.
    """
    through_mean = shift_round(mu @ delta, mu_frac_bits - k_delta)
    through_spread = x * (top_bits(row, 12)[:, None] * found.by_row >> 11)
    right = frac_bits + found.row_exponent + 8 - v_exponent - octave(row)
    gradient = through_mean + shift_round_each(through_spread, right[:, None])
    clamped, n = clamp_count(np.where(x > 0, gradient, 0), DELTA_MAX)
    count.gradient += n
    return clamped
