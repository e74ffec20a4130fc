"""MESU in integers: the steps of a layer, the gradient's and the prior's.

C counterpart: ``kernel/q16``, function for function. Every format, shift and bound is in
NUMBERS.md beside this file; the names of the steps there are the names used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.integers import (
    Int64,
    bit_length,
    bit_lengths,
    clip,
    shift_round,
    shift_round_each,
    shift_saturate,
)
from quant.rules.mesu.plan import Plan
from quant.rules.mesu.variance import least_exponent, most_exponent, narrowed, widened
from quant.sampling.golden import MU_STEP_BITS, apply_gain, narrow_inputs
from quant.sampling.plan import LayerPlan
from quant.sampling.step import Scale, Step

RHO_STEP_BITS = 30
#: What takes μ to the prior.
WHOLE_PULL = 1 << 44
LANE_MAX = (1 << 15) - 1
#: A row's factor has 14 bits, and eight more while it is decided whether the row is taken.
FACTOR_BITS = 14
FACTOR_MORE_BITS = 8
#: A factor below 2^(shift + this) is drawn: at most one LSB of μ then, 32 of ρ, 2^-9 of it.
DRAWN_MU, DRAWN_RHO = 1, 5
#: A drawn factor has at most this many bits.
DRAWN_BITS = 13
#: The remaining shift of a layer's step: what is less is more than μ has room for, or than σ² is
#: stepped by.
RIGHT_MAX, RIGHT_MIN_MU, RIGHT_MIN_RHO = 31, -3, -8
#: No factor of fewer bits than this is drawn.
THRESHOLD_MIN = 2


class Weights(NamedTuple):
    """A layer's state as the steps take it."""

    mu: Int64
    rho: Int64
    exponent: Int64


def rounded(a: Int64, b: Int64) -> Int64:
    """``a·b / 2^15``, rounding half up: what 16-bit lanes have one instruction for."""
    return a * b + (1 << 14) >> 15


def lanes(y: Int64, gain: tuple[int, int]) -> tuple[Int64, int]:
    """Return ``y · gain`` as 16-bit lanes, ``lanes · 2^-exponent``, the largest with 15 bits.

    Parameters
    ----------
    y : int64[columns]
        Below 2^31.
    gain : (int, int)
        Mantissa and exponent.
    """
    largest = bit_length(int(np.abs(y).max()))
    if largest == 0:
        return y, 0
    product = shift_round(y, largest - 15) * gain[0]
    drop = bit_length(int(np.abs(product).max())) - 15
    kept = clip(shift_round(product, drop), -LANE_MAX, LANE_MAX)
    return kept, 15 - largest + gain[1] - drop


@dataclass(frozen=True)
class Factors:
    """What a sample's rows multiply the columns' lanes with, and the shift that remains.

    Attributes
    ----------
    rows : int64[rows]
        Not negative; 0: the row does not move.
    right : int
        RIGHT_MIN to 12.
    """

    rows: Int64
    right: int


def factors(
    x: Int64,
    exponent: Int64,
    lanes_exponent: int,
    least: int,
    drawn: int,
    draw: Int64,
    count: Saturations,
) -> Factors:
    """Return a layer's factors: each row's own, or a larger one for a share of the rows.

    A row's step is ``rho · x · 2^exponent``; here x becomes a factor of 14 bits and what is left
    of the exponents one shift for all rows. A row whose steps are small against an LSB is taken
    for a share of the samples only, with steps that are larger by as much.

    Parameters
    ----------
    x : int64[rows]
        Magnitudes of the inputs, or their squares.
    exponent : int64[rows]
        Of σ².
    lanes_exponent : int
        The shift that remains where the largest factor has 14 bits, that factor's exponent not
        counted.
    least : int
        The shift is this or more.
    drawn : int
        A factor below 2^(shift + drawn) is drawn.
    draw : int64[rows]
        16 random bits for each row.
    count : Saturations
    """
    reach = bit_lengths(x) + exponent
    most = int(reach[x > 0].max())
    right = lanes_exponent - most
    if right < least:
        count.gradient += 1
    right = min(max(right, least), RIGHT_MAX)
    wide = shift_round_each(x, most - FACTOR_BITS - FACTOR_MORE_BITS - exponent)
    threshold = max(right + drawn, THRESHOLD_MIN)
    own = wide >= 1 << threshold + FACTOR_MORE_BITS
    share = (wide << FACTOR_MORE_BITS) >> threshold
    bits = min(threshold, DRAWN_BITS)
    rows = np.where(own, shift_round(wide, FACTOR_MORE_BITS), np.where(draw < share, 1 << bits, 0))
    return Factors(rows, right - (threshold - bits))


