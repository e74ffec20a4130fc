"""From hyperparameters to the integer constants of MESU in q16."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import LayerPlan, effective_sweep, gain, layer_plan, pull_rate
from quant.sampling.step import Scale, guard_gain


@dataclass(frozen=True)
class Plan:
    """Everything that the q16 engines need beside the layer sizes.

    ``gain_mu`` is lr_mu/n_draws as ``(mantissa in [2^14, 2^15), exponent)``: mantissa·2^-exponent;
    ``gain_sigma`` the same for lr_sigma; both times two to the head's ``gradient_shift``.
    ``pull_mu`` and ``pull_rho`` are sweep·lr/N in Q28. ``guard`` is what gain·s² may be where the
    step is adaptive, in the form of a gain.
    """

    layers: tuple[LayerPlan, ...]
    gain_mu: tuple[int, int]
    gain_sigma: tuple[int, int]
    pull_mu: int
    pull_rho: int
    sweep: int
    n_draws: int
    front_end_window: int
    guard: Scale | None = None


@functools.lru_cache(maxsize=64)
def make_plan(spec: NetworkSpec, config: MesuConfig) -> Plan:
    """Choose the formats of every layer and compute the constants.

    Raises
    ------
    ConfigError
        If the fixed-point formats cannot hold the configuration; the message says what can.
    """
    sweep = effective_sweep(config)
    return Plan(
        layers=tuple(
            layer_plan(spec.layers[layer], bits, config, spec.own_units(layer))
            for layer, bits in enumerate(config.frac_bits(spec))
        ),
        gain_mu=gain(config.lr_mu, spec, config.n_draws),
        gain_sigma=gain(config.lr_sigma, spec, config.n_draws),
        pull_mu=pull_rate(config, sweep, config.lr_mu),
        pull_rho=pull_rate(config, sweep, config.lr_sigma),
        sweep=sweep,
        n_draws=config.n_draws,
        front_end_window=config.front_end_window,
        guard=guard_gain(spec, config),
    )
