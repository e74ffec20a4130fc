"""Windows in a graph: :mod:`quant.stages.window.golden`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.frames import Step, framed
from export.graph.shapes import concatenated
from export.graph.signal import apart_from_mean, by_channel, log2, real, rounded, scaled
from export.graph.whole import (
    Value,
    divide_floor,
    floor,
    isqrt,
    lookup,
    matmul,
    reduce,
    shift_floor,
    where,
)
from quant.stages.signal import LOG_FRAC_BITS, VALUE_BITS, WAVE_FRAC_BITS, wave
from quant.stages.window import Window
from quant.stages.window.golden import FLOOR_BITS, SQUARED_BITS

#: A sum of powers is kept in two parts, of which the low one has so many bits and a carry.
_LOW_BITS, _CARRY_BITS = 20, 16


def step(g: GraphBuilder, window: Window, state: Mapping[str, str], x: str) -> Step:
    """Return what the window says that a sample ends, ``x`` float32[channels]."""
    return framed(g, window, state, x, features)


def features(window: Window, x: Value) -> Any:
    """What a window of ``number[n, channels]`` says."""
    q, exponent = scaled(x)
    if window.magnitude:
        length, of_length = _magnitude(x)
        q, exponent = concatenated([q, length], 1), concatenated([exponent, of_length], 1)
    n = window.n
    mean, apart, down = apart_from_mean(q, n)
    small = rounded(apart, down)
    low, high = reduce("Min", q, 0), reduce("Max", q, 0)
    found = {
        "mean": lambda: real(mean, exponent),
        "sd": lambda: _root(small, exponent - down, n),
        "min": lambda: real(low, exponent),
        "max": lambda: real(high, exponent),
        "range": lambda: real(high - low, exponent),
        "rms": lambda: _root(q, exponent, n),
        "crossings": lambda: _crossings(apart, n),
    }
    rows = [found[name]() for name in window.features if name != "bands"]
    if window.n_bands:
        rows.append(_bands(window, small, exponent, down))
    return by_channel(concatenated(rows, 0))


def _magnitude(x: Value) -> tuple[Any, Any]:
    q, exponent = scaled(x, SQUARED_BITS, all_channels=True)
    up = VALUE_BITS - SQUARED_BITS - 2
    return isqrt(reduce("Sum", q * q, 1)) * 2.0**up, exponent + up


def _crossings(apart: Any, n: int) -> Any:
    """How often columns change from above 0 to not above it, or back."""
    g = apart.g
    above = where(apart > 0, 1.0, 0.0)
    first, second = (
        Value(g, g.op("Slice", above.name, np.array([a]), np.array([b]), np.array([0])))
        for a, b in ((0, n - 1), (1, n))
    )
    return reduce("Sum", (first - second) * (first - second), 0)


def _root(values: Any, exponent: Any, n: int) -> Any:
    """The root of the mean square of columns."""
    square = reduce("Sum", values * values, 0)
    up = floor((32 - bit_length(square, 52, scalar=False)) * 0.5)
    wide = shift_floor(square, up * -2.0)
    return real(isqrt(divide_floor(wide, float(n))), exponent + up)


def _bands(window: Window, small: Any, exponent: Any, down: Any) -> Any:
    """Logarithms of the energies of bands, ``number[bands, channels]``."""
    assert window.edges is not None
    g, n, turn = small.g, window.n, wave(window.n)
    cycles = np.arange(window.edges[0], window.edges[-1])
    turns = Value(g, g.op("Mod", g.op("Mul", cycles[:, None], np.arange(n)), n))
    half = 2.0 ** (WAVE_FRAC_BITS - 1)
    parts = [
        shift_floor(matmul(lookup(turn[:, k], turns), small) + half, WAVE_FRAC_BITS) for k in (0, 1)
    ]
    power = parts[0] * parts[0] + parts[1] * parts[1]
    members = np.array(
        [(a <= cycles) & (cycles < b) for a, b in pairwise(window.edges)], np.float64
    )
    # Energies have up to 58 bits: the high part and the low one of each power are added apart.
    high = shift_floor(power, _LOW_BITS)
    low = matmul(members, power - high * 2.0**_LOW_BITS)
    high = matmul(members, high)
    quiet = np.array(float(n * n << 2 * (VALUE_BITS - FLOOR_BITS) + 2))
    low = low + shift_floor(quiet, 2 * down + 2)
    short = high < 2.0 ** (52 - _LOW_BITS)
    wide = high * 2.0 ** (_LOW_BITS - _CARRY_BITS) + shift_floor(low, _CARRY_BITS)
    energy = where(short, high * 2.0**_LOW_BITS + low, wide)
    bits = where(short, 0.0, float(_CARRY_BITS << LOG_FRAC_BITS))
    return real(
        log2(energy, 53) + bits - (exponent - down) * 2.0 ** (LOG_FRAC_BITS + 1), LOG_FRAC_BITS
    )
