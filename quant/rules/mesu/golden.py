"""MESU in integers: the golden model, which the C kernel equals bit for bit.

μ is ``int16``; σ² is a mantissa of 14 bits with an exponent for every row. Float reference:
:mod:`streamlearn.rules.mesu.equations`; C counterpart: ``kernel/q16``. Here are the two passes; the
steps of a layer are in ``golden_steps``. Every format, shift and bound is in NUMBERS.md beside this
file; the names of the steps there are the names used here.

References
----------
Bonnet et al., arXiv 2504.13569, the MESU update; DESIGN of the estimator: local
reparameterisation (Kingma et al., arXiv 1506.02557), which at batch 1 is the conditional
expectation of the weight-sampling gradient given the pre-activations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.heads import HEADS
from quant.integers import (
    Int64,
    bit_length,
    clamp_count,
    clip,
    isqrt,
    shift_round,
    shift_round_each,
    shift_truncate,
)
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu.golden_steps import Weights, first_gradient, fit, later_gradient, pull
from quant.rules.mesu.plan import Plan
from quant.rules.mesu.variance import POINT, exponent_view
from quant.sampling.golden import (
    DELTA_MAX,
    SPREAD_MAX,
    Forward,
    block_inputs,
    centre_of,
    inverse_of,
    narrow_inputs,
    run_layers,
    run_mean,
)
from quant.sampling.plan import LayerPlan
from quant.sampling.step import Step, commit, look
from quant.spiking.golden import GATE_FRAC_BITS, VARIANCE_FRAC_BITS, VARIANCE_MAX, charge

PRODUCT_MAX = 1 << 43
RATIO_MAX = (1 << 24) - 1
#: Squares of the inputs: each has at most 15 bits, a draw's sum of them 17.
SQUARE_BITS = 15
POWER_BITS = 17
SQUARE_MORE_BITS = 8
#: Sums of magnitudes of what is blocked for the gradient by a layer's inputs.
LANE_BITS = 15
#: A sum of the draws of r has at most 30 bits.
RATIO_SUM_MAX = (1 << 30) - 1


def scaled_squares(xn: Int64, exponent: Int64) -> tuple[Int64, int]:
    """Return xn² 2^exponent of a layer as ``squares · 2^scale``, the scale odd.

    Parameters
    ----------
    xn : int64[rows, draws]
        At most 8 bits.
    exponent : int64[rows]

    Returns
    -------
    int64[rows, draws], int
    """
    active = xn.any(axis=1)
    most = int(exponent[active].max()) if active.any() else 1
    below = clip(most - exponent, 0, 31)[:, None]
    wide = xn * xn << SQUARE_MORE_BITS >> below
    each, total = int(wide.max()), int(wide.sum(axis=0).max())
    k = max(bit_length(each) - SQUARE_BITS, bit_length(total) - POWER_BITS)
    k += (k + most + 1) & 1
    return (wide >> k if k >= 0 else wide << -k), most + k - SQUARE_MORE_BITS


class Sums(NamedTuple):
    """A layer's sums: means in Q15.16, and a power whose root is a deviation in Q.half_exponent."""

    centre: Int64
    power: Int64
    half_exponent: int


def sums(x: Int64, frac_bits: int, was: Weights, plan: LayerPlan, count: Saturations) -> Sums:
    """Return ``x·μ`` and ``x²·σ²`` of a layer."""
    blocked, k_mean = block_inputs(x)
    xn, narrow = narrow_inputs(x)
    squares, scale = scaled_squares(xn, was.exponent)
    centre = centre_of(was.mu, blocked, frac_bits - k_mean + plan.mu_frac_bits - 16, count)
    return Sums(centre, was.rho.T @ squares, frac_bits - narrow - (scale - POINT >> 1))


