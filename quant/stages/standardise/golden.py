"""Standardise in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_standardise.c``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.front_end.hold import HOLD
from quant.front_end.statistics import (
    DELTA_BITS,
    MEAN_FRAC_BITS,
    RATE_ONE,
    Statistics,
    bounded,
    first,
    follow,
    without_subnormals,
)
from quant.integers import Int64, isqrt
from quant.layout import State
from quant.stages.signal import real
from quant.stages.standardise import Z_FRAC_BITS, Z_MAX, Standardise
from quant.stages.standardise.golden_start import Start, begun_again, decided

Float32 = npt.NDArray[np.float32]


def step(stage: Standardise, state: State, x: Float32) -> tuple[dict[str, Any], Int64]:
    """Return the state after a sample, and its channels in standard deviations, .8."""
    x = without_subnormals(np.asarray(x, np.float32))
    mean, low, variance, exponent = (
        state[name][0].astype(np.int64) for name in ("mean", "low", "variance", "exponent")
    )
    count = int(state["count"][0])
    if not count:
        new, z, start = first(x), np.zeros(len(x), np.int64), Start(x, x)
    else:
        old = Statistics((mean << MEAN_FRAC_BITS) + low, variance, exponent, np.full(len(x), count))
        start = Start(state["steady"][0], state["other"][0])
        old, start, waits = begun_again(old, start, x)
        away = bounded(x, old.exponent) - (old.mean >> MEAN_FRAC_BITS)
        away = np.minimum(np.abs(away), 1 << DELTA_BITS + 1)
        far = (old.variance > 0) & (away**2 > HOLD**2 * old.variance)
        new, after = follow(old, x, far, stage.window)
        start = decided(start, waits, new.variance, x)
        sd = isqrt(new.variance)
        size = ((np.abs(after) << Z_FRAC_BITS) + (sd >> 1)) // np.maximum(sd, 1)
        z = np.sign(after) * np.where(sd == 0, 0, np.minimum(size, Z_MAX << Z_FRAC_BITS))
    found = {
        "count": min(count + 1, stage.window),
        "mean": new.mean >> MEAN_FRAC_BITS,
        "low": new.mean & RATE_ONE - 1,
        "variance": new.variance,
        "exponent": new.exponent,
        "steady": start.steady,
        "other": start.other,
    }
    return found, z


def look(stage: Standardise, state: State, x: Float32) -> Float32 | None:
    """Return a sample in standard deviations; the state stays as it is."""
    return real(step(stage, state, x)[1], Z_FRAC_BITS)


def push(stage: Standardise, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    for name, value in step(stage, state, x)[0].items():
        state[name] = value


def recording(stage: Standardise, x: Float32) -> Float32:
    """Return a whole recording in standard deviations, from nothing known on."""
    state: State = np.zeros(1, stage.dtype)
    found = np.zeros((len(x), stage.n_features), np.float32)
    for t, row in enumerate(np.asarray(x, np.float32)):
        new, z = step(stage, state, row)
        for name, value in new.items():
            state[name] = value
        found[t] = real(z, Z_FRAC_BITS)
    return found
