"""Setting MESU's posterior from outside: μ and σ of every weight, in any arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from quant import averages
from quant.errors import ConfigError
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import (
    POINT,
    RHO_MAX,
    encode,
    exponent_view,
    least_exponent,
    most_exponent,
)
from quant.sampling import step

Layers = Sequence[npt.NDArray[np.floating]]


def set_posterior(
    spec: NetworkSpec, config: MesuConfig, state: State, means: Layers, deviations: Layers
) -> None:
    """Set μ and σ, ``float[rows, columns]`` of each layer, in place; q16 rounds to the nearest.

    Raises
    ------
    ConfigError
        If q16 cannot hold a value.
    """
    integers = "rho" in (state.dtype.names or ())
    plan = make_plan(spec, config) if integers else None
    for i, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
        mu = layer_view(spec, state, "mu", i)
        if plan is None:
            mu[:] = mean
            layer_view(spec, state, "sigma", i)[:] = deviation
            continue
        mine = plan.layers[i]
        lsb = np.floor(np.ldexp(np.asarray(mean, np.float64), mine.mu_frac_bits) + 0.5)
        v = np.asarray(deviation, np.float64) ** 2
        most = most_exponent(mine.v_exponent)
        if np.abs(lsb).max() > 32767 or v.max() > np.ldexp(RHO_MAX, most - POINT):
            raise ConfigError(
                f"layer {i}: q16 holds means within ±{32767 / 2**mine.mu_frac_bits:.3g} and σ up "
                f"to {2.0 ** (mine.v_exponent / 2):.3g}; got up to {np.abs(mean).max():.3g} and "
                f"{np.max(deviation):.3g}: choose fewer mu_frac_bits, or a wider sigma_prior"
            )
        mu[:] = lsb
        exponent = np.clip(encode(v)[1], least_exponent(mine.v_exponent), most)
        rho = np.floor(np.ldexp(v, POINT - exponent[:, None]) + 0.5)
        layer_view(spec, state, "rho", i)[:] = np.clip(rho, 1, RHO_MAX)
        exponent_view(spec, state["rho_exponent"][0], i)[:] = exponent
    step.start(spec, config, state)
    averages.start(state)
