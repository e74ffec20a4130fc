"""How far from zero every hidden weight is, out of a state in any arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS, MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from streamlearn.certainty import Certainty


def magnitudes(
    spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return |W| of each layer, ``float64[rows, columns]`` within 0 and 1."""
    return [np.abs(values) for values in means(spec, config, state)]


def means(
    spec: NetworkSpec, config: MetaplasticConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return each hidden weight, within ±1: its sign is the weight."""
    del config
    unit = 2.0**-WEIGHT_FRAC_BITS if state["hidden_weight"].dtype.kind == "i" else 1.0
    views = [weight_view(spec, state, i) for i in range(len(spec.shapes))]
    return [view.astype(np.float64) * unit for view in views]


CERTAINTY = Certainty(
    "|hidden weight|",
    "A large value means that many samples agreed on the weight's sign, which now changes rarely.",
    magnitudes,
    means,
)
