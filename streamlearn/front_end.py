"""The front end in float64: raw sensor values to inputs, standardised or as they are.

Integer counterpart: :mod:`quant.front_end.golden`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.front_end.hold import BEYOND, HOLD, NEAR, Memory, Seen, decide
from quant.layout import State

Float = npt.NDArray[np.float64]

#: Inputs are clamped to this, the largest Q3.4: 127/16.
Z_MAX = 7.9375


def standardise(
    state: State, x: Float, window: int, frozen: bool = False
) -> tuple[dict[str, Any], Float, tuple[int, int]]:
    """Follow the mean and variance of every feature, and standardise by them.

    ``mean += (x - mean)/n``, ``var += ((x - mean_before)(x - mean) - var)/n``, with n the number
    of samples up to ``window``; ``z = (x - mean)/√var``, within ±7.94, 0 where var is 0. What
    cannot belong to the recent past enters as :mod:`quant.front_end.hold` says.

    Parameters and result are those of :func:`quant.front_end.golden.standardise`, in float64 and
    without its exponents.
    """
    mean, variance, reference = (state[name][0] for name in ("mean", "variance", "reference"))
    count, *memory = (
        state[name][0].astype(np.int64) for name in ("feature_count", *Memory._fields)
    )
    delta = x - mean
    apart = x - reference
    seen = Seen(
        variance > 0,
        delta != 0,
        delta**2 > HOLD**2 * variance,
        delta**2 > BEYOND**2 * variance,
        NEAR**2 * apart**2 < variance,
        apart == 0,
        np.abs(apart) < np.abs(delta),
    )
    decision = decide(
        seen,
        Memory(*memory),
        np.maximum(count, 1),
        int(state["n_samples"][0]),
        window if frozen else None,
    )
    limit = HOLD * np.sqrt(variance)
    delta = np.where(decision.held, np.clip(delta, -limit, limit), delta)

    mean = np.where(decision.restart, reference, mean)
    variance = np.where(decision.restart, 0.0, variance)
    delta = np.where(decision.restart, apart, delta)
    count = np.where(decision.restart, 1, count)
    grown = np.minimum(count + 1, window)
    rate = 65536 // grown / 65536
    after = np.where(decision.enters, delta - delta * rate, delta)
    count = np.where(decision.enters, grown, count)
    mean = np.where(decision.enters, mean + delta * rate, mean)
    variance = np.where(decision.enters, variance + (delta * after - variance) * rate, variance)

    start = state["feature_count"][0] == 0
    known = (variance > 0) & ~start & ~decision.silent
    z = np.divide(after, np.sqrt(variance), out=np.zeros_like(x), where=known)
    held = Memory(*(np.where(start, a, b) for a, b in zip(memory, decision.memory, strict=True)))
    statistics = {
        "front_end_count": np.array(min(int(state["front_end_count"][0]) + 1, window)),
        "mean": np.where(start, x, mean),
        "variance": np.where(start, 0.0, variance),
        "reference": np.where(start | decision.moves, x, reference),
        "feature_count": np.where(start, 1, count),
        **held._asdict(),
    }
    z, clamped = clamp_inputs(z)
    return statistics, z, (clamped, int(np.count_nonzero(~start & (held.streak > 0))))


def clamp_inputs(z: Float) -> tuple[Float, int]:
    """Clamp inputs to the range that fixed point holds; also return how many were clamped."""
    clamped = np.clip(z, -Z_MAX, Z_MAX)
    return clamped, int(np.count_nonzero(clamped != z))


def inputs(
    front_end: str, window: int, state: State, x: Float, count: Saturations
) -> tuple[dict[str, Any], Float]:
    """As :func:`quant.front_end.golden.inputs`, in float64 from ``float64[n_features]``."""
    statistics: dict[str, Any] = {}
    if front_end != "none":
        statistics, z, (clamped, held) = standardise(state, x, window, front_end == "frozen")
        count.front_end += held
    else:
        z, clamped = clamp_inputs(x)
    count.input += clamped
    return statistics, z
