"""Factored variance in integers: the step of μ, its prior's pull, and the range it is held in.

C counterpart: ``kernel/q16``. Source: NUMBERS.md beside this file; the update of μ is that of
Bonnet et al., arXiv 2504.13569.
"""

from __future__ import annotations

import numpy as np

from quant.counters import Saturations
from quant.integers import Int64, bit_length, shift_round, shift_saturate
from quant.rules.mesu_factored.golden_codes import octave, top_bits
from quant.rules.mesu_factored.plan import MU_FRAC_BITS_MAX, FactoredLayerPlan, FactoredPlan
from quant.sampling.golden import MU_STEP_BITS, apply_gain, normalise
from quant.sampling.step import Scale, Step

#: μ gets a bit more or less room beyond 7/8 and below 3/8 of int16.
PEAK_HIGH, PEAK_LOW = 28672, 12288


def step_mu(
    x: Int64,
    frac_bits: int,
    mu: Int64,
    mu_frac_bits: int,
    delta: Int64,
    row: Int64,
    column: Int64,
    plan: FactoredPlan,
    gain: Scale,
    v_exponent: int,
    u_mu: Int64,
    first: bool,
    count: Saturations,
) -> Int64:
    """μ += ⌊-lr r_i c_j ⟨x_i δ_j⟩ + u⌋, with dither u in [0, 1); one shift a row."""
    if first:
        delta = delta.sum(axis=1, keepdims=True)
    short, up = normalise(delta, 15)
    top = int(octave(column).max())
    weight = top_bits(column, 16) >> np.minimum(top - octave(column) + 1, 31)
    g, exponent = apply_gain(short * weight[:, None], gain, 15 if first else 19)
    right = frac_bits + up - top + exponent - v_exponent - mu_frac_bits - octave(row)
    if first:
        w = -shift_round(x * top_bits(row, 16)[:, None], 8) * g.T
        right = right + 69
    else:
        spare = bit_length(plan.n_draws - 1)
        w = top_bits(row, 12)[:, None] * -shift_round(x @ g.T, spare)
        right = right + 73 - spare
    step, n = shift_saturate(w, right[:, None], MU_STEP_BITS)
    count.gradient += n
    return mu + (step + u_mu >> 16)


def pull_mu(
    mu: Int64,
    mu_frac_bits: int,
    row: Int64,
    column: Int64,
    plan: FactoredLayerPlan,
    at: Step,
    u_mu: Int64,
) -> Int64:
    """``sweep`` samples of the prior's pull on some rows: Δμ = r c (μ_prior - μ)/(N σ_prior²)."""
    prior = shift_round(np.int64(plan.mu_prior_q), MU_FRAC_BITS_MAX - mu_frac_bits)
    prior = np.clip(prior, -32768, 32767)
    top = int(octave(column).max())
    weight = top_bits(column, 16) >> np.minimum(top - octave(column) + 1, 31)
    gain = at.pull_gain(plan.gain_pull)
    strength = (top_bits(row, 16) * gain[0] >> 16)[:, None] * weight >> 16
    right = 25 - plan.v_exponent - octave(row) - top + gain[1]
    step = (prior - mu) * strength >> np.clip(right, 0, 31)[:, None]
    return mu + (step + u_mu >> 16)


def store_mu(mu: Int64) -> tuple[Int64, bool]:
    """Keep μ within int16; return it and whether any was held."""
    kept = np.clip(mu, -32768, 32767)
    return kept, bool((kept != mu).any())


def update_range(
    mu: Int64, mu_frac_bits: int, peak: int, cycle: bool, bits: Int64
) -> tuple[Int64, int, int]:
    """Give μ a bit more room where it nearly fills its range, a bit less where it is small.

    ``peak`` is the largest magnitude seen at the pulls of this cycle, ``bits`` dither of 0 or 1.
    Returns μ, its fraction bits and the peak to go on with.
    """
    if peak >= PEAK_HIGH and mu_frac_bits > 0:
        return (mu + bits) >> 1, mu_frac_bits - 1, 0 if cycle else peak >> 1
    if not cycle:
        return mu, mu_frac_bits, peak
    if peak < PEAK_LOW and mu_frac_bits < MU_FRAC_BITS_MAX and np.abs(mu).max() < PEAK_LOW:
        return mu << 1, mu_frac_bits + 1, 0
    return mu, mu_frac_bits, 0
