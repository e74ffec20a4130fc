"""From hyperparameters to the integer constants of MESU with factored variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.sampling.plan import effective_sweep, gain, layer_plan, mantissa_exponent, pull_rate
from quant.sampling.step import Scale, guard_gain

FACTOR_MANTISSA_BITS = 27
FACTOR_MAX = (1 << 32) - 1
#: A column's factor starts at 1, in the middle of its 32 octaves.
COLUMN_START = 16 << FACTOR_MANTISSA_BITS
#: Fraction bits of μ, of all layers and at all times.
MU_FRAC_BITS_MAX = 20
#: A start beyond this is coarser by one bit: 3/4 of the range.
START_MAX = 24576


def decode_row(code: npt.NDArray[np.integer], v_exponent: int) -> npt.NDArray[np.float64]:
    """Return r of ``uint32`` codes: (2^27 + low 27 bits)·2^(high 5 bits - 55 + v_exponent)."""
    return _decode(code, v_exponent - 55)


def decode_column(code: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return c of ``uint32`` codes: (2^27 + low 27 bits)·2^(high 5 bits - 43)."""
    return _decode(code, -43)


def _decode(code: npt.NDArray[np.integer], exponent: int) -> npt.NDArray[np.float64]:
    whole = np.asarray(code).astype(np.int64)
    mantissa = (whole & (1 << FACTOR_MANTISSA_BITS) - 1) | 1 << FACTOR_MANTISSA_BITS
    value: npt.NDArray[np.float64] = np.ldexp(
        mantissa.astype(np.float64), (whole >> FACTOR_MANTISSA_BITS) + exponent
    )
    return value


def encode_row(r: float, v_exponent: int) -> int:
    """Return the code nearest to r > 0; the ends of the range saturate."""
    fraction, exponent = math.frexp(r)
    mantissa = math.floor(fraction * 2.0 ** (FACTOR_MANTISSA_BITS + 1) + 0.5)
    octave = exponent + FACTOR_MANTISSA_BITS - v_exponent
    code = ((octave - 1) << FACTOR_MANTISSA_BITS) + mantissa
    return min(max(code, 0), FACTOR_MAX)


@dataclass(frozen=True)
class FactoredLayerPlan:
    """Constants of one layer; a pair is ``(mantissa, exponent)``: mantissa·2^-exponent.

    Attributes
    ----------
    mu_frac_bits : int
        Of μ at the start.
    v_exponent : int
        r is below 2^(v_exponent + 4), and its code spans 32 octaves below that.
    mu_prior_q : int
        Mean of the prior with 20 fraction bits.
    mu_limit_q : int
        μ starts uniform in ±mu_limit_q.
    row_init_q : int
        r at the start, as a code.
    gain_row, gain_column : tuple of int
        lr_sigma/(n_draws · columns), and lr_sigma/(n_draws · rows), 15 bits.
    ratio_row, ratio_column : tuple of int
        1/(columns σ_prior²), and 1/(rows σ_prior²), 16 bits.
    gain_pull : tuple of int
        sweep·lr_mu/(N σ_prior²), 15 bits.
    """

    mu_frac_bits: int
    v_exponent: int
    mu_prior_q: int
    mu_limit_q: int
    row_init_q: int
    gain_row: tuple[int, int]
    gain_column: tuple[int, int]
    ratio_row: tuple[int, int]
    ratio_column: tuple[int, int]
    gain_pull: tuple[int, int]


@dataclass(frozen=True)
class FactoredPlan:
    """As :class:`quant.rules.mesu.plan.Plan`: what the engines need beside the layer sizes."""

    layers: tuple[FactoredLayerPlan, ...]
    gain_mu: tuple[int, int]
    pull_factor: int
    sweep: int
    n_draws: int
    front_end_window: int
    guard: Scale | None = None


def _start_frac_bits(largest: float) -> int:
    """Return the most fraction bits with which a value keeps within 3/4 of int16."""
    if largest == 0:
        return 12
    return min(max(math.floor(math.log2(START_MAX / largest)), 0), MU_FRAC_BITS_MAX)


def _factored_layer(
    spec: NetworkSpec, layer: int, sweep: int, config: MesuFactoredConfig
) -> FactoredLayerPlan:
    (rows, columns), fan_in = spec.shapes[layer], spec.layers[layer]
    if abs(config.mu_prior) > 1000 or config.mu_limit_of(fan_in) > START_MAX:
        raise ConfigError(
            f"mu_init/sqrt(fan_in)={config.mu_limit_of(fan_in):.3g}, mu_prior={config.mu_prior:g}: "
            f"fixed point starts with means within ±{START_MAX} and a prior's within ±1000"
        )
    bits = _start_frac_bits(max(config.mu_limit_of(fan_in), abs(config.mu_prior)))
    base = layer_plan(fan_in, bits, config)
    sigma_init, row_min = config.sigma_init_of(fan_in), 2.0 ** (base.v_exponent - 28)
    if sigma_init**2 < row_min:
        raise ConfigError(
            f"sigma_init={sigma_init:.3g} in a layer of {fan_in} inputs: the rule 'mesu_factored' "
            f"fixed point holds starts from {math.sqrt(row_min):.3g} with "
            f"sigma_prior={config.sigma_prior_of(fan_in):.3g}; use a larger sigma_init"
        )
    variance = config.sigma_prior_of(fan_in) ** 2
    per_draw = config.lr_sigma * 2 ** HEADS[spec.head].gradient_shift / config.n_draws
    pull = 0.0 if pull_rate(config, sweep, config.lr_mu) == 0 else sweep / config.memory_window
    return FactoredLayerPlan(
        mu_frac_bits=bits,
        v_exponent=base.v_exponent,
        mu_prior_q=math.floor(config.mu_prior * 2**MU_FRAC_BITS_MAX + 0.5),
        mu_limit_q=base.mu_limit_q,
        row_init_q=encode_row(config.sigma_init_of(fan_in) ** 2, base.v_exponent),
        gain_row=mantissa_exponent(per_draw / columns, 15),
        gain_column=mantissa_exponent(per_draw / rows, 15),
        ratio_row=mantissa_exponent(1 / (columns * variance), 16),
        ratio_column=mantissa_exponent(1 / (rows * variance), 16),
        gain_pull=mantissa_exponent(pull * config.lr_mu / variance, 15) if pull else (0, 0),
    )


def make_factored_plan(spec: NetworkSpec, config: MesuFactoredConfig) -> FactoredPlan:
    """Choose formats and constants, and refuse, as :func:`quant.rules.mesu.plan.make_plan`."""
    sweep = effective_sweep(config)
    return FactoredPlan(
        layers=tuple(
            _factored_layer(spec, layer, sweep, config) for layer in range(len(spec.shapes))
        ),
        gain_mu=gain(config.lr_mu, spec, config.n_draws),
        pull_factor=pull_rate(config, sweep, config.lr_sigma),
        sweep=sweep,
        n_draws=config.n_draws,
        front_end_window=config.front_end_window,
        guard=guard_gain(spec, config),
    )
