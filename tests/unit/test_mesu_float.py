"""The float64 reference against the papers' equations, and the other engines against it.

Bonnet et al., arXiv 2504.13569: the update, the prior's pull, precision as a leaky integrator.
Kingma et al., arXiv 1506.02557: the local estimate has the mean of weight sampling, less noise.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import golden as mesu_q16
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import RHO_MAX, decode, exponent_view
from quant.state import State, init_state
from streamlearn.rules.mesu import equations as mesu
from streamlearn.sampling import Forward

NEVER = float("inf")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


def start(spec: NetworkSpec, config: MesuConfig, seed: int = 0) -> State:
    """A start with distinct σ and, unlike init_state's, biases."""
    state = init_state(spec, config, "float64", seed)
    rng = np.random.default_rng(seed)
    state["mu"] += rng.normal(size=spec.n_synapses) * 0.3
    state["sigma"] *= rng.uniform(0.5, 1.5, spec.n_synapses)
    return state


def forward_of(spec: NetworkSpec, config: MesuConfig, state: State, z: np.ndarray) -> Forward:
    return mesu.forward(spec, config, state, z, Saturations())


def learn(
    spec: NetworkSpec, config: MesuConfig, state: State, forward: Forward, label: int
) -> None:
    mesu.update(spec, config, state, forward, label, Saturations())


def step(
    spec: NetworkSpec, config: MesuConfig, state: State, z: np.ndarray, label: int
) -> tuple[np.ndarray, np.ndarray]:
    """Learn one sample in place; return Δμ and Δσ."""
    mu, sigma = state["mu"][0].copy(), state["sigma"][0].copy()
    learn(spec, config, state, forward_of(spec, config, state, z), label)
    return state["mu"][0] - mu, state["sigma"][0] - sigma


# -- (a) the gradient ----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [(3, 2), (4, 5, 3), (3, 4, 5, 2), (2, 6, 4, 4, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_that_of_the_sampled_loss(
    layers: tuple[int, ...], bias: bool, seed: int
) -> None:
    """-Δμ/(lr v) and -2Δσ/(lr v) against central differences, the noise ε held fixed."""
    spec = NetworkSpec(layers, bias=bias, front_end="none")
    lr = 0.01
    config = MesuConfig(
        memory_window=NEVER, sweep=1, lr_mu=lr, lr_sigma=lr, n_draws=5, step="fixed"
    )
    state = start(spec, config, seed)
    z = np.random.default_rng(seed + 10).normal(size=layers[0])
    label = seed % layers[-1]

    def loss(state: State) -> float:
        logits = forward_of(spec, config, state, z).outputs
        return float(-log_softmax(logits)[label].mean())

    h, numeric = 1e-5, {"mu": np.zeros(spec.n_synapses), "sigma": np.zeros(spec.n_synapses)}
    for field, i in itertools.product(numeric, range(spec.n_synapses)):
        up, down = state.copy(), state.copy()
        up[field][0, i] += h
        down[field][0, i] -= h
        numeric[field][i] = (loss(up) - loss(down)) / (2 * h)

    v = state["sigma"][0] ** 2
    d_mu, d_sigma = step(spec, config, state, z, label)
    scale = max(np.abs(numeric["mu"]).max(), np.abs(numeric["sigma"]).max())
    assert scale > 1e-3
    np.testing.assert_allclose(-d_mu / (lr * v), numeric["mu"], atol=1e-6 * scale, rtol=1e-5)
    np.testing.assert_allclose(
        -2 * d_sigma / (lr * v), numeric["sigma"], atol=1e-6 * scale, rtol=1e-5
    )


def test_canary_the_second_term_of_the_hidden_gradient_matters() -> None:
    """∂x_i = Σ δ μ + x_i Σ r σ²: without its second term the first layer's step is another."""
    spec = NetworkSpec((4, 5, 3), front_end="none")
    config = MesuConfig(memory_window=NEVER, sweep=1, n_draws=5, lr_mu=0.01, lr_sigma=0.01)
    z = np.random.default_rng(0).normal(size=4)
    state = start(spec, config)
    forward = forward_of(spec, config, state, z)
    delta = np.exp(log_softmax(forward.outputs))
    delta[1] -= 1
    through_mean = np.where(forward.inputs[1] > 0, layer_view(spec, state, "mu", 1) @ delta, 0)[:5]
    without = np.vstack([z[:, None], [[1.0]]]) @ through_mean.mean(axis=1, keepdims=True).T
    v = layer_view(spec, state, "sigma", 0) ** 2
    before = layer_view(spec, state, "mu", 0).copy()
    learn(spec, config, state, forward, 1)
    gradient = -(layer_view(spec, state, "mu", 0) - before) / (config.lr_mu * v)
    assert np.abs(gradient - without).max() > 0.02 * np.abs(gradient).max()


