"""MESU as a JAX scan, jitted; needs JAX. Its rule: :mod:`experiments.speed.torch_loops`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax  # type: ignore[import-not-found, unused-ignore]
import jax.numpy as jnp  # type: ignore[import-not-found, unused-ignore]
import numpy as np
import numpy.typing as npt
from jax import lax, random  # type: ignore[import-not-found, unused-ignore]

from experiments.speed.rivals.mesu_loop import TINY, rates_of
from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import effective_sweep

#: Samples of one scan; those that are left over wait for the next call.
BLOCK = 64
Carry = tuple[Any, Any, Any, Any, Any]


def _pull(mu: Any, sigma: Any, start: Any, sweep: int, rates: Any) -> tuple[Any, Any]:
    rows = start % sweep + sweep * jnp.arange(-(-mu.shape[0] // sweep))
    m, s = mu.at[rows].get(mode="clip"), sigma.at[rows].get(mode="clip")
    v = s * s
    return (
        mu.at[rows].add(rates[2] * v * m, mode="drop"),
        sigma.at[rows].add(rates[3] * s * (1 - v), mode="drop"),
    )


def _step(sweep: int, rates: Any, carry: Carry, sample: tuple[Any, ...]) -> tuple[Carry, None]:
    mu1, sigma1, mu2, sigma2, n = carry
    x, label, e1, e2 = sample
    v1, v2, square = sigma1 * sigma1, sigma2 * sigma2, x * x
    s1 = jnp.sqrt(jnp.maximum(square @ v1, TINY))
    h = jnp.maximum(x @ mu1 + s1 * e1, 0)
    s2 = jnp.sqrt(jnp.maximum((h * h) @ v2, TINY))
    delta = jax.nn.softmax(h @ mu2 + s2 * e2, axis=1).at[:, label].add(-1)
    r = delta * e2 / s2
    below = jnp.where(h > 0, delta @ mu2.T + h * (r @ v2.T), 0)
    g1, q1 = below.sum(0), (below * e1).sum(0) / s1
    mu2 = mu2 + rates[0] * v2 * (h.T @ delta)
    sigma2 = sigma2 + rates[1] * sigma2 * v2 * ((h * h).T @ r)
    mu1 = mu1 + rates[0] * v1 * jnp.outer(x, g1)
    sigma1 = sigma1 + rates[1] * sigma1 * v1 * jnp.outer(square, q1)
    mu2, sigma2 = _pull(mu2, sigma2, -(mu1.shape[0] + n), sweep, rates)
    mu1, sigma1 = _pull(mu1, sigma1, -n, sweep, rates)
    return (mu1, sigma1, mu2, sigma2, n + 1), None


@partial(jax.jit, static_argnums=0, donate_argnums=2)
def _learn(sweep: int, rates: Any, carry: Carry, x: Any, labels: Any, e1: Any, e2: Any) -> Carry:
    found, _ = lax.scan(partial(_step, sweep, rates), carry, (x, labels, e1, e2))
    return found  # type: ignore[no-any-return, unused-ignore]


@partial(jax.jit, static_argnums=(0, 4), donate_argnums=2)
def _learn_drawing(
    sweep: int, rates: Any, carry: Carry, key: Any, n_draws: int, x: Any, labels: Any
) -> Carry:
    first, second = random.split(random.fold_in(key, carry[4]))
    e1 = random.normal(first, (len(x), n_draws, carry[0].shape[1]))
    e2 = random.normal(second, (len(x), n_draws, carry[2].shape[1]))
    found, _ = lax.scan(partial(_step, sweep, rates), carry, (x, labels, e1, e2))
    return found  # type: ignore[no-any-return, unused-ignore]


class JaxLoop:
    """The scan, its weights and its noise; parameters as
    :class:`~experiments.speed.rivals.mesu_loop.NumbaLoop`.
    """

    def __init__(
        self, mu: Sequence[Any], sigma: Sequence[Any], config: MesuConfig, seed: int = 0
    ) -> None:
        (mu1, mu2), (sigma1, sigma2) = (
            [jnp.asarray(a, jnp.float32) for a in both] for both in (mu, sigma)
        )
        self._carry: Carry = (mu1, sigma1, mu2, sigma2, jnp.zeros((), jnp.int32))
        self._rates = jnp.asarray(rates_of(config))
        self._sweep, self._draws = effective_sweep(config), config.n_draws
        self._key = random.key(seed)
        self._x = np.zeros((0, len(mu[0])), np.float32)
        self._labels = np.zeros(0, np.int32)

    @property
    def weights(self) -> list[npt.NDArray[np.float32]]:
        """μ and σ of layer 1, then of layer 2."""
        return [np.asarray(a) for a in self._carry[:4]]

    def learn(self, x: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> None:
        """Learn ``float32[n, features]`` and ``int[n]``, but for what waits for a whole block."""
        rows = np.concatenate([self._x, x]) if len(self._x) else x
        given = np.concatenate([self._labels, labels.astype(np.int32)])
        whole = len(given) - len(given) % BLOCK
        for start in range(0, whole, BLOCK):
            part = slice(start, start + BLOCK)
            self._carry = _learn_drawing(
                self._sweep, self._rates, self._carry, self._key, self._draws,
                rows[part], given[part],
            )  # fmt: skip
        self._carry[4].block_until_ready()
        self._x, self._labels = rows[whole:], given[whole:]

    def learn_with(
        self, x: npt.NDArray[np.float32], labels: npt.NDArray[Any], epsilon: tuple[Any, Any]
    ) -> None:
        """Learn with given noise, ``[n, S, hidden]`` and ``[n, S, classes]``."""
        self._carry = _learn(self._sweep, self._rates, self._carry, x, labels, *epsilon)
