"""MESU as a ``torch.optim.Optimizer`` over pairs (μ, σ).

References
----------
Bonnet et al., "Bayesian continual learning and forgetting in neural networks", arXiv 2504.13569.
Float reference: :mod:`streamlearn.rules.mesu.equations` (float64, batch 1).
"""

from __future__ import annotations

import math

import torch  # type: ignore[import-not-found, unused-ignore]

from streamlearn.torch.optim import (
    PairOptimizer,
    Params,
    Tensors,
    check_rates,
    hyperparameters,
    is_number,
)
from streamlearn.torch.pairs import Group, require


class MESU(PairOptimizer):
    """Metaplasticity from synaptic uncertainty (Bonnet et al. 2025): learns, and forgets slowly.

    With v = σ² and both lines from the old σ::

        μ += lr_mu    · (-v ∂μ + v (μ_prior - μ)/(N σ_prior²))
        σ += lr_sigma · ½ (-v ∂σ + σ (σ_prior² - v)/(N σ_prior²))

    Parameters
    ----------
    params : iterable
        ``bayesian_parameters(module)``, pairs ``(mu, sigma)``, or groups
        ``{"pairs": [...], ...}`` with their own hyperparameters.
    memory_window : float
        The paper's *N*: knowledge fades over about this many steps. ``inf`` never forgets.
    sigma_prior, mu_prior : float
        Standard deviation and mean of the prior.
    lr_mu, lr_sigma : float
        Multiply the two updates; the paper's equations have 1.
    clamp_grad : float
        Clamp both gradients to ±clamp_grad/σ, as the authors' code; 0 does not. Below
        2/lr_sigma it keeps σ above 0.
    check_gradients : bool
        Refuse NaN and infinity before anything changes; False saves one pass and, on a GPU, the
        wait for it.

    Raises
    ------
    ConfigError, ShapeError
        If a value or a pair makes no sense.

    Notes
    -----
    The gradient is that of the loss *summed* over the batch (:func:`nll_loss`); with a mean the
    prior would weigh batch-size times as much. One step counts once in N, whatever the batch.

    Differs from :func:`streamlearn.rules.mesu.equations.update`: the prior pulls from the old μ and
    σ, there from those after the gradient's part; a step is not limited; there is no sweep.

    Without ``clamp_grad`` σ may cross 0 where ½ lr_sigma σ ∂σ > 1; its sign has no meaning to the
    rule or the layers.

    Examples
    --------
    >>> import torch
    >>> mu, sigma = torch.zeros(3, requires_grad=True), torch.ones(3, requires_grad=True)
    >>> optimizer = MESU([(mu, sigma)], memory_window=1000, sigma_prior=0.5)
    >>> (mu + sigma * torch.ones(3)).sum().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: Params,
        memory_window: float,
        sigma_prior: float = 1.0,
        mu_prior: float = 0.0,
        lr_mu: float = 1.0,
        lr_sigma: float = 1.0,
        *,
        clamp_grad: float = 0.0,
        check_gradients: bool = True,
    ) -> None:
        super().__init__(params, hyperparameters(locals()))

    def check(self, group: Group) -> None:
        """Refuse N or σ_prior not above 0, and other hyperparameters that make no sense.

        Raises
        ------
        ConfigError
        """
        check_rates(group)
        window, sigma_prior = group["memory_window"], group["sigma_prior"]
        require(is_number(window) and window > 0, "memory_window", window, "steps, above 0, or inf")
        finite_prior = is_number(sigma_prior) and 0 < sigma_prior < math.inf
        require(finite_prior, "sigma_prior", sigma_prior, "a finite number above 0")
        mu_prior = group["mu_prior"]
        finite_mean = is_number(mu_prior) and math.isfinite(mu_prior)
        require(finite_mean, "mu_prior", mu_prior, "a finite number")

    def update(
        self, group: Group, mu: Tensors, sigma: Tensors, g_mu: Tensors, g_sigma: Tensors
    ) -> None:
        """Change μ and σ in place by the class's equations."""
        v_prior = group["sigma_prior"] ** 2
        strength = 1 / (group["memory_window"] * v_prior)
        v = torch._foreach_mul(sigma, sigma)

        d_mu = torch._foreach_neg(mu)
        torch._foreach_add_(d_mu, group["mu_prior"])
        torch._foreach_mul_(d_mu, strength)
        torch._foreach_sub_(d_mu, g_mu)
        torch._foreach_mul_(d_mu, v)

        d_sigma = torch._foreach_neg(v)
        torch._foreach_add_(d_sigma, v_prior)
        torch._foreach_mul_(d_sigma, strength)
        torch._foreach_mul_(d_sigma, sigma)
        torch._foreach_addcmul_(d_sigma, v, g_sigma, -1.0)

        torch._foreach_add_(mu, d_mu, alpha=group["lr_mu"])
        torch._foreach_add_(sigma, d_sigma, alpha=0.5 * group["lr_sigma"])
