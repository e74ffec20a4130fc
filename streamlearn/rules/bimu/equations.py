"""BiMU as equations in float64: the reference of the engines in integers and in float32.

A weight is +1 with probability sigmoid(2λ), or it is relaxed: see :mod:`quant.rules.bimu.law` for
its mean m, its variance v, the slope m' and the lean l = -v'/(2 m'). Of a weight of ±1 they are
tanh λ, sech² λ, sech² λ and tanh λ.

    a_j = Σ x_i m_ij + ε_j √(Σ x_i² v_ij),  y_j = (a_j - mean a) / deviation of a
    h_j = 1{y_j > threshold}, or 1{|y_j| > threshold} of a gate with two sides
    logit_k = logit_scale · y_k  (last layer)
    g = ∂L/∂λ = m'_ij (δ_j x_i - l_ij x_i² δ_j ε_j / s_j),  mean over the draws
    Δλ = -lr g / (1 + caution (|g| + g m)) - λ sech² λ / N

Where hidden units spike, their y is a / (threshold √n) with n inputs, the charge of a membrane
(:mod:`streamlearn.spiking`), and that of the outputs a / √n; inputs are traces, and δ is passed
down times a spike's derivative.

Mean and deviation of a layer's a are over its units and the draws together. δ is the gradient of
-log softmax by a. It is passed down through the gates that are within ``window`` of their
threshold, with the slope 1, or the sign of y if the gate has two sides. Of the gradient by the
deviation the last layer takes the share ``radial``, and no gradient goes through a mean or a
hidden layer's deviation.

The paper's step is ``α (lr g + κ λ sech² λ / N)`` with ``α = 1/(κ sech² λ + 2 g tanh λ + 2 |g| +
1/lr_max)`` and a gradient times ``likelihood``. Here ``lr`` is its ``lr · lr_max · likelihood`` and
``caution`` its ``2 · lr_max · likelihood``. Differs from the paper: ``κ lr_max`` (0.009 there) is
left out beside 1; relaxed weights are in predictions, too, and their mean is in the place of tanh λ
of the step; the prior pulls 1/sweep of the rows at each sample, sweep times as hard; the
pre-activations are sampled, not the weights; LayerNorm is over the draws, too, and its backward
pass is as above. The paper has gates with two sides, the threshold 1, the window ½ and ``radial``
1, and relaxed weights. ``settle`` and ``gather`` are about rounding, of which there is none here.
Counterparts: :mod:`quant.rules.bimu.golden` (integers), ``quant/rules/bimu/kernel``.

References
----------
arXiv 2605.30198 (ICML 2026): BiMU. Kingma et al., arXiv 1506.02557: local reparameterisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from quant import noise
from quant.counters import Saturations
from quant.cuts import cut_reals, cut_values, cuts_of, n_inputs
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.bimu.config import BELIEF_MAX, BimuConfig
from quant.rules.bimu.law import law_of
from quant.rules.bimu.state import belief_view
from streamlearn.heads import HEADS
from streamlearn.sampling import Float
from streamlearn.sampling import Forward as Sampled
from streamlearn.spiking import fire_sums


@dataclass
class Forward(Sampled):
    """As of every rule that samples pre-activations, and more for each layer.

    Attributes
    ----------
    sums : list of float64[columns, draws]
        Normalised.
    sizes : list of float
        Their deviation before.
    """

    sums: list[Float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)


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
        law = law_of(belief_view(spec, state, layer), config.relaxed)
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws) / 256 * draws
        spread = np.sqrt(law.variance.T @ x**2)
        a = law.mean.T @ x + spread * epsilon
        last = layer + 1 == len(spec.shapes)
        size, y = _normalised(a)
        if spec.leaks:
            size = math.sqrt(len(x)) * (1.0 if last else config.threshold)
            y = a / size
        result.inputs.append(x)
        result.epsilon.append(epsilon)
        result.spread.append(np.broadcast_to(spread, epsilon.shape))
        result.sums.append(y)
        result.sizes.append(size)
        if spec.leaks and not last:
            x, gate = fire_sums(spec, state, layer, y, result.fired)
            result.gate.append(gate)
        elif not spec.leaks:
            x = (_distance(config, y) > config.threshold).astype(np.float64)
    result.outputs = config.logit_scale * y
    return result


def _normalised(a: Float) -> tuple[float, Float]:
    """Return the deviation of a layer's sums, and the sums in it, less their mean."""
    size = float(a.std())
    return size, (a - a.mean()) / size if size else np.zeros_like(a)


def _slopes(config: BimuConfig, forward_: Forward, layer: int) -> Float:
    """Return the derivative of a hidden layer's units by their normalised sums."""
    if forward_.gate:
        return forward_.gate[layer]
    y = forward_.sums[layer]
    near = np.abs(_distance(config, y) - config.threshold) < config.window
    slope: Float = np.where(near, np.sign(y) if config.sides == 2 else 1.0, 0.0)
    return slope


def _distance(config: BimuConfig, y: Float) -> Float:
    """Return what a gate compares with its threshold."""
    return np.abs(y) if config.sides == 2 else y


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
    y = forward_.sums[-1]
    delta = delta - y * (config.radial * float((delta * y).mean()))
    caution = config.caution_of(n_inputs(spec, cuts_of(spec, config.cuts)))
    first = sum(len(x) for x in forward_.inputs)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        belief, x = belief_view(spec, state, layer), forward_.inputs[layer]
        size, spread = forward_.sizes[layer], forward_.spread[layer]
        ratio = np.divide(
            forward_.epsilon[layer], spread, out=np.zeros_like(delta), where=spread > 0
        )
        used, noisy, law = delta, delta * ratio, law_of(belief, config.relaxed)
        if layer > 0:
            units = spec.layers[layer]
            below = law.mean[:units] @ used + x[:units] * (law.variance[:units] @ noisy)
            slope = _slopes(config, forward_, layer - 1)
            delta = slope * below / size if size else np.zeros_like(slope)
        if size:
            x_all = np.broadcast_to(x, (len(x), config.n_draws))
            through_mean = x_all @ used.T / (size * config.n_draws)
            through_spread = x_all**2 @ noisy.T / (size * config.n_draws)
            g = law.slope * (through_mean - law.lean * through_spread)
            belief -= config.lr * g / (1 + caution * (np.abs(g) + g * law.mean))
        first -= len(x)
        if not replaying(state):
            pulled = belief[-(first + int(state["n_samples"][0])) % config.sweep :: config.sweep]
            share = config.sweep / config.memory_window * (1 - np.tanh(pulled) ** 2)
            pulled *= 1 - np.minimum(share, 1.0)
        np.clip(belief, -BELIEF_MAX, BELIEF_MAX, out=belief)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF
