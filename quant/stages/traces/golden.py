"""Leaky traces in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_traces.c``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.front_end.statistics import at_exponent, without_subnormals
from quant.integers import Int64, shift_round_each
from quant.layout import State
from quant.stages.signal import VALUE_BITS, decay, real, rounded, tops
from quant.stages.traces import FINEST, UNUSED_BITS, Traces

Float32 = npt.NDArray[np.float32]


def exponents(traces: Traces, state: State, x: Float32) -> Int64:
    """Return each channel's exponent for a value without subnormals, ``int64[channels]``."""
    before, trace = state["exponent"][0].astype(np.int64), state["trace"][0].astype(np.int64)
    finest = np.where(x == 0, FINEST, VALUE_BITS - tops(x))
    small = np.abs(trace) < np.int64(1) << np.array(traces.leaks) + VALUE_BITS - UNUSED_BITS
    finer = before + UNUSED_BITS
    rises = (x != 0) & (finest >= finer) & small.all(axis=1) & bool(state["begun"][0])
    found: Int64 = np.where(rises, finer, np.minimum(before, finest))
    return found


def step(traces: Traces, state: State, x: Float32) -> tuple[Int64, Int64]:
    """Return exponents and traces after a sample, ``int64[channels]`` and ``[channels, leaks]``."""
    x = without_subnormals(np.asarray(x, np.float32))
    leaks = np.array(traces.leaks)
    before, exponent = state["exponent"][0].astype(np.int64), exponents(traces, state, x)
    q = at_exponent(x, exponent)[:, None]
    if not state["begun"][0]:
        return exponent, q << leaks
    down = np.broadcast_to((before - exponent)[:, None], state["trace"][0].shape)
    kept = shift_round_each(state["trace"][0].astype(np.int64), down)
    return exponent, decay(kept, leaks) + q


def said(traces: Traces, exponent: Int64, trace: Int64) -> Float32:
    """Return traces as features."""
    size = rounded(trace, np.array(traces.leaks))
    return real(size, exponent[:, None]).reshape(-1)


def look(traces: Traces, state: State, x: Float32) -> Float32 | None:
    """Return the features that come with a sample, or None if none do."""
    return said(traces, *step(traces, state, x)) if int(state["waiting"][0]) == 1 else None


def push(traces: Traces, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    waiting = int(state["waiting"][0])
    state["exponent"], state["trace"] = step(traces, state, x)
    state["begun"] = 1
    state["waiting"] = traces.hop if waiting == 1 else waiting - 1


def recording(traces: Traces, x: Float32) -> Float32:
    """Return the features of a whole recording, ``float32[rows, n_features]``."""
    state: State = np.zeros(1, traces.dtype)
    traces.reset(state)
    found = []
    for t, row in enumerate(np.asarray(x, np.float32)):
        state["exponent"], state["trace"] = after = step(traces, state, row)
        state["begun"] = 1
        if (t + 1) % traces.hop == 0:
            found.append(said(traces, *after))
    return np.array(found, np.float32).reshape(len(found), traces.n_features)