def forward_layer(
    x: Int64, frac_bits: int, was: Weights, plan: LayerPlan, epsilon: Int64, count: Saturations
) -> tuple[Int64, Int64]:
    """One layer: sampled pre-activations (Q15.16) and the inverse of their deviation (Q.18).

    ``a = x·μ + ε √(x²·σ²)``, the local reparameterisation of papers' equation w = μ + σ ε.
    """
    found = sums(x, frac_bits, was, plan, count)
    root = shift_truncate(isqrt(found.power), found.half_exponent - 12)
    spread, n_spread = clamp_count(root, SPREAD_MAX)
    count.activation += n_spread
    inverse = np.broadcast_to(inverse_of(spread), epsilon.shape)
    return found.centre + (spread * epsilon + 8 >> 4), inverse


def forward(spec: NetworkSpec, plan: Plan, state: State, z_q: Any, count: Saturations) -> Forward:
    """Run all layers on one standardised input ``int64[n_features]`` in Q3.4, or what arrived."""
    result = Forward()

    def sample(layer: int, x: Int64, frac_bits: int, epsilon: Int64) -> tuple[Int64, Int64]:
        mine = _weights(spec, state, layer)
        return forward_layer(x, frac_bits, mine, plan.layers[layer], epsilon, count)

    def charged(layer: int, x: Int64, frac_bits: int) -> tuple[Int64, Int64]:
        found = sums(x, frac_bits, _weights(spec, state, layer), plan.layers[layer], count)
        right = 2 * found.half_exponent - VARIANCE_FRAC_BITS
        variance = clip(shift_truncate(found.power, right), 0, VARIANCE_MAX)
        return charge(spec, state, layer, found.centre, variance, result.fired, count)

    run_layers(spec, state, plan.n_draws, z_q, result, sample, charged)
    return result


def mean(spec: NetworkSpec, plan: Plan, state: State, z_q: Any, count: Saturations) -> Forward:
    """Run all layers with the mean weights."""
    result = Forward()
    mu_frac_bits = [layer.mu_frac_bits for layer in plan.layers]
    run_mean(spec, state, plan.n_draws, mu_frac_bits, z_q, result, count)
    return result


def ratio(delta: Int64, epsilon: Int64, inverse: Int64, count: Saturations) -> Int64:
    """δ ε / s in Q8.16: what the gradient by σ and the second term of ∂x share."""
    return _over(delta * epsilon, inverse, RATIO_MAX, count)


def ratio_sum(delta: Int64, epsilon: Int64, inverse: Int64, count: Saturations) -> Int64:
    """Σ δ ε / s over the draws in Q14.16, ``int64[columns]``: in layer 0 all have one s."""
    return _over((delta * epsilon).sum(axis=1), inverse[:, 0], RATIO_SUM_MAX, count)


def _over(product: Int64, inverse: Int64, limit: int, count: Saturations) -> Int64:
    clamped, n = clamp_count(shift_round(shift_round(product, 8) * inverse, 22), limit)
    count.gradient += n
    return clamped


def backward_inputs(
    x: Int64,
    frac_bits: int,
    delta: Int64,
    r: Int64,
    mu: Int64,
    rho: Int64,
    exponent: Int64,
    plan: LayerPlan,
    count: Saturations,
    gate: Int64 | None = None,
) -> Int64:
    """Gradient by a layer's inputs, masked by their ReLU, ``int64[rows, draws]`` in Q4.20.

    ``∂x_i = Σ_j δ_j μ_ij + x_i Σ_j (δ_j ε_j / s_j) σ²_ij``; of traces of spikes times their
    ``gate``, Q0.7.
    """
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - LANE_BITS)
    through_mean = mu @ shift_truncate(delta, k_delta)
    k_r = min(LANE_BITS - bit_length(int(np.abs(r).sum(axis=0).max())), 12)
    through_spread = rho @ shift_truncate(r, -k_r)
    right = (11 + frac_bits + k_r - exponent)[:, None]
    product = x * through_spread
    # far beyond the clamp of the gradient
    product = np.where(right < 0, clip(product, -PRODUCT_MAX, PRODUCT_MAX), product)
    gradient = shift_round(through_mean, plan.mu_frac_bits - k_delta)
    gradient = gradient + shift_round_each(product, right)
    passes = x > 0 if gate is None else gate > 0
    clamped, n = clamp_count(np.where(passes, gradient, 0), DELTA_MAX)
    count.gradient += n
    return clamped if gate is None else shift_round(clamped * gate, GATE_FRAC_BITS)


