"""BGD, the diagonal FOO-VB, as a ``torch.optim.Optimizer`` over pairs (μ, σ).

References
----------
Zeno et al., "Task agnostic continual learning using online variational Bayes", arXiv 1803.10123.
"""

from __future__ import annotations

import torch  # type: ignore[import-not-found, unused-ignore]

from streamlearn.torch.optim import PairOptimizer, Params, Tensors, check_rates, hyperparameters
from streamlearn.torch.pairs import Group, require


class BGD(PairOptimizer):
    """Bayesian gradient descent, the diagonal FOO-VB (Zeno et al.): learns, and never forgets.

    With u = ½ σ ∂σ, the paper's E[∂L/∂w ε] being ∂σ, both lines from the old σ::

        μ -= lr_mu · σ² ∂μ
        σ += lr_sigma · (σ √(1 + u²) - σ u - σ)

    Parameters
    ----------
    params : iterable
        As for :class:`MESU`.
    lr_mu : float
        The paper's η.
    lr_sigma : float
        Multiplies σ's step. Up to 1, the paper's equation, σ stays above 0.
    clamp_grad, check_gradients
        As for :class:`MESU`.
    repo_sign : bool
        The rule of the MESU authors' code, σ -= lr_sigma·(σ u + σ (√(1 + u²) - 1)): the root's
        sign is wrong there, so σ falls faster and turns negative at u > 3/4. Only to reproduce
        their numbers.

    Raises
    ------
    ConfigError, ShapeError
        If a value or a pair makes no sense.
    """

    def __init__(
        self,
        params: Params,
        lr_mu: float = 1.0,
        lr_sigma: float = 1.0,
        *,
        clamp_grad: float = 0.0,
        repo_sign: bool = False,
        check_gradients: bool = True,
    ) -> None:
        super().__init__(params, hyperparameters(locals()))

    def check(self, group: Group) -> None:
        """Refuse what all rules refuse, and a ``repo_sign`` that is no truth value."""
        check_rates(group)
        sign = group["repo_sign"]
        require(isinstance(sign, bool), "repo_sign", sign, "True or False")

    def update(
        self, group: Group, mu: Tensors, sigma: Tensors, g_mu: Tensors, g_sigma: Tensors
    ) -> None:
        """Change μ and σ in place by the class's equations."""
        v = torch._foreach_mul(sigma, sigma)
        torch._foreach_addcmul_(mu, v, g_mu, -group["lr_mu"])

        u = torch._foreach_mul(sigma, g_sigma)
        torch._foreach_mul_(u, 0.5)
        root = torch._foreach_mul(u, u)
        torch._foreach_add_(root, 1.0)
        torch._foreach_sqrt_(root)
        if group["repo_sign"]:
            factor = torch._foreach_neg(root)
            torch._foreach_add_(factor, 2.0)
            torch._foreach_sub_(factor, u)
        else:
            # √(1 + u²) - u = (√(1 + u²) + |u|)^(-sign u): no cancellation, so never 0 or below.
            torch._foreach_add_(root, torch._foreach_abs(u))
            sign = torch._foreach_sign(u)
            torch._foreach_neg_(sign)
            factor = torch._foreach_pow(root, sign)
        torch._foreach_mul_(factor, sigma)
        torch._foreach_lerp_(sigma, factor, group["lr_sigma"])
