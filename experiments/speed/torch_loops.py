"""What a user would write instead, in PyTorch, by hand and for one core.

One hidden layer, no biases, batch 1. No autograd: derivatives are written out. But for PlainLoop
every operation goes into memory that is already there, noise is drawn for a block of samples where
it fits, and rows are cut out once a block. The learning rule is streamlearn/mesu.py's but for the
limit of a step, which saves PyTorch a pass; the prior pulls 1/64 of the rows a sample, as there.
Nothing is predicted. tests/experiments/test_speed_torch_loops.py holds every loop to the
reference or to autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor

from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import effective_sweep

Array = npt.NDArray[Any]

#: Samples whose noise is drawn at once.
BLOCK = 256
#: Below the square root of any spread that counts, above 0: no division by 0 where all inputs are.
TINY = 1e-30


class Gaussian:
    """μ, σ and scratch of one layer, ``[out, in]``, and the prior's pull on 1/sweep of the inputs.

    Parameters
    ----------
    mu, sigma : [in, out] array
        The start, as :func:`quant.network.layer_view` returns it.
    config : MesuConfig
    first : int
        Rows of all layers before.
    dtype : torch.dtype
    """

    def __init__(
        self, mu: Array, sigma: Array, config: MesuConfig, first: int, dtype: torch.dtype
    ) -> None:
        self.mu, self.sigma = (torch.tensor(a.T.copy(), dtype=dtype) for a in (mu, sigma))
        self.v = torch.empty_like(self.mu)
        self.work = torch.empty_like(self.mu)
        self._sweep = effective_sweep(config)
        self._first = first
        v_prior = config.sigma_prior_of(len(mu)) ** 2
        strength = self._sweep / (config.memory_window * v_prior)
        self._rates = (-config.lr_mu * strength, 0.5 * config.lr_sigma * strength)
        self._v_prior, self._mu_prior = v_prior, config.mu_prior
        self._slices = [
            (self.mu[:, start :: self._sweep], self.sigma[:, start :: self._sweep])
            for start in range(min(self._sweep, len(mu)))
        ]

    def pull(self, n_samples: int) -> None:
        """Let the prior pull its share of the rows, as ``streamlearn.mesu._pull``."""
        start = -(self._first + n_samples) % self._sweep
        if self._rates[0] == 0 or start >= len(self._slices):
            return
        mu, sigma = self._slices[start]
        v = sigma.square()
        away = mu - self._mu_prior if self._mu_prior else mu
        mu.addcmul_(v, away, value=self._rates[0])
        sigma.addcmul_(sigma, torch.sub(self._v_prior, v), value=self._rates[1])


class _Loop:
    """What the Bayesian loops share: layers, counters, cutting a block into rows."""

    def __init__(
        self,
        mu: Sequence[Array],
        sigma: Sequence[Array],
        config: MesuConfig,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if len(mu) != 2:
            raise ValueError(f"{len(mu)} layers: these loops have one hidden layer, that is 2")
        self.layers = [
            Gaussian(m, s, config, first, dtype)
            for m, s, first in zip(mu, sigma, (0, len(mu[0])), strict=True)
        ]
        self._s, self._dtype = config.n_draws, dtype
        self._sizes = (*(len(m) for m in mu), mu[1].shape[1])
        self._mu_rate = -config.lr_mu / config.n_draws
        self._sigma_rate = -0.5 * config.lr_sigma / config.n_draws
        self._generator = torch.Generator().manual_seed(seed)
        self._one_hot = torch.eye(self._sizes[2], dtype=dtype).unbind(0)
        self.n_samples = 0

    def _new(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self._dtype)

    def _randn(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator, dtype=self._dtype)

    def learn(self, x: Array, labels: Array) -> None:
        """Learn ``[n, features]`` and ``int[n]``, one sample after the other."""
        with torch.inference_mode():
            rows = torch.from_numpy(x)
            for start in range(0, len(labels), BLOCK):
                block = rows[start : start + BLOCK].to(self._dtype)
                self._learn_block(block, labels[start : start + BLOCK].tolist())

    def _learn_block(self, x: Tensor, labels: list[int]) -> None:
        raise NotImplementedError


class _UnitNoiseLoop(_Loop):
    """A loop whose noise is drawn for the units, a block of samples at once."""

    def _learn_block(self, x: Tensor, labels: list[int]) -> None:
        n, (_, hidden, out) = len(labels), self._sizes
        epsilon = self._randn(n, self._s, hidden), self._randn(n, self._s, out)
        self.learn_with(x, labels, epsilon)

    def learn_with(self, x: Tensor, labels: list[int], epsilon: tuple[Tensor, Tensor]) -> None:
        """Learn with given noise, ``[n, S, hidden]`` and ``[n, S, classes]``."""
        raise NotImplementedError


class LocalLoop(_UnitNoiseLoop):
    """Local reparameterisation: ``a = x·μ + ε √(x²·σ²)``, derivatives by hand."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _, hidden, out = self._sizes
        s, new = self._s, self._new
        self._m1, self._s1, self._g1, self._q1 = (new(hidden) for _ in range(4))
        self._h, self._h2, self._below, self._t, self._mask = (new(s, hidden) for _ in range(5))
        self._m2, self._s2, self._z, self._p, self._r = (new(s, out) for _ in range(5))
        self._g2, self._q2 = new(out, hidden), new(out, hidden)

    def learn_with(self, x: Tensor, labels: list[int], epsilon: tuple[Tensor, Tensor]) -> None:
        """Learn with given noise."""
        first, last = self.layers
        mu1, sigma1, v1, work = first.mu, first.sigma, first.v, first.work
        mu2, sigma2, v2 = last.mu, last.sigma, last.v
        mu2_t, v2_t = mu2.t(), v2.t()
        m1, s1, g1, q1 = self._m1, self._s1, self._g1, self._q1
        h, h2, below, t, mask = self._h, self._h2, self._below, self._t, self._mask
        m2, s2, z, p, r = self._m2, self._s2, self._z, self._p, self._r
        g2, q2, p_t, r_t = self._g2, self._q2, p.t(), r.t()
        mu_rate, sigma_rate, one_hot = self._mu_rate, self._sigma_rate, self._one_hot
        samples = zip(
            x.unbind(0), x.square().unbind(0), *(e.unbind(0) for e in epsilon), labels, strict=True
        )
        for row, square, e1, e2, label in samples:
            torch.mul(sigma1, sigma1, out=v1)
            torch.mul(sigma2, sigma2, out=v2)
            torch.mv(mu1, row, out=m1)
            torch.mv(v1, square, out=s1)
            s1.clamp_min_(TINY).sqrt_()
            torch.addcmul(m1, s1, e1, out=h)
            h.relu_()
            torch.mul(h, h, out=h2)
            torch.mm(h, mu2_t, out=m2)
            torch.mm(h2, v2_t, out=s2)
            s2.clamp_min_(TINY).sqrt_()
            torch.addcmul(m2, s2, e2, out=z)

            torch.softmax(z, 1, out=p)
            p.sub_(one_hot[label])
            torch.mul(p, e2, out=r)
            r.div_(s2)
            torch.mm(p_t, h, out=g2)
            torch.mm(r_t, h2, out=q2)
            torch.mm(p, mu2, out=below)
            torch.mm(r, v2, out=t)
            below.addcmul_(h, t)
            torch.sign(h, out=mask)
            below.mul_(mask)
            torch.sum(below, 0, out=g1)
            below.mul_(e1)
            torch.sum(below, 0, out=q1)
            q1.div_(s1)

            mu2.addcmul_(v2, g2, value=mu_rate)
            q2.mul_(v2)
            sigma2.addcmul_(sigma2, q2, value=sigma_rate)
            torch.outer(g1, row, out=work)
            mu1.addcmul_(v1, work, value=mu_rate)
            torch.outer(q1, square, out=work)
            work.mul_(v1)
            sigma1.addcmul_(sigma1, work, value=sigma_rate)
            last.pull(self.n_samples)
            first.pull(self.n_samples)
            self.n_samples += 1


