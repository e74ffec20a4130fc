"""The grid that hidden weights lie on in q8: one byte each, and half a unit."""

from __future__ import annotations

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS, MetaplasticConfig
from quant.rules.metaplastic.state import weight_view
from streamlearn.fidelity.stored import Grid


def grids(spec: NetworkSpec, config: MetaplasticConfig, state: State) -> list[Grid]:
    """Return the grid of each layer."""
    views = [weight_view(spec, state, layer) for layer in range(len(spec.shapes))]
    return [Grid(view, WEIGHT_FRAC_BITS, -128, 127, 0.5) for view in views]
