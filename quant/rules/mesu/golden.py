"""MESU in integers: the golden model, which the C kernel equals bit for bit.

μ is ``int16``; σ² is a 16-bit unsigned floating-point number (5 bits of exponent, 11 of mantissa)
whose *code* ρ is updated by addition, so that it can never become negative and every octave has
2048 steps. Float reference: :mod:`streamlearn.rules.mesu.equations`; C counterpart:
``kernel/q16``. Every format, shift and bound is in NUMBERS.md beside this file; the names of the
steps there are the names used here.

References
----------
Bonnet et al., arXiv 2504.13569, the MESU update; DESIGN of the estimator: local
reparameterisation (Kingma et al., arXiv 1506.02557), which at batch 1 is the conditional
expectation of the weight-sampling gradient given the pre-activations.
"""

from __future__ import annotations

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.heads import HEADS
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
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu.plan import Plan
from quant.sampling.golden import (
    DELTA_MAX,
    MU_STEP_BITS,
    PRE_ACTIVATION_MAX,
    SPREAD_MAX,
    Forward,
    apply_gain,
    block_inputs,
    block_squares,
    run_layers,
)
from quant.sampling.plan import LayerPlan
from quant.sampling.step import Step, commit, look

PRODUCT_MAX = 1 << 43
RATIO_MAX = (1 << 24) - 1
RHO_STEP_BITS = 28
#: What takes μ to the prior.
WHOLE_PULL = 1 << 44


def _decode(rho: Int64) -> tuple[Int64, Int64]:
    """Return the mantissa (12 bits) and the octave (5 bits) of σ² codes."""
    return (rho & 2047) | 2048, rho >> 11


