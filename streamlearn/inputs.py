"""What stands in front of every rule: raw sensor values to inputs, standardised or as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.front_end_q16 import quantise_input, standardise_q16
from quant.integers import Int64
from quant.mesu_q16 import Saturations
from quant.spec import NetworkSpec
from quant.state import State
from streamlearn import mesu

Raw = npt.NDArray[np.float64]


def integer_inputs(
    spec: NetworkSpec, window: int, state: State, x: Raw, count: Saturations
) -> tuple[dict[str, Any], Int64]:
    """Return the new statistics of the front end and the inputs in Q3.4; the state is as before."""
    raw = x.astype(np.float32)
    statistics: dict[str, Any] = {}
    if spec.front_end == "standardise":
        statistics, z_q, clamped = standardise_q16(state, raw, window)
    else:
        z_q, clamped = quantise_input(raw)
    count.input += clamped
    return statistics, z_q


def real_inputs(
    spec: NetworkSpec, window: int, state: State, x: Raw, count: Saturations
) -> tuple[dict[str, Any], Raw]:
    """Return the new statistics of the front end and the inputs; the state is as before."""
    statistics: dict[str, Any] = {}
    if spec.front_end == "standardise":
        statistics, z, clamped = mesu.standardise(state, x, window)
    else:
        z, clamped = mesu.clamp_inputs(x)
    count.input += clamped
    return statistics, z
