"""The baselines' loops equal plain NumPy equations, compiled and not; without numba they say so."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from experiments import compiler
from experiments.mesu import kernels
from experiments.mesu.baselines import empirical_fisher
from streamlearn.errors import ConfigError

LAYERS = [(5, 4, 3), (6, 5, 4, 3), (4, 3)]
RULES = {
    "sgd": (kernels.SGD, 0.0, 0.0),
    "ewc-online": (kernels.ANCHORED, 2.0, 0.2),
    "ewc-stream": (kernels.STREAM_EWC, 5.0, 0.2),
    "si": (kernels.SI, 0.3, 0.0),
}
LR = 0.05
N = 12


def numba_or_skip():
    pytest.importorskip("numba")


@pytest.fixture(params=["python", "numba"])
def engine(request):
    if request.param == "python":
        return lambda function: function
    numba_or_skip()
    return compiler.compiled


def matrices(flat, layers):
    """``[out, in]`` matrices of a flat array, as views."""
    found, start = [], 0
    for n_in, n_out in pairwise(layers):
        found.append(flat[start : start + n_in * n_out].reshape(n_out, n_in))
        start += n_in * n_out
    return found


def softmax(z):
    p = np.exp(z - z.max())
    return p / p.sum()


def gradient(weights, layers, x, label):
    """Backpropagation in float64, flat."""
    mats, inputs = matrices(weights, layers), [x]
    for w in mats[:-1]:
        inputs.append(np.maximum(w @ inputs[-1], 0))
    delta = softmax(mats[-1] @ inputs[-1])
    delta[label] -= 1
    parts = []
    for w, h in zip(mats[::-1], inputs[::-1], strict=True):
        parts.append(np.outer(delta, h).ravel())
        delta = (w.T @ delta) * (h > 0)
    return np.concatenate(parts[::-1])


def problem(layers, seed=0):
    rng = np.random.default_rng(seed)
    n = sum(a * b for a, b in pairwise(layers))
    state = {
        "weights": rng.normal(size=n) / 2,
        "importance": rng.uniform(0, 1, n),
        "anchor": rng.normal(size=n) / 2,
        "path": rng.uniform(0, 1, n),
    }
    images, labels = rng.normal(size=(N, layers[0])), rng.integers(layers[-1], size=N)
    return state, images.astype(np.float32), labels


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_equals_its_equations(engine, layers, name):
    rule, strength, decay = RULES[name]
    state, images, labels = problem(layers)
    given = {key: values.astype(np.float32) for key, values in state.items()}
    engine(kernels.learn_deterministic)(
        np.array(layers), rule, *map(np.float32, (LR, strength, decay)), *given.values(), images,
        labels,
    )  # fmt: skip
    w, f, a, path = state.values()
    for x, label in zip(images.astype(np.float64), labels, strict=True):
        g = gradient(w, layers, x, label)
        before = w.copy()
        if name == "sgd":
            w = w - LR * g
        elif name == "ewc-online":
            w = w - LR * (g + strength * f * (w - a))
        elif name == "ewc-stream":
            w = w - LR * (g + strength * f * (w - a))
            a, f = before, decay * f + g**2
        else:
            g = g + 2 * strength * f * (w - a)
            w = w - LR * g
            path = path - g * (w - before)
    expected = {"weights": w, "importance": f, "anchor": a, "path": path}
    for key, values in expected.items():
        np.testing.assert_allclose(given[key], values, rtol=2e-5, atol=2e-6, err_msg=key)


@pytest.mark.parametrize("layers", LAYERS)
def test_bgd_equals_its_equations(engine, layers):
    rng = np.random.default_rng(3)
    state, images, labels = problem(layers)
    draws = 6
    epsilon = rng.normal(size=(N, draws, sum(layers[1:]))).astype(np.float32)
    mu, sigma = state["weights"], rng.uniform(0.2, 0.9, len(state["weights"]))
    given = (mu.astype(np.float32), sigma.astype(np.float32))
    engine(kernels.learn_bgd)(np.array(layers), np.float32(0.7), *given, images, labels, epsilon)
    for x, label, noise in zip(images.astype(np.float64), labels, epsilon, strict=True):
        g_mu, g_sigma = np.zeros_like(mu), np.zeros_like(sigma)
        for e in noise.astype(np.float64):
            one = bgd_gradient(mu, sigma, layers, x, label, e)
            g_mu, g_sigma = g_mu + one[0] / draws, g_sigma + one[1] / draws
        mu = mu - 0.7 * sigma**2 * g_mu
        half = sigma * g_sigma / 2
        sigma = sigma * np.sqrt(1 + half**2) - sigma * half
    np.testing.assert_allclose(given[0], mu, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(given[1], sigma, rtol=1e-4, atol=1e-5)


def bgd_gradient(mu, sigma, layers, x, label, noise):
    """One draw of pre-activations (arXiv 1506.02557), float64: gradients by μ and by σ, flat."""
    kept, start = [], 0
    for m, s in zip(matrices(mu, layers), matrices(sigma, layers), strict=True):
        e = noise[start : start + len(m)]
        start += len(m)
        spread = np.sqrt(s**2 @ x**2)
        a = m @ x + spread * e
        kept.append((m, s, x, e, spread))
        x = np.maximum(a, 0)
    delta = softmax(a)
    delta[label] -= 1
    g_mu, g_sigma = [], []
    for m, s, h, e, spread in kept[::-1]:
        r = np.divide(delta * e, spread, out=np.zeros_like(delta), where=spread > 0)
        g_mu.append(np.outer(delta, h).ravel())
        g_sigma.append((s * np.outer(r, h**2)).ravel())
        delta = (m.T @ delta + h * (s.T**2 @ r)) * (h > 0)
    return np.concatenate(g_mu[::-1]), np.concatenate(g_sigma[::-1])


def test_bgd_gradient_is_that_of_the_sampled_loss():
    layers = (5, 4, 3)
    state, images, labels = problem(layers, seed=5)
    rng = np.random.default_rng(1)
    mu, sigma = state["weights"], rng.uniform(0.2, 0.9, len(state["weights"]))
    noise, x = rng.normal(size=7), images[0].astype(np.float64)

    def loss(mu, sigma):
        h, start = x, 0
        for m, s in zip(matrices(mu, layers), matrices(sigma, layers), strict=True):
            a = m @ h + np.sqrt(s**2 @ h**2) * noise[start : start + len(m)]
            start, h = start + len(m), np.maximum(a, 0)
        return -np.log(softmax(a)[labels[0]])

    got = bgd_gradient(mu, sigma, layers, x, labels[0], noise)
    for k in range(len(mu)):
        step = 1e-6 * (np.arange(len(mu)) == k)
        by_mu = (loss(mu + step, sigma) - loss(mu - step, sigma)) / 2e-6
        by_sigma = (loss(mu, sigma + step) - loss(mu, sigma - step)) / 2e-6
        assert got[0][k] == pytest.approx(by_mu, abs=1e-7)
        assert got[1][k] == pytest.approx(by_sigma, abs=1e-7)


def test_fisher_is_the_mean_squared_gradient():
    layers = (5, 4, 3)
    state, images, labels = problem(layers)
    w = state["weights"].astype(np.float32)
    got = empirical_fisher([m.T for m in matrices(w, layers)], images, labels)
    rows = [gradient(w, layers, x, y) ** 2 for x, y in zip(images, labels, strict=True)]
    np.testing.assert_allclose(got, np.mean(rows, axis=0), rtol=1e-4, atol=1e-6)


def test_a_missing_numba_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ConfigError, match=r'pip install -e "\.\[reproduce\]"'):
        compiler.compiled(lambda: None)
