"""BiMU as equations in float64: the reference of the integer engines.

A weight is +1 with probability sigmoid(2λ). Its mean is tanh λ, its variance 1 - tanh² λ = sech² λ.

    a_j = Σ x_i tanh λ_ij + ε_j √(Σ x_i² sech² λ_ij),  h_j = sign(a_j)
    logit_k = logit_scale · a_k / |x|  (last layer)
    g = ∂L/∂λ = sech² λ_ij (δ_j x_i - tanh λ_ij x_i² δ_j ε_j / s_j),  mean over the draws
    Δλ = -lr g / (1 + caution (|g| + g tanh λ)) - λ sech² λ / N

δ is the gradient of -log softmax by the pre-activations. It is passed down through the units
inside the window |a_j| <= window · |x| (straight-through), where it is that by the pre-activation
over the norm of its input: so ``lr`` need not know the layer's size.

The paper's step is ``α (lr g + κ λ sech² λ / N)`` with ``α = 1/(κ sech² λ + 2 g tanh λ + 2 |g| +
1/lr_max)`` and a gradient times ``likelihood``. Here ``lr`` is its ``lr · lr_max · likelihood`` and
``caution`` its ``2 · lr_max · likelihood``. Differs from the paper: ``κ lr_max`` (0.009 there) is
left out beside 1; the prior pulls 1/sweep of the rows at each sample, sweep times as hard; the
pre-activations are sampled, not the weights; the norm of the input takes the place of LayerNorm,
and the sign that of the gate 1{|a| > 1}.
Counterparts: :mod:`quant.rules.bimu.golden` (integers), ``quant/rules/bimu/kernel``.

References
----------
arXiv 2605.30198 (ICML 2026): BiMU. Kingma et al., arXiv 1506.02557: local reparameterisation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.cuts import cut_reals, cut_values, cuts_of, n_inputs
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.bimu.config import BELIEF_MAX, BimuConfig
from quant.rules.bimu.state import belief_view
from streamlearn.heads import HEADS
from streamlearn.sampling import Float
from streamlearn.sampling import Forward as Sampled


@dataclass
class Forward(Sampled):
    """As of every rule that samples pre-activations, and two more entries per layer."""

    sums: list[Float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)


def forward(
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    z: Float,
    count: Saturations,
    draws: bool = True,
) -> Forward:
    """Sample the pre-activations of all layers on one input ``float64[n_features]``.

    Without draws their noise is 0.
    """
    key, result = noise.key_of(state), Forward()
    x = cut_reals(z, cut_values(cuts_of(spec, config.cuts)))[:, None]
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = np.vstack([x, np.ones(x.shape[1])])
        t = np.tanh(belief_view(spec, state, layer))
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws) / 256 * draws
        spread = np.sqrt((1 - t**2).T @ x[:, :1] ** 2)  # of every draw: later inputs are ±1
        a = t.T @ x + spread * epsilon
        result.inputs.append(x)
        result.epsilon.append(epsilon)
        result.spread.append(np.broadcast_to(spread, epsilon.shape))
        result.sums.append(a)
        result.norms.append(float(np.sqrt(x[:, 0] @ x[:, 0])))
        x = np.where(a < 0, -1.0, 1.0)
    size = result.norms[-1]
    result.outputs = a * (config.logit_scale / size if size else 0.0)
    return result


def mean(
    spec: NetworkSpec, config: BimuConfig, state: State, z: Float, count: Saturations
) -> Forward:
    """Run all layers with the mean weights."""
    return forward(spec, config, state, z, count, draws=False)


def update(
    spec: NetworkSpec,
    config: BimuConfig,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    delta = config.logit_scale * HEADS[spec.head].output_gradient(forward_.outputs, target, count)
    caution = config.caution_of(n_inputs(spec, cuts_of(spec, config.cuts)))
    first = sum(len(x) for x in forward_.inputs)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        belief, x = belief_view(spec, state, layer), forward_.inputs[layer]
        size, spread = forward_.norms[layer], forward_.spread[layer]
        ratio = np.divide(
            forward_.epsilon[layer], spread, out=np.zeros_like(delta), where=spread > 0
        )
        used, noisy, t = delta, delta * ratio, np.tanh(belief)
        if layer > 0:
            units = spec.layers[layer]
            below = t[:units] @ used + x[:units] * ((1 - t[:units] ** 2) @ noisy)
            limit = config.window * forward_.norms[layer - 1]
            delta = np.where(np.abs(forward_.sums[layer - 1]) <= limit, below / size, 0.0)
        if size:
            x_all = np.broadcast_to(x, (len(x), config.n_draws))
            through_mean = x_all @ used.T / (size * config.n_draws)
            through_spread = x_all**2 @ noisy.T / (size * config.n_draws)
            g = (1 - t**2) * (through_mean - t * through_spread)
            belief -= config.lr * g / (1 + caution * (np.abs(g) + g * t))
        first -= len(x)
        if not replaying(state):
            pulled = belief[-(first + int(state["n_samples"][0])) % config.sweep :: config.sweep]
            share = config.sweep / config.memory_window * (1 - np.tanh(pulled) ** 2)
            pulled *= 1 - np.minimum(share, 1.0)
        np.clip(belief, -BELIEF_MAX, BELIEF_MAX, out=belief)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
