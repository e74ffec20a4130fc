"""The Gaussian head as ONNX nodes: mean and standard deviations from the last layer's draws.

Counterparts: :mod:`quant.heads.gaussian.golden` and :mod:`streamlearn.heads.gaussian`, with a batch
axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder, Operand
from export.graph.drawn import Drawn
from export.graph.fields import Fields
from export.graph.shapes import column, concatenated, reshaped, squeezed
from export.graph.statistics import (
    Statistics,
    exponent_of,
    first,
    fitting,
    follow,
    whole,
    without_subnormals,
)
from export.graph.step import exp2_below
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    divided,
    floor,
    isqrt,
    maximum,
    minimum,
    power_of_two,
    reduce,
    root,
    scaled,
    shift_floor,
    shift_round,
    where,
)
from quant.front_end.statistics import MEAN_FRAC_BITS, RATE_ONE
from quant.heads.gaussian.golden import (
    DEVIATION_MAX,
    FRAC_BITS,
    LOG2_VARIANCE_MAX,
    LOG2_VARIANCE_MIN,
    LOG_VARIANCE_LIMIT,
    RESIDUAL_MAX_Q,
    TARGET_MAX,
    TARGET_MAX_Q,
)
from quant.layout import State
from quant.network import NetworkSpec
from streamlearn.heads.gaussian import LOG_VARIANCE_MAX, LOG_VARIANCE_MIN

FLOAT32_MAX = float(np.finfo(np.float32).max)


#: What a learning graph is taught by: NaN to predict only.
TARGET = ("target", TensorProto.FLOAT)
#: What a prediction needs of the state.
_FIELDS = ("target_mean", "target_variance", "target_exponent", "target_count")


def integer_outputs(
    g: GraphBuilder, finite: str, drawn: Drawn, spec: NetworkSpec, state: State, one: float
) -> list[ValueInfoProto]:
    """``sums`` int64[batch, 3], of which the prediction is made, and ``prediction``."""
    outputs, spread = (
        Value(g, g.cast(x, TensorProto.DOUBLE)) for x in (drawn.outputs, drawn.spread)
    )
    found = sums_q16(outputs, spread, drawn.noise, drawn.n_draws)
    found = where(Value(g, finite), found, 0.0)
    g.cast(found.name, TensorProto.INT64, name="sums")
    known = {name: np.asarray(state[name][0]).astype(np.float64) for name in _FIELDS}
    described = _prediction(g, finite, in_units_q16(found, known, drawn.n_draws).name)
    return [*described, helper.make_tensor_value_info("sums", TensorProto.INT64, ["batch", 3])]


def real_outputs(
    g: GraphBuilder, finite: str, drawn: Drawn, spec: NetworkSpec, state: State, one: float
) -> list[ValueInfoProto]:
    """``prediction`` float32[batch, 3]."""
    found = in_units_float(g, drawn.outputs, drawn.spread, drawn.noise, state)
    return _prediction(g, finite, found)


def _prediction(g: GraphBuilder, finite: str, found: str) -> list[ValueInfoProto]:
    found = g.op("Where", finite, found, np.array(np.nan))
    g.cast(found, TensorProto.FLOAT, name="prediction")
    return [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["batch", 3])]


def _octaves(log_variance: Any) -> Any:
    """log2 v in Q.10, not yet clamped to its range, from ln v in Q.16."""
    clamped = clip(log_variance, -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
    return shift_floor(shift_floor(clamped, 6) * 23637.0, 14)


_LOW, _HIGH = LOG2_VARIANCE_MIN * 1024, LOG2_VARIANCE_MAX * 1024


def _exp2(down: Any, top: int) -> Any:
    """2^(top - down), ``down`` in Q.10 from 0."""
    mantissa, whole = exp2_below(down, 10)
    return floor(divided(mantissa * 2.0 ** (top - 15), whole))


def sums_q16(outputs: Any, spread: Any, epsilon: Any, n_draws: int) -> Any:
    """``number[batch, 3]``: :class:`quant.heads.gaussian.golden.Sums`, bit for bit.

    ``outputs`` is ``[batch, draws, 2]``, ``spread`` ``[batch, draws or 1, 2]``, ``epsilon``
    ``[draws, 2]``.
    """
    mean, log_variance = (column(outputs, k, 2) for k in (0, 1))
    spread, epsilon = column(spread, 0, 2), column(epsilon, 0, 1)
    # As the kernel has it, from its inverse.
    inverse = divide_floor(2.0**30, maximum(spread, 1))
    spread = where(spread > 0, divide_floor(2.0**30, inverse), 0)
    centre = mean - shift_round(spread * epsilon, 4)
    total = reduce("Sum", centre, 1)
    deviation = clip(centre - divide_floor(total, n_draws), -DEVIATION_MAX, DEVIATION_MAX)
    wide = spread * 16.0 * np.ones((n_draws, 1))
    squares = deviation * deviation + wide * wide
    v = _exp2(_HIGH - clip(_octaves(log_variance), _LOW, _HIGH), 24 + LOG2_VARIANCE_MAX)
    found = [total, reduce("Sum", v, 1), reduce("Sum", squares, 1)]
    return squeezed(concatenated(found, 2), 1)


def in_units_q16(sums: Any, state: Mapping[str, Any], n_draws: int) -> Any:
    """``float64[batch, 3]``: mean and standard deviations in the target's units, from the sums."""
    unit = power_of_two(-state["target_exponent"])
    sd = isqrt(state["target_variance"])
    mean, aleatoric, epistemic = (column(sums, k, 1) for k in range(3))
    numerator = mean * sd + state["target_mean"] * float(n_draws << FRAC_BITS)
    mean = numerator * (unit * (1 / (n_draws << FRAC_BITS)))
    nothing = state["target_count"] < 2  # no scale yet
    parts = [mean]
    for total, frac_bits in ((aleatoric, 24), (epistemic, 32)):
        variance = total * (1 / (n_draws * 2.0**frac_bits))
        parts.append(where(nothing, np.inf, minimum(root(variance) * (sd * unit), FLOAT32_MAX)))
    parts[0] = clip(mean, -FLOAT32_MAX, FLOAT32_MAX)
    whole = [part + 0.0 * mean if not isinstance(part, Value) else part for part in parts]
    return concatenated([reshaped(part, [-1, 1]) for part in whole], 1)


