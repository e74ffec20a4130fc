"""Bounds of the stage that standardises: deviations, widened, in standard deviations."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant.front_end.statistics import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    Statistics,
    at_exponent,
    first,
    follow,
)
from quant.integers import isqrt
from quant.stages.signal import tops
from quant.stages.standardise import Z_FRAC_BITS, Z_MAX, Standardise, golden

#: Half a standard deviation, at most, rounds a quotient.
HALF = 1 << 13

BOUNDS = Bounds(
    {
        "widened": ((1 << DELTA_BITS + Z_FRAC_BITS) + HALF, "int32"),
        "first_apart": (2 << MAGNITUDE_BITS, "int32"),
    }
)

TABLES = {
    "format": {
        "z": {
            "type": "int32",
            "fraction bits": str(Z_FRAC_BITS),
            "smallest": str(-Z_MAX << Z_FRAC_BITS),
            "largest": str(Z_MAX << Z_FRAC_BITS),
        }
    }
}


def exercise() -> None:
    """Signals of every size, with jumps; constants, and the first deviation from one."""
    rng = np.random.default_rng(0)
    for window in (2, 7, 32768):
        stage = Standardise(window, 6)
        for scale in (2.0**-120, 1.0, 2.0**120):
            state = np.zeros(1, stage.dtype)
            for t in range(300):
                x = scale * rng.normal(size=6) * [1, 1e-6, 0, 1, 0, 1]
                x += scale * np.array([0, 1, 1, 50.0 * (t > 150), 0, 1e3])
                x[4] = scale * 100 * (t == 200)
                row = np.clip(x, -3.4e38, 3.4e38).astype(np.float32)
                new, z = golden.step(stage, state, row)
                assert np.abs(z).max() <= Z_MAX << Z_FRAC_BITS
                _hold(state, row, window)
                for name, value in new.items():
                    state[name] = value
            stage.check(state)
    for jump in (2.0**-126, 1.0, 3.0e38):  # the widest deviation is the first
        row = np.array([jump, -jump], np.float32)
        old = first(np.zeros(2, np.float32))
        _, after = follow(old, row, np.zeros(2, np.bool_), 2)
        BOUNDS.hold("widened", (np.abs(after) << Z_FRAC_BITS) + HALF)
        e = MAGNITUDE_BITS - tops(row)
        BOUNDS.hold("first_apart", np.abs(np.diff(at_exponent(row, e))))
    largest = np.float32([np.finfo(np.float32).max, -np.finfo(np.float32).max])
    BOUNDS.hold(
        "first_apart", np.abs(np.diff(at_exponent(largest, MAGNITUDE_BITS - tops(largest))))
    )


def _hold(state: np.ndarray, x: np.ndarray, window: int) -> None:
    count = np.full(len(x), int(state["count"][0]), np.int64)
    if not count[0]:
        return
    mean, low, variance, exponent = (
        state[name][0].astype(np.int64) for name in ("mean", "low", "variance", "exponent")
    )
    old = Statistics((mean << 16) + low, variance, exponent, count)
    away = np.minimum(np.abs(golden.bounded(x, exponent) - mean), 1 << DELTA_BITS + 1)
    new, after = follow(old, x, (variance > 0) & (away**2 > 64 * variance), window)
    assert isqrt(new.variance).max() >> 1 <= HALF
    BOUNDS.hold("widened", (np.abs(after) << Z_FRAC_BITS) + (isqrt(new.variance) >> 1))
