"""Spiking layers in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/integer``; in float64:
:mod:`streamlearn.spiking`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.front_end import INPUT_FRAC_BITS
from quant.integers import Int64, clip, shift_round
from quant.layout import State
from quant.network import NetworkSpec
from quant.spiking import EVENTS_MAX

TRACE_FRAC_BITS = 9
DELTA_FRAC_BITS = 20
TRACE_MAX = (1 << 15) - 1
#: An input's trace is an input of layer 0, of 8 bits, with more bits behind.
INPUT_SHIFT = TRACE_FRAC_BITS - INPUT_FRAC_BITS
INPUT_TRACE_MAX = (1 << 7 + INPUT_SHIFT) - 1
#: Fraction bits of a hidden layer's output.
OUTPUT_FRAC_BITS = 8
#: From a trace to a pre-activation, Q15.16.
MEMBRANE_SHIFT = 16 - TRACE_FRAC_BITS
THRESHOLD = 1 << 16
#: The surrogate derivative is Q0.7, 1/2 at the threshold, and 0 from a distance of 2 on.
GATE_FRAC_BITS = 7
GATE_MAX = 64
GATE_SHIFT = 11
#: What learning moves a membrane by: rates and deviations are Q.12, variances Q.15.
MOVE_FRAC_BITS = 12
RATE_MAX = (1 << 23) - 1
DEVIATION_MAX = (1 << 16) - 1


def decay(trace: Int64, k: int) -> Int64:
    """Take 2^-k of a trace's size, rounded up: so every trace ends at 0."""
    size = np.abs(trace)
    left: Int64 = np.sign(trace) * (size - (size + (1 << k) - 1 >> k))
    return left


def arrive(spec: NetworkSpec, state: State, z_q: Int64) -> tuple[dict[str, Any], Int64]:
    """Let the inputs of a time step, Q3.4, arrive at their traces.

    Returns
    -------
    new : dict
        Fields of the state after this step.
    x : int64[n_inputs]
        The traces as inputs of layer 0, Q3.4.
    """
    new: dict[str, Any] = {}
    if spec.delta:
        new, z_q = send_on_delta(spec.delta, state, z_q)
    left = decay(state["input_trace"][0].astype(np.int64), spec.leaks[0])
    trace = clip(left + (z_q << INPUT_SHIFT), -INPUT_TRACE_MAX, INPUT_TRACE_MAX)
    x = np.sign(trace) * (np.abs(trace) >> INPUT_SHIFT)
    return {**new, "input_trace": trace, **counted(state, 0, z_q, x)}, x


