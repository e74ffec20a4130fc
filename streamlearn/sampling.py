"""Sampled pre-activations in float64: what the equations of both MESU rules share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass
class Forward:
    """One list entry per layer; ``float64[units, draws]``, but layer 0's input ``[rows, 1]``."""

    inputs: list[Float] = field(default_factory=list)
    epsilon: list[Float] = field(default_factory=list)
    spread: list[Float] = field(default_factory=list)
    outputs: Float = field(default_factory=lambda: np.zeros((0, 0)))
