"""Adam with metaplasticity: hidden weights that are large move towards zero ever more slowly.

References
----------
Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
Kingma and Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor

from streamlearn.torch.optim import Named, hyperparameters, is_number
from streamlearn.torch.pairs import Group, require
from streamlearn.torch.tensors import TensorOptimizer

Params = Iterable[Tensor] | Iterable[Group] | Iterable[tuple[str, Tensor]]


class MetaplasticAdam(TensorOptimizer):
    """Adam whose steps towards zero are multiplied by f = 1 - tanh²(m\\|W\\|), m metaplasticity.

    With M and S Adam's moments, and t counted for each tensor::

        g  = ∂L/∂W_b + weight_decay · W
        M  = β1 M + (1 - β1) g ;  S = β2 S + (1 - β2) g²
        a  = lr √(1 - β2^t)/(1 - β1^t)
        f  = 1 - tanh²(m |W|)   where W M > 0: the step points to zero;  1 elsewhere
        W -= a f M/(√S + eps)

    Tensors with fewer than two axes (scales and shifts of normalisation layers) get f = 1.

    Parameters
    ----------
    params : iterable
        Tensors, or groups ``{"params": [...], "metaplasticity": ...}`` with hyperparameters of
        their own, so that m may differ from layer to layer.
    lr : float
        The paper's is 0.005.
    metaplasticity : float
        The paper's *m*; 0 is plain Adam. It is as large as the hidden weights are small: with
        Adam's steps of about lr, m\\|W\\| = 1 after 1/(m lr) steps one way.
    betas : tuple of float
    eps : float
        Added to √S before the bias correction, as in the authors' code.
    weight_decay : float
        Folded into the gradient (not decoupled), of every tensor.
    check_gradients : bool
        Refuse NaN and infinity before anything changes; False saves one pass and, on a GPU, the
        wait for it.

    Raises
    ------
    ConfigError
        If a hyperparameter, a group's key or a tensor makes no sense.

    Notes
    -----
    As published, the momentum decides which way a step points, not the gradient; f changes
    neither moment. Every tensor of two axes or more gets f, whether its layer is binary or not.

    Examples
    --------
    >>> import torch
    >>> weight = torch.full((1, 2), 0.5, requires_grad=True)
    >>> optimizer = MetaplasticAdam([weight], lr=0.1, metaplasticity=2.0)
    >>> (weight * torch.tensor([1.0, -1.0])).sum().backward()
    >>> optimizer.step()
    >>> weight.detach()
    tensor([[0.4580, 0.6000]])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 0.005,
        metaplasticity: float = 0.0,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        check_gradients: bool = True,
    ) -> None:
        super().__init__(params, hyperparameters(locals()))

    def check(self, group: Group) -> None:
        """Refuse hyperparameters that make no sense.

        Raises
        ------
        ConfigError
        """
        super().check(group)
        for name in ("lr", "metaplasticity", "weight_decay"):
            within = is_number(group[name]) and 0 <= group[name] < math.inf
            require(within, name, group[name], "a finite number, 0 or above")
        eps = group["eps"]
        require(is_number(eps) and 0 < eps < math.inf, "eps", eps, "a finite number above 0")
        betas = group["betas"]
        pair = isinstance(betas, tuple | list) and len(betas) == 2
        inside = pair and all(is_number(beta) and 0 <= beta < 1 for beta in betas)
        require(inside, "betas", betas, "two numbers from 0 up to, not including, 1")

    def _update_group(self, group: Group, items: list[Named]) -> None:
        for _, (weight,) in items:
            self._update(group, weight)

    def _update(self, group: Group, weight: Tensor) -> None:
        """Change one tensor and its moments by the class's equations."""
        state = self.state[weight]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        momentum, square = state["exp_avg"], state["exp_avg_sq"]
        g = cast(Tensor, weight.grad)
        if group["weight_decay"]:
            g = g.add(weight, alpha=group["weight_decay"])
        momentum.lerp_(g, 1 - beta1)
        square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        change = square.sqrt().add_(group["eps"])
        torch.div(momentum, change, out=change)
        if group["metaplasticity"] and weight.dim() > 1:
            held = torch.mul(weight, group["metaplasticity"]).tanh_().square_()  # 1 - f
            held.mul_(torch.mul(weight, momentum) > 0)
            change.addcmul_(change, held, value=-1)
        size = math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        weight.add_(change, alpha=-group["lr"] * size)
