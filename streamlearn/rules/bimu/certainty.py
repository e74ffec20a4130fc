"""How sure every weight is of its sign, out of a state in any arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.bimu.config import BELIEF_FRAC_BITS, BimuConfig
from quant.rules.bimu.state import belief_view
from streamlearn.certainty import Certainty


def magnitudes(
    spec: NetworkSpec, config: BimuConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return |λ| of each layer, ``float64[rows, columns]``."""
    return [np.abs(values) for values in _beliefs(spec, config, state)]


def means(spec: NetworkSpec, config: BimuConfig, state: State) -> list[npt.NDArray[np.float64]]:
    """Return the mean tanh λ of each binary weight, within ±1."""
    return [np.tanh(values) for values in _beliefs(spec, config, state)]


def deviations(
    spec: NetworkSpec, config: BimuConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return the standard deviation 1/cosh λ of each binary weight."""
    return [1 / np.cosh(values) for values in _beliefs(spec, config, state)]


def _beliefs(spec: NetworkSpec, config: BimuConfig, state: State) -> list[npt.NDArray[np.float64]]:
    del config
    unit = 2.0**-BELIEF_FRAC_BITS if state["belief"].dtype.kind == "i" else 1.0
    views = [belief_view(spec, state, i) for i in range(len(spec.shapes))]
    return [view.astype(np.float64) * unit for view in views]


CERTAINTY = Certainty(
    "|λ|",
    "A large value means that the weight's sign is nearly certain: 1 is 88 %, 2 is 98 %.",
    magnitudes,
    means,
    deviations,
)
