"""The front end as ONNX nodes, in integers and in floats.

Step for step :mod:`quant.front_end.golden` and :mod:`streamlearn.front_end`, with a batch axis in
front. The state's statistics are constants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.hold import Seen, asks_closer, decide
from export.graph.integers import (
    at_most,
    bit_length,
    float_bit_length,
    isqrt,
    positive_part,
    power_of_two,
    round_half_away,
    scale,
    shift_floor,
    shift_left,
    shift_round,
)
from quant.front_end import EXPONENT_START, INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.hold import BEYOND, HOLD, NEAR
from quant.front_end.statistics import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    MEAN_FRAC_BITS,
    RATE_ONE,
    VALUE_BITS,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
    bounded,
    first,
    fitting,
)
from quant.integers import isqrt as integer_root
from quant.layout import State
from streamlearn.front_end import Z_MAX

# What a bit length may find: any float32 at the finest exponent, 2^127; |x_q - mean| and |mean|
# with an int32 mean; variances before they are brought back to 28 bits.
_INPUT_BITS = 256
_MEAN_BITS = 33
_VARIANCE_BITS_MAX = 48


def quantise_input(g: GraphBuilder, x: Operand) -> str:
    """float64 inputs to Q3.4 within ±127, rounding half away from zero."""
    scaled = round_half_away(g, g.op("Mul", x, np.array(2.0**INPUT_FRAC_BITS)))
    limit = float(INPUT_MAX)
    return g.cast(g.op("Clip", scaled, np.array(-limit), np.array(limit)), TensorProto.INT64)


class Statistics(NamedTuple):
    """Statistics as :class:`quant.front_end.statistics.Statistics`, without the count."""

    mean: Operand
    variance: Operand
    exponent: Operand


def standardise_q16(
    g: GraphBuilder, x: Operand, state: State, window: int, frozen: bool = False
) -> str:
    """Standardise by the statistics of the state and of the sample itself.

    Parameters
    ----------
    g : GraphBuilder
    x : float64[batch, n_features]
        Exact copies of finite float32 values.
    state : State
        Its statistics become constants.
    window : int
        Samples over which the statistics follow the sensor.

    Returns
    -------
    int64[batch, n_features]
        Q3.4, within ±127.
    """
    tiny = g.op("Less", g.op("Abs", x), np.array(np.finfo(np.float32).tiny, np.float64))
    x = g.op("Where", tiny, np.array(0.0), x)
    mean, low, variance, exponent = (
        state[name][0].astype(np.int64) for name in ("mean", "mean_low", "variance", "exponent")
    )
    reference = state["reference"][0].view(np.float32)
    old = Statistics((mean << MEAN_FRAC_BITS) + low, variance, exponent)
    x_q = _bounded(g, x, exponent)
    delta = g.op("Sub", x_q, mean)
    decision = decide(
        g, _seen(g, x, x_q, delta, state, reference), state, window if frozen else None
    )

    limit = HOLD * integer_root(variance)
    held = g.op("Where", g.op("Less", delta, 0), -limit, limit)
    delta = g.op("Where", decision.held, held, delta)
    again = first(reference)
    begin = Statistics(
        *(
            g.op("Where", decision.restart, a, b)
            for a, b in zip((again.mean, again.variance, again.exponent), old, strict=True)
        )
    )
    count = state["feature_count"][0].astype(np.int64)
    rate = RATE_ONE // np.minimum(count + 1, window)
    rate = g.op("Where", decision.restart, RATE_ONE // 2, rate)
    fresh = g.op("Or", decision.restart, variance == 0)
    spread, after = _entered(g, x, begin, delta, fresh, rate)
    after = g.op("Where", decision.enters, after, delta)
    spread = g.op("Where", decision.enters, spread, variance)

    spread = isqrt(g, spread)
    safe = g.op("Max", spread, 1)
    size = g.op("Mul", g.op("Abs", after), 1 << INPUT_FRAC_BITS)
    size = g.op("Div", g.op("Add", size, g.op("Div", safe, 2)), safe)
    size = at_most(g, size, INPUT_MAX)
    shown = g.op("And", g.op("Greater", spread, 0), g.op("Not", decision.silent))
    size = g.op("Where", g.op("And", shown, count > 0), size, 0)
    return g.op("Where", g.op("Less", after, 0), g.op("Neg", size), size)


def _seen(
    g: GraphBuilder,
    x: Operand,
    x_q: str,
    delta: str,
    state: State,
    reference: npt.NDArray[np.float32],
) -> Seen:
    """Where a value lies, seen from mean, variance and reference: ``golden.look``."""
    exponent, variance = (state[name][0].astype(np.int64) for name in ("exponent", "variance"))
    size = at_most(g, g.op("Abs", delta), 1 << DELTA_BITS + 1)
    square = g.op("Mul", size, size)
    apart = at_most(g, g.op("Abs", g.op("Sub", x_q, bounded(reference, exponent))), NEAR)
    return Seen(
        g.op("Not", g.op("Equal", delta, 0)),
        g.op("Greater", square, HOLD**2 * variance),
        g.op("Greater", square, BEYOND**2 * variance),
        g.op("Less", g.op("Mul", g.op("Mul", apart, apart), NEAR**2), variance),
        g.op("Equal", x, reference.astype(np.float64)),
        _closer(g, x, state, reference) if asks_closer(state).any() else None,
    )


def _closer(g: GraphBuilder, x: Operand, state: State, reference: npt.NDArray[np.float32]) -> str:
    """Whether a value is closer to the reference than to a mean without a variance."""
    exponent = state["exponent"][0].astype(np.int64)
    finest = np.minimum(exponent, fitting(reference))
    size = g.op("Abs", scale(g, x, finest - MAGNITUDE_BITS))
    common = g.op("Sub", finest, float_bit_length(g, size, _INPUT_BITS))
    x_c = _at_exponent(g, x, common)
    mean = state["mean"][0].astype(np.int64)
    to_mean = g.op("Sub", x_c, shift_round(g, mean, g.op("Sub", exponent, common)))
    to_reference = g.op("Sub", x_c, _at_exponent(g, reference.astype(np.float64), common))
    return g.op("Less", g.op("Abs", to_reference), g.op("Abs", to_mean))


def _entered(
    g: GraphBuilder, x: Operand, old: Statistics, delta: Operand, fresh: str, rate: Operand
) -> tuple[str, str]:
    """The variance that a value has entered, and its deviation from the new mean."""
    # The first deviation finds the units: at most 28 bits for a value, 20 for a deviation.
    x = g.op("Where", fresh, x, np.array(0.0))
    size = g.op("Abs", scale(g, x, g.op("Sub", old.exponent, MAGNITUDE_BITS)))
    down = g.op("Where", fresh, float_bit_length(g, size, _INPUT_BITS), 0)
    old = _coarsen(g, down, old)
    bits = bit_length(g, g.op("Abs", _deviation(g, x, old)), _MEAN_BITS)
    down = g.op("Where", fresh, positive_part(g, g.op("Sub", bits, DELTA_BITS)), 0)
    old = _coarsen(g, down, old)
    delta = g.op("Where", fresh, _deviation(g, x, old), delta)

    mean = g.op("Add", old.mean, g.op("Mul", delta, rate))
    step = g.op("Sub", _whole(g, mean), _whole(g, old.mean))
    after = g.op("Sub", delta, step)
    surplus = g.op("Sub", g.op("Mul", delta, after), old.variance)
    variance = g.op("Add", old.variance, shift_round(g, g.op("Mul", surplus, rate), 16))

    bits = bit_length(g, variance, _VARIANCE_BITS_MAX)
    down = g.op("Div", positive_part(g, g.op("Sub", bits, VARIANCE_BITS - 1)), 2)
    mean_bits = bit_length(g, g.op("Abs", _whole(g, mean)), _MEAN_BITS)
    more = positive_part(g, g.op("Sub", mean_bits, MAGNITUDE_BITS))
    down = g.op("Where", g.op("Greater", more, down), more, down)
    new = _coarsen(g, down, Statistics(mean, variance, old.exponent))
    after = shift_round(g, after, down)

    up = _finer(g, new)
    return shift_left(g, new.variance, g.op("Mul", up, 2)), shift_left(g, after, up)


def _whole(g: GraphBuilder, mean: Operand) -> str:
    """A mean in units of 2^-exponent."""
    return shift_floor(g, mean, MEAN_FRAC_BITS)


def _deviation(g: GraphBuilder, x: Operand, old: Statistics) -> str:
    return g.op("Sub", _at_exponent(g, x, old.exponent), _whole(g, old.mean))


def _at_exponent(g: GraphBuilder, x: Operand, exponent: Operand) -> str:
    """``x`` as int64 in units of 2^-exponent, rounding half away from zero."""
    return g.cast(round_half_away(g, scale(g, x, exponent)), TensorProto.INT64)


def _bounded(g: GraphBuilder, x: Operand, exponent: Operand) -> str:
    """:func:`_at_exponent`, ±2^30 beyond 29 bits."""
    value = round_half_away(g, scale(g, x, exponent))
    wide = g.op("GreaterOrEqual", g.op("Abs", value), np.array(2.0**VALUE_BITS))
    limit = g.op("Mul", g.op("Sign", value), np.array(2.0 ** (VALUE_BITS + 1)))
    return g.cast(g.op("Where", wide, limit, value), TensorProto.INT64)


def _coarsen(g: GraphBuilder, down: Operand, old: Statistics) -> Statistics:
    """Coarser units by 2^down."""
    return Statistics(
        shift_round(g, old.mean, down),
        g.op("Div", old.variance, power_of_two(g, g.op("Mul", down, 2))),
        g.op("Sub", old.exponent, down),
    )


def _finer(g: GraphBuilder, new: Statistics) -> str:
    """By how many bits units may become finer so that a small variance gets its bits back."""
    bits = bit_length(g, new.variance, _VARIANCE_BITS_MAX)
    mean_bits = bit_length(g, g.op("Abs", _whole(g, new.mean)), _MEAN_BITS)
    room = g.op("Sub", MAGNITUDE_BITS - 1, mean_bits)
    room = positive_part(g, g.op("Min", room, g.op("Sub", EXPONENT_START, new.exponent)))
    wanted = g.op("Div", positive_part(g, g.op("Sub", VARIANCE_BITS, bits)), 2)
    low = g.op("And", g.op("Greater", bits, 0), g.op("LessOrEqual", bits, VARIANCE_LOW_BITS))
    return g.op("Where", low, g.op("Min", wanted, room), 0)


def standardise_real(
    g: GraphBuilder, x: Operand, state: State, window: int, frozen: bool = False
) -> str:
    """:func:`standardise_q16` in the state's type, float32 or float64, which is also that of x.

    Returns
    -------
    real[batch, n_features]
        0 where the variance is 0; not clipped.
    """
    mean, variance, reference = (state[name][0] for name in ("mean", "variance", "reference"))
    real, count = mean.dtype.type, state["feature_count"][0].astype(np.int64)
    zero, wide, far = np.array(0, real), real(HOLD**2) * variance, real(BEYOND**2) * variance
    delta, apart = g.op("Sub", x, mean), g.op("Sub", x, reference)
    square = g.op("Mul", delta, delta)
    near = g.op("Mul", g.op("Mul", apart, apart), np.array(NEAR**2, real))
    closer = g.op("Less", g.op("Abs", apart), g.op("Abs", delta))
    seen = Seen(
        g.op("Not", g.op("Equal", delta, zero)),
        g.op("Greater", square, wide),
        g.op("Greater", square, far),
        g.op("Less", near, variance),
        g.op("Equal", apart, zero),
        closer if asks_closer(state).any() else None,
    )
    decision = decide(g, seen, state, window if frozen else None)
    limit = real(HOLD) * np.sqrt(variance)
    held = g.op("Where", g.op("Less", delta, zero), -limit, limit)
    delta = g.op("Where", decision.held, held, delta)
    delta = g.op("Where", decision.restart, apart, delta)
    before = g.op("Where", decision.restart, zero, variance)
    rate = (65536 // np.minimum(count + 1, window) / 65536).astype(real)
    rate = g.op("Where", decision.restart, np.array(0.5, real), rate)
    after = g.op("Sub", delta, g.op("Mul", delta, rate))
    surplus = g.op("Sub", g.op("Mul", delta, after), before)
    entered = g.op("Add", before, g.op("Mul", surplus, rate))
    spread = g.op("Where", decision.enters, entered, variance)
    z = g.op("Div", g.op("Where", decision.enters, after, delta), g.op("Sqrt", spread))
    shown = g.op("And", g.op("Greater", spread, zero), g.op("Not", decision.silent))
    return g.op("Where", g.op("And", shown, count > 0), z, zero)


def clip_input(g: GraphBuilder, z: Operand, real: npt.DTypeLike) -> str:
    """``z`` within ±127/16, as in fixed point."""
    return g.op("Clip", z, np.array(-Z_MAX, real), np.array(Z_MAX, real))


def integer_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State) -> str:
    """Finite float32 to Q3.4, ``int64[batch, n_features]``."""
    exact = g.cast(x, TensorProto.DOUBLE)
    if front_end != "none":
        return standardise_q16(g, exact, state, window, front_end == "frozen")
    return quantise_input(g, exact)


def real_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State, to: int) -> str:
    """Finite float32 to inputs in the arithmetic's own ONNX type."""
    z = g.cast(x, to)
    if front_end != "none":
        z = standardise_real(g, z, state, window, front_end == "frozen")
    return clip_input(g, z, np.float64 if to == TensorProto.DOUBLE else np.float32)
