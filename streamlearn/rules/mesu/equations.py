"""MESU as equations in float64: the reference that every other engine is compared with.

References
----------
Bonnet et al., "Bayesian continual learning and forgetting in neural networks", arXiv 2504.13569:
the update of μ and σ, the memory window N. The gradient is the local-reparameterisation estimate
(Kingma et al., arXiv 1506.02557), at batch 1 the conditional expectation of the authors'
weight-sampling gradient given the pre-activations: the same mean, less noise.

Differs from the authors' code: the prior pulls 1/sweep of the rows at each sample, sweep times as
hard (``sweep=1`` is the paper), from the values that the gradient's step left; one gradient's step
changes σ by -25 % to +50 % at most, and in a spiking network σ has an end. A sample that is learned
again (:mod:`quant.replay`) moves μ alone: its evidence about σ is counted, and the prior pulled.
Counterparts: :mod:`quant.rules.mesu.golden` (integers), ``quant/rules/mesu/kernel`` (C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import effective_sweep, variance_exponent
from streamlearn.adaptive_step import Step
from streamlearn.heads import HEADS
from streamlearn.sampling import Forward, run_layers

Float = npt.NDArray[np.float64]


def forward(
    spec: NetworkSpec, config: MesuConfig, state: State, z: Any, count: Saturations
) -> Forward:
    """Sample the pre-activations of all layers: ``a = x·μ + ε √(x²·σ²)``, ReLU between layers."""
    key, result = noise.key_of(state), Forward()

    def moments(layer: int, x: Float) -> tuple[Float, Float]:
        mu, sigma = (layer_view(spec, state, name, layer) for name in ("mu", "sigma"))
        return mu.T @ x, (sigma**2).T @ x**2

    def drawn(layer: int, units: int) -> Float:
        return noise.epsilon_q(key, layer, units, config.n_draws) / 256

    run_layers(spec, state, z, result, moments, drawn)
    return result


def update(
    spec: NetworkSpec,
    config: MesuConfig,
    state: State,
    forward_: Forward,
    target: float,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a target.

    With δ = ∂L/∂a and r = δ ε/s, and means over the draws:
    ``∂μ_ij = x_i δ_j``, ``∂σ_ij = σ_ij x_i² r_j``, ``∂x_i = Σ_j δ_j μ_ij + x_i Σ_j r_j σ²_ij``;
    ``Δμ = -lr_μ v ∂μ``, ``Δσ = -½ lr_σ v ∂σ``, and the prior's pull (see :func:`_pull`). How lr_μ
    and the pulls follow the stream: :mod:`streamlearn.adaptive_step`.
    """
    delta = HEADS[spec.head].output_gradient(forward_.outputs, target, count)
    sweep = effective_sweep(config)
    step = Step.of(spec, config, state, forward_, delta)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        mu = layer_view(spec, state, "mu", layer)
        sigma = layer_view(spec, state, "sigma", layer)
        x, spread = forward_.inputs[layer], forward_.spread[layer]
        r = np.divide(
            delta * forward_.epsilon[layer], spread, out=np.zeros_like(delta), where=spread > 0
        )
        below = delta
        if layer > 0:
            below = _below(spec, layer, forward_, mu @ delta + x * (sigma**2 @ r))
        x_all = np.broadcast_to(x, (x.shape[0], config.n_draws))
        g, q = x_all @ delta.T / config.n_draws, x_all**2 @ r.T / config.n_draws
        lr_sigma = 0.0 if replaying(state) else config.lr_sigma
        relative = np.clip(-lr_sigma * sigma**2 * q, -0.5, 1.0)
        mu -= step.lr_mu(config, spread) * sigma**2 * g
        sigma *= 1 + relative / 2

        first = sum(n for n, _ in spec.shapes[:layer])
        start = len(mu) if replaying(state) else -(first + int(state["n_samples"][0])) % sweep
        pulled = slice(start, len(mu), sweep)
        sigma_prior = config.sigma_prior_of(spec.layers[layer])
        _pull(mu[pulled], sigma[pulled], config, step, sigma_prior, sweep)
        if spec.leaks:
            _end(sigma, 2 ** (variance_exponent(spec.layers[layer], config) / 2), count)
        delta = below[: spec.layers[layer]]
    step.commit(spec, state)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF


def _end(sigma: Float, most: float, count: Saturations) -> None:
    """Cut σ where it ends in a spiking network: nothing else holds it there.

    A charge keeps the σ of then, so that a σ that grows makes no draw wider while its trace lasts.
    """
    count.rho += int(np.count_nonzero(sigma > most))
    np.minimum(sigma, most, out=sigma)


def _below(spec: NetworkSpec, layer: int, forward_: Forward, gradient: Float) -> Float:
    """Return the gradient by the pre-activations of the layer below: through ReLU, or spikes."""
    if spec.leaks:
        return gradient[: spec.layers[layer]] * forward_.gate[layer - 1]
    return np.where(forward_.inputs[layer] > 0, gradient, 0)


def _pull(
    mu: Float, sigma: Float, config: MesuConfig, step: Step, sigma_prior: float, sweep: int
) -> None:
    """``Δμ = v (μ_prior - μ)/(N σ_prior²)``, ``Δσ = ½ σ (σ_prior² - v)/(N σ_prior²)``, in place.

    A pull takes μ to the prior at most.
    """
    strength = sweep / (config.memory_window * sigma_prior**2)
    v = sigma**2
    mu += np.minimum(step.pull_mu(config) * strength * v, 1.0) * (config.mu_prior - mu)
    sigma += 0.5 * step.pull_sigma(config) * strength * sigma * (sigma_prior**2 - v)