def forward_layer(
    x: Int64,
    frac_bits: int,
    mu: Int64,
    rho: Int64,
    plan: LayerPlan,
    epsilon: Int64,
    count: Saturations,
) -> tuple[Int64, Int64]:
    """One layer: sampled pre-activations (Q15.16) and the inverse of their deviation (Q.18).

    ``a = x·μ + ε √(x²·σ²)``, the local reparameterisation of papers' equation w = μ + σ ε.
    """
    blocked, k_mean = block_inputs(x)
    parity = (12 - plan.v_exponent) & 1
    squares, k_square = block_squares(blocked, parity)
    mantissa, octave = _decode(rho)

    mean = mu.T @ blocked
    power = np.stack(
        [(mantissa * squares[:, s, None] >> 31 - octave).sum(axis=0) for s in range(x.shape[1])],
        axis=1,
    )
    centre = shift_round(mean, frac_bits - k_mean + plan.mu_frac_bits - 16)
    centre, n_centre = clamp_count(centre, PRE_ACTIVATION_MAX)
    half_exponent = (12 - plan.v_exponent + 2 * (frac_bits - k_mean) + k_square) >> 1
    spread, n_spread = clamp_count(shift_truncate(isqrt(power), half_exponent - 12), SPREAD_MAX)
    count.activation += n_centre + n_spread
    inverse = np.where(spread == 0, 0, (1 << 30) // np.maximum(spread, 1))
    return centre + (spread * epsilon + 8 >> 4), np.broadcast_to(inverse, epsilon.shape)


def forward(spec: NetworkSpec, plan: Plan, state: State, z_q: Int64, count: Saturations) -> Forward:
    """Run all layers on one standardised input ``int64[n_features]`` in Q3.4."""

    def sample(layer: int, x: Int64, frac_bits: int, epsilon: Int64) -> tuple[Int64, Int64]:
        mu = layer_view(spec, state, "mu", layer).astype(np.int64)
        rho = layer_view(spec, state, "rho", layer).astype(np.int64)
        return forward_layer(x, frac_bits, mu, rho, plan.layers[layer], epsilon, count)

    result = Forward()
    run_layers(spec, state, plan.n_draws, z_q, result, sample)
    return result


def ratio(delta: Int64, epsilon: Int64, inverse: Int64, count: Saturations) -> Int64:
    """δ ε / s in Q8.16: what the gradient by σ and the second term of ∂x share."""
    product = shift_round(shift_round(delta * epsilon, 8) * inverse, 22)
    clamped, n = clamp_count(product, RATIO_MAX)
    count.gradient += n
    return clamped


def backward_inputs(
    x: Int64,
    frac_bits: int,
    delta: Int64,
    r: Int64,
    mu: Int64,
    rho: Int64,
    plan: LayerPlan,
    count: Saturations,
) -> Int64:
    """Gradient by a layer's inputs, masked by their ReLU, ``int64[rows, draws]`` in Q4.20.

    ``∂x_i = Σ_j δ_j μ_ij + x_i Σ_j (δ_j ε_j / s_j) σ²_ij``.
    """
    k_delta = max(0, bit_length(int(np.abs(delta).sum(axis=0).max())) - 16)
    through_mean = mu @ shift_truncate(delta, k_delta)
    k_r = 19 - bit_length(int(np.abs(r).sum(axis=0).max()))
    k_r = min(k_r, 12)
    blocked = shift_truncate(r, -k_r)
    mantissa, octave = _decode(rho)
    through_spread = np.stack(
        [(mantissa * blocked[:, s] >> 31 - octave).sum(axis=1) for s in range(x.shape[1])], axis=1
    )
    product, right = x * through_spread, 8 + frac_bits + k_r - plan.v_exponent
    if right < 0:
        product, _ = clamp_count(product, PRODUCT_MAX)  # far beyond the clamp of the gradient
    gradient = shift_round(through_mean, plan.mu_frac_bits - k_delta) + shift_round(product, right)
    clamped, n = clamp_count(np.where(x > 0, gradient, 0), DELTA_MAX)
    count.gradient += n
    return clamped


def step_weights(
    mu: Int64,
    rho: Int64,
    w: Int64,
    y: Int64,
    shift_mu: int,
    shift_rho: Int64,
    u_mu: Int64,
    u_rho: Int64,
    count: Saturations,
) -> tuple[Int64, Int64]:
    """The gradient's step on a matrix: μ += ⌊v w + u⌋, ρ += ⌊m v y + u⌋, with dither u in [0, 1).

    All arrays are ``int64[rows, columns]``; ``shift_rho`` is ``int64[rows, 1]``. A row whose
    input was zero has w = y = 0 and does not move: the C kernel skips it.
    """
    mantissa, octave = _decode(rho)
    step, n_step = shift_saturate(mantissa * w, shift_mu - octave, MU_STEP_BITS)
    curve, _ = shift_saturate((mantissa * mantissa >> 12) * y, shift_rho - octave, RHO_STEP_BITS)
    curve = curve + u_rho >> 16
    kept = np.clip(curve, -(mantissa >> 1), mantissa)
    count.gradient += n_step + int(np.count_nonzero(kept != curve))
    return _store(mu + (step + u_mu >> 16), moved(rho, mantissa, kept), count)


def moved(rho: Int64, mantissa: Int64, step: Int64) -> Int64:
    """Return the code of σ²·(1 + step/mantissa), for a step within -mantissa/2 … mantissa.

    Past an octave's end the rest of the step counts twice (below) or half (above, rounded up).
    """
    new = mantissa + step
    code: Int64 = rho + step + np.minimum(new, 2048) - (np.maximum(new, 4096) >> 1)
    return code


def _store(mu: Int64, rho: Int64, count: Saturations) -> tuple[Int64, Int64]:
    kept_mu, kept_rho = np.clip(mu, -32768, 32767), np.clip(rho, 0, 65535)
    count.mu += int(np.count_nonzero(kept_mu != mu))
    count.rho += int(np.count_nonzero(kept_rho != rho))
    return kept_mu, kept_rho


def pull(
    mu: Int64,
    rho: Int64,
    plan: Plan,
    layer: LayerPlan,
    at: Step,
    u_mu: Int64,
    u_rho: Int64,
    count: Saturations,
) -> tuple[Int64, Int64]:
    """``sweep`` samples of the prior's pull on some rows, which leaves half of σ² or more.

    ``Δμ = v (μ_prior - μ) / (N σ_prior²)``, ``Δρ = m (1 - v/σ_prior²) / N``.
    """
    mantissa, octave = _decode(rho)
    u = mantissa * layer.ratio_mantissa >> np.minimum(31 - octave + layer.ratio_exponent, 31)
    share = np.minimum(u * at.pull_mu(plan.pull_mu), WHOLE_PULL)
    step = (layer.mu_prior_q - mu) * share >> 28
    curve = (mantissa * at.pull_sigma(plan.pull_rho) >> 12) * (65536 - u) >> 16
    curve = np.maximum(curve + u_rho >> 16, -(mantissa >> 1))
    return _store(mu + (step + u_mu >> 16), moved(rho, mantissa, curve), count)


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
    mu_view = layer_view(spec, state, "mu", layer)
    rho_view = layer_view(spec, state, "rho", layer)
    layer_plan = plan.layers[layer]
    x, frac_bits = forward_.inputs[layer], forward_.frac_bits[layer]
    if replaying(state):  # what a sample says of sigma is counted once
        r = np.zeros_like(r)
    if layer == 0:
        delta, r = delta.sum(axis=1, keepdims=True), r.sum(axis=1, keepdims=True)
        spare = 0
    else:
        narrow = max(0, bit_length(int(x.max())) - 8)
        x = np.minimum(shift_round(x, narrow), 255)
        frac_bits -= narrow
        spare = bit_length(plan.n_draws - 1)
    gain_mu = at.gain(plan.gain_mu, forward_.inverse_spread[layer])
    g, exponent_g = apply_gain(delta, gain_mu, 19)
    q, exponent_q = apply_gain(r, plan.gain_sigma, 20)
    squares = x * x
    e = np.maximum(bit_lengths(squares.max(axis=1)) - 8, 0)[:, None]
    shift_mu = 47 - layer_plan.v_exponent - layer_plan.mu_frac_bits + frac_bits - spare
    shift_rho = 31 - layer_plan.v_exponent + 2 * frac_bits - spare

    column_words = noise.words(key, noise.STREAM_COLUMN + layer, columns).astype(np.int64)
    row_words = noise.words(key, noise.STREAM_ROW + layer, rows).astype(np.int64)
    mu, rho = step_weights(
        mu_view.astype(np.int64), rho_view.astype(np.int64),
        -shift_round(x @ g.T, spare), -shift_round((squares >> e) @ q.T, spare),
        shift_mu + exponent_g, shift_rho + exponent_q - e,
        *noise.dither(row_words, column_words), count,
    )  # fmt: skip

    first = sum(n for n, _ in spec.shapes[:layer])
    start = rows if replaying(state) else -(first + int(state["n_samples"][0])) % plan.sweep
    pulled = slice(start, rows, plan.sweep)
    pull_words = noise.words(key, noise.STREAM_PULL_ROW + layer, rows).astype(np.int64)[pulled]
    mu[pulled], rho[pulled] = pull(
        mu[pulled], rho[pulled], plan, layer_plan, at,
        *noise.dither(pull_words, column_words), count,
    )  # fmt: skip
    mu_view[:], rho_view[:] = mu, rho


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
        r = ratio(delta, forward_.epsilon[layer], forward_.inverse_spread[layer], count)
        previous = delta
        if layer > 0:
            units = slice(spec.layers[layer])  # without the bias
            mu = layer_view(spec, state, "mu", layer)[units].astype(np.int64)
            rho = layer_view(spec, state, "rho", layer)[units].astype(np.int64)
            x = forward_.inputs[layer][units]
            frac_bits = forward_.frac_bits[layer]
            delta = backward_inputs(x, frac_bits, delta, r, mu, rho, plan.layers[layer], count)
        _update_layer(spec, plan, at, state, key, layer, forward_, previous, r, count)
    if slope is not None:
        commit(spec, state, slope)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
