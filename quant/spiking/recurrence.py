"""Recurrent connections: a hidden layer reads its own units' spikes of the step before.

A hidden layer's own units are rows of its weights, behind those of its inputs and before the bias.
What they bring is what any input brings: a spike of the step before charges the membranes, and its
trace, which leaks as the layer's other ones do, stands in the update for an input. So the gradient
of a recurrent weight is what its membrane's derivative and the learning signal of the layers above
make of the trace of the unit before it: e-prop with a factorised eligibility (Bellec et al., Nature
Communications 11, 3625, 2020; ReckOn's form, Frenkel and Indiveri, ISSCC 2022). Nothing goes back
through the recurrent weights themselves.

Binary weights have no size, and cannot start near 0. Under a rule that keeps no charges, whose
layers add up traces, a unit's spike therefore brings less where its trace lasts longer.

The inputs of the first layer are the same for all draws of the weights. So are its own units': each
brings the share of its draws that fired. A later layer's draws have spikes of their own.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from quant.errors import ConfigError
from quant.layout import REAL, Field

#: Rows of a layer, at most: as many inputs as a network without recurrence may have.
MAX_ROWS = 65535
#: The fields that a reset sets to zero.
FIELDS = ("own_spikes", "own_trace")
#: A spike of an input, Q3.4: what a unit of which all draws fired brings at most.
WHOLE = 16


def check(recurrent: Any, layers: tuple[int, ...]) -> bool:
    """Return whether hidden layers read their own units.

    Raises
    ------
    ConfigError
        If it is neither True nor False, there is no hidden layer, or one has too many rows.
    """
    if not isinstance(recurrent, bool | np.bool_):
        raise ConfigError(f"recurrent={recurrent!r}: expected True or False")
    if not recurrent:
        return False
    if len(layers) < 3:
        raise ConfigError(
            f"recurrent=True: layers={layers} has no hidden units to connect; add a hidden layer"
        )
    for below, units in pairwise(layers[:-1]):
        if below + units > MAX_ROWS:
            raise ConfigError(
                f"recurrent=True: layers={layers} has a hidden layer of {below} inputs and {units} "
                f"units of its own; expected {MAX_ROWS} together at most"
            )
    return True


def brings(k: int, charges: bool) -> int:
    """Return what a unit of which all draws fired brings its own layer, which leaks by 2^-k: Q3.4.

    Where weights charge membranes, 1. Else its trace adds up to 2, whatever the leak. That was
    chosen on spoken digits that no figure is measured on, among 1/2, 1, 2, 4 and 8: of more the
    layer hears itself rather than its inputs, and of less no spike comes back.
    """
    return WHOLE if charges else max(2 * WHOLE >> k, 1)


def fields(layers: tuple[int, ...], n_draws: int, n_spikes: int, numbers: str) -> list[Field]:
    """Return what recurrent connections keep in the state.

    The traces of the first hidden layer's own units are behind those of its inputs.

    Parameters
    ----------
    layers : tuple of int
    n_draws : int
    n_spikes : int
        Units of the first hidden layer, and draws of later ones.
    numbers : {"integer", "float32", "float64"}
    """
    real = numbers in REAL
    share = "share of a unit's draws that fired last" + ("" if real else ", Q3.4")
    spikes = f"{share}; of later layers 0 or 1, [unit][draw]"
    n_later = sum(layers[2:-1]) * n_draws
    trace = Field(
        "own_trace",
        REAL.get(numbers, "<i2"),
        f"{'' if real else 'Q6.9: '}leaky sum of later hidden units' spikes, [unit][draw]",
        (n_later,),
        least=0,
    )
    most = 1 if real else WHOLE
    kept = Field("own_spikes", REAL.get(numbers, "u1"), spikes, (n_spikes,), least=0, most=most)
    return [*([trace] if n_later else []), kept]
