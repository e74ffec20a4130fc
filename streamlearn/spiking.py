"""Spiking layers in float64: the equations, which the integers are compared with.

A unit j of a hidden layer, of whose inputs s_i arrive at step t; draws are numbered by n::

    x̄_i(t) = λ x̄_i(t−1) + s_i(t)               a trace of what arrived, for learning
    m_j(t) = λ m_j(t−1) + Σ_i μ_ij s_i(t)        a membrane's charge: its mean,
    V_j(t) = λ² V_j(t−1) + Σ_i σ²_ij s_i(t)²     and its variance, of the weights of then
    u_jn   = m_j + ε_jn √V_j − r_jn              membrane, less resets
    z_jn   = 1 where u_jn ≥ θ
    r_jn(t+1) = λ (r_jn(t) + θ z_jn(t))          reset by subtraction
    ∂z/∂u ≈ ψ = ½ max(0, 1 − |u − θ|/2)          OTTT: ∂L/∂w_ij = δ_j x̄_i, δ_j = ψ_j ∂L/∂z̄_j

λ = 1 − 2^−k of the layer. A bias arrives as a current of 2^−k, so that it adds up to 1. What
arrives at a later hidden layer are the spikes of a draw, and then m and V are that draw's own. The
outputs weigh the leaky sums z̄ of the last hidden layer's spikes, which they add up anew in each
step.

With recurrent connections a hidden layer's own units are inputs of it, with their spikes of the
step before, s_i(t) = z_i(t−1): of the first layer mean over the draws. The same equations learn
them: a weight w_ij of units i and j has e-prop's factorised eligibility ψ_j x̄_i, where x̄_i is the
trace of z_i(t−1), and ∂L/∂z̄_j knows of the layers above alone.

References
----------
Xiao et al., "Online training through time for spiking neural networks", arXiv 2210.04195. Bellec
et al., "A solution to the learning dilemma for recurrent networks of spiking neurons", Nature
Communications 11, 3625, 2020: e-prop. Frenkel and Indiveri, "ReckOn", ISSCC 2022: its factorised
form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.spiking import (
    CHARGES,
    EVENTS_MAX,
    SLOPE,
    THRESHOLD,
    TRACE_END,
    WIDTH,
    Arrived,
    charges_of,
    recurrence,
)

Float = npt.NDArray[np.float64]
#: The largest trace of an input and of a unit: those of the integers.
INPUT_MAX, TRACE_MAX = TRACE_END - 2.0**-9, 64 - 2.0**-9
#: The largest trace of spikes that a layer reads whose rule keeps no charges.
READ_MAX = 127 / 16


def arrive(spec: NetworkSpec, state: State, z: Float) -> tuple[dict[str, Any], Arrived]:
    """As :func:`quant.spiking.golden.arrive`."""
    new: dict[str, Any] = {}
    if spec.delta:
        new, z = send_on_delta(spec.delta, state, z)
    if spec.recurrent:
        z = np.concatenate([z, state["own_spikes"][0, : spec.layers[1]]])
    keep = 1 - 2.0 ** -spec.leaks[0]
    trace = np.clip(keep * state["input_trace"][0] + z, -INPUT_MAX, INPUT_MAX)
    new["input_trace"] = trace
    for name, values in (("events", z), ("live_inputs", trace)):
        new[name] = state[name][0].astype(np.int64)
        new[name][0] += np.count_nonzero(values)
    return new, Arrived(z, trace)


def send_on_delta(delta: tuple[int, ...], state: State, z: Float) -> tuple[dict[str, Any], Float]:
    """As :func:`quant.spiking.golden.send_on_delta`: events are whole numbers."""
    threshold, leak = delta[0] / 16, delta[1]
    reference = state["delta_reference"][0] * (1 - 2.0**-leak if leak else 1)
    apart = z - reference
    n = np.sign(apart) * np.minimum(np.abs(apart) // threshold, EVENTS_MAX)
    events = np.concatenate([np.maximum(n, 0), np.maximum(-n, 0)])
    return {"delta_reference": reference + n * threshold}, events


def charge(
    spec: NetworkSpec, state: State, layer: int, mean: Float, variance: Float, new: dict[str, Any]
) -> tuple[Float, Float]:
    """As :func:`quant.spiking.golden.charge`: the charges' means and their deviations."""
    keep = 1 - 2.0 ** -spec.leaks[layer]
    before = (charges_of(spec, state, layer, name, mean.shape[1]) for name in CHARGES)
    mean = keep * next(before) + mean
    variance = keep**2 * next(before) + variance
    for name, values in zip(CHARGES, (mean, variance), strict=True):
        new.setdefault(name, []).append(values)
    return mean, np.sqrt(variance)


def fire(
    spec: NetworkSpec,
    state: State,
    layer: int,
    a: Float,
    new: dict[str, Any],
    charges: bool = True,
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
    for name, values in (("membrane_reset", resets), ("output_trace", trace), ("spikes", spikes)):
        new.setdefault(name, []).append(values)
    if spec.recurrent:
        brings = recurrence.brings(spec.leaks[layer], charges) / recurrence.WHOLE
        own = brings * spikes.mean(axis=1) if layer == 0 else spikes
        new.setdefault("own_spikes", []).append(own)
    for name, values in (("events", spikes), ("live_inputs", trace)):
        new.setdefault(f"hidden_{name}", []).append(np.count_nonzero(values))
    return trace, gate


def with_own(
    spec: NetworkSpec,
    state: State,
    layer: int,
    now: Float,
    x: Float,
    new: dict[str, Any],
    charges: bool = True,
) -> tuple[Float, Float]:
    """As :func:`quant.spiking.golden.with_own`."""
    if not spec.recurrent or layer == len(spec.shapes) - 1:
        return now, x
    draws, units = x.shape[1], spec.layers[layer + 1]
    spikes = charges_of(spec, state, layer, "own_spikes", draws)
    held = state["own_trace"][0].reshape(sum(spec.layers[2:-1]), -1)
    first = sum(spec.layers[2 : layer + 1])
    keep = 1 - 2.0 ** -spec.leaks[layer]
    brings = recurrence.brings(spec.leaks[layer], charges) / recurrence.WHOLE
    left = keep * held[first : first + units, :draws]
    trace = np.minimum(left + brings * spikes, TRACE_MAX)
    new.setdefault("own_trace", []).append(trace)
    for name, values in (("events", spikes), ("live_inputs", trace)):
        new[f"hidden_{name}"][-1] += np.count_nonzero(values)
    return np.vstack([now, spikes]), np.vstack([x, trace])


def fire_sums(
    spec: NetworkSpec, state: State, layer: int, a: Float, new: dict[str, Any]
) -> tuple[Float, Float]:
    """As :func:`quant.spiking.sums.spiked`: the next layer's inputs, its own units', and ψ."""
    trace, gate = fire(spec, state, layer, a, new, charges=False)
    _, x = with_own(spec, state, layer + 1, trace, trace, new, charges=False)
    return np.minimum(x, READ_MAX), gate
