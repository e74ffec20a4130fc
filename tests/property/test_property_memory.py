"""The memory's float32: its functions, its order, and that nothing drifts in a long run."""

from __future__ import annotations

import numpy as np
import pytest

from quant.memory import real
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state

N = 40_000


def matrix(state: State, d: int) -> np.ndarray:
    """The inverse covariance as a matrix in float64."""
    full = np.zeros((d, d))
    full[np.tril_indices(d)] = state["memory_inverse"][0]
    return full + np.tril(full, -1).T


def drift(state: State, d: int, k: int) -> float:
    """How far the weights are from inverse times mean, relative to the largest weight."""
    means = state["memory_mean"][0].reshape(k, d).astype(np.float64)
    exact = means @ matrix(state, d)
    return float(
        np.abs(state["memory_weight"][0].reshape(k, d) - exact).max() / np.abs(exact).max()
    )


def stream(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Streams that are hard on a covariance: twins of one sensor, constants, classes in blocks."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, N) if kind != "blocks" else np.arange(N) * 9 // N % 3
    x = rng.normal(size=(N, 5)) + np.eye(3, 5)[y] * 2
    if kind == "twins":
        x[:, 1:4] = x[:, :1]
        x[:, 4] = 3.25
    if kind == "drift":
        x += np.linspace(0, 30, N)[:, None]
    return (x * [1, 1e-3, 50, 1e4, 1]).astype(np.float32), y


@pytest.mark.parametrize("kind", ["twins", "blocks", "drift"])
def test_in_a_long_run_the_inverse_stays_positive_and_the_weights_its_product(kind: str) -> None:
    spec = NetworkSpec((5, 4, 3), memory="lda", memory_features=40)
    given = spec, MesuConfig(n_draws=1), "q16"
    kernel, state = NativeKernel(*given), init_state(*given, 1)
    x, y = stream(kind)
    for start in range(0, N, N // 4):
        kernel.learn(state, x[start : start + N // 4], y[start : start + N // 4])
        values = np.linalg.eigvalsh(matrix(state, 40))
        assert values[0] > 0
        assert values[-1] < 1 / (start * 2.0**-14 * 0.5 + 1)
        assert drift(state, 40, 3) < 1e-3
    assert int(state["memory_updates"][0]) == N - 3
    state["memory_weight"][0, 0] += 0.01 * np.abs(state["memory_weight"]).max()
    assert drift(state, 40, 3) > 1e-3  # canary: the measure sees it


def test_exponential_logarithm_and_root_are_right_to_a_few_units() -> None:
    x = -np.logspace(-7, np.log10(87), 5000).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert (np.abs(real.exp(x) / exact - 1) < 3e-7 - 1.5e-7 * x).all()
    assert real.exp(np.zeros(1, np.float32))[0] == 1
    for value in np.logspace(0, 5, 3000).astype(np.float32):
        assert abs(float(real.log(value)) - np.log(float(value))) < 3e-7 * (1 + np.log(value))
    assert real.log(np.float32(1)) == 0
    y = np.logspace(-36, 37, 5000).astype(np.float32)
    assert np.abs(real.inverse_root(y) * np.sqrt(y.astype(np.float64)) - 1).max() < 1e-6


def test_sums_are_in_order_and_never_minus_zero() -> None:
    rng = np.random.default_rng(2)
    terms = rng.normal(size=(50, 300)).astype(np.float32) * np.float32(1e3)
    expected = np.zeros(50, np.float32)
    for column in terms.T:
        expected = expected + column
    assert np.array_equal(real.in_order(terms), expected)
    assert not np.array_equal(terms.sum(axis=1), expected)  # canary: another order is another sum
    assert not np.signbit(real.in_order(np.full((1, 2), -0.0, np.float32)))[0]
