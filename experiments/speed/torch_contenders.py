"""Who is measured for speed: what a user would write instead, in PyTorch; needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch  # type: ignore[import-not-found, unused-ignore]

from experiments.speed import names
from experiments.speed.contenders import Contender, Images, Labels, start_of
from experiments.speed.torch_loops import LocalLoop, PlainLoop, WeightLoop
from experiments.speed.torch_sgd import SgdLoop
from quant.rules.mesu.config import MesuConfig
from streamlearn.torch import MESU, BayesianLinear, bayesian_parameters, monte_carlo, nll_loss


def torch_local(layers: Sequence[int], n_draws: int) -> Contender:
    """Return the loop that ratios are taken to."""
    return Contender(names.TORCH_LOCAL, "torch", LocalLoop(*start_of(layers, n_draws)).learn)


def torch_contenders(layers: Sequence[int], n_draws: int) -> list[Contender]:
    """Return everything in PyTorch, the loop that ratios are taken to first."""
    mu, sigma, config = start_of(layers, n_draws)
    return [
        torch_local(layers, n_draws),
        Contender(names.TORCH_PLAIN, "torch", PlainLoop(*start_of(layers, n_draws)).learn),
        Contender(names.TORCH_WEIGHTS, "torch", WeightLoop(mu, sigma, config).learn),
        Contender(names.TORCH_AUTOGRAD, "torch", _autograd(layers, config)),
        Contender(names.TORCH_SGD, "torch", SgdLoop(layers).learn),
    ]


def _autograd(layers: Sequence[int], config: MesuConfig) -> Callable[[Images, Labels], object]:
    """Return the loop of docs/torch.md, at batch 1."""
    net = torch.nn.Sequential(
        BayesianLinear(layers[0], layers[1], bias=False),
        torch.nn.ReLU(),
        BayesianLinear(layers[1], layers[2], bias=False),
    )
    optimizer = MESU(bayesian_parameters(net), config.memory_window, sigma_prior=1.0)

    def learn(x: Images, y: Labels) -> None:
        images: Any = torch.from_numpy(x)
        labels: Any = torch.from_numpy(y)
        for row, label in zip(images.split(1), labels.split(1), strict=True):
            optimizer.zero_grad()
            loss: Any = nll_loss(monte_carlo(net, row, config.n_draws), label)
            loss.backward()
            optimizer.step()

    return learn
