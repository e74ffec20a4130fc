"""The step that sets itself, in float64; what it does and why: :mod:`quant.rules.metaplastic.step`.

U = Σ x_i δ_k (b_ik - trace_ik) of the last layer;  mean += (|U| - mean)·2^-min(bits(t), 8)
r = ±min(0.8 |U|/mean, 3), less 1/16 if e ≤ 0;  e = clip(e - r/64, -1/2, 3)
trace += (b - trace)/4 in one of 64 rows
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.replay import replaying
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import adapts
from quant.rules.metaplastic.state import weight_view
from quant.rules.metaplastic.step import SWEEP, trace_view, traced

Float = npt.NDArray[np.float64]

LOG2_RANGE = (-0.5, 3.0)


def adapt(
    spec: NetworkSpec, config: MetaplasticConfig, state: State, x: Float, delta: Float, n: int
) -> float:
    """Return what multiplies this sample's learning rates; the state has the next one's, in place.

    Parameters
    ----------
    x : float64[rows]
        Inputs of the last layer.
    delta : float64[classes]
        Gradient by its sums.
    n : int
        Samples learned before this one.
    """
    if not adapts(spec, config):
        return 1.0
    log2, trace = float(state["step_log2"][0]), trace_view(spec, state)
    b = traced(weight_view(spec, state, len(spec.shapes) - 1))
    u = float(x @ (b - trace) @ delta)
    spread = float(state["step_spread"][0])
    spread += (abs(u) - spread) / 2 ** min(n.bit_length(), 8)
    ratio = np.sign(u) * min(0.8 * abs(u) / spread, 3.0) if spread else 0.0
    state["step_spread"] = spread
    if log2 <= 0:
        ratio -= 1 / 16
    state["step_log2"] = np.clip(log2 - ratio / 64, *LOG2_RANGE)
    rows = slice(n % SWEEP, None, SWEEP)
    if not replaying(state):  # it follows the stream
        trace[rows] += (b[rows] - trace[rows]) / 4
    multiplier: float = 2.0**log2
    return multiplier
