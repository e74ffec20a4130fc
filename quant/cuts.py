"""Cuts: a network of few columns reads each as several signs, where its weights have no size.

A binary weight has a sign and no size. A hidden unit of n columns therefore looks in one of 2^n
directions, of two columns in four. Each column, in standard deviations, is compared with T values,
and the first layer's inputs are T signs per column: a thermometer code (Buckman et al., Thermometer
encoding, ICLR 2018). A unit then adds up to any staircase of every column. The values are the
quantiles k/(T + 1) of a normal distribution. Nothing is learned or stored.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError
from quant.front_end import INPUT_FRAC_BITS
from quant.network import MAX_LAYER_SYNAPSES, MAX_UNITS, NetworkSpec

#: Q3.4 tells no more quantiles apart.
MOST_CUTS = 31
#: Signs that few columns become together, and the fewest of a column that are worth it.
SIGNS, FEWEST_CUTS = 128, 5
#: A sign as an input in Q3.4.
SIGN = 1 << INPUT_FRAC_BITS


def cuts_of(spec: NetworkSpec, given: int | None) -> int:
    """Return the cuts of a column, as given or by default; 0: columns are read as they are."""
    if given is not None:
        return given
    if spec.leaks or spec.front_end != "standardise":
        return 0
    cuts = min(SIGNS // spec.n_features, MOST_CUTS)
    return cuts if cuts >= FEWEST_CUTS else 0


def n_inputs(spec: NetworkSpec, cuts: int) -> int:
    """Return the inputs of the first layer, its own units among them, but not the bias.

    Raises
    ------
    ConfigError
        If a layer cannot have so many.
    """
    inputs = spec.layers[0] * max(cuts, 1) + spec.own_units(0)
    if inputs > MAX_UNITS or (inputs + spec.bias) * spec.layers[1] > MAX_LAYER_SYNAPSES:
        raise ConfigError(
            f"cuts={cuts}: {spec.n_features} columns become {inputs:,} inputs, more than the first "
            f"layer of a {spec} network can have; take fewer cuts, or 0"
        )
    return inputs


def shapes_of(spec: NetworkSpec, cuts: int) -> tuple[tuple[int, int], ...]:
    """Return ``(rows, columns)`` of each weight matrix; the bias is the last row."""
    first = (n_inputs(spec, cuts) + int(spec.bias), spec.shapes[0][1])
    return (first, *spec.shapes[1:])


def cut_values(cuts: int) -> npt.NDArray[np.int64]:
    """Return where a column is cut, ``int64[cuts]`` in Q3.4: its quantiles if it were normal."""
    normal = NormalDist()
    quantiles = [normal.inv_cdf((k + 1) / (cuts + 1)) for k in range(cuts)]
    return np.array([math.floor(q * SIGN + 0.5) for q in quantiles], np.int64)


def signs(z: npt.NDArray[np.bool_], plus: float) -> npt.NDArray[np.float64]:
    """Return ±plus, ``[..., columns * cuts]``, of ``bool[..., columns, cuts]``."""
    flat = z.reshape(*z.shape[:-2], -1)
    return np.where(flat, plus, -plus)


def cut_integers(
    z_q: npt.NDArray[np.int64], values: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the first layer's inputs of columns in Q3.4: ±1 for each cut; as they are without."""
    if not len(values):
        return z_q
    return signs(z_q[..., None] >= values, SIGN).astype(np.int64)


def cut_reals(z: npt.NDArray[np.float64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the same of real columns: where Q3.4, rounded, would reach the cut."""
    if not len(values):
        return z
    return signs(z[..., None] * SIGN >= values - 0.5, 1.0)
