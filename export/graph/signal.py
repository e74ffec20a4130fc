"""What stages share in a graph: :mod:`quant.stages.signal`, bit for bit.

Whole numbers are float64. Values of a signal are exact copies of float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.shapes import reshaped
from export.graph.statistics import at_exponent, exponent_of, without_subnormals
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    divided,
    equal,
    maximum,
    reduce,
    shift_floor,
    shift_round,
    sign,
    where,
)
from quant.stages.signal import DEVIATION_BITS, LARGEST, LOG_FRAC_BITS, VALUE_BITS

_TINY = float(np.finfo(np.float32).tiny)


def values(g: GraphBuilder, x: str) -> Value:
    """Finite float32 as numbers; subnormals are 0."""
    found: Value = without_subnormals(Value(g, g.cast(x, TensorProto.DOUBLE)))
    return found


def tops(x: Any) -> Any:
    """The p with 2^(p-1) <= |x| < 2^p; 0 of 0."""
    return where(equal(x, 0), 0, exponent_of(x))


def scaled(x: Any, bits: int = VALUE_BITS, all_channels: bool = False) -> tuple[Any, Any]:
    """Columns in units of 2^-exponent, so that the largest of each has so many bits."""
    most = reduce("Max", absolute(x), 0)
    exponent = bits - tops(reduce("Max", most, 1) if all_channels else most)
    return at_exponent(x, exponent), exponent


def apart_from_mean(q: Any, n: int) -> tuple[Any, Any, Any]:
    """Mean of columns, what differs from it, and the bits that the latter has beyond 14."""
    total = reduce("Sum", q, 0)
    mean = sign(total) * divide_floor(absolute(total) + float(n // 2), float(n))
    apart = q - mean
    bits = bit_length(reduce("Max", absolute(apart), 0), VALUE_BITS + 2, scalar=False)
    return mean, apart, maximum(bits - DEVIATION_BITS, 0)


def rounded(x: Any, down: Any) -> Any:
    """``x / 2^down``, half up."""
    return shift_round(x, down)


def log2(x: Any, bits: int) -> Any:
    """log2 of whole numbers from 1 to below 2^bits, .8; 53 bits at most."""
    top = bit_length(x, bits, scalar=False) - 1
    return top * 2.0**LOG_FRAC_BITS + shift_floor(x, top - LOG_FRAC_BITS) - 2.0**LOG_FRAC_BITS


def real(x: Any, exponent: Any) -> Any:
    """``x 2^-exponent`` as a number of binary32; 0 for subnormals."""
    return without_subnormals(clip(divided(x, exponent), -float(LARGEST), float(LARGEST)))


def decay(value: Any, k: Any) -> Any:
    """What 2^-k of a value's size, rounded up, leaves of it."""
    size = absolute(value)
    return sign(value) * (size + shift_floor(-size, k))


def row(x: Any) -> Any:
    """A vector of one."""
    return reshaped(x, [-1])


def by_channel(x: Any) -> Any:
    """``number[features, channels]`` as a vector: each channel's features, then the next one's."""
    return row(Value(x.g, x.g.op("Transpose", x.name, perm=[1, 0])))
