"""Spiking layers in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/integer``; in float64:
:mod:`streamlearn.spiking`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS
from quant.integers import Int64, bit_lengths, clamp_count, clip, isqrt
from quant.layout import State
from quant.network import NetworkSpec
from quant.spiking import (
    CHARGE_MAX,
    CHARGES,
    EVENTS_MAX,
    INPUT_TRACE_MAX,
    Arrived,
    charges_of,
    recurrence,
)

TRACE_FRAC_BITS = 9
TRACE_MAX = (1 << 15) - 1
#: An input's trace is an input of layer 0, of 8 bits, with more bits behind.
INPUT_SHIFT = TRACE_FRAC_BITS - INPUT_FRAC_BITS
#: Fraction bits of a hidden layer's output.
OUTPUT_FRAC_BITS = 8
#: From a trace to a pre-activation, Q15.16.
MEMBRANE_SHIFT = 16 - TRACE_FRAC_BITS
THRESHOLD = 1 << 16
#: The surrogate derivative is Q0.7, 1/2 at the threshold, and 0 from a distance of 2 on.
GATE_FRAC_BITS = 7
GATE_MAX = 64
GATE_SHIFT = 11
#: A charge: its mean is Q15.16, its variance Q11.20; its deviation is Q.12.
VARIANCE_FRAC_BITS = 20
VARIANCE_MAX = (1 << 31) - 1
#: Fraction bits of what arrives at a later hidden layer: 1 for a spike.
ARRIVING_FRAC_BITS = 7


def decay(trace: Int64, k: int) -> Int64:
    """Take 2^-k of a trace's size, rounded up: so every trace ends at 0."""
    size = np.abs(trace)
    left: Int64 = np.sign(trace) * (size - (size + (1 << k) - 1 >> k))
    return left


def arrive(spec: NetworkSpec, state: State, z_q: Int64) -> tuple[dict[str, Any], Arrived]:
    """Let the inputs of a time step, Q3.4, arrive at their traces.

    Returns
    -------
    new : dict
        Fields of the state after this step.
    x : Arrived
        Of layer 0, Q3.4: what arrived in this step, and its traces.
    """
    new: dict[str, Any] = {}
    if spec.delta:
        new, z_q = send_on_delta(spec.delta, state, z_q)
    if spec.recurrent:
        own = state["own_spikes"][0, : spec.layers[1]].astype(np.int64)
        z_q = np.concatenate([z_q, own])
    left = decay(state["input_trace"][0].astype(np.int64), spec.leaks[0])
    trace = clip(left + (z_q << INPUT_SHIFT), -INPUT_TRACE_MAX, INPUT_TRACE_MAX)
    x = np.sign(trace) * (np.abs(trace) >> INPUT_SHIFT)
    return {**new, "input_trace": trace, **counted(state, 0, z_q, x)}, Arrived(z_q, x)


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


def bias_current(spec: NetworkSpec, state: State, layer: int, frac_bits: int) -> int:
    """Return what arrives of a hidden layer's bias: 2^-k a step, which adds up to 1.

    Where the format holds no such fraction, its least one arrives in every so manieth step.
    """
    low = spec.leaks[layer] - frac_bits
    if low <= 0:
        return 1 << -low
    return int(int(state["time_steps"][0]) % (1 << low) == 0)


def charge(
    spec: NetworkSpec,
    state: State,
    layer: int,
    mean: Int64,
    variance: Int64,
    new: dict[str, Any],
    count: Saturations,
) -> tuple[Int64, Int64]:
    """Let weights arrive at the charges of a hidden layer's membranes.

    Parameters
    ----------
    mean, variance : int64[units, draws]
        Of the weights times what arrived, Q15.16 and Q11.20; of layer 0 one column for all draws.
    new : dict
        Fields of the state after this step; this layer's are put into it.

    Returns
    -------
    mean : int64[units, draws]
        Q15.16.
    deviation : int64[units, draws]
        Q.12.
    """
    k, draws = spec.leaks[layer], mean.shape[1]
    was, was_variance = (
        charges_of(spec, state, layer, name, draws).astype(np.int64) for name in CHARGES
    )
    mean, n = clamp_count(decay(was, k) + mean, CHARGE_MAX)
    variance, more = clamp_count(decay(decay(was_variance, k), k) + variance, VARIANCE_MAX)
    count.activation += n + more
    for name, values in zip(CHARGES, (mean, variance), strict=True):
        new.setdefault(name, []).append(values)
    return mean, deviation(variance)


