"""The optimizer and the layers against the float reference: same noise in, same step out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from torch_helpers import DenseNet, copy_state, net_values, tensor, torch

from quant.counters import Saturations
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from streamlearn.rules.mesu import equations as mesu
from streamlearn.torch import MESU, bayesian_parameters, nll_loss

NEVER = math.inf
TOLERANCE = 1e-12


def start(spec: NetworkSpec, config: MesuConfig) -> State:
    state = init_state(spec, config, "float64", 3)
    rng = np.random.default_rng(3)
    state["mu"] += rng.normal(size=spec.n_synapses) * 0.2
    state["sigma"] *= rng.uniform(0.5, 1.5, spec.n_synapses)
    return state


def learn_both(spec: NetworkSpec, config: MesuConfig, n_samples: int, *, pull: bool) -> None:
    """Learn a few samples with both, the same noise, and compare after each.

    The reference pulls to the prior from the μ and σ that the gradient has already changed; so
    the optimizer does one step without a prior and one without a gradient.
    """
    state, net = start(spec, config), DenseNet(spec)
    copy_state(spec, state, net)
    names = ("lr_mu", "lr_sigma", "mu_prior")
    options = {name: getattr(config, name) for name in names}
    groups = bayesian_parameters(net, sigma_prior="fan_in")
    gradient = MESU(groups, NEVER, **options)
    prior = MESU(groups, config.memory_window, **options)
    rng = np.random.default_rng(5)
    for index in range(n_samples):
        z, label = rng.normal(size=spec.n_features), index % spec.n_classes
        reference = mesu.forward(spec, config, state, z, Saturations())
        epsilon = [tensor(noise.T) for noise in reference.epsilon]
        logits = net(tensor(z).repeat(config.n_draws, 1), epsilon)[:, None]
        np.testing.assert_allclose(
            logits[:, 0].detach().numpy().T, reference.outputs, rtol=0, atol=TOLERANCE
        )
        gradient.zero_grad()
        nll_loss(logits, torch.tensor([label])).backward()
        sigmas = [p.detach() * p.grad for name, p in net.named_parameters() if "sigma" in name]
        relative = config.lr_sigma * max(float(values.abs().max()) for values in sigmas)
        assert 1e-4 < relative < 0.5, "the reference must not limit a step"
        gradient.step()
        if pull:
            for parameter in net.parameters():
                parameter.grad.zero_()
            prior.step()
        mesu.update(spec, config, state, reference, label, Saturations())
        for field in ("mu", "sigma"):
            np.testing.assert_allclose(
                net_values(spec, net, field), state[field][0], rtol=0, atol=TOLERANCE
            )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [(4, 3), (5, 4, 3), (3, 6, 5, 4)])
@pytest.mark.parametrize("window", [NEVER, 50.0])
def test_steps_equal_the_reference(layers: tuple[int, ...], bias: bool, window: float) -> None:
    spec = NetworkSpec(layers, bias=bias, front_end="none")
    config = MesuConfig(
        memory_window=window,
        mu_init=1.0,
        sigma_init=0.5,
        mu_prior=0.25,
        lr_mu=0.75,
        lr_sigma=0.5,
        n_draws=3,
        sweep=1,
        step="fixed",
    )
    learn_both(spec, config, 6, pull=window < NEVER)


def test_an_input_of_zeros_has_no_spread_and_no_gradient_of_sigma() -> None:
    """s = 0: the reference's r is 0; a bare square root would give NaN."""
    spec = NetworkSpec((3, 2), bias=False, front_end="none")
    net = DenseNet(spec)
    loss = nll_loss(net(torch.zeros(4, 3, dtype=torch.float64))[:, None], torch.tensor([0]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2), abs=1e-15)
    assert all(float(parameter.grad.abs().max()) == 0 for parameter in net.parameters())


def test_one_step_is_the_paper_to_the_letter() -> None:
    """Both lines from the old σ, written out in NumPy."""
    rng = np.random.default_rng(0)
    mu, g_mu, g_sigma = rng.normal(size=(3, 2, 5))
    sigma = rng.uniform(0.1, 0.5, (2, 5))
    n, prior, mu_prior, lr_mu, lr_sigma = 30.0, 0.7, 0.2, 0.9, 1.3
    v = sigma**2
    new_mu = mu + lr_mu * (-v * g_mu + v * (mu_prior - mu) / (n * prior**2))
    new_sigma = sigma + lr_sigma * 0.5 * (-v * g_sigma + sigma * (prior**2 - v) / (n * prior**2))
    a, b = tensor(mu).requires_grad_(), tensor(sigma).requires_grad_()
    a.grad, b.grad = tensor(g_mu), tensor(g_sigma)
    MESU([(a, b)], n, prior, mu_prior, lr_mu, lr_sigma).step()
    np.testing.assert_allclose(a.detach().numpy(), new_mu, rtol=0, atol=1e-15)
    np.testing.assert_allclose(b.detach().numpy(), new_sigma, rtol=0, atol=1e-15)


@pytest.mark.parametrize("curvature", [0.0, 0.3, 2.0])
def test_precision_settles_at_n_h_plus_the_prior(curvature: float) -> None:
    """1/σ² → N H + 1/σ_prior², from above and below; μ to the weighted mean of data and prior."""
    n, prior, target, mu_prior = 40.0, 0.5, 2.0, -1.0
    mu = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    sigma = torch.tensor([0.02, 0.9], dtype=torch.float64, requires_grad=True)
    optimizer = MESU([(mu, sigma)], n, prior, mu_prior, lr_mu=0.5, lr_sigma=0.5)
    for _ in range(3000):
        mu.grad = curvature * (mu.detach() - target)
        sigma.grad = curvature * sigma.detach()
        optimizer.step()
    precision = n * curvature + prior**-2
    np.testing.assert_allclose(sigma.detach().numpy() ** -2, precision, rtol=1e-9)
    settled = (n * curvature * target + prior**-2 * mu_prior) / precision
    np.testing.assert_allclose(mu.detach().numpy(), settled, rtol=0, atol=1e-9)
