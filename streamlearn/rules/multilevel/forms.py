"""The grid that levels lie on in q8: whole ones."""

from __future__ import annotations

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.state import view
from streamlearn.fidelity.stored import Grid


def grids(spec: NetworkSpec, config: MultilevelConfig, state: State) -> list[Grid]:
    """Return the grid of each layer."""
    views = [view(spec, state, "level", layer) for layer in range(len(spec.shapes))]
    return [Grid(levels, 0, 0, config.steps) for levels in views]
