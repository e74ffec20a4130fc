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
    clip,
    matmul,
    maximum,
    reduce,
    shift_floor,
    where,
)
from quant.stages.bank import WEIGHT_FRAC_BITS, Bank
from quant.stages.bank.golden import FLOOR, LAST_BITS, PART_BITS, QUIET_SHIFT_MAX
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
    g, half, channels = frame.g, bank.size // 2, bank.n_channels
    filled = np.array([0, 0, bank.size - bank.n, 0])
    longer = Value(g, g.op("Pad", frame.name, filled, np.array(0.0), mode="constant"))
    both = reshaped(
        longer, [half, 2, 1, channels]
    )  # [transforms, re or im, their length, channels]
    re, im = (_at(both, [k], 1) for k in (0, 1))
    re, im = (reshaped(part, [half, 1, channels]) for part in (re, im))
    many, lost = half, np.zeros((1, channels))
    if half.bit_length() % 2 == 0:
        pairs = [_parts(part, 2, many) for part in (re, im)]
        re, im = (_joined([a + b, a - b]) for a, b in pairs)
        many //= 2
    while many > 1:
        re, im, lost = narrowed(re, im, lost, PART_BITS)
        re, im = _fourfold(bank, re, im, many)
        many //= 4
    re, im, lost = narrowed(re, im, lost, LAST_BITS)
    return _powers(bank, *(reshaped(part, [half, channels]) for part in (re, im))), lost


def _at(x: Any, where_: Any, axis: int = 0) -> Value:
    """Some of an axis."""
    return Value(x.g, x.g.op("Gather", x.name, np.array(where_), axis=axis))


def _parts(x: Any, n: int, many: int) -> list[Value]:
    """The first, second, … transforms of those that are joined."""
    step = many // n
    return [_at(x, np.arange(k * step, (k + 1) * step)) for k in range(n)]


def _joined(parts: list[Any]) -> Any:
    """Transforms whose frequencies lie one part after the other."""
    return concatenated(parts, 1)


def _turned(re: Any, im: Any, turn: Any, bits: int) -> tuple[Any, Any]:
    c, s = turn[..., 0, None], turn[..., 1, None]
    return rounded(re * c + im * s, bits), rounded(im * c - re * s, bits)


def _fourfold(bank: Bank, re: Any, im: Any, many: int) -> tuple[Any, Any]:
    """Join four transforms at a time; the first frequency is not turned."""
    half, turn = bank.size // 2, wave(bank.size).astype(np.float64)
    length = half // many
    at = np.arange(length) * (bank.size // (4 * length))
    (a, *re_of), (b, *im_of) = (_parts(part, 4, many) for part in (re, im))
    first = (np.arange(length) == 0)[:, None]
    for t in (1, 2, 3) if length > 1 else ():
        old = re_of[t - 1], im_of[t - 1]
        found = _turned(*old, turn[t * at], WAVE_FRAC_BITS)
        re_of[t - 1], im_of[t - 1] = (
            where(first, one, two) for one, two in zip(old, found, strict=True)
        )
    (r1, r2, r3), (i1, i2, i3) = re_of, im_of
    even, odd = (a + r2, b + i2), (a - r2, b - i2)
    plus, minus = (r1 + r3, i1 + i3), (r1 - r3, i1 - i3)
    return (
        _joined([even[0] + plus[0], odd[0] + minus[1], even[0] - plus[0], odd[0] - minus[1]]),
        _joined([even[1] + plus[1], odd[1] - minus[0], even[1] - plus[1], odd[1] + minus[0]]),
    )


def narrowed(re: Any, im: Any, lost: Any, bits: int) -> tuple[Any, Any, Any]:
    """Both parts with so many bits at most, and the bits that were lost so far."""
    most = maximum(*(maximum(part, -1 - part) for part in (re, im)))
    most = reduce("Max", reduce("Max", most, 0, keepdims=False), 0)
    down = maximum(bit_length(most, PART_BITS + 4, scalar=False) - bits, 0)
    return rounded(re, down), rounded(im, down), lost + down


def _powers(bank: Bank, re: Any, im: Any) -> Any:
    """Powers of the real points of which these are the transform, two by two."""
    half, turn = bank.size // 2, wave(bank.size).astype(np.float64)
    k = np.arange(1, half // 2)
    (x_re, y_re), (x_im, y_im) = ((_at(part, k), _at(part, half - k)) for part in (re, im))
    even = rounded(x_re + y_re, 1), rounded(x_im - y_im, 1)
    tr, ti = _turned(x_im + y_im, y_re - x_re, turn[k], WAVE_FRAC_BITS + 1)
    low = _power(even[0] + tr, even[1] + ti)
    high = _power(even[0] - tr, even[1] - ti)
    first = _at(re, [0]), _at(im, [0])
    middle = _power(_at(re, [half // 2]), _at(im, [half // 2]))
    ends = [_power(one, 0.0) for one in (first[0] + first[1], first[0] - first[1])]
    return concatenated([ends[0], low, middle, _at(high, np.arange(len(k))[::-1]), ends[1]], 0)


def _power(re: Any, im: Any) -> Any:
    return re * re + im * im


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