def _weights(spec: NetworkSpec, state: State, layer: int) -> Weights:
    mu, rho = (layer_view(spec, state, name, layer).astype(np.int64) for name in ("mu", "rho"))
    exponent = exponent_view(spec, state["rho_exponent"][0], layer).astype(np.int64)
    return Weights(mu, rho, exponent)


def _update_layer(
    spec: NetworkSpec,
    plan: Plan,
    at: Step,
    state: State,
    key: int,
    layer: int,
    forward_: Forward,
    delta: Int64,
    r: Int64,
    count: Saturations,
) -> None:
    """Apply the gradient, then the sweep of the prior, to one layer in place."""
    rows, columns = spec.shapes[layer]
    mine = plan.layers[layer]
    x, was = forward_.inputs[layer], _weights(spec, state, layer)
    if replaying(state):  # what a sample says of sigma is counted once
        r = np.zeros_like(r)
    gain_mu = at.gain(plan.gain_mu, forward_.inverse_spread[layer])
    column_words = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    row_words = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
    u = noise.dither(row_words, column_words)
    if layer == 0:
        mu, rho = first_gradient(was, x, delta, r, gain_mu, plan, key, u, count)
    else:
        mu, rho = later_gradient(
            was, layer, x, forward_.frac_bits[layer], delta, r, gain_mu, plan, u, count
        )
    rho, exponent = fit(rho, was.exponent, mine, count)

    first = sum(n for n, _ in spec.shapes[:layer])
    start = rows if replaying(state) else -(first + int(state["n_samples"][0])) % plan.sweep
    pulled = slice(start, rows, plan.sweep)
    if start < rows:
        pull_words = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)
        u = noise.dither(pull_words[pulled], column_words)
        mu[pulled], rho[pulled], exponent[pulled] = pull(
            mu[pulled], rho[pulled], exponent[pulled], plan, mine, at, u, count
        )
    layer_view(spec, state, "mu", layer)[:] = mu
    layer_view(spec, state, "rho", layer)[:] = rho
    exponent_view(spec, state["rho_exponent"][0], layer)[:] = exponent


def update(
    spec: NetworkSpec, plan: Plan, state: State, forward_: Forward, target: int, count: Saturations
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a target."""
    delta = HEADS[spec.head].verbs.output_gradient(forward_.outputs, target, count)
    key = noise.key_of(state)
    at, last = Step.of(plan.guard, state), len(spec.shapes) - 1
    slope = None
    if plan.guard is not None:
        slope = look(spec, state, forward_, delta, plan.layers[last].mu_frac_bits)
    for layer in range(last, -1, -1):
        over = ratio_sum if layer == 0 else ratio
        r = over(delta, forward_.epsilon[layer], forward_.inverse_spread[layer], count)
        previous = delta
        if layer > 0:
            units = slice(spec.layers[layer])  # without the bias
            mu, rho, exponent = (part[units] for part in _weights(spec, state, layer))
            x, frac_bits = forward_.inputs[layer][units], forward_.frac_bits[layer]
            gate = forward_.gate[layer - 1] if spec.leaks else None
            delta = backward_inputs(
                x, frac_bits, delta, r, mu, rho, exponent, plan.layers[layer], count, gate
            )
        _update_layer(spec, plan, at, state, key, layer, forward_, previous, r, count)
    if slope is not None:
        commit(spec, state, slope)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
