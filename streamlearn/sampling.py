"""Sampled pre-activations in float64: what the equations of both MESU rules share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from streamlearn.spiking import fire

Float = npt.NDArray[np.float64]


@dataclass
class Forward:
    """One list entry per layer; ``float64[units, draws]``, but layer 0's input ``[rows, 1]``."""

    inputs: list[Float] = field(default_factory=list)
    epsilon: list[Float] = field(default_factory=list)
    spread: list[Float] = field(default_factory=list)
    outputs: Float = field(default_factory=lambda: np.zeros((0, 0)))
    gate: list[Float] = field(default_factory=list)
    fired: dict[str, Any] = field(default_factory=dict)


def activate(spec: NetworkSpec, state: State, layer: int, a: Float, result: Forward) -> Float:
    """Return what a hidden layer hands on: ReLU, or traces of spikes; the last one's is unused."""
    if not spec.leaks or layer == len(spec.shapes) - 1:
        return np.maximum(a, 0)
    x, gate = fire(spec, state, layer, a, result.fired)
    result.gate.append(gate)
    return x


def mean(spec: NetworkSpec, config: Any, state: State, z: Float, count: Saturations) -> Forward:
    """Run all layers with the mean weights, ``a = x·μ``: one draw, and no spread."""
    del config, count
    result, x, a = Forward(), z[:, None], z[:, None]
    for layer in range(len(spec.shapes)):
        if spec.bias:
            x = np.vstack([x, np.ones(1)])
        a = layer_view(spec, state, "mu", layer).T @ x
        x = activate(spec, state, layer, a, result)
    nothing = [np.zeros_like(a)]
    result.epsilon = result.spread = nothing
    result.outputs = a
    return result
