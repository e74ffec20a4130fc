"""The networks of ``mesu-hessian`` in PyTorch: MESU and BGD; SGD with the importances of others.

:mod:`streamlearn.torch`, and not the kernels for batch 1, since this experiment's batches are 32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.reproduce.hessian import (
    BATCH,
    CLAMP_GRAD,
    SGD_LR,
    SI_DAMPING,
    SIGMA_PRIOR,
    HessianLearner,
)
from streamlearn.reproduce.learners import Setting
from streamlearn.torch import BGD, MESU, BayesianLinear, bayesian_parameters

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
#: Images that are evaluated at once with one set of weight draws, as by the authors.
ROWS = 6000


def make_learner(setting: Setting, seed: int) -> HessianLearner:
    """Return a learner of :data:`streamlearn.reproduce.hessian.ALGORITHMS`."""
    torch.set_num_threads(1)
    if setting.algorithm == "sgd":
        return SgdNet(setting, seed)
    return BayesianNet(setting, seed)


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


def gradients(
    first: BayesianLinear,
    last: BayesianLinear,
    x: Tensor,
    y: Tensor,
    epsilon: tuple[Tensor, Tensor],
) -> Tensor:
    """Set the gradients of all parameters, and return the curvature of the step's loss.

    The loss and the noise are those of ``nll_loss(monte_carlo(net, x, S), y)``. Written out, with
    the first layer's moments, the same in all draws, computed once: four times as fast.

    Parameters
    ----------
    first, last : BayesianLinear
        With biases; ReLU between them.
    x, y : Tensor
        ``[rows, features]`` and int64 ``[rows]``.
    epsilon : pair of Tensor
        Standard normal, ``[S, rows, hidden]`` and ``[S, rows, classes]``.

    Returns
    -------
    Tensor
        :func:`curvature` of the mean over the draws, ``[classes, hidden]``.
    """
    (w1, b1), (w2, b2) = (
        [(mu.detach(), sigma.detach()) for _, mu, sigma in layer.bayesian_pairs()]
        for layer in (first, last)
    )
    n_draws, (_, n_hidden) = len(epsilon[0]), (len(x), len(b1[0]))
    square = x.square()
    spread = functional.linear(square, w1[1].square(), b1[1].square()).sqrt_()
    hidden = torch.addcmul(functional.linear(x, w1[0], b1[0]), spread, epsilon[0]).relu_()
    hidden = hidden.view(-1, n_hidden)
    hidden_square, v2 = hidden.square(), w2[1].square()
    last_spread = functional.linear(hidden_square, v2, b2[1].square()).sqrt_()
    noise = epsilon[1].view(last_spread.shape)
    logits = functional.linear(hidden, w2[0], b2[0]).addcmul_(last_spread, noise)

    delta = logits.softmax(-1)
    found = (delta - delta.square()).T @ hidden_square / n_draws
    delta[torch.arange(len(delta)), y.repeat(n_draws)] -= 1
    delta /= n_draws
    ratio = (delta * noise).div_(last_spread)
    below = (delta @ w2[0]).addcmul_(hidden, ratio @ v2).mul_(hidden > 0).view(epsilon[0].shape)
    g, q = below.sum(0), (below * epsilon[0]).sum(0).div_(spread)

    for layer, (weight, bias), d, r, inputs, squares in (
        (last, (w2, b2), delta, ratio, hidden, hidden_square),
        (first, (w1, b1), g, q, x, square),
    ):
        by_weight = d.T @ inputs, (r.T @ squares).mul_(weight[1])
        by_bias = d.sum(0), r.sum(0).mul_(bias[1])
        for (_, mu, sigma), by in zip(layer.bayesian_pairs(), (by_weight, by_bias), strict=True):
            mu.grad, sigma.grad = by
    return found


class BayesianNet:
    """MESU or BGD; see :class:`streamlearn.reproduce.hessian.HessianLearner`.

    The start is that of the authors' code for this experiment: μ ~ U(±√(2/fan_in)),
    σ = 0.5/√fan_out; biases start at 0 (theirs: as the weights). Gradients are clamped to
    ±0.05/σ; theirs clamps the steps of μ and σ to ±0.05 σ.
    """

    def __init__(self, setting: Setting, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        first, last = (
            BayesianLinear(
                n_in,
                n_out,
                mu_init=self._uniform,
                sigma_init=lambda sigma: sigma.fill_(0.5 / len(sigma) ** 0.5),
                generator=self._generator,
            )
            for n_in, n_out in pairwise(setting.layers)
        )
        self._first, self._last = first, last
        self._n_draws = setting.n_draws
        groups = bayesian_parameters(torch.nn.Sequential(first, last))
        self._optimizer: BGD | MESU
        # Whether all is finite is looked at after each task.
        options: dict[str, Any] = {"clamp_grad": CLAMP_GRAD, "check_gradients": False}
        if setting.algorithm == "bgd":
            self._optimizer, self._keep = BGD(groups, **options), 1.0
        else:
            window = setting.memory_window
            self._optimizer = MESU(groups, window, SIGMA_PRIOR, **options)
            self._keep = 1 - 1 / window
        # What 1/σ² should be by theory: each step adds H, and MESU forgets towards 1/σ_prior².
        self._floor = SIGMA_PRIOR**-2 if setting.algorithm == "mesu" else 0.0
        with torch.no_grad():
            self._integral = last.weight_sigma.square().reciprocal() - self._floor

    def _uniform(self, mu: Tensor) -> None:
        limit = (2 / mu.shape[1]) ** 0.5
        mu.uniform_(-limit, limit, generator=self._generator)

    def _parameters(self) -> Iterator[tuple[str, Tensor]]:
        for place, layer in enumerate((self._first, self._last)):
            for name, tensor in layer.named_parameters():
                yield f"{name}{place}", tensor

    def step(self, images: Floats, labels: Integers) -> None:
        """See :class:`HessianLearner`."""
        sizes = (len(self._first.weight_mu), len(self._last.weight_mu))
        shapes = [(self._n_draws, len(images), k) for k in sizes]
        epsilon = [torch.randn(shape, generator=self._generator) for shape in shapes]
        x, y = torch.from_numpy(images), torch.from_numpy(labels)
        with torch.no_grad():
            new = gradients(self._first, self._last, x, y, (epsilon[0], epsilon[1]))
            self._integral.mul_(self._keep).add_(new)
        self._optimizer.step()

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def accuracy(self, images: Floats, labels: Integers) -> float:
        """See :class:`HessianLearner`."""
        hidden = self._first.mean_forward(torch.from_numpy(images)).relu()
        return _percent(self._last.mean_forward(hidden), labels)

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def measure(self, images: Floats, labels: Integers, seed: int) -> dict[str, Floats]:
        """Return ``sigma``, ``hessian`` and ``integral``.

        ``hessian`` is that of a step's loss, 32 images, expected over all training images and 20
        draws of the weights for each 6,000. ``integral`` is what 1/σ² (of MESU less 1/σ_prior²)
        would be if each step had added its H exactly.
        """
        del labels
        generator = torch.Generator().manual_seed(seed)
        total = torch.zeros(self._last.weight_mu.shape, dtype=torch.float64)
        for start in range(0, len(images), ROWS):
            x = torch.from_numpy(images[start : start + ROWS])
            for _ in range(self._n_draws):
                a = x
                for layer in (self._first, self._last):
                    hidden = a if layer is self._first else a.relu()
                    weight, bias = (
                        mu + sigma * torch.randn(mu.shape, generator=generator)
                        for _, mu, sigma in layer.bayesian_pairs()
                    )
                    a = functional.linear(hidden, weight, bias)
                total += curvature(hidden, a)
        hessian = total * BATCH / (self._n_draws * len(images))
        found = {
            "sigma": self._last.weight_sigma,
            "hessian": hessian,
            "integral": self._integral,
        }
        return {name: tensor.numpy().astype(np.float32) for name, tensor in found.items()}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`HessianLearner`."""
        held = {name: tensor.detach().numpy().copy() for name, tensor in self._parameters()}
        state = self._generator.get_state().numpy().copy()
        return {**held, "integral": self._integral.numpy().copy(), "generator": state}

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`HessianLearner`."""
        for name, tensor in self._parameters():
            tensor.copy_(torch.from_numpy(arrays[name]))
        self._integral.copy_(torch.from_numpy(arrays["integral"]))
        self._generator.set_state(torch.from_numpy(arrays["generator"]))


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
        return _percent(self._forward(torch.from_numpy(images))[1], labels)

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


def _percent(logits: Tensor, labels: Integers) -> float:
    return round(100 * float(np.mean(logits.argmax(-1).numpy() == labels)), 2)
