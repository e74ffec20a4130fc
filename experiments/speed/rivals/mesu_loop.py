"""MESU as one would write it for numba: plain loops over a block, one hidden layer, no biases.

The rule is that of :mod:`experiments.speed.torch_loops`: local reparameterisation, derivatives
written out, the prior's pull on 1/64 of the rows per sample, no limit of a step, nothing predicted.
A row whose input is 0 is left out, as our kernels do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.compiler import compiled
from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import effective_sweep

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
BLOCK = 256
TINY = np.float32(1e-30)


def learn_block(
    mu1: Floats, sigma1: Floats, mu2: Floats, sigma2: Floats, rates: Floats, sweep: int,
    n_samples: int, images: Floats, labels: Integers, epsilon1: Floats, epsilon2: Floats,
) -> None:  # fmt: skip
    """Learn every sample once, in place.

    Parameters
    ----------
    mu1, sigma1 : float32[n_in, n_hidden]
    mu2, sigma2 : float32[n_hidden, n_out]
    rates : float32[4]
        Of μ, of σ, of the pulls of μ and of σ. The prior has mean 0 and deviation 1.
    sweep, n_samples : int
    images : float32[n, n_in]
    labels : int64[n]
    epsilon1, epsilon2 : float32[n, S, n_hidden], float32[n, S, n_out]
        Standard normal.
    """
    n_in, n_hidden = mu1.shape
    n_out, n_draws = mu2.shape[1], epsilon1.shape[1]
    zero, one = np.float32(0), np.float32(1)
    mean, power = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    g1, q1 = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    h = np.zeros((n_draws, n_hidden), np.float32)
    d, r = np.zeros((n_draws, n_out), np.float32), np.zeros((n_draws, n_out), np.float32)
    z, s2 = np.zeros(n_out, np.float32), np.zeros(n_out, np.float32)
    for n in range(len(labels)):
        x, e1, e2 = images[n], epsilon1[n], epsilon2[n]
        mean[:], power[:] = zero, zero
        for i in range(n_in):
            v = x[i]
            if v != zero:
                for j in range(n_hidden):
                    mean[j] += v * mu1[i, j]
                    power[j] += v * v * (sigma1[i, j] * sigma1[i, j])
        for j in range(n_hidden):
            power[j] = np.sqrt(max(power[j], TINY))
            g1[j], q1[j] = zero, zero
        for s in range(n_draws):
            z[:], s2[:] = zero, zero
            for j in range(n_hidden):
                a = max(mean[j] + power[j] * e1[s, j], zero)
                h[s, j] = a
                for k in range(n_out):
                    z[k] += a * mu2[j, k]
                    s2[k] += a * a * (sigma2[j, k] * sigma2[j, k])
            for k in range(n_out):
                s2[k] = np.sqrt(max(s2[k], TINY))
                z[k] += s2[k] * e2[s, k]
            top = z.max()
            total = zero
            for k in range(n_out):
                d[s, k] = np.exp(z[k] - top)
                total += d[s, k]
            for k in range(n_out):
                d[s, k] /= total
            d[s, labels[n]] -= one
            for k in range(n_out):
                r[s, k] = d[s, k] * e2[s, k] / s2[k]
            for j in range(n_hidden):
                a = h[s, j]
                if a > zero:
                    b, c = zero, zero
                    for k in range(n_out):
                        b += d[s, k] * mu2[j, k]
                        c += r[s, k] * (sigma2[j, k] * sigma2[j, k])
                    g1[j] += b + a * c
                    q1[j] += (b + a * c) * e1[s, j]
        for j in range(n_hidden):
            q1[j] = rates[1] * q1[j] / power[j]
            g1[j] = rates[0] * g1[j]
            for k in range(n_out):
                g, q = zero, zero
                for s in range(n_draws):
                    a = h[s, j]
                    g += d[s, k] * a
                    q += r[s, k] * a * a
                v = sigma2[j, k] * sigma2[j, k]
                mu2[j, k] += rates[0] * v * g
                sigma2[j, k] += rates[1] * sigma2[j, k] * v * q
        for i in range(n_in):
            w = x[i]
            if w != zero:
                for j in range(n_hidden):
                    v = sigma1[i, j] * sigma1[i, j]
                    mu1[i, j] += w * v * g1[j]
                    sigma1[i, j] += w * w * sigma1[i, j] * v * q1[j]
        for i in range(-(n_samples + n) % sweep, n_in, sweep):
            for j in range(n_hidden):
                v = sigma1[i, j] * sigma1[i, j]
                mu1[i, j] += rates[2] * v * mu1[i, j]
                sigma1[i, j] += rates[3] * sigma1[i, j] * (one - v)
        for i in range(-(n_in + n_samples + n) % sweep, n_hidden, sweep):
            for k in range(n_out):
                v = sigma2[i, k] * sigma2[i, k]
                mu2[i, k] += rates[2] * v * mu2[i, k]
                sigma2[i, k] += rates[3] * sigma2[i, k] * (one - v)


class NumbaLoop:
    """The loop with its noise, drawn by NumPy for a block at once.

    Parameters
    ----------
    mu, sigma : sequence of [in, out] arrays
    config : MesuConfig
        With a prior of mean 0 and deviation 1.
    seed : int
    """

    def __init__(
        self, mu: Sequence[Any], sigma: Sequence[Any], config: MesuConfig, seed: int = 0
    ) -> None:
        (self.mu1, self.mu2), (self.sigma1, self.sigma2) = (
            [np.ascontiguousarray(a, np.float32) for a in both] for both in (mu, sigma)
        )
        self._draws, self._sweep = config.n_draws, effective_sweep(config)
        self.rates = rates_of(config)
        self._rng = np.random.default_rng(seed)
        self._learn = compiled(learn_block)
        self.n_samples = 0

    def learn(self, x: Floats, labels: Integers) -> None:
        """Learn ``float32[n, features]`` and ``int[n]``, one sample after the other."""
        for start in range(0, len(labels), BLOCK):
            rows = x[start : start + BLOCK]
            shape = len(rows), self._draws
            epsilon = (
                self._rng.standard_normal((*shape, self.mu1.shape[1]), np.float32),
                self._rng.standard_normal((*shape, self.mu2.shape[1]), np.float32),
            )
            self.learn_with(rows, labels[start : start + BLOCK], epsilon)

    def learn_with(self, x: Floats, labels: Integers, epsilon: tuple[Floats, Floats]) -> None:
        """Learn with given noise, ``[n, S, hidden]`` and ``[n, S, classes]``."""
        self._learn(
            self.mu1, self.sigma1, self.mu2, self.sigma2, self.rates, self._sweep,
            self.n_samples, x, labels, *epsilon,
        )  # fmt: skip
        self.n_samples += len(labels)


def rates_of(config: MesuConfig) -> Floats:
    """Return the rates of μ and σ, and of their pulls: see :func:`learn_block`."""
    pull = effective_sweep(config) / config.memory_window
    step = -1 / config.n_draws
    rates = [config.lr_mu * step, 0.5 * config.lr_sigma * step]
    return np.array([*rates, -config.lr_mu * pull, 0.5 * config.lr_sigma * pull], np.float32)
