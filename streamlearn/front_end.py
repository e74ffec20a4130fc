"""The front end in float64: raw sensor values to inputs, standardised or as they are.

Integer counterpart: :mod:`quant.front_end.golden`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations, counted
from quant.layout import State

Float = npt.NDArray[np.float64]

#: Inputs are clamped to this, the largest Q3.4: 127/16.
Z_MAX = 7.9375


def standardise(state: State, x: Float, window: int) -> tuple[dict[str, Float], Float, int]:
    """Follow the mean and variance of every feature, and standardise by them.

    ``mean += (x - mean)/n``, ``var += ((x - mean_before)(x - mean) - var)/n``, with n the number
    of samples up to ``window``; ``z = (x - mean)/√var``, within ±7.94, 0 where var is 0.

    Parameters and result are those of :func:`quant.front_end.golden.standardise`, in float64 and
    without its exponents.
    """
    count = min(int(state["front_end_count"][0]) + 1, window)
    rate = (65536 // count) / 65536
    mean, variance = state["mean"][0], state["variance"][0]
    delta = x - mean
    mean = mean + delta * rate
    variance = variance + (delta * (x - mean) - variance) * rate
    z = np.divide(x - mean, np.sqrt(variance), out=np.zeros_like(x), where=variance > 0)
    statistics = {"front_end_count": np.array(count), "mean": mean, "variance": variance}
    return statistics, *clamp_inputs(z)


def clamp_inputs(z: Float) -> tuple[Float, int]:
    """Clamp inputs to the range that fixed point holds; also return how many were clamped."""
    clamped = np.clip(z, -Z_MAX, Z_MAX)
    return clamped, int(np.count_nonzero(clamped != z))


def inputs(
    front_end: str, window: int, state: State, x: Float, count: Saturations
) -> tuple[dict[str, Any], Float]:
    """As :func:`quant.front_end.golden.inputs`, in float64 from ``float64[n_features]``."""
    if front_end == "standardise":
        return counted(standardise(state, x, window), count)
    return counted(({}, *clamp_inputs(x)), count)
