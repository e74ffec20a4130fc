"""σ of every weight, out of a state in any arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.variance import decode, exponent_view
from streamlearn.certainty import SIGMA, Certainty


def sigmas(spec: NetworkSpec, config: MesuConfig, state: State) -> list[npt.NDArray[np.float64]]:
    """Return σ of each layer, ``float64[rows, columns]``."""
    del config
    layers = range(len(spec.shapes))
    if "sigma" in (state.dtype.names or ()):
        return [layer_view(spec, state, "sigma", i).astype(np.float64) for i in layers]
    exponents = state["rho_exponent"][0]
    return [
        np.sqrt(decode(layer_view(spec, state, "rho", i), exponent_view(spec, exponents, i)))
        for i in layers
    ]


def means(spec: NetworkSpec, config: MesuConfig, state: State) -> list[npt.NDArray[np.float64]]:
    """Return μ of each layer, ``float64[rows, columns]``."""
    integers = state["mu"].dtype.kind == "i"
    bits = config.frac_bits(spec) if integers else (0,) * len(spec.shapes)
    views = [layer_view(spec, state, "mu", i).astype(np.float64) for i in range(len(bits))]
    return [np.ldexp(view, -f) for view, f in zip(views, bits, strict=True)]


CERTAINTY = Certainty(*SIGMA, sigmas, means, sigmas)
