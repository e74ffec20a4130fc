"""MESU with factored variance in float64: σ²_ij = r_i c_j, one factor per input and per unit.

The posterior of a layer is a matrix-variate Gaussian with diagonal factors, so that a layer needs
``rows + columns`` numbers for its variances instead of ``rows · columns``. MESU's step of
ln σ²_ij, ``-lr_σ σ_ij ∂σ_ij = -lr_σ σ²_ij x_i² ⟨δ_j ε_j/s_j⟩`` (twice Δσ/σ), is projected on what
such a product can follow: least squares over the layer gives each row the mean of its steps, each
column the mean of its own minus the mean of all (the split of that mean between rows and columns
changes no product).

With δ = ∂L/∂a, s = √(c_j P), P = Σ_i x_i² r_i, and means ⟨⟩ over the draws::

    a        = x·μ + ε √(c P)
    ∂x_i     = Σ_j δ_j μ_ij + x_i r_i T,              T = Σ_j c_j δ_j ε_j / s_j
    Δμ_ij    = -lr_μ r_i c_j ⟨x_i δ_j⟩
    Δ ln r_i = -lr_σ/columns r_i ⟨x_i² T⟩
    Δ ln c_j = -lr_σ/rows (⟨s_j δ_j ε_j⟩ - mean over j)

and the prior's pull, once in ``sweep`` samples and ``sweep`` times as hard, projected alike. How
lr_μ and the pulls follow the stream: :mod:`streamlearn.adaptive_step`.

References
----------
Bonnet et al., arXiv 2504.13569: MESU. Louizos and Welling, arXiv 1603.04733: matrix-variate
Gaussian posteriors with diagonal factors. Zeno et al., arXiv 2010.00373 (FOO-VB): a matrix-variate
posterior learned online.

Differs from them: MESU has a variance for every synapse; Louizos and Welling and FOO-VB do not
project a diagonal rule, they derive the factors' own.
Counterparts: :mod:`quant.rules.mesu_factored.golden` (integers),
``quant/rules/mesu_factored/kernel`` (C).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.state import factor_view
from quant.sampling.plan import effective_sweep
from streamlearn.adaptive_step import Step
from streamlearn.heads import HEADS
from streamlearn.sampling import Forward

Float = npt.NDArray[np.float64]


@dataclass
class FactoredForward(Forward):
    """In addition √(Σ x² r) of each draw, ``float64[draws]`` or, in layer 0, ``[1]``."""

    roots: list[Float] = field(default_factory=list)


def forward(
    spec: NetworkSpec, config: MesuFactoredConfig, state: State, z: Float, count: Saturations
) -> FactoredForward:
    """Sample the pre-activations of all layers: ``a = x·μ + ε √(c P)``, ReLU between layers."""
    key = noise.key_of(state)
    result = FactoredForward()
    x = z[:, None]
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = np.vstack([x, np.ones(x.shape[1])])
        mu = layer_view(spec, state, "mu", layer)
        row, column = (factor_view(spec, state, field_, layer) for field_ in ("row", "column"))
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws) / 256
        root = np.sqrt(row @ x**2)
        spread = np.sqrt(column)[:, None] * root
        a = mu.T @ x + spread * epsilon
        result.inputs.append(x)
        result.epsilon.append(epsilon)
        result.spread.append(np.broadcast_to(spread, epsilon.shape))
        result.roots.append(root)
        result.outputs, x = a, np.maximum(a, 0)
    return result


def update(
    spec: NetworkSpec,
    config: MesuFactoredConfig,
    state: State,
    forward_: FactoredForward,
    target: float,
    count: Saturations,
) -> None:
    """Backward pass and update of every layer, in place, from one forward pass and a target.

    See the module. A step changes a factor by a factor of ½ to 2.
    """
    delta = HEADS[spec.head].output_gradient(forward_.outputs, target, count)
    sweep = effective_sweep(config)
    step = Step.of(spec, config, state, forward_, delta)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        rows, columns = spec.shapes[layer]
        mu = layer_view(spec, state, "mu", layer)
        row, column = (factor_view(spec, state, name, layer) for name in ("row", "column"))
        x, root, spread = forward_.inputs[layer], forward_.roots[layer], forward_.spread[layer]
        noisy = delta * forward_.epsilon[layer]
        total = np.sqrt(column) @ noisy
        by_row = np.divide(total, root, out=np.zeros_like(total), where=root > 0)
        below = delta
        if layer > 0:
            below = np.where(x > 0, mu @ delta + x * row[:, None] * by_row, 0)
        x_all = np.broadcast_to(x, (rows, config.n_draws))
        by_column = (spread * noisy).sum(axis=1)
        strength = 0.0 if replaying(state) else config.lr_sigma / config.n_draws
        rows_relative = -strength / columns * row * (x_all**2 @ by_row)
        columns_relative = -strength / rows * (by_column - by_column.mean())
        mu -= (
            step.lr_mu(config, spread) * np.outer(row, column) * (x_all @ delta.T) / config.n_draws
        )

        phase = sum(n for n, _ in spec.shapes[:layer]) + int(state["n_samples"][0])
        phase &= 0xFFFFFFFF
        pulled = slice(rows if replaying(state) else -phase % sweep, rows, sweep)
        sigma_prior = config.sigma_prior_of(spec.layers[layer])
        pull = sweep / (config.memory_window * sigma_prior**2)
        share = np.minimum(step.pull_mu(config) * pull * np.outer(row[pulled], column), 1.0)
        mu[pulled] += share * (config.mu_prior - mu[pulled])
        row *= 1 + np.clip(rows_relative, -0.5, 1.0)
        column *= 1 + np.clip(columns_relative, -0.5, 1.0)
        if not replaying(state) and phase % sweep == 0:
            _pull_factors(row, column, step.pull_sigma(config) * pull, sigma_prior**2)
        delta = below[: spec.layers[layer]]
    step.commit(spec, state)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF


def _pull_factors(row: Float, column: Float, strength: float, prior: float) -> None:
    """``Δ ln r = (σ_prior² - r c̄)/(N σ_prior²)``, ``Δ ln c = r̄ (c̄ - c)/(N σ_prior²)``, in place.

    Then a power of 2 moves from the columns to the rows so that c̄ stays near 1: no product moves.
    """
    row_mean, column_mean = row.mean(), column.mean()
    row *= 1 + np.clip(strength * (prior - row * column_mean), -0.5, 1.0)
    column *= 1 + np.clip(strength * row_mean * (column_mean - column), -0.5, 1.0)
    if column_mean > 0 and math.isfinite(column_mean):
        scale = 2.0 ** (math.frexp(column_mean)[1] - 1)
        row *= scale
        column /= scale