class PlainLoop(_UnitNoiseLoop):
    """The same as :class:`LocalLoop` in plain expressions: derivatives by hand, nothing else."""

    def learn_with(self, x: Tensor, labels: list[int], epsilon: tuple[Tensor, Tensor]) -> None:
        """Learn with given noise."""
        first, last = self.layers
        for k, label in enumerate(labels):
            row, e1, e2 = x[k], epsilon[0][k], epsilon[1][k]
            v1, v2 = first.sigma**2, last.sigma**2
            s1 = torch.sqrt(v1 @ row**2 + TINY)
            h = torch.relu(first.mu @ row + s1 * e1)
            s2 = torch.sqrt(h**2 @ v2.T + TINY)
            z = h @ last.mu.T + s2 * e2

            delta = torch.softmax(z, 1)
            delta[:, label] -= 1
            r = delta * e2 / s2
            below = (delta @ last.mu + h * (r @ v2)) * (h > 0)
            g1, q1 = below.sum(0), (below * e1).sum(0) / s1

            last.mu += self._mu_rate * v2 * (delta.T @ h)
            last.sigma += self._sigma_rate * last.sigma * v2 * (r.T @ h**2)
            first.mu += self._mu_rate * v1 * torch.outer(g1, row)
            first.sigma += self._sigma_rate * first.sigma * v1 * torch.outer(q1, row**2)
            last.pull(self.n_samples)
            first.pull(self.n_samples)
            self.n_samples += 1


