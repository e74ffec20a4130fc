"""The front end in a graph, in integers and in floats.

Step for step :mod:`quant.front_end.golden` and :mod:`streamlearn.front_end`, with a batch axis in
front. The state's statistics are constants of a graph that predicts, inputs of one that learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.hold import Memory, Seen, decide
from export.graph.statistics import (
    Statistics,
    at_exponent,
    bounded,
    exponent_of,
    first,
    fitting,
    follow,
    from_binary32,
    round_half_away,
    to_binary32,
    whole,
    without_subnormals,
)
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    equal,
    isqrt,
    maximum,
    minimum,
    odd,
    shift_round,
    sign,
    where,
)
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.hold import BEYOND, HOLD, NEAR
from quant.front_end.statistics import DELTA_BITS, MEAN_FRAC_BITS, RATE_ONE
from quant.layout import State
from streamlearn.front_end import Z_MAX

#: SL_RAW_MAX of ``quant/kernel/sl_float.h``.
RAW_MAX = 1e18
#: What the front end reads of a state in integers.
FIELDS = (
    "mean", "mean_low", "variance", "exponent", "feature_count", "streak", "repeats",
    "excursions", "reference", "n_samples", "front_end_count",
)  # fmt: skip


def constants(state: State) -> dict[str, npt.NDArray[np.float64]]:
    """Return the fields of a state as what :func:`standardise_q16` takes."""
    there = [name for name in FIELDS if name in (state.dtype.names or ())]
    return {name: np.asarray(state[name][0]).astype(np.float64) for name in there}


def quantise_input(x: Any) -> Any:
    """float64 inputs to Q3.4 within ±127, rounding half away from zero."""
    return clip(round_half_away(x * 2.0**INPUT_FRAC_BITS), -INPUT_MAX, INPUT_MAX)


def standardise_q16(
    x: Any, state: Mapping[str, Any], window: int, frozen: bool = False
) -> tuple[dict[str, Any], Any]:
    """Follow the mean and variance of every feature, and standardise by them.

    Parameters
    ----------
    x : float64[batch, n_features]
        Exact copies of finite float32 values.
    state : mapping
        The :data:`FIELDS`, constants or values of the graph.
    window : int
        Samples over which the statistics follow the sensor.
    frozen : bool
        The statistics of so many samples stay as they are.

    Returns
    -------
    statistics : dict
        The new fields of the state.
    float64[batch, n_features]
        Q3.4, within ±127.
    """
    x = without_subnormals(x)
    exponent_x = exponent_of(x)
    finest = fitting(x, exponent_x)
    variance, exponent, count = (state[name] for name in ("variance", "exponent", "feature_count"))
    reference = from_binary32(state["reference"])
    reference_finest = fitting(reference, exponent_of(reference))
    old = Statistics(
        state["mean"] * 2.0**MEAN_FRAC_BITS + state["mean_low"], variance, exponent, count
    )
    x_q = bounded(x, exponent)
    known = Memory(state["streak"], state["repeats"], state["excursions"])
    decision = decide(
        _look(old, x, x_q, reference, finest, reference_finest),
        known,
        maximum(count, 1),
        state["n_samples"],
        window if frozen else None,
    )
    start = equal(count, 0)

    again = first(reference, reference_finest)
    begin = Statistics(*(where(decision.restart, a, b) for a, b in zip(again, old, strict=True)))
    entered, after = follow(begin, x, finest, decision.held, window)
    limit = HOLD * isqrt(variance)
    far = x_q - whole(old.mean)
    stays = where(decision.held, sign(far) * limit, far)
    stays = maximum(minimum(stays, limit), -limit)
    new = Statistics(*(where(decision.enters, a, b) for a, b in zip(entered, old, strict=True)))
    after = where(decision.enters, after, stays)
    new = Statistics(*(where(start, a, b) for a, b in zip(first(x, finest), new, strict=True)))

    spread = isqrt(new.variance)
    safe = maximum(spread, 1)
    half = (safe - odd(safe)) * 0.5
    size = divide_floor(absolute(after) * float(1 << INPUT_FRAC_BITS) + half, safe)
    size = where(equal(spread, 0) | start | decision.silent, 0, size)
    memory = Memory(*(where(start, a, b) for a, b in zip(known, decision.memory, strict=True)))
    high = whole(new.mean)
    moves = start | decision.moves
    statistics = {
        "front_end_count": minimum(state["front_end_count"] + 1, window),
        "mean": high,
        "mean_low": new.mean - high * float(RATE_ONE),
        "variance": new.variance,
        "exponent": new.exponent,
        "feature_count": new.samples,
        "reference": where(moves, to_binary32(x, exponent_x), state["reference"]),
        **memory._asdict(),
    }
    return statistics, sign(after) * minimum(size, INPUT_MAX)


def _look(
    old: Statistics, x: Any, x_q: Any, reference: Any, finest: Any, reference_finest: Any
) -> Seen:
    """Where a value lies, and where its reference: ``golden.look``."""
    near_q = bounded(reference, old.exponent)
    mean = whole(old.mean)
    away = minimum(absolute(x_q - mean), 1 << DELTA_BITS + 1)
    square = away * away
    apart = minimum(absolute(x_q - near_q), NEAR)

    def closer() -> Any:
        common = minimum(old.exponent, minimum(finest, reference_finest))
        x_c = at_exponent(x, common)
        to_mean = absolute(x_c - shift_round(mean, old.exponent - common))
        return absolute(x_c - at_exponent(reference, common)) < to_mean

    return Seen(
        old.variance > 0,
        ~equal(x_q, mean),
        square > HOLD**2 * old.variance,
        square > BEYOND**2 * old.variance,
        apart * apart * NEAR**2 < old.variance,
        equal(x, reference),
        closer,
    )


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
    if mean.dtype == np.float32:  # as the kernel, whose squares have to stay finite
        x = g.op("Clip", x, np.array(-RAW_MAX, np.float32), np.array(RAW_MAX, np.float32))
    real, count = mean.dtype.type, state["feature_count"][0].astype(np.int64)
    zero, wide, far = np.array(0, real), real(HOLD**2) * variance, real(BEYOND**2) * variance
    delta, apart = g.op("Sub", x, mean), g.op("Sub", x, reference)
    square = g.op("Mul", delta, delta)
    near = g.op("Mul", g.op("Mul", apart, apart), np.array(NEAR**2, real))
    seen = Seen(
        variance > 0,
        Value(g, g.op("Not", g.op("Equal", delta, zero))),
        Value(g, g.op("Greater", square, wide)),
        Value(g, g.op("Greater", square, far)),
        Value(g, g.op("Less", near, variance)),
        Value(g, g.op("Equal", apart, zero)),
        lambda: Value(g, g.op("Less", g.op("Abs", apart), g.op("Abs", delta))),
    )
    memory = Memory(*(constants(state)[name] for name in Memory._fields))
    n_samples = constants(state)["n_samples"]
    found = decide(seen, memory, np.maximum(count, 1), n_samples, window if frozen else None)
    restart, enters, held, silent = (
        mask.name if isinstance(mask, Value) else mask
        for mask in (found.restart, found.enters, found.held, found.silent)
    )
    limit = real(HOLD) * np.sqrt(variance)
    delta = g.op("Where", held, g.op("Where", g.op("Less", delta, zero), -limit, limit), delta)
    delta = g.op("Where", restart, apart, delta)
    before = g.op("Where", restart, zero, variance)
    rate = (65536 // np.minimum(count + 1, window) / 65536).astype(real)
    rate = g.op("Where", restart, np.array(0.5, real), rate)
    after = g.op("Sub", delta, g.op("Mul", delta, rate))
    surplus = g.op("Sub", g.op("Mul", delta, after), before)
    entered = g.op("Add", before, g.op("Mul", surplus, rate))
    spread = g.op("Where", enters, entered, variance)
    z = g.op("Div", g.op("Where", enters, after, delta), g.op("Sqrt", spread))
    shown = g.op("And", g.op("Greater", spread, zero), g.op("Not", silent))
    return g.op("Where", g.op("And", shown, count > 0), z, zero)


def clip_input(g: GraphBuilder, z: Operand, real: npt.DTypeLike) -> str:
    """``z`` within ±127/16, as in fixed point."""
    return g.op("Clip", z, np.array(-Z_MAX, real), np.array(Z_MAX, real))


def integer_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State) -> str:
    """Finite float32 to Q3.4, ``int64[batch, n_features]``."""
    found = inputs(g, x, front_end, window, constants(state))[1]
    with g.scope("front_end"):
        return g.cast(found.name, TensorProto.INT64)


def inputs(
    g: GraphBuilder, x: str, front_end: str, window: int, state: Mapping[str, Any]
) -> tuple[dict[str, Any], Value]:
    """The new statistics of the front end, and finite float32 in Q3.4: ``golden.inputs``."""
    with g.scope("front_end"):
        exact = Value(g, g.cast(x, TensorProto.DOUBLE))
        if front_end == "none":
            return {}, quantise_input(exact)
        return standardise_q16(exact, state, window, front_end == "frozen")


def real_inputs(g: GraphBuilder, x: str, front_end: str, window: int, state: State, to: int) -> str:
    """Finite float32 to inputs in the arithmetic's own ONNX type."""
    with g.scope("front_end"):
        z = g.cast(x, to)
        if front_end != "none":
            z = standardise_real(g, z, state, window, front_end == "frozen")
        return clip_input(g, z, np.float64 if to == TensorProto.DOUBLE else np.float32)
