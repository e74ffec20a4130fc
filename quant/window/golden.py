"""Windows in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_window.c``.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import at_exponent, without_subnormals
from quant.integers import Int64, isqrt
from quant.layout import State
from quant.window import Window

Float32 = npt.NDArray[np.float32]

#: Bits of the largest value of a channel in a window, and of the values that a magnitude is of.
VALUE_BITS, SQUARED_BITS = 20, 14
#: Bits of what differs from the mean, of a wave, and what is behind them in a sum of both.
DEVIATION_BITS, WAVE_FRAC_BITS = 14, 15
WAVE_ONE = (1 << WAVE_FRAC_BITS) - 1
#: Fraction bits of a logarithm. Energies are above the square of 2^-14 of the largest value.
LOG_FRAC_BITS = 8
FLOOR_BITS = 14
LARGEST = np.finfo(np.float32).max


def wave(n: int) -> Int64:
    """Return one wave in Q15, ``int64[n, 2]``: cosine and sine at each sample of a window."""
    turn = 2 * np.pi * np.arange(n) / n
    both = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.floor(WAVE_ONE * both + 0.5).astype(np.int64)


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
    parts = [_channel(window, *_scaled(x, -2))]
    if window.magnitude:
        parts.append(_channel(window, *_magnitude(x)))
    rows = np.concatenate(parts, axis=-1)  # [..., features of one, channels]
    return np.moveaxis(rows, -1, -2).reshape(*x.shape[:-2], window.n_features)


def _scaled(x: Float32, axis: int | tuple[int, int], bits: int = VALUE_BITS) -> tuple[Int64, Int64]:
    """Return values in units of 2^-exponent, so that the largest has so many bits."""
    top = np.frexp(np.abs(x).max(axis=axis, keepdims=True))[1].astype(np.int64)
    exponent = bits - top
    return at_exponent(x, np.broadcast_to(exponent, x.shape)), exponent


def _magnitude(x: Float32) -> tuple[Int64, Int64]:
    values, exponent = _scaled(x, (-2, -1), SQUARED_BITS)
    up = VALUE_BITS - SQUARED_BITS - 2
    length = isqrt((values**2).sum(axis=-1, keepdims=True)) << up
    return length, exponent + up


def _channel(window: Window, q: Int64, exponent: Int64) -> Float32:
    """Return what a window says of values, ``float32[..., features, channels]``."""
    n = window.n
    total = q.sum(axis=-2, keepdims=True)
    mean = np.sign(total) * ((np.abs(total) + n // 2) // n)
    apart = q - mean
    bits = _bit_length(np.abs(apart).max(axis=-2, keepdims=True))
    down = np.maximum(bits - DEVIATION_BITS, 0)
    small = (apart + ((1 << down) >> 1)) >> down
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
    rows = [_real(*found[name]) for name in window.features if name != "bands"]
    if window.n_bands:
        rows.append(_bands(window, small, exponent, down))
    return np.concatenate(rows, axis=-2)


def _root(values: Int64, exponent: Int64, n: int) -> tuple[Int64, Int64]:
    """Return the root of the mean square, and its exponent."""
    square = (values**2).sum(axis=-2, keepdims=True)
    up = (32 - _bit_length(square)) & ~1
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
    return _real(_log2(energy) - (2 * (exponent - down) << LOG_FRAC_BITS), LOG_FRAC_BITS)


def _log2(x: Int64) -> Int64:
    """Return log2 of integers from 1 on, .8: a straight line between two powers of two."""
    bits = _bit_length(x)
    right = bits - 1 - LOG_FRAC_BITS
    lead = np.where(right >= 0, x >> np.maximum(right, 0), x << np.maximum(-right, 0))
    return ((bits - 1) << LOG_FRAC_BITS) + lead - (1 << LOG_FRAC_BITS)


def _bit_length(x: Int64) -> Int64:
    """Return the number of bits of integers from 0 to below 2^62."""
    high = x >> 31
    bits = np.frexp(np.where(high > 0, high, x).astype(np.float64))[1].astype(np.int64)
    return bits + np.where(high > 0, 31, 0)


def _real(x: Int64, exponent: Int64 | int) -> Float32:
    """Return ``x 2^-exponent`` as binary32; of less than 25 bits, and 0 for subnormals."""
    wide = np.ldexp(x.astype(np.float64), -np.asarray(exponent))
    return without_subnormals(np.clip(wide, -LARGEST, LARGEST).astype(np.float32))


def look(window: Window, state: State, x: Float32) -> Float32 | None:
    """Return the features of the window that a sample ends, or None if it ends none."""
    if int(state["waiting"][0]) != 1:
        return None
    older = np.roll(state["sample"][0].view("<f4"), -int(state["at"][0]) - 1, axis=0)[:-1]
    return features(window, np.concatenate([older, np.asarray(x, np.float32)[None]]))


def push(window: Window, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    at, waiting = int(state["at"][0]), int(state["waiting"][0])
    state["sample"][0, at] = np.asarray(x, np.float32).view(np.uint32)
    state["at"] = 0 if at + 1 == window.n else at + 1
    state["waiting"] = window.hop if waiting == 1 else waiting - 1


def recording(window: Window, x: Float32) -> Float32:
    """Return the features of all windows of a recording, ``float32[windows, n_features]``.

    Parameters
    ----------
    window : Window
    x : float32[n_steps, channels]
        Raw and finite.
    """
    ends = range(window.n, len(x) + 1, window.hop)
    samples = [np.asarray(x, np.float32)[end - window.n : end] for end in ends]
    shape = len(samples), window.n, window.n_channels
    return features(window, np.array(samples, np.float32).reshape(shape))
