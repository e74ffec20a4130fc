"""Plain SGD with the importances of EWC and SI, for ``mesu-hessian``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from experiments.data import Floats, Integers
from experiments.loop.runs import Setting
from experiments.mesu.hessian import BATCH, SGD_LR, SI_DAMPING


def curvature(hidden: Tensor, logits: Tensor) -> Tensor:
    """Second derivatives of Σ -log softmax(logits)[y] by the last layer's weights.

    ``∂²/∂w_kj² = Σ_rows h_j² p_k (1 - p_k)``, whatever the labels: the logits are linear in w. The
    same by the weights' means, for weights and for pre-activations that are sampled.

    Parameters
    ----------
    hidden : Tensor
        ``[rows, inputs]``.
    logits : Tensor
        ``[rows, classes]``.

    Returns
    -------
    Tensor
        ``[classes, inputs]``.
    """
    p = logits.softmax(-1)
    return (p * (1 - p)).T @ hidden.square()


class SgdNet:
    """Plain SGD on the summed loss: what the importances of EWC and SI are compared on."""

    def __init__(self, setting: Setting, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._w: list[Tensor] = []
        for n_in, n_out in pairwise(setting.layers):
            limit = n_in**-0.5
            for shape in ((n_out, n_in), (n_out,)):
                self._w.append(torch.empty(shape).uniform_(-limit, limit, generator=generator))
        for w in self._w:
            w.requires_grad_()
        self._start = self._w[2].detach().clone()
        self._path = torch.zeros_like(self._start)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = functional.linear(x, self._w[0], self._w[1]).relu()
        return hidden, functional.linear(hidden, self._w[2], self._w[3])

    def step(self, images: Floats, labels: Integers) -> None:
        """See :class:`HessianLearner`."""
        _, logits = self._forward(torch.from_numpy(images))
        loss = functional.cross_entropy(logits, torch.from_numpy(labels), reduction="sum")
        gradients = torch.autograd.grad(loss, self._w)
        with torch.no_grad():
            self._path.addcmul_(gradients[2], gradients[2], value=SGD_LR)
            for w, g in zip(self._w, gradients, strict=True):
                w.sub_(g, alpha=SGD_LR)

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def accuracy(self, images: Floats, labels: Integers) -> float:
        """See :class:`HessianLearner`."""
        return percent(self._forward(torch.from_numpy(images))[1], labels)

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def measure(self, images: Floats, labels: Integers, seed: int) -> dict[str, Floats]:
        """Return ``hessian``, ``fisher``, ``fisher_batch`` and ``si``.

        ``fisher`` is the empirical Fisher, 32 times the mean squared gradient of one image;
        ``fisher_batch`` the mean squared gradient of the sum over a batch, what the authors' EWC
        has in this experiment; ``si`` SI's importance since the start.
        """
        del seed
        hidden, logits = self._forward(torch.from_numpy(images))
        delta = logits.softmax(-1)
        delta[torch.arange(len(labels)), torch.from_numpy(labels)] -= 1
        n = len(labels) // BATCH * BATCH
        h, d = (part[:n].reshape(-1, BATCH, part.shape[1]) for part in (hidden, delta))
        found = {
            "hessian": curvature(hidden, logits) * BATCH / len(labels),
            "fisher": delta.square().T @ hidden.square() * BATCH / len(labels),
            "fisher_batch": torch.bmm(d.transpose(1, 2), h).square().mean(0),
            "si": self._path / ((self._w[2] - self._start).square() + SI_DAMPING),
        }
        return {name: tensor.numpy().astype(np.float32) for name, tensor in found.items()}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`HessianLearner`."""
        held = {f"w{place}": w.detach().numpy().copy() for place, w in enumerate(self._w)}
        return {**held, "start": self._start.numpy().copy(), "path": self._path.numpy().copy()}

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`HessianLearner`."""
        for place, w in enumerate(self._w):
            w.copy_(torch.from_numpy(arrays[f"w{place}"]))
        self._start.copy_(torch.from_numpy(arrays["start"]))
        self._path.copy_(torch.from_numpy(arrays["path"]))


def percent(logits: Tensor, labels: Integers) -> float:
    """Return the accuracy in %."""
    return round(100 * float(np.mean(logits.argmax(-1).numpy() == labels)), 2)
