"""How sure every weight is, out of a state in any arithmetic: m |w|."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.state import view
from streamlearn.certainty import Certainty

Weights = npt.NDArray[np.float64]


def _weights(spec: NetworkSpec, config: MultilevelConfig, state: State) -> list[Weights]:
    views = [view(spec, state, "level", layer) for layer in range(len(spec.shapes))]
    return [2 * one.astype(np.float64) / config.steps - 1 for one in views]


def _firm(spec: NetworkSpec, config: MultilevelConfig, state: State) -> list[Weights]:
    counters = [view(spec, state, "used", layer) for layer in range(len(spec.shapes))]
    return [
        config.consolidation * used * np.abs(w)
        for used, w in zip(counters, _weights(spec, config, state), strict=True)
    ]


CERTAINTY = Certainty(
    "m |w|",
    "A large value means that the weight rarely moves: 1 is 37 % as often as at 0, 3 is 5 %.",
    _firm,
    _weights,
)
