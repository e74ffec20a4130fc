"""Weights of few levels as equations in float64: the mean step, the reference of the integers.

A weight is w = 2v/steps - 1, of level v. A unit is active by how far its sum is above the others:

    a_j = Σ x_i w_ij,  h_j = max(0, (a_j - mean a)/deviation of a - threshold)
    logit_k = logit_scale · a_k / |x|  (last layer)
    δ = gradient of -log softmax by the logits, below it Σ_j w_ij δ_j / √columns where h_i > 0
    P_ij = min(1, lr · steps/2 · |δ_j x_i| / |x|) · exp(-m_ij |w_ij|),  m = consolidation · counter
    Δv_ij = -sign(δ_j x_i) · P_ij;  Δcounter = growth where both ends are active, - counter/window

A real step of P here is in the integers a step of one level with that probability. That is
probabilistic metaplasticity; this is what it does on average. Differs from the paper: values, not
spikes; the gradient is passed down by the weights themselves, not by random feedback; a step's
probability follows the size of the gradient, not whether an accumulated error is above a threshold;
the output's activity is the label; the counter may fade.
Counterparts: :mod:`quant.rules.multilevel.golden` (integers), ``quant/rules/multilevel/kernel``.

References
----------
Zohora et al., Probabilistic metaplasticity for continual learning with memristors in spiking
networks, arXiv 2403.08718, Scientific Reports 14 (2024). D'Agostino et al., arXiv 2306.12142.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.multilevel.config import COUNTER_MAX, MultilevelConfig
from quant.rules.multilevel.state import view
from streamlearn.heads import HEADS

Float = npt.NDArray[np.float64]
#: A unit gives this at most.
MOST = INPUT_MAX / (1 << INPUT_FRAC_BITS)


@dataclass
class Forward:
    """What the forward pass leaves for learning; one list entry per layer.

    Attributes
    ----------
    inputs : list of float64[rows]
    norms : list of float
    outputs : float64[classes, 1]
    """

    inputs: list[Float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    outputs: Float = field(default_factory=lambda: np.zeros((0, 0)))


def weights(spec: NetworkSpec, config: MultilevelConfig, state: State, layer: int) -> Float:
    """Return a layer's weights, within ±1."""
    found: Float = 2 * view(spec, state, "level", layer) / config.steps - 1
    return found


def activate(sums: Float, threshold: float) -> Float:
    """Return how far units are above the threshold, in deviations of their layer's sums."""
    apart = sums - sums.mean()
    deviation = float(np.sqrt(np.mean(apart**2)))
    if deviation:
        apart = apart / deviation
    found: Float = np.clip(apart - threshold, 0.0, MOST)
    return found


def forward(
    spec: NetworkSpec, config: MultilevelConfig, state: State, z: Float, count: Saturations
) -> Forward:
    """Run all layers on one input ``float64[n_features]``."""
    result, x, a = Forward(), z, z
    for layer in range(len(spec.shapes)):
        if layer:
            x = activate(a, config.threshold)
        if spec.bias:
            x = np.append(x, 1.0)
        some = np.flatnonzero(x)
        a = x[some] @ (2 * view(spec, state, "level", layer)[some] / config.steps - 1)
        result.inputs.append(x)
        result.norms.append(float(np.sqrt(x @ x)))
    size = result.norms[-1]
    result.outputs = (a * (config.logit_scale / size if size else 0.0))[:, None]
    return result


def update(
    spec: NetworkSpec,
    config: MultilevelConfig,
    state: State,
    forward_: Forward,
    target: int,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a label."""
    delta = HEADS[spec.head].output_gradient(forward_.outputs, target, count)[:, 0]
    post, n = np.arange(len(delta)) == target, int(state["n_samples"][0])
    first, last = sum(rows for rows, _ in spec.shapes), len(spec.shapes) - 1
    for layer in range(last, -1, -1):
        level, used = view(spec, state, "level", layer), view(spec, state, "used", layer)
        x, size, here = forward_.inputs[layer], forward_.norms[layer], delta
        first -= len(x)
        units = spec.layers[layer]
        lr = config.lr if layer == last else config.lr_hidden
        if layer or lr:
            w = weights(spec, config, state, layer)
        if layer:
            below = w[:units] @ here / np.sqrt(len(here))
            delta = np.where(x[:units] > 0, below, 0.0)
        if size and lr:
            g = lr * config.steps / 2 / size * np.outer(x, here)
            step = np.clip(g, -1, 1) * np.exp(-config.consolidation * used * np.abs(w))
            level[:] = np.clip(level - step, 0, config.steps)
        if not replaying(state):
            growth = config.growth if layer == last else config.growth_hidden
            if growth:
                both = np.outer(np.abs(x) >= config.active, post)
                used[:] = np.minimum(used + growth * both, COUNTER_MAX)
            used[-(first + n) % config.sweep :: config.sweep] *= 1 - min(
                config.sweep / config.memory_window, 1.0
            )
        post = x[:units] >= config.active
    state["n_samples"] = (n + 1) & 0xFFFFFFFF
