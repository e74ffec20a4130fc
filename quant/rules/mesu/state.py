"""The state of MESU: μ and σ of every synapse."""

from __future__ import annotations

import numpy as np

from quant.layout import REAL, Field, State
from quant.network import NetworkSpec, layer_view
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan


def integer_fields(spec: NetworkSpec, config: MesuConfig) -> list[Field]:
    """Return what fixed point keeps: μ, and σ² as a floating code."""
    n = (spec.n_synapses,)
    return [
        Field("mu", "<i2", "Q(15-f).f, f per layer", n),
        Field("rho", "<u2", "sigma^2 as 5 bits of exponent and 11 of mantissa", n),
    ]


def integer_init(spec: NetworkSpec, config: MesuConfig, state: State) -> None:
    """Draw μ uniform in ±mu_limit_q (biases 0), and set σ²."""
    plan, key = make_plan(spec, config), sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        mine, columns = plan.layers[layer], spec.shapes[layer][1]
        uniform = words(key, STREAM_INIT + layer, fan_in * columns).astype(np.int64)
        drawn = (uniform * (2 * mine.mu_limit_q + 1) >> 32) - mine.mu_limit_q
        layer_view(spec, state, "mu", layer)[:fan_in] = drawn.reshape(fan_in, columns)
        layer_view(spec, state, "rho", layer)[:] = mine.rho_init_q


def real_fields(numbers: str, spec: NetworkSpec) -> list[Field]:
    """Return what float32 or float64 keeps."""
    real, n = REAL[numbers], (spec.n_synapses,)
    return [
        Field("mu", real, "mean of a weight", n),
        Field("sigma", real, "standard deviation of a weight", n),
    ]


def real_init(spec: NetworkSpec, config: MesuConfig, state: State) -> None:
    """Draw μ uniform in ±mu_init/√fan_in (biases 0), and set σ."""
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, fan_in in enumerate(spec.layers[:-1]):
        columns = spec.shapes[layer][1]
        uniform = words(key, STREAM_INIT + layer, fan_in * columns)
        drawn = (uniform / 2.0**31 - 1) * config.mu_limit_of(fan_in)
        layer_view(spec, state, "mu", layer)[:fan_in] = drawn.reshape(fan_in, columns)
        layer_view(spec, state, "sigma", layer)[:] = config.sigma_init_of(fan_in)
