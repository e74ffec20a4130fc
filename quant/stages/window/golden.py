"""Windows in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_window.c``.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import without_subnormals
from quant.integers import Int64, isqrt
from quant.layout import State
from quant.stages import frames
from quant.stages.signal import (
    LOG_FRAC_BITS,
    VALUE_BITS,
    WAVE_FRAC_BITS,
    apart_from_mean,
    bit_length,
    log2,
    real,
    rounded,
    scaled,
    wave,
)
from quant.stages.window import Window

Float32 = npt.NDArray[np.float32]

#: Bits of the values that a magnitude is of.
SQUARED_BITS = 14
#: Energies are above the square of 2^-14 of the largest value.
FLOOR_BITS = 14


def features(window: Window, samples: Float32) -> Float32:
    """Return the features of windows.

    Parameters
    ----------
    window : Window
    samples : float32[..., n, channels]
        Raw and finite, the oldest first.

    Returns
    -------
    float32[..., n_features]
    """
    x = without_subnormals(np.asarray(samples, np.float32))
    parts = [_channel(window, *scaled(x, -2))]
    if window.magnitude:
        parts.append(_channel(window, *_magnitude(x)))
    rows = np.concatenate(parts, axis=-1)  # [..., features of one, channels]
    return np.moveaxis(rows, -1, -2).reshape(*x.shape[:-2], window.n_features)


def _magnitude(x: Float32) -> tuple[Int64, Int64]:
    values, exponent = scaled(x, (-2, -1), SQUARED_BITS)
    up = VALUE_BITS - SQUARED_BITS - 2
    length = isqrt((values**2).sum(axis=-1, keepdims=True)) << up
    return length, exponent + up


def _channel(window: Window, q: Int64, exponent: Int64) -> Float32:
    """Return what a window says of values, ``float32[..., features, channels]``."""
    n = window.n
    mean, apart, down = apart_from_mean(q, -2)
    small = rounded(apart, down)
    low, high = q.min(axis=-2, keepdims=True), q.max(axis=-2, keepdims=True)
    above = apart > 0
    crossings = (above[..., 1:, :] != above[..., :-1, :]).sum(axis=-2, keepdims=True)
    found = {
        "mean": (mean, exponent),
        "sd": _root(small, exponent - down, n),
        "min": (low, exponent),
        "max": (high, exponent),
        "range": (high - low, exponent),
        "rms": _root(q, exponent, n),
        "crossings": (crossings, np.zeros_like(exponent)),
    }
    rows = [real(*found[name]) for name in window.features if name != "bands"]
    if window.n_bands:
        rows.append(_bands(window, small, exponent, down))
    return np.concatenate(rows, axis=-2)


def _root(values: Int64, exponent: Int64, n: int) -> tuple[Int64, Int64]:
    """Return the root of the mean square, and its exponent."""
    square = (values**2).sum(axis=-2, keepdims=True)
    up = (32 - bit_length(square)) & ~1
    wide = np.where(up >= 0, square << np.maximum(up, 0), square >> np.maximum(-up, 0))
    return isqrt(wide // n), exponent + (up >> 1)


def _bands(window: Window, small: Int64, exponent: Int64, down: Int64) -> Float32:
    """Return the logarithms of the energies of bands, ``float32[..., bands, channels]``."""
    n, turn = window.n, wave(window.n)
    assert window.edges is not None
    cycles = np.arange(window.edges[0], window.edges[-1])
    waves = turn[np.outer(cycles, np.arange(n)) % n]  # [cycles, n, 2]
    sums = np.einsum("...nc,knp->...kpc", small, waves)
    sums = (sums + (1 << WAVE_FRAC_BITS - 1)) >> WAVE_FRAC_BITS
    power = (sums**2).sum(axis=-2)
    floor = (n * n << 2 * (VALUE_BITS - FLOOR_BITS) + 2) >> 2 * down + 2
    bands = [
        power[..., a - cycles[0] : b - cycles[0], :].sum(axis=-2, keepdims=True) + floor
        for a, b in pairwise(window.edges)
    ]
    energy = np.concatenate(bands, axis=-2)
    return real(log2(energy) - (2 * (exponent - down) << LOG_FRAC_BITS), LOG_FRAC_BITS)


def look(window: Window, state: State, x: Float32) -> Float32 | None:
    """Return the features of the window that a sample ends, or None if it ends none."""
    return frames.look(window, state, x, features)


push = frames.push


def recording(window: Window, x: Float32) -> Float32:
    """Return the features of all windows of a recording, ``float32[windows, n_features]``.

    Parameters
    ----------
    window : Window
    x : float32[n_steps, channels]
        Raw and finite.
    """
    return frames.recording(window, x, features)
