"""BiMU as an optimizer: the published rule, one number per weight.

References
----------
arXiv 2605.30198 (ICML 2026).
Float reference: :mod:`streamlearn.rules.bimu.equations` (float64, batch 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

from torch import Tensor  # type: ignore[import-not-found, unused-ignore]

from streamlearn.torch.optim import Named, hyperparameters, is_number
from streamlearn.torch.pairs import Group, require
from streamlearn.torch.tensors import TensorOptimizer


class BiMU(TensorOptimizer):
    """The rule of arXiv 2605.30198: learns, and forgets slowly, in one number per weight.

    With ∂ the gradient of the loss by λ, g = likelihood · ∂ and everything from the old λ::

        α  = 1 / (κ sech² λ + 2 g tanh λ + 2 |g| + 1/lr_max)
        λ -= α (lr g + κ λ sech² λ / N)

    Parameters
    ----------
    params : iterable
        λ of each layer: ``net.parameters()`` of a network of :class:`BimuLinear`.
    memory_window : float
        The paper's *N*, in steps; ``inf`` never forgets. What is not confirmed fades over about
        N/(κ lr_max) steps.
    lr, lr_max, kappa, likelihood : float
        The paper's for 1000 permuted tasks at 784-100-10 are the defaults.
    check_gradients : bool
        Refuse NaN and infinity before anything changes.

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Notes
    -----
    The gradient is that of one sample's loss, the mean over the draws. α lr |g| is at most lr/2.
    A λ whose gradient is None stays as it is, and forgets nothing.

    Examples
    --------
    >>> import torch
    >>> belief = torch.zeros(3, requires_grad=True)
    >>> optimizer = BiMU([belief], memory_window=700)
    >>> belief.sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Any],
        memory_window: float,
        lr: float = 4.9,
        lr_max: float = 0.0023,
        kappa: float = 3.76,
        likelihood: float = 161.3,
        *,
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
        for name in ("lr", "kappa", "likelihood"):
            within = is_number(group[name]) and 0 <= group[name] < math.inf
            require(within, name, group[name], "a finite number, 0 or above")
        largest = group["lr_max"]
        within = is_number(largest) and 0 < largest < math.inf
        require(within, "lr_max", largest, "a number above 0")
        window = group["memory_window"]
        within = is_number(window) and window > 0
        require(within, "memory_window", window, "steps, above 0, or inf")

    def _update_group(self, group: Group, items: list[Named]) -> None:
        for _, (belief,) in items:
            g = cast(Tensor, belief.grad) * group["likelihood"]
            t = belief.tanh()
            pull = (1 - t.square()).mul_(group["kappa"])
            against = g.abs().addcmul_(g, t).mul_(2)
            scale = against.add_(pull).add_(1 / group["lr_max"])
            step = g.mul_(group["lr"]).addcmul_(pull, belief, value=1 / group["memory_window"])
            belief.sub_(step.div_(scale))
