"""Sampled pre-activations in float64: what the equations of both MESU rules share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view

Float = npt.NDArray[np.float64]


@dataclass
class Forward:
    """One list entry per layer; ``float64[units, draws]``, but layer 0's input ``[rows, 1]``."""

    inputs: list[Float] = field(default_factory=list)
    epsilon: list[Float] = field(default_factory=list)
    spread: list[Float] = field(default_factory=list)
    outputs: Float = field(default_factory=lambda: np.zeros((0, 0)))


def mean(spec: NetworkSpec, config: Any, state: State, z: Float, count: Saturations) -> Forward:
    """Run all layers with the mean weights, ``a = x·μ``: one draw, and no spread."""
    del config, count
    x, a = z[:, None], z[:, None]
    for layer in range(len(spec.shapes)):
        if spec.bias:
            x = np.vstack([x, np.ones(1)])
        a = layer_view(spec, state, "mu", layer).T @ x
        x = np.maximum(a, 0)
    nothing = [np.zeros_like(a)]
    return Forward(epsilon=nothing, spread=nothing, outputs=a)
