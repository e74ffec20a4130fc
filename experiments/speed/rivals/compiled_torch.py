"""MESU's step compiled by ``torch.compile``; needs PyTorch and a C++ compiler.

The rule is that of :class:`experiments.speed.torch_loops.LocalLoop`, whose layers and pulls it has.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor

from experiments.speed.torch_loops import TINY, _UnitNoiseLoop


def _gradients(
    mu1: Tensor, sigma1: Tensor, mu2: Tensor, sigma2: Tensor,
    x: Tensor, target: Tensor, e1: Tensor, e2: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Return the sums over the draws: of layer 1 by its units, of layer 2 by its weights."""
    v2 = sigma2 * sigma2
    s1 = (sigma1 * sigma1 @ (x * x)).clamp_min(TINY).sqrt()
    h = torch.relu(mu1 @ x + s1 * e1)
    s2 = ((h * h) @ v2.t()).clamp_min(TINY).sqrt()
    delta = torch.softmax(h @ mu2.t() + s2 * e2, 1) - target
    r = delta * e2 / s2
    below = (delta @ mu2 + h * (r @ v2)) * (h > 0)
    return below.sum(0), (below * e1).sum(0) / s1, delta.t() @ h, r.t() @ (h * h)


def _move(
    mu1: Tensor, sigma1: Tensor, mu2: Tensor, sigma2: Tensor, x: Tensor,
    g1: Tensor, q1: Tensor, g2: Tensor, q2: Tensor, mu_rate: float, sigma_rate: float,
) -> None:  # fmt: skip
    """Apply the gradients in place."""
    v1, v2 = sigma1 * sigma1, sigma2 * sigma2
    mu2.add_(mu_rate * v2 * g2)
    sigma2.add_(sigma_rate * sigma2 * v2 * q2)
    mu1.add_(mu_rate * v1 * torch.outer(g1, x))
    sigma1.add_(sigma_rate * sigma1 * v1 * torch.outer(q1, x * x))


class CompiledLoop(_UnitNoiseLoop):
    """The local loop with its step compiled: gradients, and the move along them.

    As one function the compiler of PyTorch 2.13 fails on it (KeyError in Inductor's fusion).

    Parameters
    ----------
    compiler : str
        PyTorch's name of it; "eager" compiles nothing, for tests.
    arguments, options
        Those of :class:`experiments.speed.torch_loops.LocalLoop`.
    """

    def __init__(self, *arguments: Any, compiler: str = "inductor", **options: Any) -> None:
        super().__init__(*arguments, **options)
        compiled = partial(torch.compile, fullgraph=True, dynamic=False, backend=compiler)
        self._gradients, self._move = compiled(_gradients), compiled(_move)

    def learn_with(self, x: Tensor, labels: list[int], epsilon: tuple[Tensor, Tensor]) -> None:
        """Learn with given noise."""
        first, last = self.layers
        weights = first.mu, first.sigma, last.mu, last.sigma
        rates = self._mu_rate, self._sigma_rate
        samples = zip(x.unbind(0), *(e.unbind(0) for e in epsilon), labels, strict=True)
        for row, e1, e2, label in samples:
            found = self._gradients(*weights, row, self._one_hot[label], e1, e2)
            self._move(*weights, row, *found, *rates)
            last.pull(self.n_samples)
            first.pull(self.n_samples)
            self.n_samples += 1
