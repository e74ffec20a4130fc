"""The grid that BiMU's λ lie on in q8: one byte each."""

from __future__ import annotations

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.bimu.config import BELIEF_FRAC_BITS, BimuConfig
from quant.rules.bimu.state import belief_view
from streamlearn.fidelity.stored import Grid


def grids(spec: NetworkSpec, config: BimuConfig, state: State) -> list[Grid]:
    """Return the grid of each layer."""
    views = [belief_view(spec, state, layer) for layer in range(len(spec.shapes))]
    return [Grid(view, BELIEF_FRAC_BITS, -127, 127) for view in views]
