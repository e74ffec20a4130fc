"""Spiking layers in float64: the equations, which the integers are compared with.

A unit j of a hidden layer, with traces x̄ of the layer's inputs, in each draw of the weights::

    x̄(t) = λ x̄(t−1) + s(t)                     what arrived, leaking
    u(t) = Σ_i w_ij x̄_i(t) − r_j(t)             membrane: a pre-activation, less resets
    z(t) = 1 where u(t) ≥ θ
    r(t+1) = λ (r(t) + θ z(t) − lr g s²)        reset by subtraction, and what learning moved
    ∂z/∂u ≈ ψ = ½ max(0, 1 − |u − θ|/2)         OTTT: ∂L/∂w_ij = δ_j x̄_i, δ_j = ψ_j ∂L/∂z̄_j

λ = 1 − 2^−k of the layer. g is the mean of ∂L/∂u over the draws and s² the variance of u: a step of
a layer's μ moves Σ μ x̄ at once by −lr g s², where a membrane's charges came under the weights of
then. The next layer's x̄ are the leaky sums z̄ of these spikes.

References
----------
Xiao et al., "Online training through time for spiking neural networks", arXiv 2210.04195.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.spiking import EVENTS_MAX, SLOPE, THRESHOLD, TRACE_END, WIDTH

Float = npt.NDArray[np.float64]
#: The largest trace of an input and of a unit: those of the integers.
INPUT_MAX, TRACE_MAX = TRACE_END - 2.0**-9, 64 - 2.0**-9
#: The largest deviation of a membrane that counts.
DEVIATION_MAX = 16 - 2.0**-12


def arrive(spec: NetworkSpec, state: State, z: Float) -> tuple[dict[str, Any], Float]:
    """As :func:`quant.spiking.golden.arrive`."""
    new: dict[str, Any] = {}
    if spec.delta:
        new, z = send_on_delta(spec.delta, state, z)
    keep = 1 - 2.0 ** -spec.leaks[0]
    trace = np.clip(keep * state["input_trace"][0] + z, -INPUT_MAX, INPUT_MAX)
    new["input_trace"] = trace
    for name, values in (("events", z), ("live_inputs", trace)):
        new[name] = state[name][0].astype(np.int64)
        new[name][0] += np.count_nonzero(values)
    return new, trace


def send_on_delta(delta: tuple[int, ...], state: State, z: Float) -> tuple[dict[str, Any], Float]:
    """As :func:`quant.spiking.golden.send_on_delta`: events are whole numbers."""
    threshold, leak = delta[0] / 16, delta[1]
    reference = state["delta_reference"][0] * (1 - 2.0**-leak if leak else 1)
    apart = z - reference
    n = np.sign(apart) * np.minimum(np.abs(apart) // threshold, EVENTS_MAX)
    events = np.concatenate([np.maximum(n, 0), np.maximum(-n, 0)])
    return {"delta_reference": reference + n * threshold}, events


def fire(
    spec: NetworkSpec, state: State, layer: int, a: Float, new: dict[str, Any]
) -> tuple[Float, Float]:
    """As :func:`quant.spiking.golden.fire`: the next layer's inputs, and ψ."""
    first = sum(spec.layers[1 : layer + 1])
    units = slice(first, first + spec.layers[layer + 1])
    keep, keep_output = (1 - 2.0 ** -spec.leaks[i] for i in (layer, layer + 1))

    def held(name: str) -> Float:
        whole: Float = state[name][0].reshape(sum(spec.layers[1:-1]), -1)
        return whole[units, : a.shape[1]]

    left = keep * held("membrane_reset")
    u = a - left
    spikes = (u >= THRESHOLD).astype(np.float64)
    trace = np.minimum(keep_output * held("output_trace") + spikes, TRACE_MAX)
    resets = np.minimum(left + THRESHOLD * spikes, TRACE_MAX)
    gate = SLOPE * np.maximum(0.0, 1 - np.abs(u - THRESHOLD) / WIDTH)
    for name, values in (("membrane_reset", resets), ("output_trace", trace)):
        new.setdefault(name, []).append(values)
    for name, values in (("events", spikes), ("live_inputs", trace)):
        new.setdefault(f"hidden_{name}", []).append(np.count_nonzero(values))
    return trace, gate


def take_back(layer: int, delta: Float, spread: Float, lr_mu: Any, fired: dict[str, Any]) -> None:
    """As :func:`quant.spiking.golden.take_back`."""
    moved = (lr_mu * delta.mean(axis=1))[:, None] * np.minimum(spread, DEVIATION_MAX) ** 2
    resets = fired["membrane_reset"]
    resets[layer] = np.clip(resets[layer] - moved, -TRACE_MAX, TRACE_MAX)
