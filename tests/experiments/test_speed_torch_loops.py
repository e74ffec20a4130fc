"""The hand-written loops that the benchmark compares with learn what the reference learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from with_torch import torch

from experiments.speed.torch_loops import BLOCK, LocalLoop, PlainLoop, WeightLoop
from experiments.speed.torch_sgd import SgdLoop
from quant.counters import Saturations
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn.rules.mesu import equations as mesu
from streamlearn.torch import MESU, nll_loss

SPEC = NetworkSpec((20, 7, 3), bias=False, front_end="none")
N_SAMPLES = 70


def config(**more):
    return MesuConfig(
        memory_window=500.0, sigma_prior=0.3, sigma_init=0.4, mu_init=1.0, n_draws=4,
        lr_mu=1.5, lr_sigma=0.8, mu_prior=0.05, step="fixed", **more,
    )  # fmt: skip


def samples(n=N_SAMPLES):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(n, 20)) * (rng.random((n, 20)) < 0.7)
    x[3] = 0
    return x, rng.integers(3, size=n)


def start(settings):
    state = init_state(SPEC, settings, "float64", 5)
    state["sigma"] *= np.random.default_rng(6).uniform(0.5, 1.5, SPEC.n_synapses)
    views = [[layer_view(SPEC, state, name, k).copy() for k in (0, 1)] for name in ("mu", "sigma")]
    return state, views[0], views[1]


@pytest.mark.parametrize("kind", [LocalLoop, PlainLoop])
@pytest.mark.parametrize("sweep", [1, 8, 64])
def test_the_local_loops_are_the_float64_step(kind, sweep):
    settings = config(sweep=sweep)
    state, mu, sigma = start(settings)
    loop = kind(mu, sigma, settings, dtype=torch.float64)
    x, labels = samples()
    before, count = state.copy(), Saturations()
    for row, label in zip(x, labels.tolist(), strict=True):
        result = mesu.forward(SPEC, settings, state, row, count)
        epsilon = tuple(torch.from_numpy(e.T.copy()[None]) for e in result.epsilon)
        mesu.update(SPEC, settings, state, result, label, count)
        loop.learn_with(torch.from_numpy(row[None]), [label], epsilon)
    for name in ("mu", "sigma"):
        for index, layer in enumerate(loop.layers):
            expected = layer_view(SPEC, state, name, index)
            moved = np.abs(expected - layer_view(SPEC, before, name, index)).max()
            assert moved > 1e-3
            found = getattr(layer, name).numpy().T
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_the_weight_loop_is_the_gradient_of_sampled_weights():
    settings = config(sweep=1)
    _, mu, sigma = start(settings)
    loop = WeightLoop(mu, sigma, settings, dtype=torch.float64)
    x, labels = samples(5)
    for row, label in zip(torch.from_numpy(x), labels.tolist(), strict=True):
        before = [(layer.mu.clone(), layer.sigma.clone()) for layer in loop.layers]
        pairs = [(m.requires_grad_(), s.requires_grad_()) for m, s in before]
        noise = [torch.randn(4, *m.shape, dtype=torch.float64) for m, _ in pairs]
        (w1, w2) = (m + s * e for (m, s), e in zip(pairs, noise, strict=True))
        hidden = (w1 @ row).relu()
        logits = torch.bmm(w2, hidden[:, :, None])[:, :, 0]
        nll_loss(logits[:, None], torch.tensor([label])).backward()
        rates = {"lr_mu": 1.5, "lr_sigma": 0.8, "mu_prior": 0.05, "sigma_prior": 0.3}
        MESU(pairs, math.inf, **rates).step()
        for m, s in pairs:  # the prior pulls from what the gradient's step left, as in the loop
            m.grad, s.grad = torch.zeros_like(m), torch.zeros_like(s)
        MESU(pairs, 500.0, **rates).step()
        loop.learn_with(row, label, tuple(noise))
        for layer, (m, s) in zip(loop.layers, pairs, strict=True):
            np.testing.assert_allclose(layer.mu.numpy(), m.detach().numpy(), rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(
                layer.sigma.numpy(), s.detach().numpy(), rtol=1e-11, atol=1e-13
            )


def test_the_sgd_loop_is_autograds():
    loop = SgdLoop((20, 7, 3), lr=0.1)
    w1, w2 = (w.clone().requires_grad_() for w in loop.weights)
    x, labels = samples(30)
    x = x.astype(np.float32)
    loop.learn(x, labels)
    for row, label in zip(torch.from_numpy(x), labels.tolist(), strict=True):
        loss = -torch.log_softmax(w2 @ (w1 @ row).relu(), 0)[label]
        for w, g in zip((w1, w2), torch.autograd.grad(loss, (w1, w2)), strict=True):
            w.data.sub_(g, alpha=0.1)
    for found, expected in zip(loop.weights, (w1, w2), strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [LocalLoop, PlainLoop, WeightLoop])
def test_the_loops_learn_in_blocks_with_noise_of_their_own(kind):
    settings = MesuConfig(memory_window=1e5, sigma_prior=0.3, sigma_init=0.5, mu_init=1.0)
    _, mu, sigma = start(settings)
    loops = [kind(mu, sigma, settings, seed=2) for _ in range(2)]
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=3 * BLOCK + 10)
    x = (2 * np.eye(3, 20)[labels] + 0.3 * rng.normal(size=(len(labels), 20))).astype(np.float32)
    for loop in loops:
        loop.learn(x, labels)
        assert loop.n_samples == len(labels)
    a, b = ([layer.mu for layer in loop.layers] for loop in loops)
    assert all(torch.equal(m, n) for m, n in zip(a, b, strict=True))
    hidden = torch.from_numpy(x).matmul(a[0].T).relu()
    right = hidden.matmul(a[1].T).argmax(1).numpy() == labels
    assert right.mean() > 0.95


def test_other_depths_are_refused():
    settings = config()
    _, mu, sigma = start(settings)
    with pytest.raises(ValueError, match="one hidden layer"):
        LocalLoop(mu[:1], sigma[:1], settings)
    with pytest.raises(ValueError, match="one hidden layer"):
        SgdLoop((4, 3))