def test_one_step_of_variance_is_between_a_half_and_twice() -> None:
    """σ²'s first-order step is held within -1/2 to 1: σ by 3/4 to 3/2."""
    spec = NetworkSpec((6, 8, 3), front_end="none")
    config = MesuConfig(memory_window=NEVER, sweep=1, lr_sigma=1000.0, lr_mu=1e-6)
    factors = []
    for seed in range(10):
        state = start(spec, config, seed)
        sigma = state["sigma"][0].copy()
        step(spec, config, state, np.full(6, 5.0), seed % 3)
        factors.append(state["sigma"][0] / sigma)
    assert np.min(factors) == pytest.approx(0.75, abs=1e-9)
    assert np.max(factors) == pytest.approx(1.5, abs=1e-9)


def test_the_gradient_descends() -> None:
    spec = NetworkSpec((3, 8, 3), front_end="none")
    config = MesuConfig()
    state = init_state(spec, config, "float64")
    z = np.array([1.0, -0.5, 2.0])
    first = log_softmax(forward_of(spec, config, state, z).outputs)[2].mean()
    for _ in range(30):
        step(spec, config, state, z, 2)
    assert log_softmax(forward_of(spec, config, state, z).outputs)[2].mean() > first
    assert math.exp(log_softmax(forward_of(spec, config, state, z).outputs)[2].mean()) > 0.9


# -- (b) the prior's pull ------------------------------------------------------------------------

SILENT = NetworkSpec((4, 5, 3), bias=False, front_end="none")


def test_the_pull_is_the_papers_equation_step_by_step() -> None:
    """At x = 0 nothing but the prior moves a weight: Δμ = v(μp-μ)/(Nσp²), Δσ = σ(σp²-v)/(2Nσp²)."""
    config = MesuConfig(
        memory_window=50.0, sigma_prior=0.7, mu_prior=0.3, lr_mu=1.0, lr_sigma=1.0, sweep=1,
        step="fixed",
    )  # fmt: skip
    state = start(SILENT, config)
    mu, sigma = state["mu"][0].copy(), state["sigma"][0].copy()
    for _ in range(20):
        mu, sigma = (
            mu + sigma**2 * (0.3 - mu) / (50 * 0.7**2),
            sigma + 0.5 * sigma * (0.7**2 - sigma**2) / (50 * 0.7**2),
        )
        step(SILENT, config, state, np.zeros(4), 1)
        np.testing.assert_allclose(state["mu"][0], mu, rtol=1e-12)
        np.testing.assert_allclose(state["sigma"][0], sigma, rtol=1e-12)


@pytest.mark.parametrize("sigma_prior", [None, 0.7])
@pytest.mark.parametrize("sweep", [1, 4])
def test_the_pull_ends_at_the_prior(sigma_prior: float | None, sweep: int) -> None:
    config = MesuConfig(
        memory_window=2000.0, sigma_prior=sigma_prior, mu_prior=0.3, lr_mu=1.0, lr_sigma=1.0,
        sweep=sweep, n_draws=1,
    )  # fmt: skip
    spec = NetworkSpec((3, 2), bias=False, front_end="none")
    state = start(spec, config)
    for _ in range(30_000):
        learn(spec, config, state, forward_of(spec, config, state, np.zeros(3)), 0)
    expected = 0.7 if sigma_prior else 1 / math.sqrt(3)
    np.testing.assert_allclose(state["mu"][0], 0.3, rtol=1e-3)
    np.testing.assert_allclose(state["sigma"][0], expected, rtol=1e-3)


def test_without_end_of_memory_nothing_pulls() -> None:
    config = MesuConfig(memory_window=NEVER)
    state = start(SILENT, config)
    before = state["mu"].tobytes(), state["sigma"].tobytes()
    for _ in range(200):
        step(SILENT, config, state, np.zeros(4), 0)
    assert (state["mu"].tobytes(), state["sigma"].tobytes()) == before