def step_mu_first(mu: Int64, rho: Int64, sign: Int64, f: Factors, g: Int64, u: Int64) -> Int64:
    """The gradient's step of μ in layer 0: μ - rho X G, rounded in 16-bit lanes.

    Parameters
    ----------
    mu, rho : int64[rows, columns]
    sign : int64[rows]
        Of the inputs.
    f : Factors
    g : int64[columns]
    u : int64[rows, columns]
        16 bits of dither.
    """
    h = rounded(rho, rounded((-sign * f.rows)[:, None], g))
    right = max(f.right, 1)
    step = (h + (u & (1 << right) - 1) >> right) << right - f.right
    return store_mu(mu + np.where(f.rows[:, None] > 0, step, 0))


def step_mu(mu: Int64, rho: Int64, w: Int64, right: Int64, u: Int64, count: Saturations) -> Int64:
    """The gradient's step of μ in a later layer: μ + rho w.

    Parameters
    ----------
    mu, rho, w, u : int64[rows, columns]
    right : int64[rows, 1]
    count : Saturations
    """
    step, n = shift_saturate(rho * w, right, MU_STEP_BITS)
    count.gradient += n
    return store_mu(mu + (step + u >> 16))


def step_rho(rho: Int64, y: Int64, right: Int64, u: Int64, count: Saturations) -> Int64:
    """The gradient's step of σ²: rho (1 + c/2)² where c, rho y, lies within -½ … 1.

    Parameters
    ----------
    rho, y, u : int64[rows, columns]
    right : int64[rows, 1]
    count : Saturations

    Returns
    -------
    int64[rows, columns]
        At most 2^15 - 1, to be narrowed.
    """
    curve, _ = shift_saturate(rho * rounded(rho, y), right, RHO_STEP_BITS)
    curve = curve + u >> 16
    d = clip(curve, -(rho >> 1), rho)
    count.gradient += int(np.count_nonzero(d != curve))
    stepped: Int64 = rho + d
    large = np.abs(d) << 6 > rho
    stepped[large] += d[large] ** 2 // (4 * rho[large])  # less than 1 elsewhere
    return np.minimum(stepped, LANE_MAX)


def first_gradient(
    was: Weights,
    x: Int64,
    delta: Int64,
    r_sum: Int64,
    gain_mu: Scale,
    plan: Plan,
    key: int,
    u: tuple[Int64, Int64],
    count: Saturations,
) -> tuple[Int64, Int64]:
    """The gradient's step of layer 0: of the rows whose factors are not 0."""
    mine = plan.layers[0]
    draw_mu, draw_rho = draws(key, len(x))
    mu, rho, z = was.mu, was.rho, np.abs(x[:, 0])
    g, exponent_g = lanes(delta.sum(axis=1), gain_mu)
    if g.any() and z.any():
        lasting = exponent_g + 23 - mine.mu_frac_bits
        f = factors(z, was.exponent, lasting, RIGHT_MIN_MU, DRAWN_MU, draw_mu, count)
        mu = step_mu_first(mu, rho, np.sign(x[:, 0]), f, g, u[0])
    q, exponent_q = lanes(r_sum, plan.gain_sigma)
    if q.any() and z.any():
        lasting = exponent_q + 10
        f = factors(z * z, was.exponent, lasting, RIGHT_MIN_RHO, DRAWN_RHO, draw_rho, count)
        y = rounded(-f.rows[:, None], q)
        stepped = step_rho(rho, y, np.array(f.right - 3), u[1], count)
        rho = np.where(f.rows[:, None] > 0, stepped, rho)
    return mu, rho


