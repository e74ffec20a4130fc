"""σ of every weight, out of a state in any arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling.plan import decode_rho
from streamlearn.certainty import SIGMA, Certainty


def sigmas(spec: NetworkSpec, config: MesuConfig, state: State) -> list[npt.NDArray[np.float64]]:
    """Return σ of each layer, ``float64[rows, columns]``."""
    layers = range(len(spec.shapes))
    if "sigma" in (state.dtype.names or ()):
        return [layer_view(spec, state, "sigma", i).astype(np.float64) for i in layers]
    plan = make_plan(spec, config)
    codes = [layer_view(spec, state, "rho", i) for i in layers]
    return [
        np.sqrt(decode_rho(rho, mine.v_exponent))
        for rho, mine in zip(codes, plan.layers, strict=True)
    ]


CERTAINTY = Certainty(*SIGMA, sigmas)