def in_units_float(g: GraphBuilder, outputs: str, spread: str, noisy: str, state: State) -> str:
    """``float64[batch, 3]`` of a float learner, computed in the learner's type until the end."""
    real = state["mu"].dtype
    mean, log_variance = (_column(g, outputs, k) for k in (0, 1))
    centre = g.op("Sub", mean, _column(g, noisy, 0))
    held = g.op("Clip", log_variance, *(np.array(x, real) for x in _LOG_RANGE))
    centre_mean = g.reduce("ReduceMean", centre, 1)
    deviation = g.op("Sub", centre, centre_mean)
    spread = _column(g, spread, 0)
    parts = [g.op("Mul", x, x) for x in (deviation, spread)]
    epistemic = g.op("Add", *(g.reduce("ReduceMean", x, 1) for x in parts))
    aleatoric = g.reduce("ReduceMean", g.op("Exp", held), 1)
    centre_mean, aleatoric, epistemic = (
        g.cast(g.squeeze(x, 2), TensorProto.DOUBLE) for x in (centre_mean, aleatoric, epistemic)
    )
    sd = math.sqrt(state["target_variance"][0])
    scaled = g.op("Mul", centre_mean, np.array(sd))
    mean = g.op("Add", scaled, np.array(float(state["target_mean"][0])))
    return _with_spreads(g, mean, aleatoric, epistemic, sd, state)


_LOG_RANGE = (LOG_VARIANCE_MIN, LOG_VARIANCE_MAX)


def _with_spreads(
    g: GraphBuilder, mean: str, aleatoric: str, epistemic: str, sd: float, state: State
) -> str:
    spreads: list[Operand]
    if state["target_count"][0] < 2:
        nothing = g.op("Mul", aleatoric, np.array(0.0))
        spreads = [g.op("Add", nothing, np.array(math.inf))] * 2
    else:
        spreads = [
            g.op("Min", g.op("Mul", g.op("Sqrt", x), np.array(sd)), np.array(FLOAT32_MAX))
            for x in (aleatoric, epistemic)
        ]
    mean = g.op("Clip", mean, np.array(-FLOAT32_MAX), np.array(FLOAT32_MAX))
    return g.op("Concat", mean, *spreads, axis=1)


