"""The front end as ONNX nodes, in integers and in floats.

Step for step :mod:`quant.front_end.golden` and :mod:`streamlearn.front_end`, with a batch axis in
front. The state's statistics are constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, numpy_helper

from export.graph.builder import GraphBuilder, Operand
from export.graph.integers import (
    bit_length,
    float_bit_length,
    isqrt,
    positive_part,
    power_of_two,
    round_half_away,
    scale,
    shift_left,
    shift_round,
)
from quant.front_end import EXPONENT_START, INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.golden import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    RATE_ONE,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
)
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


def standardise_q16(g: GraphBuilder, x: Operand, state: State, window: int) -> str:
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
    count = min(int(state["front_end_count"][0]) + 1, window)
    if count == 1:
        zero = numpy_helper.from_array(np.zeros(1, np.int64))
        return g.op("ConstantOfShape", g.op("Shape", x), value=zero)
    rate = RATE_ONE // count
    tiny = g.op("Less", g.op("Abs", x), np.array(np.finfo(np.float32).tiny, np.float64))
    x = g.op("Where", tiny, np.array(0.0), x)
    start = {name: state[name][0].astype(np.int64) for name in ("mean", "variance", "exponent")}

    # No value may need more than 28 bits.
    size = g.op("Abs", scale(g, x, start["exponent"] - MAGNITUDE_BITS))
    exponent, mean, variance = _coarsen(g, float_bit_length(g, size, _INPUT_BITS), **start)
    x_q = _at_exponent(g, x, exponent)

    # No deviation may need more than 20 bits.
    bits = bit_length(g, g.op("Abs", g.op("Sub", x_q, mean)), _MEAN_BITS)
    down = positive_part(g, g.op("Sub", bits, DELTA_BITS))
    exponent, mean, variance = _coarsen(g, down, exponent, mean, variance)
    x_q = _at_exponent(g, x, exponent)

    delta = g.op("Sub", x_q, mean)
    mean = g.op("Add", mean, shift_round(g, g.op("Mul", delta, rate), 16))
    after = g.op("Sub", x_q, mean)
    surplus = g.op("Sub", g.op("Mul", delta, after), variance)
    variance = g.op("Add", variance, shift_round(g, g.op("Mul", surplus, rate), 16))

    bits = bit_length(g, variance, _VARIANCE_BITS_MAX)
    down = g.op("Div", positive_part(g, g.op("Sub", bits, VARIANCE_BITS - 1)), 2)
    exponent, mean, variance = _coarsen(g, down, exponent, mean, variance)
    after = shift_round(g, after, down)

    up = _finer(g, exponent, mean, variance)
    variance = shift_left(g, variance, g.op("Mul", up, 2))
    after = shift_left(g, after, up)

    spread = isqrt(g, variance)
    safe = g.op("Max", spread, 1)
    size = g.op("Mul", g.op("Abs", after), 1 << INPUT_FRAC_BITS)
    size = g.op("Div", g.op("Add", size, g.op("Div", safe, 2)), safe)
    size = g.op("Min", size, INPUT_MAX)
    size = g.op("Where", g.op("Greater", spread, 0), size, 0)
    return g.op("Mul", g.op("Sign", after), size)


def _at_exponent(g: GraphBuilder, x: Operand, exponent: Operand) -> str:
    """``x`` as int64 in units of 2^-exponent, rounding half away from zero."""
    return g.cast(round_half_away(g, scale(g, x, exponent)), TensorProto.INT64)


def _coarsen(
    g: GraphBuilder, down: str, exponent: Operand, mean: Operand, variance: Operand
) -> tuple[str, str, str]:
    """Coarser units by 2^down."""
    return (
        g.op("Sub", exponent, down),
        shift_round(g, mean, down),
        g.op("Div", variance, power_of_two(g, g.op("Mul", down, 2))),
    )


def _finer(g: GraphBuilder, exponent: str, mean: str, variance: str) -> str:
    """By how many bits units may become finer so that a small variance gets its bits back."""
    bits = bit_length(g, variance, _VARIANCE_BITS_MAX)
    room = g.op("Sub", MAGNITUDE_BITS - 1, bit_length(g, g.op("Abs", mean), _MEAN_BITS))
    room = positive_part(g, g.op("Min", room, g.op("Sub", EXPONENT_START, exponent)))
    wanted = g.op("Div", positive_part(g, g.op("Sub", VARIANCE_BITS, bits)), 2)
    low = g.op("And", g.op("Greater", bits, 0), g.op("LessOrEqual", bits, VARIANCE_LOW_BITS))
    return g.op("Where", low, g.op("Min", wanted, room), 0)


def standardise_real(g: GraphBuilder, x: Operand, state: State, window: int) -> str:
    """:func:`standardise_q16` in the state's type, float32 or float64, which is also that of x.

    Returns
    -------
    real[batch, n_features]
        0 where the variance is 0; not clipped.
    """
    count = min(int(state["front_end_count"][0]) + 1, window)
    mean_before, variance_before = state["mean"][0], state["variance"][0]
    real = mean_before.dtype.type
    rate, zero = np.array((65536 // count) / 65536, real), np.array(0, real)
    delta = g.op("Sub", x, mean_before)
    mean = g.op("Add", mean_before, g.op("Mul", delta, rate))
    after = g.op("Sub", x, mean)
    surplus = g.op("Sub", g.op("Mul", delta, after), variance_before)
    variance = g.op("Add", variance_before, g.op("Mul", surplus, rate))
    z = g.op("Div", after, g.op("Sqrt", variance))
    return g.op("Where", g.op("Greater", variance, zero), z, zero)


def clip_input(g: GraphBuilder, z: Operand, real: npt.DTypeLike) -> str:
    """``z`` within ±127/16, as in fixed point."""
    return g.op("Clip", z, np.array(-Z_MAX, real), np.array(Z_MAX, real))


def integer_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State) -> str:
    """Finite float32 to Q3.4, ``int64[batch, n_features]``."""
    exact = g.cast(x, TensorProto.DOUBLE)
    if front_end == "standardise":
        return standardise_q16(g, exact, state, window)
    return quantise_input(g, exact)


def real_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State, to: int) -> str:
    """Finite float32 to inputs in the arithmetic's own ONNX type."""
    z = g.cast(x, to)
    if front_end == "standardise":
        z = standardise_real(g, z, state, window)
    return clip_input(g, z, np.float64 if to == TensorProto.DOUBLE else np.float32)