def later_gradient(
    was: Weights,
    layer: int,
    x: Int64,
    frac_bits: int,
    delta: Int64,
    r: Int64,
    gain_mu: Scale,
    plan: Plan,
    u: tuple[Int64, Int64],
    count: Saturations,
) -> tuple[Int64, Int64]:
    """The gradient's step of a later layer. A row whose input is 0 does not move: u < 2^16."""
    mine = plan.layers[layer]
    spare = bit_length(plan.n_draws - 1)
    xn, narrow = narrow_inputs(x)
    frac_bits -= narrow
    g, exponent_g = apply_gain(delta, gain_mu, 19)
    q, exponent_q = apply_gain(r, plan.gain_sigma, 20)
    squares = xn * xn
    e = np.maximum(bit_lengths(squares.max(axis=1)) - 8, 0)[:, None]
    exponent = was.exponent[:, None]
    w = -shift_round(xn @ g.T, spare + 2)
    y = -shift_round((squares >> e) @ q.T, spare + 1)
    right_mu = 17 + frac_bits + exponent_g - mine.mu_frac_bits - spare - exponent
    right_rho = 2 * frac_bits + exponent_q - e - spare - 1 - exponent
    mu = step_mu(was.mu, was.rho, w, right_mu, u[0], count)
    return mu, step_rho(was.rho, y, right_rho, u[1], count)


def store_mu(mu: Int64) -> Int64:
    """Clamp to 16 bits; what stands at an end is counted when the prior pulls it."""
    return clip(mu, -32768, 32767)


def fit(rho: Int64, exponent: Int64, layer: LayerPlan, count: Saturations) -> tuple[Int64, Int64]:
    """Narrow the rows that have grown."""
    rho, exponent, n = narrowed(rho, exponent, most_exponent(layer.v_exponent))
    count.rho += n
    return rho, exponent


def pull(
    mu: Int64,
    rho: Int64,
    exponent: Int64,
    plan: Plan,
    layer: LayerPlan,
    at: Step,
    u: tuple[Int64, Int64],
    count: Saturations,
) -> tuple[Int64, Int64, Int64]:
    """``sweep`` samples of the prior's pull on some rows, which leaves half of σ² or more.

    ``Δμ = v (μ_prior - μ) / (N σ_prior²)``, ``Δv = v (1 - v/σ_prior²) / N``.
    """
    count.mu += int(np.count_nonzero(np.abs(2 * mu + 1) == 65535))
    right = layer.ratio_exponent + layer.v_exponent + 3 - exponent
    ratio = rho * layer.ratio_mantissa >> np.minimum(right, 31)[:, None]
    share = np.minimum(ratio * at.pull_mu(plan.pull_mu), WHOLE_PULL)
    step = (layer.mu_prior_q - mu) * share >> 28
    curve = (rho * at.pull_sigma(plan.pull_rho) >> 12) * (65536 - ratio) >> 16
    curve = np.maximum(curve + u[1] >> 16, -(rho >> 1))
    new_mu = store_mu(mu + (step + u[0] >> 16))
    new_rho, exponent = fit(rho + curve, exponent, layer, count)
    return new_mu, *widened(new_rho, exponent, least_exponent(layer.v_exponent))


def draws(key: int, rows: int) -> tuple[Int64, Int64]:
    """Return 16 random bits for each row of layer 0: whether μ, whether ρ is stepped."""
    word = noise.words(key, noise.STREAM_RARE, rows).astype(np.int64)
    return word & 0xFFFF, word >> 16