@pytest.mark.parametrize("k", [2, 16, 64])
def test_a_sweep_of_k_over_k_samples_is_k_steps_to_first_order(k: int) -> None:
    change = {}
    window = 1e7
    for sweep in (1, k):
        config = MesuConfig(memory_window=window, mu_prior=0.3, sweep=sweep, step="fixed")
        state = start(SILENT, config)
        moved = np.zeros(SILENT.n_synapses)
        total_mu, total_sigma = state["mu"][0].copy(), state["sigma"][0].copy()
        for _ in range(k):
            d_mu, d_sigma = step(SILENT, config, state, np.zeros(4), 0)
            moved += (d_mu != 0) & (d_sigma != 0)
        assert (moved == (k if sweep == 1 else 1)).all(), "a row missed its turn"
        change[sweep] = state["mu"][0] - total_mu, state["sigma"][0] - total_sigma
    for one, many in zip(change[1], change[k], strict=True):
        # What is dropped is of order lr K/N times the change itself; 1e-8 is rounding.
        np.testing.assert_allclose(many, one, rtol=10 * config.lr_mu * k / window + 1e-6)


# -- (c) the estimator ---------------------------------------------------------------------------


def weight_sampling(
    spec: NetworkSpec, state: State, z: np.ndarray, label: int, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The authors' estimate, ``[n, synapses]`` each: w = μ + σε, ∂μ = ∂w, ∂σ = ε ∂w."""
    inputs, weights, noises = [], [], []
    x = np.broadcast_to(z, (n, len(z)))
    for layer in range(len(spec.shapes)):
        x = np.concatenate([x, np.ones((n, 1))], axis=1)
        mu, sigma = layer_view(spec, state, "mu", layer), layer_view(spec, state, "sigma", layer)
        e = rng.normal(size=(n, *mu.shape))
        inputs.append(x)
        noises.append(e)
        weights.append(mu + sigma * e)
        a = np.einsum("ni,nij->nj", x, weights[-1])
        x = np.maximum(a, 0)
    delta = np.exp(log_softmax(a.T).T)
    delta[:, label] -= 1
    d_mu: list[np.ndarray] = []
    for layer in reversed(range(len(spec.shapes))):
        d_mu.insert(0, np.einsum("ni,nj->nij", inputs[layer], delta))
        below = np.einsum("nij,nj->ni", weights[layer], delta)[:, :-1]
        delta = below * (inputs[layer][:, :-1] > 0)
    d_sigma = [g * e for g, e in zip(d_mu, noises, strict=True)]
    return tuple(np.concatenate([g.reshape(n, -1) for g in d], axis=1) for d in (d_mu, d_sigma))


def test_local_estimate_has_the_mean_of_weight_sampling_and_less_noise() -> None:
    compared = 0
    for seed in range(12):
        compared += same_mean_less_noise(seed)
        if compared == 2:
            return
    pytest.fail(f"only {compared} of 12 networks are awake enough to compare")


def same_mean_less_noise(seed: int) -> bool:
    """Compare both estimates of one network, or return False where units hardly ever wake."""
    spec = NetworkSpec((3, 4, 3), front_end="none")
    config = MesuConfig(
        memory_window=NEVER, sweep=1, n_draws=1, lr_mu=0.01, lr_sigma=0.01, sigma_init=1.0
    )
    n, label = 4000, 1
    state = start(spec, config, seed)
    z = np.array([1.0, -0.7, 0.4])
    v, local_mu, local_sigma = state["sigma"][0] ** 2, [], []
    for t in range(n):
        one = state.copy()
        one["n_samples"] = t
        d_mu, d_sigma = step(spec, config, one, z, label)
        local_mu.append(-d_mu / (0.01 * v))
        local_sigma.append(-2 * d_sigma / (0.01 * v))
        if t == 200 and (np.array(local_mu) != 0).mean(axis=0).min() < 0.2:
            return False
    sampled = weight_sampling(spec, state, z, label, n, np.random.default_rng(seed))
    estimates = zip((np.array(local_mu), np.array(local_sigma)), sampled, strict=True)
    for local, other in estimates:
        error = np.sqrt((local.var(axis=0) + other.var(axis=0)) / n)
        score = (local.mean(axis=0) - other.mean(axis=0)) / error
        rms = float(np.sqrt(np.mean(score**2)))
        assert 0.3 < rms < 1.7, f"seed {seed}: z-scores have rms {rms:.2f}: not the same mean"
        assert np.abs(score).max() < 4.5
        # A conditional expectation is never noisier. (In the last layer ∂μ = x δ in both: equal.)
        hidden = slice(0, spec.shapes[0][0] * spec.shapes[0][1])
        assert (local.var(axis=0) < 1.1 * other.var(axis=0))[hidden].all()
        assert local.var(axis=0).sum() < 0.95 * other.var(axis=0).sum()
        # Canary: a bias of half the gradient would be seen.
        biased = (1.5 * local.mean(axis=0) - other.mean(axis=0)) / error
        assert np.sqrt(np.mean(biased**2)) > 2
    return True


# -- (d) precision is a leaky integrator ---------------------------------------------------------


@pytest.mark.parametrize(("window", "sigma_prior"), [(400.0, 0.5), (800.0, 1.0)])
def test_precision_settles_where_the_paper_says(window: float, sigma_prior: float) -> None:
    """At rest 1/σ² = N H + 1/σp², H = E[p(1-p)] x², in a one-weight logistic model.

    The second logit's weight has σ = 0 and stays where it is: p = sigmoid of the first alone. The
    labels are coin flips, so that the weight keeps its place.
    """
    spec = NetworkSpec((1, 2), bias=False, front_end="none")
    config = MesuConfig(
        memory_window=window, sigma_prior=sigma_prior, lr_mu=1.0, lr_sigma=1.0, sweep=1, n_draws=8,
        sigma_init=0.1,
    )  # fmt: skip
    state = init_state(spec, config, "float64", 4)
    state["mu"] = 0.0
    state["sigma"][0, 1] = 0.0
    rng = np.random.default_rng(1)
    n, settle = 40 * int(window), 8 * int(window)
    v, curvature = np.zeros(n), np.zeros(n)
    labels, x = rng.integers(0, 2, n), 1.5
    for t in range(n):
        v[t] = state["sigma"][0, 0] ** 2
        forward = forward_of(spec, config, state, np.array([x]))
        p = 1 / (1 + np.exp(forward.outputs[1] - forward.outputs[0]))
        curvature[t] = np.mean(p * (1 - p)) * x**2
        learn(spec, config, state, forward, int(labels[t]))
    assert state["mu"][0, 1] == 0.0
    v, curvature = v[settle:], curvature[settle:]
    blocks = np.array_split(1 / v, 32)  # a block is as long as the memory: nearly independent
    measured = np.mean(1 / v)
    error = np.std([block.mean() for block in blocks], ddof=1) / math.sqrt(len(blocks))
    expected = window * curvature.mean() + 1 / sigma_prior**2
    # 1/v is convex: its mean lies above 1/E[v] by the relative variance of v, measured here.
    convexity = measured * v.var() / v.mean() ** 2
    assert error < 0.05 * expected
    assert abs(measured - expected) < 4 * error + convexity
    for wrong in (0.5 * window, 2 * window):
        away = wrong * curvature.mean() + 1 / sigma_prior**2
        assert abs(measured - away) > 4 * error + convexity, "canary: cannot tell N from 2N"


# -- (e) one noise, three arithmetics ------------------------------------------------------------

TWINS = [((4, 3), True), ((5, 6, 3), True), ((5, 6, 3), False), ((4, 8, 5, 2), True)]


def twins(
    layers: tuple[int, ...], bias: bool, seed: int = 5, **more: Any
) -> tuple[NetworkSpec, MesuConfig, State, State, np.ndarray]:
    """A q16 state, the same in float64, and an input that Q3.4 holds."""
    spec = NetworkSpec(layers, bias=bias, front_end="none")
    config = MesuConfig(memory_window=NEVER, **more)
    plan, state = make_plan(spec, config), init_state(spec, config, "q16", seed)
    rng = np.random.default_rng(seed)
    spread = 2.0 ** rng.uniform(-1, 1, spec.n_synapses)
    state["rho"] = np.minimum(state["rho"][0] * spread, RHO_MAX).astype(np.int16)
    wide = init_state(spec, config, "float64", seed)
    wide["mu"] = state["mu"] / 2.0 ** plan.layers[0].mu_frac_bits
    wide["sigma"] = np.sqrt(variances(spec, state))
    z = rng.integers(-40, 40, layers[0]) / 16
    return spec, config, state, wide, z


def variances(spec: NetworkSpec, state: State) -> np.ndarray:
    """σ² of every synapse of a q16 state."""
    layers = range(len(spec.shapes))
    exponents = [exponent_view(spec, state["rho_exponent"][0], layer) for layer in layers]
    each = [decode(layer_view(spec, state, "rho", i), exponents[i]).ravel() for i in layers]
    return np.concatenate(each)


@pytest.mark.parametrize(("layers", "bias"), TWINS)
def test_first_step_of_float32_is_that_of_float64(layers: tuple[int, ...], bias: bool) -> None:
    spec, config, _, wide, z = twins(layers, bias)
    narrow = init_state(spec, config, "float32", 5)
    for field in ("mu", "sigma"):
        narrow[field] = wide[field]
    NativeKernel(spec, config, "float32").learn_one(narrow, z.astype(np.float32), 1)
    step(spec, config, wide, z, 1)
    for field in ("mu", "sigma"):
        size = np.abs(wide[field]).max()
        np.testing.assert_allclose(narrow[field], wide[field], rtol=1e-5, atol=1e-6 * size)


@pytest.mark.parametrize(("layers", "bias"), TWINS)
@pytest.mark.parametrize("lr", [0.1, 2.0])
def test_mean_step_of_q16_is_the_step_of_float64(
    layers: tuple[int, ...], bias: bool, lr: float
) -> None:
    """Averaged over dithers, from one forward pass: what is left is the formats' coarseness.

    Within 1 % of a layer's largest step of μ and 4 % of ρ's: Q3.20 gradients from an 8-bit
    softmax table, 8-bit hidden inputs whose squares keep 8 bits, an integer spread. lr = 2, the
    default, makes steps of many thousand LSB with so few inputs.
    """
    compared = 0
    for seed in range(20):
        compared += same_mean_step(*twins(layers, bias, seed, lr_mu=lr, lr_sigma=0.05))
        if compared == 3:
            return
    pytest.fail(f"only {compared} of 20 seeds gave steps worth comparing")


def same_mean_step(
    spec: NetworkSpec, config: MesuConfig, state: State, wide: State, z: np.ndarray
) -> bool:
    """Compare, or return False where a unit's ReLU is undecided, a step is tiny or saturates."""
    plan, count = make_plan(spec, config), Saturations()
    forward = mesu_q16.forward(spec, plan, state, (z * 16).astype(np.int64), count)
    float_forward = forward_of(spec, config, wide, z)
    for narrow, x in zip(forward.inputs, float_forward.inputs, strict=True):
        if not np.array_equal(narrow > 0, x > 0):
            return False
    sigma, mu = wide["sigma"][0].copy(), wide["mu"][0].copy()
    learn(spec, config, wide, float_forward, 1)
    relative_v = (wide["sigma"][0] / sigma) ** 2 - 1
    rho, v_old = state["rho"][0], variances(spec, state)
    expected = {"mu": (wide["mu"][0] - mu) * 4096, "rho": relative_v * rho}

    parts, first = [], 0
    for rows, columns in spec.shapes:
        parts.append(slice(first, first + rows * columns))
        first += rows * columns
    if any(np.abs(expected[field][part]).max() < 30 for part in parts for field in expected):
        return False
    n = 200
    moved = {field: np.zeros((n, spec.n_synapses)) for field in expected}
    for t in range(n):
        one = state.copy()
        one["n_samples"] = t
        mesu_q16.update(spec, plan, one, forward, 1, count)
        moved["mu"][t] = one["mu"][0].astype(np.int64) - state["mu"][0].astype(np.int64)
        moved["rho"][t] = (variances(spec, one) / v_old - 1) * rho
    if count != Saturations():
        return False
    for part, (field, tolerance) in itertools.product(parts, (("mu", 0.01), ("rho", 0.04))):
        values, float_step = moved[field][:, part], expected[field][part]
        error = values.std(axis=0) / math.sqrt(n)
        largest = np.abs(float_step).max()
        off = np.abs(values.mean(axis=0) - float_step)
        assert (off <= 4.5 * error + tolerance * largest + 0.02).all(), (
            f"{spec} {field}: off by {(off / largest).max():.2%} of the largest step {largest:.0f}"
        )
        # Canary: a step that is wrong by a twelfth would be seen.
        wrong = np.abs(values.mean(axis=0) - float_step * 13 / 12)
        assert (wrong > 4.5 * error + tolerance * largest + 0.02).any()
    return True


def test_forward_pass_of_q16_is_that_of_float64() -> None:
    """Logits to 2 % of their size: 16-bit blocks, an integer square root, 8-bit activations."""
    for layers, bias in TWINS:
        spec, config, state, wide, z = twins(layers, bias)
        count = Saturations()
        z_q = (z * 16).astype(np.int64)
        narrow = mesu_q16.forward(spec, make_plan(spec, config), state, z_q, count).outputs / 65536
        logits = forward_of(spec, config, wide, z).outputs
        assert np.abs(narrow - logits).max() < 0.02 * np.abs(logits).max()
