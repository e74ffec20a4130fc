"""MESU with factored variance in integers: the golden model, which C equals bit for bit.

σ²_ij = r_i c_j: one factor an input, one a unit of a layer, as 32-bit codes; μ is ``int16`` in a
format that follows the weights. Two bytes a synapse. The equations are those of
:mod:`streamlearn.mesu_factored`; C twin: ``kernel/sl_factored_q16_*.h``. Every format, shift and
bound is in docs/numbers.md §10; the names of the steps there are the names used here.

References
----------
Bonnet et al., arXiv 2504.13569: MESU. Louizos and Welling, arXiv 1603.04733: the matrix-variate
Gaussian with diagonal factors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from quant import noise
from quant.factored_plan import (
    FACTOR_MANTISSA_BITS,
    FACTOR_MAX,
    MU_FRAC_BITS_MAX,
    FactoredLayerPlan,
    FactoredPlan,
)
from quant.factored_state import factor_view
from quant.integers import (
    Int64,
    bit_length,
    bit_lengths,
    clamp_count,
    isqrt,
    shift_round,
    shift_saturate,
    shift_truncate,
)
from quant.mesu_q16 import (
    DELTA_MAX,
    MU_STEP_BITS,
    PRE_ACTIVATION_MAX,
    SPREAD_MAX,
    Forward,
    Saturations,
    apply_gain,
    block_inputs,
    block_squares,
    normalise,
    output_gradient,
    rectify,
)
from quant.plan import INPUT_FRAC_BITS
from quant.spec import NetworkSpec
from quant.state import State, layer_view

OCTAVE = 1 << FACTOR_MANTISSA_BITS
#: Octaves of the columns' mean between which the gauge leaves it alone.
GAUGE_LOW, GAUGE_HIGH = 13, 18
#: r c / σ_prior² is taken for at most this, Q.16.
RATIO_MAX = 1 << 24
#: μ gets a bit more or less room beyond 7/8 and below 3/8 of int16.
PEAK_HIGH, PEAK_LOW = 28672, 12288


class Roots(NamedTuple):
    """Square roots, ``root · 2^-exponent``, roots of 16 bits whose highest is 1 (or 0).

    Attributes
    ----------
    root, exponent : int64[n]
    """

    root: Int64
    exponent: Int64

    def block(self, drop: int = 0) -> tuple[Int64, int]:
        """Return them at one exponent, the largest with ``16 - drop`` bits, and the exponent."""
        some = self.root > 0
        least = int(self.exponent[some].min()) if some.any() else 0
        down = np.minimum(np.where(some, self.exponent - least, 0) + drop, 31)
        return self.root >> down, least - drop


@dataclass
class FactoredForward(Forward):
    """What the forward pass leaves; in addition √(Σ x² r) of each draw, one entry a layer."""

    input_roots: list[Roots] = field(default_factory=list)


def top_bits(code: Int64, bits: int) -> Int64:
    """Return the mantissa of factors, cut to ``bits`` bits, the highest 1."""
    fraction = FACTOR_MANTISSA_BITS + 1 - bits
    return (code >> fraction & (1 << bits - 1) - 1) | 1 << bits - 1


def octave(code: Int64) -> Int64:
    """Return the octave of factors, 0 to 31."""
    return code >> FACTOR_MANTISSA_BITS


def column_roots(column: Int64) -> Roots:
    """√c of every column."""
    o = octave(column)
    return Roots(isqrt(top_bits(column, 28) << 4 - (o + 1 & 1)), (47 - o) >> 1)


def input_roots(squares: Int64, row: Int64, exponent: int) -> Roots:
    """√(Σ x² r) of every draw.

    ``squares`` is ``int64[rows, draws]``, of fewer than 20 bits a sum; ``exponent`` what they and
    r's format bring along.
    """
    o = octave(row)
    top = int(o.max())
    power = (top_bits(row, 12)[:, None] * squares >> (top - o)[:, None]).sum(axis=0)
    exponent -= top
    up = 32 - bit_lengths(power)
    up -= (exponent + up) & 1
    scaled = np.where(up >= 0, power << np.maximum(up, 0), power >> np.maximum(-up, 0))
    return Roots(isqrt(np.where(power == 0, 0, scaled)), (exponent + up) >> 1)


def forward_layer(
    x: Int64,
    frac_bits: int,
    mu: Int64,
    mu_frac_bits: int,
    row: Int64,
    column: Int64,
    v_exponent: int,
    epsilon: Int64,
    count: Saturations,
) -> tuple[Int64, Int64, Roots]:
    """One layer: pre-activations (Q15.16), the inverse of their spread (Q.18), √(Σ x² r).

    ``a = x·μ + ε √(c Σ x² r)``.
    """
    blocked, k_mean = block_inputs(x)
    squares, k_square = block_squares(blocked, 0)
    scale = 39 - v_exponent + 2 * (frac_bits - k_mean) + k_square
    inputs, columns = input_roots(squares, row, scale), column_roots(column)

    centre = shift_round(mu.T @ blocked, frac_bits - k_mean + mu_frac_bits - 16)
    centre, n_centre = clamp_count(centre, PRE_ACTIVATION_MAX)
    product = inputs.root * columns.root[:, None]
    right = inputs.exponent + columns.exponent[:, None] - 12
    wide = np.where(
        right < 0, np.where(product > 0, SPREAD_MAX + 1, 0), product >> np.clip(right, 0, 32)
    )
    spread, n_spread = clamp_count(wide, SPREAD_MAX)
    count.activation += n_centre + n_spread
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    a = centre + (spread * epsilon + 8 >> 4)
    return a, np.broadcast_to(inverse, epsilon.shape), inputs


def forward(
    spec: NetworkSpec, plan: FactoredPlan, state: State, z_q: Int64, count: Saturations
) -> FactoredForward:
    """Run all layers on one standardised input ``int64[n_features]`` in Q3.4."""
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    result = FactoredForward()
    x, frac_bits = z_q[:, None], INPUT_FRAC_BITS
    last = len(spec.shapes) - 1
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = np.concatenate([x, np.full((1, x.shape[1]), 1 << frac_bits, np.int64)])
        epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws)
        mu, row, column = _views(spec, state, layer)
        a, inverse, roots = forward_layer(
            x, frac_bits, mu.astype(np.int64), int(state["mu_frac_bits"][0, layer]),
            row.astype(np.int64), column.astype(np.int64), plan.layers[layer].v_exponent,
            epsilon, count,
        )  # fmt: skip
        result.inputs.append(x)
        result.frac_bits.append(frac_bits)
        result.epsilon.append(epsilon)
        result.inverse_spread.append(inverse)
        result.input_roots.append(roots)
        if layer == last:
            result.logits = a
        else:
            x, frac_bits = rectify(a)
    return result


def _views(spec: NetworkSpec, state: State, layer: int) -> tuple[State, State, State]:
    return (
        layer_view(spec, state, "mu", layer),
        factor_view(spec, state, "row", layer),
        factor_view(spec, state, "column", layer),
    )


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


def shift_round_each(x: Int64, right: Int64) -> Int64:
    """Element-wise :func:`quant.integers.shift_round`."""
    down = np.clip(right, 0, 62)
    half = np.where(down > 0, np.int64(1) << np.maximum(down - 1, 0), 0)
    return np.where(right <= 0, x << np.clip(-right, 0, 31), (x + half) >> down)


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
    row: Int64, column: Int64, plan: FactoredPlan, layer: FactoredLayerPlan, count: Saturations
) -> tuple[Int64, Int64]:
    """``sweep`` samples of the prior's pull on all factors.

    ``Δ ln r_i = (1 - r_i c̄/σ_prior²)/N``, ``Δ ln c_j = r̄ (c̄ - c_j)/(N σ_prior²)``.
    """
    u_row = _ratio(row, column, layer.ratio_row, layer.v_exponent)
    u_column = _ratio(column, row, layer.ratio_column, layer.v_exponent)
    mean = int(u_column.sum()) // len(column)
    return (
        _pull_codes(row, 65536 - u_row, plan.pull_factor, count),
        _pull_codes(column, mean - u_column, plan.pull_factor, count),
    )


def _ratio(code: Int64, others: Int64, scale: tuple[int, int], v_exponent: int) -> Int64:
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


def step_mu(
    x: Int64,
    frac_bits: int,
    mu: Int64,
    mu_frac_bits: int,
    delta: Int64,
    row: Int64,
    column: Int64,
    plan: FactoredPlan,
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
    g, exponent = apply_gain(short * weight[:, None], plan.gain_mu, 15 if first else 19)
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
    u_mu: Int64,
) -> Int64:
    """``sweep`` samples of the prior's pull on some rows: Δμ = r c (μ_prior - μ)/(N σ_prior²)."""
    prior = shift_round(np.int64(plan.mu_prior_q), MU_FRAC_BITS_MAX - mu_frac_bits)
    prior = np.clip(prior, -32768, 32767)
    top = int(octave(column).max())
    weight = top_bits(column, 16) >> np.minimum(top - octave(column) + 1, 31)
    strength = (top_bits(row, 16) * plan.gain_pull[0] >> 16)[:, None] * weight >> 16
    right = 25 - plan.v_exponent - octave(row) - top + plan.gain_pull[1]
    step = (prior - mu) * strength >> np.clip(right, 0, 31)[:, None]
    return mu + (step + u_mu >> 16)


