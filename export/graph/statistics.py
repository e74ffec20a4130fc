"""Running mean and variance in a graph: :mod:`quant.front_end.statistics`, bit for bit.

Values are float64: exact copies of float32. Counterparts of the same names there say more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from export.graph.bits import bit_length, bit_length_wide
from export.graph.whole import (
    absolute,
    clip,
    divide_floor,
    equal,
    floor,
    isqrt,
    maximum,
    minimum,
    scaled,
    shift_floor,
    shift_round,
    sign,
    where,
)
from quant.front_end import EXPONENT_START
from quant.front_end.hold import HOLD
from quant.front_end.statistics import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    MEAN_FRAC_BITS,
    RATE_ONE,
    VALUE_BITS,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
)

# What a bit length may find: |x_q - mean| and |mean| with an int32 mean; variances before they are
# brought back to 28 bits; a normal float32 times 2^126.
_MEAN_BITS, _VARIANCE_BITS_MAX, _FLOAT_BITS = 33, 48, 254
_TINY = float(np.finfo(np.float32).tiny)
_SIGN, _FIELD_BIAS = 1 << 31, 126


class Statistics(NamedTuple):
    """As :class:`quant.front_end.statistics.Statistics`."""

    mean: Any
    variance: Any
    exponent: Any
    samples: Any


def without_subnormals(x: Any) -> Any:
    """``x`` with 0 for subnormals and for -0."""
    return where(absolute(x) < _TINY, 0.0, x)


def exponent_of(x: Any) -> Any:
    """The exponent of ``frexp`` of normal float32; of 0 it is -126."""
    return bit_length_wide(absolute(x) * 2.0**126, _FLOAT_BITS) - 126


def fitting(x: Any, exponent: Any) -> Any:
    """The finest exponent at which ``x`` has at most 28 bits; its own exponent is given."""
    return where(equal(x, 0), EXPONENT_START, MAGNITUDE_BITS - exponent)


def from_binary32(bits: Any) -> Any:
    """The number of a bit pattern; a subnormal's is 0."""
    negative = bits >= _SIGN
    size = bits - where(negative, _SIGN, 0)
    field = shift_floor(size, 23)
    mantissa = size - field * 2.0**23 + 2.0**23
    value = where(equal(field, 0), 0.0, scaled(mantissa, field - 150))
    return where(negative, -value, value)


def to_binary32(x: Any, exponent: Any) -> Any:
    """The bit pattern of a normal float32 or 0, whose exponent is given."""
    mantissa = scaled(absolute(x), 24 - exponent) - 2.0**23
    bits = (exponent + _FIELD_BIAS) * 2.0**23 + mantissa + where(x < 0, _SIGN, 0)
    return where(equal(x, 0), 0, bits)


def round_half_away(x: Any) -> Any:
    """To the nearest whole number, halves away from zero."""
    return sign(x) * floor(absolute(x) + 0.5)


def at_exponent(x: Any, exponent: Any) -> Any:
    """``x`` in units of 2^-exponent, rounding half away from zero."""
    return round_half_away(scaled(x, exponent))


def bounded(x: Any, exponent: Any) -> Any:
    """:func:`at_exponent`, ±2^30 beyond 29 bits."""
    value = at_exponent(x, exponent)
    wide = absolute(value) >= 2.0**VALUE_BITS
    return where(wide, sign(value) * 2.0 ** (VALUE_BITS + 1), value)


def whole(mean: Any) -> Any:
    """A mean in units of 2^-exponent."""
    return shift_floor(mean, MEAN_FRAC_BITS)


def first(x: Any, finest: Any) -> Statistics:
    """The statistics of one value, whose :func:`fitting` exponent is given."""
    exponent = minimum(finest, EXPONENT_START)
    return Statistics(at_exponent(x, exponent) * 2.0**MEAN_FRAC_BITS, x * 0.0, exponent, 1)


def _coarsen(old: Statistics, down: Any) -> Statistics:
    mean = shift_round(old.mean, down)
    return Statistics(mean, shift_floor(old.variance, 2 * down), old.exponent - down, old.samples)


def _weighed(surplus: Any, rate: Any) -> Any:
    """``surplus · rate / 2^16``, rounding half up; in two parts: the product may have 57 bits."""
    high = shift_floor(surplus, 16)
    low = surplus - high * 65536.0
    return high * rate + shift_round(low * rate, 16)


def follow(old: Statistics, x: Any, finest: Any, held: Any, window: int) -> tuple[Statistics, Any]:
    """Let a value enter mean and variance; the value minus the new mean, in the new units."""
    return fitted(*entered(unfolded(old, x, finest), x, held, window))


def unfolded(old: Statistics, x: Any, finest: Any) -> Statistics:
    """The units that the first deviation finds: at most 28 bits for a value, 20 for it."""
    fresh = equal(old.variance, 0)
    old = _coarsen(old, where(fresh, maximum(old.exponent - finest, 0), 0))
    delta = at_exponent(where(fresh, x, 0.0), old.exponent) - whole(old.mean)
    wide = maximum(bit_length(absolute(delta), _MEAN_BITS, scalar=False) - DELTA_BITS, 0)
    return _coarsen(old, where(fresh, wide, 0))


def entered(old: Statistics, x: Any, held: Any, window: int) -> tuple[Statistics, Any]:
    """A value in mean and variance, in the old units."""
    count = minimum(old.samples + 1, window)
    rate = divide_floor(float(RATE_ONE), count)
    mean, variance, exponent, _ = old
    before = whole(mean)
    delta = bounded(x, exponent) - before
    delta = where(held, sign(delta) * HOLD * isqrt(variance), delta)
    delta = clip(delta, -(1 << DELTA_BITS), 1 << DELTA_BITS)
    mean = mean + delta * rate
    after = delta - (whole(mean) - before)
    variance = variance + _weighed(delta * after - variance, rate)
    return Statistics(mean, variance, exponent, count), after


def unfit(new: Statistics) -> Any:
    """Where :func:`fitted` may change something."""
    beyond = (new.variance >= 2.0**VARIANCE_BITS) | (new.variance < 2.0**VARIANCE_LOW_BITS)
    return beyond | (absolute(whole(new.mean)) >= 2.0**MAGNITUDE_BITS)


def fitted(entered_: Statistics, after: Any) -> tuple[Statistics, Any]:
    """The units that fit a new variance: coarser ones, or finer ones again."""
    mean, variance = entered_.mean, entered_.variance
    mean_bits = bit_length(absolute(whole(mean)), _MEAN_BITS, scalar=False)
    bits = bit_length(variance, _VARIANCE_BITS_MAX, scalar=False)
    wide = maximum(shift_floor(bits - VARIANCE_BITS + 1, 1), mean_bits - MAGNITUDE_BITS)
    down = maximum(wide, 0)
    new, after = (
        _coarsen(entered_, down),
        shift_round(after, down),
    )

    bits = bit_length(new.variance, _VARIANCE_BITS_MAX, scalar=False)
    narrow = (bits > 0) & (bits <= VARIANCE_LOW_BITS)
    mean_bits = bit_length(absolute(whole(new.mean)), _MEAN_BITS, scalar=False)
    room = minimum(MAGNITUDE_BITS - 1 - mean_bits, EXPONENT_START - new.exponent)
    finer = minimum(maximum(shift_floor(VARIANCE_BITS - bits, 1), 0), maximum(room, 0))
    up = where(narrow, finer, 0)
    found = Statistics(
        scaled(new.mean, up), scaled(new.variance, 2 * up), new.exponent + up, new.samples
    )
    return found, scaled(after, up)
