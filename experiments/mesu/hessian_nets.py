"""The networks of ``mesu-hessian`` in PyTorch: MESU and BGD.

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

from experiments.data import Floats, Integers
from experiments.loop.runs import Setting
from experiments.mesu.hessian import (
    BATCH,
    CLAMP_GRAD,
    SIGMA_PRIOR,
    HessianLearner,
)
from experiments.mesu.hessian_sgd import SgdNet, curvature, percent
from streamlearn.torch import BGD, MESU, BayesianLinear, bayesian_parameters

#: Images that are evaluated at once with one set of weight draws, as by the authors.
ROWS = 6000


def make_learner(setting: Setting, seed: int) -> HessianLearner:
    """Return a learner of :data:`experiments.mesu.hessian.ALGORITHMS`."""
    torch.set_num_threads(1)
    if setting.algorithm == "sgd":
        return SgdNet(setting, seed)
    return BayesianNet(setting, seed)


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
    """MESU or BGD; see :class:`experiments.mesu.hessian.HessianLearner`.

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
        return percent(self._last.mean_forward(hidden), labels)

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
