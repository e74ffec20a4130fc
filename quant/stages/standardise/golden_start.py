"""The first values of a sensor: which of two was wild, once a third one tells.

In words: NUMBERS.md beside this file. C counterpart: ``kernel/sl_start.h``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import MAGNITUDE_BITS, Statistics, at_exponent, first
from quant.integers import Int64
from quant.stages.signal import tops

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: One of two values was wild if the next one is closer to the other by so many bits.
WILD_BITS = 8


class Start(NamedTuple):
    """What is remembered of the first values, ``float32[n]`` each.

    Attributes
    ----------
    steady : float32[n]
        What the channel was before its first other value.
    other : float32[n]
        That value. Equal to ``steady``: nothing is in doubt.
    """

    steady: Float32
    other: Float32


def wild(start: Start, x: Float32) -> tuple[Mask, Mask]:
    """Return whether the steady value was wild, and whether the other one was, ``bool[n]``."""
    steady, other = start
    tells = (steady != other) & (x != steady) & (x != other)
    largest = np.maximum(np.maximum(np.abs(steady), np.abs(other)), np.abs(x))
    e = MAGNITUDE_BITS - tops(largest)
    s, o, v = (at_exponent(part, e) for part in (steady, other, x))
    limit = np.abs(o - s) >> WILD_BITS
    return tells & (np.abs(v - o) < limit), tells & (np.abs(v - s) < limit)


def begun_again(old: Statistics, start: Start, x: Float32) -> tuple[Statistics, Start, Mask]:
    """Return the statistics that a value enters, without what was wild.

    Returns
    -------
    old : Statistics
        Those of one value where the other one was wild.
    start : Start
        With this value.
    waits : bool[n]
        The doubt stays; elsewhere ``start`` is to be :func:`decided`.
    """
    steady_wild, other_wild = wild(start, x)
    again = steady_wild | other_wild
    kept = np.where(steady_wild, start.other, start.steady)
    doubt, known = start.steady != start.other, (x == start.steady) | (x == start.other)
    appears = ~doubt & (old.variance == 0) & (x != start.steady)
    fresh = first(kept)
    parts = (np.where(again, new, was) for new, was in zip(fresh, old, strict=True))
    new = Start(np.where(again, kept, start.steady), np.where(again | appears, x, start.other))
    return Statistics(*parts), new, again | appears | doubt & known


def decided(start: Start, waits: Mask, variance: Int64, x: Float32) -> Start:
    """Return what is remembered after a value entered: where nothing waits, a constant, or 0."""
    constant = np.where(variance == 0, x, np.float32(0))
    return Start(*(np.where(waits, part, constant) for part in start))
