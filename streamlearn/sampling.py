"""Sampled pre-activations in float64: what the equations of both MESU rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from streamlearn.spiking import charge, fire, with_own

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


def run_layers(
    spec: NetworkSpec,
    state: State,
    z: Any,
    result: Forward,
    moments: Callable[[int, Float], tuple[Float, Float]],
    noise: Callable[[int, int], Float],
) -> None:
    """Run an input through all layers into ``result``: noise, and ReLU or spikes between layers.

    ``moments(layer, x)`` returns the mean and the variance of ``w·x``, and ``noise(layer, units)``
    the draws' ε. What ``z`` is: as of :func:`quant.sampling.golden.run_layers`.
    """
    x, now = (z.traces[:, None], z.now[:, None]) if spec.leaks else (z[:, None], z[:, None])
    last = len(spec.shapes) - 1
    for layer, (_, n_out) in enumerate(spec.shapes):
        epsilon = noise(layer, n_out)
        if spec.leaks and layer < last:
            arriving = with_bias(spec, now, 2.0 ** -spec.leaks[layer])
            charged = charge(spec, state, layer, *moments(layer, arriving), result.fired)
            x = with_bias(spec, x)
        else:
            x = with_bias(spec, x)
            mean, variance = moments(layer, x)
            charged = mean, np.sqrt(variance)
        spread = np.broadcast_to(charged[1], epsilon.shape)
        result.inputs.append(x)
        result.epsilon.append(epsilon)
        result.spread.append(spread)
        result.outputs = charged[0] + charged[1] * epsilon
        if layer < last and spec.leaks:
            x, gate = fire(spec, state, layer, result.outputs, result.fired)
            now = result.fired["spikes"][-1]
            now, x = with_own(spec, state, layer + 1, now, x, result.fired)
            result.gate.append(gate)
        else:
            x = np.maximum(result.outputs, 0)


def with_bias(spec: NetworkSpec, x: Float, one: float = 1.0) -> Float:
    """Append the bias's input, if there is one."""
    return np.vstack([x, np.full(x.shape[1], one)]) if spec.bias else x


def mean(spec: NetworkSpec, config: Any, state: State, z: Any, count: Saturations) -> Forward:
    """Run all layers with the mean weights, ``a = x·μ``: one draw, and no spread."""
    del config, count
    result = Forward()

    def moments(layer: int, x: Float) -> tuple[Float, Float]:
        a = layer_view(spec, state, "mu", layer).T @ x[:, :1]
        return a, np.zeros_like(a)

    run_layers(spec, state, z, result, moments, lambda _, units: np.zeros((units, 1)))
    nothing = [np.zeros_like(result.outputs)]
    result.epsilon = result.spread = nothing
    return result