def send_on_delta(delta: tuple[int, ...], state: State, z_q: Int64) -> tuple[dict[str, Any], Int64]:
    """Turn values into events: by how many thresholds each rose, and by how many it fell.

    Returns
    -------
    new : dict
        What the values are compared with from now on.
    events : int64[2 n]
        Q3.4, at most 4 a feature: first those of rising values, then those of falling ones.
    """
    threshold, leak = delta[0] << INPUT_SHIFT, delta[1]
    reference = state["delta_reference"][0].astype(np.int64)
    if leak:
        reference = decay(reference, leak)
    apart = (z_q << INPUT_SHIFT) - reference
    n = np.sign(apart) * np.minimum(np.abs(apart) // threshold, EVENTS_MAX)
    events = np.concatenate([np.maximum(n, 0), np.maximum(-n, 0)])
    return {"delta_reference": reference + n * threshold}, events << INPUT_FRAC_BITS


def counted(state: State, layer: int, events: Any, x: Any) -> dict[str, Any]:
    """Return the counters of the state, with a layer's events and live inputs of this step."""
    found = {}
    for name, values in (("events", events), ("live_inputs", x)):
        new = state[name][0].astype(np.int64)
        new[layer] += np.count_nonzero(values)
        found[name] = new & 0xFFFFFFFF
    return found


def fire(
    spec: NetworkSpec, state: State, layer: int, a: Int64, new: dict[str, Any]
) -> tuple[Int64, int, Int64]:
    """Reset the membranes of a hidden layer, and let them fire.

    Parameters
    ----------
    a : int64[units, draws]
        Pre-activations, Q15.16: sums over the inputs' traces. Of the mean weights one column,
        for the membranes of the first draw.
    new : dict
        Fields of the state after this step; this layer's are put into it.

    Returns
    -------
    x : int64[units, draws]
        The inputs of the next layer.
    frac_bits : int
    gate : int64[units, draws]
        The surrogate derivative of a spike, Q0.7.
    """
    first = sum(spec.layers[1 : layer + 1])
    units = slice(first, first + spec.layers[layer + 1])

    def held(name: str) -> Int64:
        whole = state[name][0].reshape(sum(spec.layers[1:-1]), -1)
        part: Int64 = whole[units, : a.shape[1]].astype(np.int64)
        return part

    left = decay(held("membrane_reset"), spec.leaks[layer])
    u = a - (left << MEMBRANE_SHIFT)
    spikes = (u >= THRESHOLD).astype(np.int64)
    one = spikes << TRACE_FRAC_BITS
    resets = np.minimum(left + one, TRACE_MAX)
    trace = np.minimum(decay(held("output_trace"), spec.leaks[layer + 1]) + one, TRACE_MAX)
    x = trace >> TRACE_FRAC_BITS - OUTPUT_FRAC_BITS
    gate = np.maximum(GATE_MAX - (np.abs(u - THRESHOLD) >> GATE_SHIFT), 0)
    for name, values in (("membrane_reset", resets), ("output_trace", trace)):
        new.setdefault(name, []).append(values)
    for name, values in (("events", spikes), ("live_inputs", x)):
        new.setdefault(f"hidden_{name}", []).append(np.count_nonzero(values))
    return x, OUTPUT_FRAC_BITS, gate


def take_back(
    layer: int, delta: Int64, inverse: Int64, gain: tuple[int, int], fired: dict[str, Any]
) -> None:
    """Take from a hidden layer's membranes what a learning step moves their sums by at once.

    A membrane has charges that came under the weights of then. It is summed anew at each step, so
    that a step of ``-lr σ² g x̄`` moves it by ``-lr g s²``, s² being its variance: that much is put
    back, and leaks as the charges do.

    Parameters
    ----------
    layer : int
    delta : int64[units, draws]
        Gradient by the pre-activations, .20.
    inverse : int64[units, draws]
        Of the pre-activations' deviations, Q.18.
    gain : (int, int)
        lr_mu/n_draws, ``mantissa · 2^-exponent``.
    fired : dict
        What :func:`fire` left; changed in place.
    """
    right = max(gain[1] + DELTA_FRAC_BITS - MOVE_FRAC_BITS, 0)
    rate = clip(shift_round(delta.sum(axis=1) * gain[0], right), -RATE_MAX, RATE_MAX)
    deviation = np.where(inverse > 0, (1 << 30) // np.maximum(inverse, 1), 0)
    deviation = np.minimum(deviation, DEVIATION_MAX)
    moved = shift_round(rate[:, None] * (deviation * deviation >> 9), 18)
    resets = fired["membrane_reset"]
    resets[layer] = clip(resets[layer] - moved, -TRACE_MAX, TRACE_MAX)


def fired_fields(fired: dict[str, Any]) -> dict[str, Any]:
    """Return the hidden layers' traces as fields of the state."""
    names = ("membrane_reset", "output_trace")
    return {name: np.concatenate(fired[name]).reshape(-1) for name in names if name in fired}


def after(state: State, arrived: dict[str, Any], fired: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the state after a step, from what inputs and hidden layers left."""
    found = {**arrived, **fired_fields(fired)}
    for name in ("events", "live_inputs"):
        more = [0, *fired.get(f"hidden_{name}", [])]
        found[name] = found[name] + np.array(more) & 0xFFFFFFFF
    found["time_steps"] = (int(state["time_steps"][0]) + 1) & 0xFFFFFFFF
    return found
