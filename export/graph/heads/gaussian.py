"""The Gaussian head as ONNX nodes: mean and standard deviations from the last layer's draws.

Counterparts: :mod:`quant.heads.gaussian.golden` and :mod:`streamlearn.heads.gaussian`, with a batch
axis.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, ValueInfoProto, helper

from export.graph.builder import GraphBuilder, Operand
from export.graph.drawn import Drawn
from export.graph.integers import clamp, shift_floor, shift_left, shift_round
from quant.heads.gaussian.golden import (
    DEVIATION_MAX,
    FRAC_BITS,
    LOG2_VARIANCE_MAX,
    LOG2_VARIANCE_MIN,
    LOG_VARIANCE_LIMIT,
)
from quant.integers import isqrt
from quant.layout import State
from quant.network import NetworkSpec
from quant.tables import EXP2
from streamlearn.heads.gaussian import LOG_VARIANCE_MAX, LOG_VARIANCE_MIN

FLOAT32_MAX = float(np.finfo(np.float32).max)


def integer_outputs(
    g: GraphBuilder, finite: str, drawn: Drawn, spec: NetworkSpec, state: State, one: float
) -> list[ValueInfoProto]:
    """``sums`` int64[batch, 3], of which the prediction is made, and ``prediction``."""
    sums = sums_q16(g, drawn.outputs, drawn.spread, drawn.noise, drawn.n_draws)
    sums = g.op("Where", finite, sums, 0, name="sums")
    described = _prediction(g, finite, in_units_q16(g, sums, state, drawn.n_draws))
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


def sums_q16(
    g: GraphBuilder, outputs: str, spread: str, epsilon: npt.NDArray[np.int64], n_draws: int
) -> str:
    """``int64[batch, 3]``: the sums of :class:`quant.heads.gaussian.golden.Sums`, bit for bit.

    ``outputs`` is ``int64[batch, draws, 2]``, ``spread`` ``int64[batch, draws or 1, 2]``,
    ``epsilon`` ``int64[draws, 2]``.
    """
    mean, log_variance = (_column(g, outputs, k) for k in (0, 1))
    spread = _column(g, spread, 0)
    positive = g.op("Greater", spread, 0)
    # As the kernel has it, from its inverse.
    inverse = g.op("Div", 1 << 30, g.op("Where", positive, spread, 1))
    spread = g.op("Where", positive, g.op("Div", 1 << 30, inverse), 0)
    noise = shift_round(g, g.op("Mul", spread, epsilon[:, :1]), 4)
    centre = g.op("Sub", mean, noise)
    total = g.reduce("ReduceSum", centre, 1)
    floor = g.op("Div", g.op("Sub", total, g.op("Mod", total, n_draws)), n_draws)
    deviation = clamp(g, g.op("Sub", centre, floor), DEVIATION_MAX)
    wide = g.op("Mul", g.op("Mul", spread, 16), np.ones((n_draws, 1), np.int64))
    squares = g.op("Add", g.op("Mul", deviation, deviation), g.op("Mul", wide, wide))

    octaves = shift_floor(g, clamp(g, log_variance, LOG_VARIANCE_LIMIT), 6)
    octaves = shift_floor(g, g.op("Mul", octaves, 23637), 14)
    low, high = LOG2_VARIANCE_MIN * 1024, LOG2_VARIANCE_MAX * 1024
    octaves = g.op("Where", g.op("Less", octaves, low), low, octaves)
    octaves = g.op("Where", g.op("Greater", octaves, high), high, octaves)
    down = g.op("Sub", high, octaves)
    index = g.op("Mod", shift_floor(g, down, 2), 256)
    mantissa = shift_left(g, g.op("Gather", EXP2.astype(np.int64), index), 9 + LOG2_VARIANCE_MAX)
    v = shift_floor(g, mantissa, shift_floor(g, down, 10))
    found = [total, g.reduce("ReduceSum", v, 1), g.reduce("ReduceSum", squares, 1)]
    return g.squeeze(g.op("Concat", *found, axis=2), 1)


def in_units_q16(g: GraphBuilder, sums: str, state: State, n_draws: int) -> str:
    """``float64[batch, 3]``: mean and standard deviations in the target's units, from the sums."""
    scale = 2.0 ** -int(state["target_exponent"][0])
    sd = int(isqrt(state["target_variance"].astype(np.int64))[0])
    found = g.cast(sums, TensorProto.DOUBLE)
    mean, aleatoric, epistemic = (g.op("Gather", found, np.array([k]), axis=1) for k in range(3))
    offset = float(int(state["target_mean"][0]) * (n_draws << FRAC_BITS))
    numerator = g.op("Add", g.op("Mul", mean, np.array(float(sd))), np.array(offset))
    mean = g.op("Mul", numerator, np.array(scale / (n_draws << FRAC_BITS)))
    return _with_spreads(
        g,
        mean,
        g.op("Div", aleatoric, np.array(n_draws * 2.0**24)),
        g.op("Div", epistemic, np.array(n_draws * 2.0**32)),
        sd * scale,
        state,
    )


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
    if state["target_count"][0] < 2:  # no scale yet
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
