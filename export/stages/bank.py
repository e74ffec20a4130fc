"""A bank of filters in a graph: :mod:`quant.stages.bank.golden`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.frames import Step, framed
from export.graph.shapes import concatenated, reshaped
from export.graph.signal import apart_from_mean, by_channel, log2, real, rounded, scaled
from export.graph.whole import (
    Value,
    absolute,
    clip,
    matmul,
    maximum,
    reduce,
    shift_floor,
    where,
)
from quant.stages.bank import WEIGHT_FRAC_BITS, Bank
from quant.stages.bank.golden import FLOOR, PART_BITS, QUIET_SHIFT_MAX
from quant.stages.signal import LOG_FRAC_BITS, WAVE_FRAC_BITS, wave

#: Bits of a total at most.
_TOTAL_BITS = 48


def step(g: GraphBuilder, bank: Bank, state: Mapping[str, str], x: str) -> Step:
    """Return the energies of the frame that a sample ends, ``x`` float32[channels]."""
    return framed(g, bank, state, x, features)


def features(bank: Bank, x: Value) -> Any:
    """Energies of a frame of ``number[n, channels]``."""
    q, exponent = scaled(x)
    _, apart, down = apart_from_mean(q, bank.n)
    point = rounded(rounded(apart, down) * bank.hann[:, None], WAVE_FRAC_BITS)
    power, lost = spectrum(bank, point)
    return by_channel(logarithms(bank, power, exponent - down - lost))


def spectrum(bank: Bank, frame: Any) -> tuple[Any, Any]:
    """Powers at frequencies from 0 on, ``number[frequencies, channels]``; bits that parts lost."""
    g, size, channels = frame.g, bank.size, bank.n_channels
    width = size.bit_length() - 1
    order = np.array([int(f"{i:0{width}b}"[::-1], 2) for i in range(size)])
    filled = np.array([0, 0, size - bank.n, 0])
    longer = g.op("Pad", frame.name, filled, np.array(0.0), mode="constant")
    both = Value(g, g.op("Gather", longer, order, axis=0))
    re, im, lost = both, both * 0.0, np.zeros((1, channels))
    half, turn = 1, wave(size)
    while half < size:
        re, im, lost = narrowed(re, im, lost)
        shape = [size // (2 * half), 2, half, channels]
        (a, re), (b, im) = (_halves(reshaped(part, shape)) for part in (re, im))
        c, s = (part[None, None, :, None] for part in turn[:: size // (2 * half)][:half].T)
        tr = rounded(re * c + im * s, WAVE_FRAC_BITS)
        ti = rounded(im * c - re * s, WAVE_FRAC_BITS)
        re, im = (
            reshaped(concatenated([one + two, one - two], 1), [size, channels])
            for one, two in ((a, tr), (b, ti))
        )
        half *= 2
    re, im, lost = narrowed(re, im, lost)
    power = re * re + im * im
    ends = g.op("Slice", power.name, np.array([0]), np.array([size // 2 + 1]), np.array([0]))
    return Value(g, ends), lost


def _halves(x: Any) -> tuple[Value, Value]:
    """The first and the second of axis 1."""
    g = x.g
    first, second = (Value(g, g.op("Gather", x.name, np.array([k]), axis=1)) for k in (0, 1))
    return first, second


def narrowed(re: Any, im: Any, lost: Any) -> tuple[Any, Any, Any]:
    """Both parts with 15 bits at most, and the bits that were lost so far."""
    most = reduce("Max", maximum(absolute(re), absolute(im)), 0)
    down = maximum(bit_length(most, PART_BITS + 3, scalar=False) - PART_BITS, 0)
    return rounded(re, down), rounded(im, down), lost + down


def logarithms(bank: Bank, power: Any, exponent: Any) -> Any:
    """log2 of the bands' energies, of powers in units of 2^(-2 exponent)."""
    energy = matmul(bank.weights.astype(np.float64), power)
    noise = np.array(float(3 * bank.n << WEIGHT_FRAC_BITS - 3))
    up = (exponent + bank.quiet_bits) * 2.0
    floor = shift_floor(noise, clip(-up, -QUIET_SHIFT_MAX, 62))
    all_quiet = up > QUIET_SHIFT_MAX
    total = where(all_quiet, noise, energy + floor + float(FLOOR))
    units = where(all_quiet, 2.0 * bank.quiet_bits, exponent * -2.0)
    return real(
        log2(total, _TOTAL_BITS) + (units - WEIGHT_FRAC_BITS) * 2.0**LOG_FRAC_BITS, LOG_FRAC_BITS
    )
