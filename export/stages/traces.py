"""Leaky traces in a graph: :mod:`quant.stages.traces.golden`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from export.graph.builder import GraphBuilder
from export.graph.frames import Step
from export.graph.shapes import expanded, read
from export.graph.signal import decay, real, rounded, row, tops, values
from export.graph.statistics import at_exponent
from export.graph.whole import absolute, divided, equal, minimum, reduce, scaled, where
from quant.stages.signal import VALUE_BITS
from quant.stages.traces import FINEST, UNUSED_BITS, Traces


def step(g: GraphBuilder, traces: Traces, state: Mapping[str, str], x: str) -> Step:
    """Return the traces after a sample, ``x`` float32[channels]."""
    leaks = np.array(traces.leaks, np.float64)
    value, before = values(g, x), read(g, state["exponent"])
    silent = equal(value, 0)
    finest = where(silent, float(FINEST), VALUE_BITS - tops(value))
    trace, fresh = read(g, state["trace"]), equal(read(g, state["begun"]), 0)
    # A trace's size in its own full scale: the largest of a channel's.
    size = reduce("Max", divided(absolute(trace), leaks), 1, keepdims=False)
    finer = before + float(UNUSED_BITS)
    small = (size < 2.0 ** (VALUE_BITS - UNUSED_BITS)) & ~fresh
    rises = small & (finest >= finer) & ~silent
    exponent = where(rises, finer, minimum(before, finest))
    q = expanded(at_exponent(value, exponent), 1)
    kept = rounded(trace, expanded(before - exponent, 1))
    trace = where(fresh, scaled(q, leaks), decay(kept, leaks) + q)
    waiting = read(g, state["waiting"])
    ready = equal(waiting, 1)
    after = {
        "begun": np.array(1, np.uint32),
        "waiting": where(ready, float(traces.hop), waiting - 1),
        "exponent": exponent,
        "trace": trace,
    }

    def features() -> object:
        return row(real(rounded(trace, leaks), expanded(exponent, 1)))

    return Step(after, None if traces.hop == 1 else ready, features)