class WeightLoop(_Loop):
    """Weight sampling, the paper's own estimate: ``w = μ + σ ε``, derivatives by hand."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        n_in, hidden, out = self._sizes
        s, new = self._s, self._new
        self._e1, self._w1 = new(s, hidden, n_in), new(s, hidden, n_in)
        self._e2, self._w2 = new(s, out, hidden), new(s, out, hidden)
        self._h, self._below, self._mask = (new(s, hidden) for _ in range(3))
        self._p = new(s, out)
        self._g1, self._g2 = new(hidden), new(out, hidden)

    def _learn_block(self, x: Tensor, labels: list[int]) -> None:
        for row, label in zip(x.unbind(0), labels, strict=True):
            for e in (self._e1, self._e2):
                e.normal_(generator=self._generator)
            self.learn_with(row, label, (self._e1, self._e2))

    def learn_with(self, row: Tensor, label: int, epsilon: tuple[Tensor, Tensor]) -> None:
        """Learn one sample with given noise, ``[S, out, in]`` of each layer."""
        (first, last), (e1, e2) = self.layers, epsilon
        s, (n_in, hidden, _) = self._s, self._sizes
        h, below, mask, p = self._h, self._below, self._mask, self._p
        torch.addcmul(first.mu, first.sigma, e1, out=self._w1)
        torch.addcmul(last.mu, last.sigma, e2, out=self._w2)
        torch.mv(self._w1.view(s * hidden, n_in), row, out=h.view(s * hidden))
        h.relu_()
        z = torch.bmm(self._w2, h.unsqueeze(2)).squeeze(2)
        torch.softmax(z, 1, out=p)
        p.sub_(self._one_hot[label])

        torch.bmm(p.unsqueeze(1), self._w2, out=below.view(s, 1, hidden))
        torch.sign(h, out=mask)
        below.mul_(mask)
        for layer in (first, last):
            torch.mul(layer.sigma, layer.sigma, out=layer.v)
        torch.mm(p.t(), h, out=self._g2)
        last.mu.addcmul_(last.v, self._g2, value=self._mu_rate)
        each = torch.mul(p.unsqueeze(2), h.unsqueeze(1), out=self._w2)
        torch.sum(each.mul_(e2), 0, out=last.work)
        last.sigma.addcmul_(last.v, last.work, value=self._sigma_rate)

        torch.sum(below, 0, out=self._g1)
        torch.outer(self._g1, row, out=first.work)
        first.mu.addcmul_(first.v, first.work, value=self._mu_rate)
        # for each hidden unit, the draws' noise weighted by their gradients: one pass over ε
        weighted = torch.bmm(below.t().unsqueeze(1), e1.transpose(0, 1))
        torch.mul(weighted.view(hidden, n_in), row, out=first.work)
        first.sigma.addcmul_(first.v, first.work, value=self._sigma_rate)
        last.pull(self.n_samples)
        first.pull(self.n_samples)
        self.n_samples += 1
