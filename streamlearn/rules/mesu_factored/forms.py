"""The grid that μ lies on in q16: 16 bits, whose range follows the weights."""

from __future__ import annotations

import math

import numpy as np

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import MU_FRAC_BITS_MAX, START_MAX
from streamlearn.fidelity.stored import Grid


def grids(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> list[Grid]:
    """Return the grid of each layer, the finest that leaves the largest μ a quarter of room."""
    found = []
    for layer in range(len(spec.shapes)):
        mu = layer_view(spec, state, "mu", layer)
        largest = max(float(np.abs(mu).max()), 2.0**-MU_FRAC_BITS_MAX)
        bits = min(max(math.floor(math.log2(START_MAX / largest)), 0), MU_FRAC_BITS_MAX)
        found.append(Grid(mu, bits, -32768, 32767))
    return found
