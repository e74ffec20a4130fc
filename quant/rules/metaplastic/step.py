"""The step of the metaplastic rule sets itself: a multiplier 2^e of the pulses' probability.

Does the recent movement of the last layer's weights still point against the present gradient (the
stream drifts: step faster), or along it (they wander in noise: step slower)? Asked in every sample
that teaches. What moves is the binary weight: a hidden weight goes on outwards where nothing is
left to learn, and would always point against the gradient. A trace follows each binary weight
slowly; ``U`` is the derivative of the present loss by the log of the recent step, and U over its
mean magnitude moves e. C counterpart: ``kernel/q8/sl_metaplastic_step.h``; formats
and bounds: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.integers import Int64, bit_length
from quant.layout import Field, State
from quant.network import NetworkSpec
from quant.tables import EXP2

#: A binary weight in the trace's Q0.7.
ONE = 127
#: Of step_log2, Q16.
LOG2_MIN, LOG2_MAX = -1 << 15, 3 << 16
SIZE_SHIFT, SIZE_MAX = 8, (1 << 24) - 1
SPREAD_FRAC_BITS = 7
#: log2 of the samples over which the mean of |U| is taken.
SPREAD_SHIFT = 8
#: A normal value over its standard deviation from one over its mean magnitude, Q.8: 0.8.
RATIO = 205
RATIO_MAX = 3 << 8
#: Below the default step only against clear evidence, Q.8.
PULL = 16
#: e moves by the ratio over 64; from Q.8 to Q16.
MOVE_SHIFT = 2
#: Of the rows one in so many is traced in a sample, by a quarter.
SWEEP = 64


def integer_fields(adapts: bool, last: int) -> tuple[list[Field], list[Field]]:
    """Return the words and the bytes that q8 keeps; ``last``: bytes of the last layer's weights."""
    if not adapts:
        return [], []
    return [
        Field(
            "step_log2",
            "<i4",
            "Q15.16: log2 of what multiplies the pulses' probability",
            (),
            0,
            LOG2_MIN,
            LOG2_MAX,
        ),
        Field(
            "step_spread",
            "<u4",
            "mean magnitude of the slope by the step, .7",
            most=SIZE_MAX << SPREAD_FRAC_BITS,
        ),
    ], [
        Field(
            "trace", "i1", "Q0.7: where the last layer's binary weights were, as they lie", (last,)
        )
    ]


def real_fields(real: str, adapts: bool, last: int) -> tuple[list[Field], list[Field]]:
    """Return the words and the array that float32 or float64 keeps; real: their type."""
    if not adapts:
        return [], []
    return [
        Field("step_log2", real, "log2 of what multiplies the learning rates"),
        Field("step_spread", real, "mean magnitude of the slope by the step", least=0),
    ], [Field("trace", real, "where the last layer's binary weights were", (last,))]


def trace_view(spec: NetworkSpec, state: State) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of the trace, padding left out."""
    flat: npt.NDArray[Any] = state["trace"][0]
    columns = spec.shapes[-1][1]
    return flat.reshape(-1, _width(flat, columns))[:, :columns]


def _width(flat: npt.NDArray[Any], columns: int) -> int:
    return -(-columns // 4) * 4 if flat.dtype.kind == "i" else columns


def stepped_gain(gain: int, log2: int) -> int:
    """Return a learning rate, Q.8, times 2^log2, Q16: at least one step of its format."""
    whole = log2 + 65535 >> 16
    fraction = (whole << 16) - log2
    return max(gain * int(EXP2[fraction >> 8]) >> 15 - whole, 1)


def traced(w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return binary weights as the trace has them: ±127 in Q0.7, or ±1."""
    one = 1 if w.dtype.kind == "f" else ONE
    return np.where(w < 0, -one, one)


def slope(x: Int64, delta: Int64, w: Int64, trace: Int64) -> int:
    """Return U = Σ x_i δ_k (b_ik - trace_ik) with b = ±127, exact."""
    return int(delta @ (x @ (traced(w) - trace)))


def moved(log2: int, spread: int, u: int, n: int, count: Saturations) -> tuple[int, int]:
    """Return the exponent and the mean magnitude after a sample.

    Parameters
    ----------
    log2, spread, u, n : int
        Of the state; the slope; the samples learned before.
    count : Saturations
    """
    size = abs(u) >> SIZE_SHIFT
    count.gradient += size > SIZE_MAX
    size = min(size, SIZE_MAX)
    spread += (size << SPREAD_FRAC_BITS) - spread >> min(bit_length(n), SPREAD_SHIFT)
    ratio = min(size * RATIO // max(spread >> SPREAD_FRAC_BITS, 1), RATIO_MAX)
    ratio = -ratio if u < 0 else ratio
    if log2 <= 0:
        ratio -= PULL
    return min(max(log2 - (ratio << MOVE_SHIFT), LOG2_MIN), LOG2_MAX), spread


def follow(trace: npt.NDArray[Any], w: Int64, n: int) -> None:
    """Let one in 64 rows of the trace follow by a quarter, in place."""
    rows = slice(n % SWEEP, None, SWEEP)
    before = trace[rows].astype(np.int64)
    trace[rows] = before + (traced(w[rows]) - before + (n >> 6 & 3) >> 2)