def _store_mu(mu: Int64) -> tuple[Int64, bool]:
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


def _update_layer(
    spec: NetworkSpec,
    plan: FactoredPlan,
    state: State,
    key: int,
    layer: int,
    forward_: FactoredForward,
    delta: Int64,
    found: Curvature,
    count: Saturations,
) -> None:
    """Apply the gradient, then the prior, to one layer in place."""
    rows, columns = spec.shapes[layer]
    mu_view, row_view, column_view = _views(spec, state, layer)
    row, column = row_view.astype(np.int64), column_view.astype(np.int64)
    mu_frac_bits, mine = int(state["mu_frac_bits"][0, layer]), plan.layers[layer]
    x, frac_bits = forward_.inputs[layer], forward_.frac_bits[layer]
    if layer > 0:
        narrow = max(0, bit_length(int(x.max())) - 8)
        x = np.minimum(shift_round(x, narrow), 255)
        frac_bits -= narrow

    column_words = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    row_words = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
    mu = step_mu(
        x, frac_bits, mu_view.astype(np.int64), mu_frac_bits, delta, row, column, plan,
        mine.v_exponent, noise.dither(row_words, column_words)[0], layer == 0, count,
    )  # fmt: skip
    mu, clamped = _store_mu(mu)

    first = sum(n for n, _ in spec.shapes[:layer])
    phase = (first + int(state["n_samples"][0])) & 0xFFFFFFFF
    pulled = slice(-phase % plan.sweep, rows, plan.sweep)
    pull_words = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)[pulled]
    peak = int(state["mu_peak"][0, layer])
    if len(pull_words):
        part = pull_mu(
            mu[pulled], mu_frac_bits, row[pulled], column, mine,
            noise.dither(pull_words, column_words)[0],
        )  # fmt: skip
        mu[pulled], more = _store_mu(part)
        clamped = clamped or more
        peak = max(peak, int(np.abs(mu[pulled]).max()))
    peak = 32768 if clamped else peak
    count.mu += clamped

    row = step_rows(row, x, frac_bits, found, mine, count)
    column = step_columns(column, found, mine, count)
    cycle = phase % plan.sweep == 0
    if cycle:
        row, column = pull_factors(row, column, plan, mine, count)
    row_view[:], column_view[:] = gauge(row, column, count)

    bits = np.zeros((1, 1), np.int64)
    if peak >= PEAK_HIGH:
        range_words = noise.words(key, noise.STREAM_RANGE_ROW + layer, rows).astype(np.int64)
        bits = range_words[:, None] + column_words & 1
    mu_view[:], state["mu_frac_bits"][0, layer], state["mu_peak"][0, layer] = update_range(
        mu, mu_frac_bits, peak, cycle, bits
    )


def learn(
    spec: NetworkSpec,
    plan: FactoredPlan,
    state: State,
    forward_: FactoredForward,
    label: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    step(spec, plan, state, forward_, output_gradient(forward_.logits, label), count)


def step(
    spec: NetworkSpec,
    plan: FactoredPlan,
    state: State,
    forward_: FactoredForward,
    delta: Int64,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from the gradient by the outputs."""
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    for layer in range(len(spec.shapes) - 1, -1, -1):
        mu, row, column = (view.astype(np.int64) for view in _views(spec, state, layer))
        blocked, k_delta, found = curvature(
            delta, forward_.epsilon[layer], forward_.input_roots[layer], column, layer == 0
        )
        previous = delta
        if layer > 0:
            units = slice(spec.layers[layer])  # without the bias
            delta = backward_inputs(
                forward_.inputs[layer][units], forward_.frac_bits[layer], blocked, k_delta, found,
                mu[units], int(state["mu_frac_bits"][0, layer]), row[units],
                plan.layers[layer].v_exponent, count,
            )  # fmt: skip
        _update_layer(spec, plan, state, key, layer, forward_, previous, found, count)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
