"""Send-on-delta in integers: the golden model, which the C kernel equals bit for bit.

Every format and bound: NUMBERS.md beside this file. C counterpart: ``kernel/sl_delta.c``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.integers import Int64
from quant.layout import State
from quant.stages.delta import EVENTS_MAX, REFERENCE_BITS, Delta
from quant.stages.signal import decay, within

Float32 = npt.NDArray[np.float32]


def step(delta: Delta, state: State, x: Float32) -> tuple[Int64, Int64]:
    """Return by how many thresholds each channel moves, and the reference that is left behind."""
    thresholds, exponents = (np.array(part, np.int64) for part in delta.thresholds)
    q = within(np.asarray(x, np.float32), exponents, REFERENCE_BITS)
    if not state["begun"][0]:
        return np.zeros_like(q), q
    reference = state["reference"][0].astype(np.int64)
    if delta.leak:
        rest = np.array(delta.rests, np.int64)
        reference = rest + decay(reference - rest, delta.leak)
    apart = q - reference
    n = np.sign(apart) * np.minimum(np.abs(apart) // thresholds, EVENTS_MAX)
    return n, reference + n * thresholds


def look(delta: Delta, state: State, x: Float32) -> Float32 | None:
    """Return the events that come with a sample; the state stays as it is."""
    return events(step(delta, state, x)[0])


def events(n: Int64) -> Float32:
    """Return events up and down, side by side for each channel."""
    both = np.stack([np.maximum(n, 0), np.maximum(-n, 0)], axis=-1)
    return both.reshape(*n.shape[:-1], -1).astype(np.float32)


def push(delta: Delta, state: State, x: Float32) -> None:
    """Take a finite sample into the state, in place."""
    state["reference"] = step(delta, state, x)[1]
    state["begun"] = 1


def recording(delta: Delta, x: Float32) -> Float32:
    """Return the events of a whole recording, ``float32[n_steps, n_features]``."""
    state: State = np.zeros(1, delta.dtype)
    found = np.zeros((len(x), delta.n_features), np.float32)
    for t, row in enumerate(np.asarray(x, np.float32)):
        n, state["reference"] = step(delta, state, row)
        state["begun"] = 1
        found[t] = events(n)
    return found
