"""From MESU's hyperparameters to integer constants: gains, pulls, formats of a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quant.errors import ConfigError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.sampling.config import SamplingConfig

PULL_FRAC_BITS = 28
PULL_MAX = 1 << 20


@dataclass(frozen=True)
class LayerPlan:
    """Formats and constants of one layer.

    Attributes
    ----------
    mu_frac_bits : int
        μ is ``int16`` with this many fraction bits.
    v_exponent : int
        σ² is below 2^v_exponent.
    mu_prior_q : int
        Mean of the prior in μ's format.
    mu_limit_q : int
        μ starts uniform in ±mu_limit_q.
    ratio_mantissa, ratio_exponent : int
        2^(v_exponent + 4)/σ_prior² is ``ratio_mantissa · 2^-ratio_exponent``.
    """

    mu_frac_bits: int
    v_exponent: int
    mu_prior_q: int
    mu_limit_q: int
    ratio_mantissa: int
    ratio_exponent: int


def mantissa_exponent(value: float, bits: int) -> tuple[int, int]:
    """Return (m, e) with value ≈ m·2^-e and m in [2^(bits-1), 2^bits)."""
    fraction, exponent = math.frexp(value)
    mantissa = math.floor(fraction * 2**bits + 0.5)
    if mantissa == 2**bits:
        mantissa, exponent = mantissa // 2, exponent + 1
    return mantissa, bits - exponent


def effective_sweep(config: SamplingConfig) -> int:
    """Return the largest sweep, at most ``config.sweep``, whose single pull stays below 2^-8."""
    sweep = config.sweep
    strongest = max(config.lr_mu, config.lr_sigma)
    while sweep > 1 and sweep * strongest / config.memory_window > 2.0**-8:
        sweep //= 2
    return sweep


def gain(lr: float, spec: NetworkSpec, n_draws: int) -> tuple[int, int]:
    """Return lr/n_draws as (mantissa in [2^14, 2^15), exponent): mantissa·2^-exponent.

    Times two to the power of the head's ``gradient_shift``, by which its gradients are smaller.
    """
    return mantissa_exponent(lr * 2 ** HEADS[spec.head].gradient_shift / n_draws, 15)


def pull_rate(config: SamplingConfig, sweep: int, lr: float) -> int:
    """Return sweep·lr/N in Q.28: what one pull of the prior takes.

    Raises
    ------
    ConfigError
        If the memory window is too short or too long for fixed point.
    """
    pull = int(sweep * lr / config.memory_window * 2**PULL_FRAC_BITS + 0.5)
    if pull > PULL_MAX:
        raise ConfigError(
            f"memory_window={config.memory_window:g}: too short for fixed point, where one pull "
            f"of the prior is at most 1/256; use at least {math.ceil(256 * lr)} samples"
        )
    if pull < 8 and math.isfinite(config.memory_window) and config.memory_window < 1e14:
        raise ConfigError(
            f"memory_window={config.memory_window:g}: so long that its pull rounds away in fixed "
            f"point; use at most {sweep * lr * 2**PULL_FRAC_BITS / 8:.3g} samples, a larger "
            "sweep, or inf to never forget"
        )
    return pull


def variance_exponent(fan_in: int, config: SamplingConfig) -> int:
    """Return V of a layer: σ² stays below 2^V, two to four times the largest of prior and start."""
    largest = max(config.sigma_prior_of(fan_in), config.sigma_init_of(fan_in)) ** 2
    return math.ceil(math.log2(largest)) + 1


def layer_plan(fan_in: int, frac_bits: int, config: SamplingConfig) -> LayerPlan:
    """Return the constants of a layer whose μ has so many fraction bits.

    Raises
    ------
    ConfigError
        If they cannot hold the configuration.
    """
    sigma_prior, sigma_init = config.sigma_prior_of(fan_in), config.sigma_init_of(fan_in)
    v_exponent = variance_exponent(fan_in, config)
    if not -20 <= v_exponent <= 6:
        raise ConfigError(
            f"sigma up to {max(sigma_prior, sigma_init):.3g} in a layer of {fan_in} inputs: fixed "
            "point holds priors and starts between 0.001 and 5.6"
        )
    if sigma_init**2 < 2.0 ** (v_exponent - 30):
        raise ConfigError(
            f"sigma_init={sigma_init:.3g} is more than 2^14 times smaller than "
            f"sigma_prior={sigma_prior:.3g}: fixed point needs them closer together"
        )
    ratio = 2.0 ** (v_exponent + 4) / sigma_prior**2
    if ratio >= 2**12:
        raise ConfigError(
            f"sigma_init={sigma_init:.3g} is more than 11 times sigma_prior={sigma_prior:.3g}: "
            "fixed point needs them closer together"
        )
    ratio_mantissa, ratio_exponent = mantissa_exponent(ratio, 16)
    one = 1 << frac_bits
    mu_limit_q = math.floor(config.mu_limit_of(fan_in) * one + 0.5)
    mu_prior_q = math.floor(config.mu_prior * one + 0.5)
    if mu_limit_q > 32767 or abs(mu_prior_q) > 32767:
        raise ConfigError(
            f"mu_init/sqrt(fan_in)={config.mu_limit_of(fan_in):.3g}, mu_prior={config.mu_prior:g}: "
            f"fixed point with mu_frac_bits={frac_bits} holds means within "
            f"±{2 ** (15 - frac_bits)}"
        )
    return LayerPlan(
        mu_frac_bits=frac_bits,
        v_exponent=v_exponent,
        mu_prior_q=mu_prior_q,
        mu_limit_q=mu_limit_q,
        ratio_mantissa=ratio_mantissa,
        ratio_exponent=ratio_exponent,
    )
