"""MESU with factored variance in integers: the golden model, which C equals bit for bit.

σ²_ij = r_i c_j: one factor per input, one per unit of a layer, as 32-bit codes; μ is ``int16``
in a format that follows the weights. Two bytes per synapse. The equations are those of
:mod:`streamlearn.rules.mesu_factored`. Here are the forward pass and the update of a whole learner,
which C has in ``kernel/q16``; their parts are in
``golden_codes``, ``_backward``, ``_factors`` and ``_mu``. Every format, shift and
bound is in the rule's NUMBERS.md; the names of the steps there are the names used here.

References
----------
Bonnet et al., arXiv 2504.13569: MESU. Louizos and Welling, arXiv 1603.04733: the matrix-variate
Gaussian with diagonal factors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.heads import HEADS
from quant.integers import Int64, clamp_count
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu_factored.golden_backward import Curvature, backward_inputs, curvature
from quant.rules.mesu_factored.golden_codes import (
    Roots,
    block_squares,
    column_roots,
    input_roots,
)
from quant.rules.mesu_factored.golden_factors import gauge, pull_factors, step_columns, step_rows
from quant.rules.mesu_factored.golden_mu import PEAK_HIGH, pull_mu, step_mu, store_mu, update_range
from quant.rules.mesu_factored.plan import FactoredPlan
from quant.rules.mesu_factored.state import factor_view
from quant.sampling.golden import (
    SPREAD_MAX,
    Forward,
    block_inputs,
    centre_of,
    narrow_inputs,
    run_layers,
    run_mean,
)
from quant.sampling.step import Step, commit, look, rescale_slow


@dataclass
class FactoredForward(Forward):
    """What the forward pass leaves; in addition √(Σ x² r) of each draw, one entry per layer."""

    input_roots: list[Roots] = field(default_factory=list)


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
    """One layer: pre-activations (Q15.16), the inverse of their deviation (Q.18), √(Σ x² r).

    ``a = x·μ + ε √(c Σ x² r)``.
    """
    blocked, k_mean = block_inputs(x)
    squares, k_square = block_squares(blocked)
    scale = 39 - v_exponent + 2 * (frac_bits - k_mean) + k_square
    inputs, columns = input_roots(squares, row, scale), column_roots(column)

    centre = centre_of(mu, blocked, frac_bits - k_mean + mu_frac_bits - 16, count)
    product = inputs.root * columns.root[:, None]
    right = inputs.exponent + columns.exponent[:, None] - 12
    wide = np.where(
        right < 0, np.where(product > 0, SPREAD_MAX + 1, 0), product >> np.clip(right, 0, 32)
    )
    spread, n_spread = clamp_count(wide, SPREAD_MAX)
    count.activation += n_spread
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    a = centre + (spread * epsilon + 8 >> 4)
    return a, np.broadcast_to(inverse, epsilon.shape), inputs


def forward(
    spec: NetworkSpec, plan: FactoredPlan, state: State, z_q: Int64, count: Saturations
) -> FactoredForward:
    """Run all layers on one standardised input ``int64[n_features]`` in Q3.4."""
    result = FactoredForward()

    def sample(layer: int, x: Int64, frac_bits: int, epsilon: Int64) -> tuple[Int64, Int64]:
        mu, row, column = (view.astype(np.int64) for view in _views(spec, state, layer))
        a, inverse, roots = forward_layer(
            x, frac_bits, mu, int(state["mu_frac_bits"][0, layer]), row, column,
            plan.layers[layer].v_exponent, epsilon, count,
        )  # fmt: skip
        result.input_roots.append(roots)
        return a, inverse

    run_layers(spec, state, plan.n_draws, z_q, result, sample)
    return result


def mean(
    spec: NetworkSpec, plan: FactoredPlan, state: State, z_q: Int64, count: Saturations
) -> FactoredForward:
    """Run all layers with the mean weights."""
    result = FactoredForward()
    mu_frac_bits = state["mu_frac_bits"][0].tolist()
    run_mean(spec, state, plan.n_draws, mu_frac_bits, z_q, result, count)
    return result


def _views(spec: NetworkSpec, state: State, layer: int) -> tuple[State, State, State]:
    return (
        layer_view(spec, state, "mu", layer),
        factor_view(spec, state, "row", layer),
        factor_view(spec, state, "column", layer),
    )


def _update_layer(
    spec: NetworkSpec,
    plan: FactoredPlan,
    at: Step,
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
        x, narrow = narrow_inputs(x)
        frac_bits -= narrow

    column_words = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    row_words = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
    gain = at.gain(plan.gain_mu, forward_.inverse_spread[layer])
    mu = step_mu(
        x, frac_bits, mu_view.astype(np.int64), mu_frac_bits, delta, row, column, plan, gain,
        mine.v_exponent, noise.dither(row_words, column_words)[0], layer == 0, count,
    )  # fmt: skip
    mu, clamped = store_mu(mu)

    first = sum(n for n, _ in spec.shapes[:layer])
    phase = (first + int(state["n_samples"][0])) & 0xFFFFFFFF
    pulled = slice(rows if replaying(state) else -phase % plan.sweep, rows, plan.sweep)
    pull_words = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)[pulled]
    peak = int(state["mu_peak"][0, layer])
    if len(pull_words):
        part = pull_mu(
            mu[pulled], mu_frac_bits, row[pulled], column, mine, at,
            noise.dither(pull_words, column_words)[0],
        )  # fmt: skip
        mu[pulled], more = store_mu(part)
        clamped = clamped or more
        peak = max(peak, int(np.abs(mu[pulled]).max()))
    peak = 32768 if clamped else peak
    count.mu += clamped

    if not replaying(state):  # what a sample says of sigma is counted once
        row = step_rows(row, x, frac_bits, found, mine, count)
        column = step_columns(column, found, mine, count)
    cycle = not replaying(state) and phase % plan.sweep == 0
    if cycle:
        row, column = pull_factors(row, column, at.pull_sigma(plan.pull_factor), mine, count)
    row_view[:], column_view[:] = gauge(row, column, count)

    bits = np.zeros((1, 1), np.int64)
    if peak >= PEAK_HIGH:
        range_words = noise.words(key, noise.STREAM_RANGE_ROW + layer, rows).astype(np.int64)
        bits = (range_words[:, None] ^ column_words) & 1
    mu_view[:], state["mu_frac_bits"][0, layer], state["mu_peak"][0, layer] = update_range(
        mu, mu_frac_bits, peak, cycle, bits
    )
    if plan.guard is not None and layer == len(spec.shapes) - 1:
        rescale_slow(state, int(state["mu_frac_bits"][0, layer]) - mu_frac_bits)


def update(
    spec: NetworkSpec,
    plan: FactoredPlan,
    state: State,
    forward_: FactoredForward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a target."""
    delta = HEADS[spec.head].verbs.output_gradient(forward_.outputs, target, count)
    key = noise.key_of(state)
    at, last = Step.of(plan.guard, state), len(spec.shapes) - 1
    slope = None
    if plan.guard is not None:
        slope = look(spec, state, forward_, delta, int(state["mu_frac_bits"][0, last]))
    for layer in range(last, -1, -1):
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
        _update_layer(spec, plan, at, state, key, layer, forward_, previous, found, count)
    if slope is not None:
        commit(spec, state, slope)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
