"""Adam with metaplasticity: hidden weights that are large move towards zero ever more slowly.

References
----------
Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
Kingma and Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor

from streamlearn.errors import ConfigError, InputValueError
from streamlearn.torch.optim import CheckedOptimizer, Named, hyperparameters, is_number
from streamlearn.torch.pairs import Group, require

Params = Iterable[Tensor] | Iterable[Group] | Iterable[tuple[str, Tensor]]


class MetaplasticAdam(CheckedOptimizer):
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
        defaults = hyperparameters(locals())
        _check(defaults)
        super().__init__(params, defaults)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of tensors, with hyperparameters of its own where it names them.

        Raises
        ------
        ConfigError
            If a key is unknown, a value makes no sense, or a tensor is neither float32 nor float64.
        """
        known = {"params", "param_names", *self.defaults}
        if unknown := sorted(set(param_group) - known):
            raise ConfigError(
                f"parameter group: unknown {', '.join(unknown)}; known are "
                f"{', '.join(sorted(known))}"
            )
        _check({**self.defaults, **param_group})
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            if parameter.dtype not in (torch.float32, torch.float64):
                self.param_groups.pop()
                raise ConfigError(
                    f"a parameter of {parameter.dtype}: expected float32 or float64; a step is "
                    "far below the spacing of narrower types"
                )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load moments and hyperparameters that ``state_dict()`` saved.

        Raises
        ------
        ConfigError
            If they are another optimizer's, or of another number of tensors.
        """
        groups = state_dict.get("param_groups", [])
        mine = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in groups]
        if mine != theirs or any(set(self.defaults) - set(group) for group in groups):
            raise ConfigError(
                f"the saved state is not that of a MetaplasticAdam over these parameters: groups "
                f"of {theirs} tensors, expected {mine} with {', '.join(sorted(self.defaults))}"
            )
        for group in groups:
            _check(group)
        super().load_state_dict(state_dict)

    def _with_gradients(self, index: int, group: Group) -> list[Named]:
        return _named(index, group)

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


def _named(index: int, group: Group) -> list[Named]:
    """Return ``(name, (tensor,))`` of the tensors that have a gradient.

    Raises
    ------
    InputValueError
        If a gradient is sparse.
    """
    found: list[Named] = []
    names = group.get("param_names") or [
        f"group {index}, parameter {place}" for place in range(len(group["params"]))
    ]
    for name, parameter in zip(names, group["params"], strict=True):
        if parameter.grad is None:
            continue
        if parameter.grad.layout != torch.strided:
            raise InputValueError(f"{name}: sparse gradient; expected a dense one")
        found.append((name, (parameter,)))
    return found


def _check(group: Group) -> None:
    """Refuse hyperparameters that make no sense.

    Raises
    ------
    ConfigError
    """
    for name in ("lr", "metaplasticity", "weight_decay"):
        within = is_number(group[name]) and 0 <= group[name] < math.inf
        require(within, name, group[name], "a finite number, 0 or above")
    eps = group["eps"]
    require(is_number(eps) and 0 < eps < math.inf, "eps", eps, "a finite number above 0")
    betas = group["betas"]
    pair = isinstance(betas, tuple | list) and len(betas) == 2
    inside = pair and all(is_number(beta) and 0 <= beta < 1 for beta in betas)
    require(inside, "betas", betas, "two numbers from 0 up to, not including, 1")
    check = group["check_gradients"]
    require(isinstance(check, bool), "check_gradients", check, "True or False")