def _column(g: GraphBuilder, x: Any, k: int) -> str:
    return g.op("Gather", x, np.array([k]), axis=2)


def learns(g: GraphBuilder, spec: NetworkSpec) -> str:
    """Whether the target is a number that can be learned: bool[]."""
    del spec
    return g.op("LessOrEqual", g.op("Abs", "target"), np.array(FLOAT32_MAX, np.float32))


def answer(
    g: GraphBuilder,
    finite: str,
    outputs: Any,
    last: Any,
    unit: Any,
    fields: Fields,
    n_draws: int,
    n: int,
) -> list[ValueInfoProto]:
    """``prediction`` float32[3], before the sample is learned."""
    del outputs, unit, n
    found = sums_q16(last.a, last.spread, last.epsilon, n_draws)
    known = {name: fields.value(name) for name in _FIELDS}
    found = where(Value(g, finite), in_units_q16(found, known, n_draws), np.nan)
    g.squeeze(g.cast(found.name, TensorProto.FLOAT), 0, name="prediction")
    return [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, [3])]


def _real32(x: Any, frac_bits: Any) -> Any:
    """``x · 2^-frac_bits`` as float32, rounding half up: :func:`golden.binary32`."""
    size = absolute(x)
    shift = maximum(bit_length(size, 36) - 24, 0)
    value = scaled(shift_round(size, shift), shift - frac_bits)
    value = where(value < 2.0**-126, 0.0, minimum(value, FLOAT32_MAX))
    return where(x < 0, -value, value)


def target(g: GraphBuilder, spec: NetworkSpec, config: Any, fields: Fields) -> Any:
    """The target's new statistics, and the target in Q.16: :func:`golden.standardise_target`."""
    del spec
    names = ("target_mean", "target_mean_low", "target_variance", "target_exponent", "target_count")
    given = [reshaped(fields.value(name), [1]) for name in names]
    mean, low, variance, exponent, count = given
    old = Statistics(mean * 2.0**MEAN_FRAC_BITS + low, variance, exponent, count)
    raw = Value(g, g.cast(g.unsqueeze("target", 0), TensorProto.DOUBLE))
    reach = isqrt(variance) * float(TARGET_MAX)
    ends = [_real32(mean - reach, exponent), _real32(mean + reach, exponent)]
    value = where(reach > 0, minimum(maximum(raw, ends[0]), ends[1]), raw)
    value = without_subnormals(value)
    finest = fitting(value, exponent_of(value))
    followed, after = follow(old, value, finest, np.array(False), config.target_window)
    begins = count > 0
    new = Statistics(
        *(where(begins, a, b) for a, b in zip(followed, first(value, finest), strict=True))
    )
    after = where(begins, after, 0)
    sd = isqrt(new.variance)
    safe = maximum(sd, 1)
    size = divide_floor(absolute(after) * float(1 << FRAC_BITS) + floor(sd * 0.5), safe)
    size = where(sd > 0, minimum(size, TARGET_MAX_Q), 0)
    high = whole(new.mean)
    statistics = {
        "target_count": new.samples,
        "target_mean": high,
        "target_mean_low": new.mean - high * float(RATE_ONE),
        "target_variance": new.variance,
        "target_exponent": new.exponent,
    }
    return fields.stored_all(statistics), where(after < 0, -size, size)


def output_gradient(g: GraphBuilder, outputs: Any, aim: Any) -> Any:
    """Gradient of the loss of each draw by the two outputs, ``number[draws, 2]``, Q.16."""
    del g
    m, log_variance = (column(outputs, k, 1) for k in (0, 1))
    octaves = _octaves(log_variance)
    halved = shift_floor(clip(octaves, _LOW, _HIGH) - _LOW, 1)
    inverse = _exp2(halved, 18 - LOG2_VARIANCE_MIN // 2)
    # The product may have 55 bits; it is clamped wherever it has more than 53.
    residual = clip(shift_round((aim - m) * inverse, 18), -RESIDUAL_MAX_Q, RESIDUAL_MAX_Q)
    by_mean = shift_round(-residual * inverse, 18)
    by_log = shift_floor((1 << FRAC_BITS) - shift_floor(residual * residual, FRAC_BITS), 1)
    outward = ((by_log > 0) & (octaves <= _LOW)) | (~(by_log > 0) & (octaves >= _HIGH))
    return concatenated([by_mean, where(outward, 0, by_log)], 1)