def deviation(variance: Int64) -> Int64:
    """Return the root of a variance in Q11.20, rounded down to 16 significant bits, in Q.12."""
    up = 32 - bit_lengths(variance) >> 1
    root = isqrt(variance << 2 * up)
    found: Int64 = np.where(up > 2, root >> np.maximum(up - 2, 0), root << np.maximum(2 - up, 0))
    return found


def fire(
    spec: NetworkSpec,
    state: State,
    layer: int,
    a: Int64,
    new: dict[str, Any],
    charges: bool = True,
) -> tuple[Int64, int, Int64]:
    """Reset the membranes of a hidden layer, and let them fire.

    Parameters
    ----------
    a : int64[units, draws]
        Charges with their noise, or sums over the inputs' traces, Q15.16. Of the mean weights one
        column, for the membranes of the first draw.
    new : dict
        Fields of the state after this step; this layer's are put into it, and its ``spikes``.
    charges : bool
        Whether what arrives charges membranes (:class:`quant.rule.Rule`).

    Returns
    -------
    x : int64[units, draws]
        The spikes' traces, inputs of the next layer.
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
    for name, values in (("membrane_reset", resets), ("output_trace", trace), ("spikes", spikes)):
        new.setdefault(name, []).append(values)
    if spec.recurrent:
        own = recurrence.brings(spec.leaks[layer], charges)
        new.setdefault("own_spikes", []).append(share(spikes, own) if layer == 0 else spikes)
    for name, values in (("events", spikes), ("live_inputs", x)):
        new.setdefault(f"hidden_{name}", []).append(np.count_nonzero(values))
    return x, OUTPUT_FRAC_BITS, gate


def share(spikes: Int64, whole: int) -> Int64:
    """Return the share of a unit's draws that fired, ``int64[units]`` in Q3.4, rounded half up."""
    n_draws = spikes.shape[1]
    shares: Int64 = (2 * whole * spikes.sum(axis=1) + n_draws) // (2 * n_draws)
    return shares


def with_own(
    spec: NetworkSpec,
    state: State,
    layer: int,
    now: Int64,
    x: Int64,
    new: dict[str, Any],
    charges: bool = True,
) -> tuple[Int64, Int64]:
    """Append a later hidden layer's own units to what comes from the layer below.

    Parameters
    ----------
    now, x : int64[units below, draws]
        What arrives, 2^-7 a spike, and traces, Q.8.
    new : dict
        Fields of the state after this step; this layer's traces are put into it.
    charges : bool
        As of :func:`fire`.
    """
    if not spec.recurrent or layer == len(spec.shapes) - 1:
        return now, x
    draws, units = x.shape[1], spec.layers[layer + 1]
    spikes = charges_of(spec, state, layer, "own_spikes", draws).astype(np.int64)
    held = state["own_trace"][0].reshape(sum(spec.layers[2:-1]), -1)
    first = sum(spec.layers[2 : layer + 1])
    left = decay(held[first : first + units, :draws].astype(np.int64), spec.leaks[layer])
    brought = recurrence.brings(spec.leaks[layer], charges) << INPUT_SHIFT
    trace = np.minimum(left + spikes * brought, TRACE_MAX)
    own = trace >> TRACE_FRAC_BITS - OUTPUT_FRAC_BITS
    new.setdefault("own_trace", []).append(trace)
    for name, values in (("events", spikes), ("live_inputs", own)):
        new[f"hidden_{name}"][-1] += np.count_nonzero(values)
    return np.concatenate([now, spikes << ARRIVING_FRAC_BITS]), np.concatenate([x, own])


def after(state: State, arrived: dict[str, Any], fired: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the state after a step, from what inputs and hidden layers left."""
    names = (*CHARGES, "membrane_reset", "output_trace", *recurrence.FIELDS)
    left = {n: np.concatenate([x.ravel() for x in fired[n]]) for n in names if n in fired}
    found = {**arrived, **left}
    for name in ("events", "live_inputs"):
        more = [0, *fired.get(f"hidden_{name}", [])]
        found[name] = found[name] + np.array(more) & 0xFFFFFFFF
    found["time_steps"] = (int(state["time_steps"][0]) + 1) & 0xFFFFFFFF
    return found
