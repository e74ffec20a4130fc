"""Bounds of averaged weights."""

from __future__ import annotations

import numpy as np
from holding import Bounds

from quant import averages, noise
from quant.averages import golden
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state

MOST = (1 << averages.SHIFT_MAX) - 1

BOUNDS = Bounds(
    {
        "visits": (noise.MASK // averages.ROWS + 1, "uint32"),
        "apart": (65535 + MOST, "int32"),
        "moved": (1 << 15, "int32"),
    }
)


def _format(largest: int) -> dict[str, str]:
    return {"type": "int32", "fraction bits": "0", "smallest": "0", "largest": str(largest)}


def _shares(windows: list[int]) -> dict[str, dict[str, str]]:
    found = {}
    for window in windows:
        shift = averages.shift(window, noise.MASK)
        found[str(window)] = {
            "shift": str(shift),
            "rounding to nearest would lose, LSB": str(1 << shift - 1),
            "noise at most, LSB": f"{np.sqrt(2**shift / 8):.1f}",
        }
    return found


TABLES = {
    "format": {"shift": _format(averages.SHIFT_MAX), "dither": _format(MOST)},
    "field": {field.name: {} for field in averages.fields(averages.ROWS, 1, "integer")},
    "W": _shares([1024, 4096, 16384, averages.WINDOW_MAX]),
}


def exercise() -> None:
    """From one end of μ to the other, in every window, at the first step and at the last."""
    BOUNDS.hold("visits", noise.MASK // averages.ROWS + 1)
    for k in range(averages.SHIFT_MAX + 1):
        window = averages.ROWS << k
        spec = NetworkSpec((200, 3), False, "none", leaks=(3,), average_window=window)
        state = init_state(spec, MesuConfig(), "q16")
        assert averages.shift(window, 0) == 0
        assert averages.shift(window, noise.MASK) == k
        for t in range(64):
            for old, new in ((-32768, 32767), (32767, -32768)):
                state["average"], state["mu"], state["time_steps"] = old, new, t
                n_samples = noise.MASK - t
                key = noise.key_of(state)
                word = noise.words(key, noise.STREAM_AVERAGE, 200)
                u = (word >> 16 >> 16 - k).astype(np.int64)
                assert u.max() <= MOST
                BOUNDS.hold("apart", new - old + u)
                golden.follow(spec, state, n_samples)
                found = state["average"][0].astype(np.int64)
                BOUNDS.hold("moved", found)
                assert found.min() >= -32768
                assert found.max() <= 32767
                moved = (found != old).reshape(200, 3).all(axis=1)
                assert moved.sum() in (3, 4)
