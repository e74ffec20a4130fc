"""Switches of a rule whose equations stay as they are: how its weights are stored."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config, Model
from streamlearn.fidelity.ablation import Forms

#: Of the random bits that round; no rule draws from it in so late a layer.
STREAM = 160
NEAREST = "to nearest"


class Grid(NamedTuple):
    """One layer's weights and the numbers that their format holds.

    Attributes
    ----------
    weights : float64[rows, columns]
        A view into the state.
    frac_bits : int
    low, high : int
        In LSB.
    offset : float
        What a stored 0 means, in LSB.
    """

    weights: npt.NDArray[np.float64]
    frac_bits: int
    low: int
    high: int
    offset: float = 0.0


def stored_forms(
    model: Model, name: str, meaning: str, grids: Callable[[NetworkSpec, Config, State], list[Grid]]
) -> Forms:
    """Return the switches of a rule whose weights lie on a grid.

    Parameters
    ----------
    model : Model
        The rule's equations.
    name, meaning : str
        Of the weights' switch.
    grids : callable
        ``grids(spec, config, state)``: of each layer.
    """

    def forward(
        spec: NetworkSpec, config: Config, state: State, z: Any, on: Collection[str]
    ) -> Any:
        del on
        return model.forward(spec, model.plan(spec, config), state, z, Saturations())

    def update(
        spec: NetworkSpec,
        config: Config,
        state: State,
        forward_: Any,
        target: int,
        on: Collection[str],
    ) -> None:
        key = noise.key_of(state)
        model.update(spec, model.plan(spec, config), state, forward_, target, Saturations())
        if name in on or NEAREST in on:
            for layer, grid in enumerate(grids(spec, config, state)):
                round_to(grid, key, layer, NEAREST in on)

    words = f"the same, rounded to the nearest; integers do not: {meaning}"
    return Forms({name: meaning, NEAREST: words}, forward, update, (NEAREST,))


def round_to(grid: Grid, key: int, layer: int, nearest: bool) -> None:
    """Bring weights to their grid, in place: each up or down by its own random bits."""
    u: Any = 0.5
    if not nearest:
        drawn = noise.words(key, STREAM + layer, grid.weights.size)
        u = (drawn.astype(np.float64) / 2.0**32).reshape(grid.weights.shape)
    lsb = np.ldexp(grid.weights, grid.frac_bits) - grid.offset
    whole = np.clip(np.floor(lsb + u), grid.low, grid.high)
    grid.weights[:] = np.ldexp(whole + grid.offset, -grid.frac_bits)
