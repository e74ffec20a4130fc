"""Hyperparameters that both MESU rules have."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from quant.errors import ConfigError
from quant.hyperparameters import LARGE, SMALL, keep_plain_numbers
from quant.labels import shown


@dataclass(frozen=True)
class SamplingConfig:
    """Hyperparameters of MESU (Bonnet et al., arXiv 2504.13569) and of the front end.

    Parameters
    ----------
    memory_window : float
        The paper's *N*: knowledge fades over about this many samples. ``inf`` never forgets.
    sigma_prior : float or None
        Standard deviation of the prior, the same for all weights. None: 1/√fan_in of each layer,
        which keeps the noise of a layer of unconstrained weights at the scale of its input
        whatever the fan-in.
    mu_prior : float
        Mean of the prior.
    mu_init, sigma_init : float
        Start: μ uniform in ±mu_init/√fan_in (biases 0), σ = sigma_init/√fan_in.
    lr_mu, lr_sigma : float
        Multiply the two updates; the paper's equations have 1.
    n_draws : int
        Monte-Carlo draws of the pre-activations per sample, 1 to 64.
    sweep : int
        The prior pulls ``1/sweep`` of the rows at each sample, ``sweep`` times as hard. A power
        of two; 1 is the paper's equation to the letter.
    step : {"adaptive", "fixed"}
        "adaptive": a multiplier of ``lr_mu``, 0.7 to 8, follows the stream by itself: it rises
        where concepts move and falls back where they rest. "fixed": it is 1, as in the paper.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768: each
        sample weighs ``65536 // front_end_window`` 65536ths (quant/front_end/NUMBERS.md). With
        ``front_end="frozen"`` so many samples of a feature fix them.
    target_window : int
        Gaussian head: the same for the target, which is standardised too. Long, because the
        network has to follow whenever the target's scale moves.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    memory_window: float = 100_000.0
    sigma_prior: float | None = None
    mu_prior: float = 0.0
    mu_init: float = 4.0
    sigma_init: float = 1.0
    lr_mu: float = 2.0
    lr_sigma: float = 2.0
    n_draws: int = 10
    sweep: int = 64
    step: str = field(default="adaptive", metadata={"word": True})
    front_end_window: int = 300
    target_window: int = 1000

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={shown(getattr(self, name))}: expected {expected}")

        keep_plain_numbers(self, ("sigma_prior",))
        for name in ("n_draws", "sweep", "front_end_window", "target_window"):
            require(isinstance(getattr(self, name), int), name, "a whole number")
        require(self.memory_window >= 1, "memory_window", "a number of samples, 1 or above, or inf")
        require(
            self.sigma_prior is None or SMALL < self.sigma_prior < LARGE,
            "sigma_prior",
            f"a finite number above 0, or None for 1/sqrt(fan_in) ({SMALL:g} to {LARGE:g})",
        )
        require(abs(self.mu_prior) < LARGE, "mu_prior", f"a finite number (within ±{LARGE:g})")
        for name in ("sigma_init", "lr_mu", "lr_sigma"):
            within = SMALL < getattr(self, name) < LARGE
            require(within, name, f"a finite number above 0 ({SMALL:g} to {LARGE:g})")
        require(0 <= self.mu_init < LARGE, "mu_init", f"a finite number, 0 or above (to {LARGE:g})")
        require(1 <= self.n_draws <= 64, "n_draws", "1 to 64 draws")
        require(
            1 <= self.sweep <= 4096 and self.sweep & (self.sweep - 1) == 0,
            "sweep",
            "a power of two, 1 to 4096",
        )
        require(self.step in ("adaptive", "fixed"), "step", "'adaptive' or 'fixed'")
        for name in ("front_end_window", "target_window"):
            require(2 <= getattr(self, name) <= 32768, name, "2 to 32768 samples")

    def sigma_prior_of(self, fan_in: int) -> float:
        """σ of the prior in a layer with ``fan_in`` inputs (bias not counted)."""
        return 1 / math.sqrt(fan_in) if self.sigma_prior is None else self.sigma_prior

    def sigma_init_of(self, fan_in: int) -> float:
        """σ at the start in a layer with ``fan_in`` inputs."""
        return self.sigma_init / math.sqrt(fan_in)

    def own_sigma_init_of(self, fan_in: int, own_units: int) -> float:
        """σ at the start of the rows of a recurrent layer's own units.

        Half of a layer's with as many inputs as it has rows: chosen on spoken digits that no figure
        is measured on, among 1, 1/2, 1/4 and 1/8. More makes spikes that learning cannot follow.
        """
        return self.sigma_init_of(fan_in + own_units) / 2

    def mu_limit_of(self, fan_in: int) -> float:
        """Half width of the uniform distribution that μ starts from."""
        return self.mu_init / math.sqrt(fan_in)
