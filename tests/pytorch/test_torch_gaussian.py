"""The regressor's float64 equations against automatic differentiation of the whole network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from torch_helpers import tensor, torch

from quant.counters import Saturations
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn.heads import gaussian
from streamlearn.rules.mesu import equations as mesu


@pytest.mark.parametrize("layers", [(4, 1), (5, 6, 1), (3, 6, 5, 1)])
def test_a_step_is_that_of_autograd(layers: tuple[int, ...]) -> None:
    """One step of μ and σ equals -lr σ² ∂L/∂μ and -½ lr σ² ∂L/∂σ with L the mean Gaussian NLL."""
    spec = NetworkSpec(layers, front_end="none", head="gaussian")
    config = MesuConfig(
        memory_window=math.inf, n_draws=7, lr_mu=0.3, lr_sigma=0.2, mu_init=1, sigma_init=0.2,
        step="fixed",
    )  # fmt: skip
    state = init_state(spec, config, "float64", 3)
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=spec.n_features), 0.4
    count = Saturations()
    result = mesu.forward(spec, config, state, z, count)

    weights = []
    x = tensor(z)[:, None]
    for layer, epsilon in enumerate(result.epsilon):
        mu, sigma = (
            tensor(layer_view(spec, state, name, layer).copy()).requires_grad_()
            for name in ("mu", "sigma")
        )
        weights.append((mu, sigma))
        x = torch.cat([x, torch.ones(1, x.shape[1], dtype=torch.float64)])
        a = mu.T @ x + torch.sqrt((sigma**2).T @ x**2) * tensor(epsilon)
        x = torch.relu(a)
    np.testing.assert_allclose(a.detach().numpy(), result.outputs, atol=1e-12)
    held = torch.clamp(a[1], gaussian.LOG_VARIANCE_MIN, gaussian.LOG_VARIANCE_MAX)
    losses = torch.nn.functional.gaussian_nll_loss(
        a[0], torch.full_like(a[0], y), held.exp(), reduction="none"
    )
    losses.mean().backward()

    before = state.copy()
    mesu.update(spec, config, state, result, y, count)
    assert count == Saturations(), "no residual was clamped"
    for layer, (mu, sigma) in enumerate(weights):
        old = layer_view(spec, before, "sigma", layer)
        for name, parameter, rate in (("mu", mu, 0.3), ("sigma", sigma, 0.1)):
            moved = layer_view(spec, state, name, layer) - layer_view(spec, before, name, layer)
            expected = -rate * old**2 * parameter.grad.numpy()
            assert np.abs(expected).max() > 1e-6
            np.testing.assert_allclose(moved, expected, rtol=1e-9, atol=1e-12)
