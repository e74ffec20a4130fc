"""Leaky traces in a graph: :mod:`quant.stages.traces.golden`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from export.graph.builder import GraphBuilder
from export.graph.frames import Step
from export.graph.shapes import expanded, read
from export.graph.signal import decay, real, rounded, row, tops, values
from export.graph.statistics import at_exponent
from export.graph.whole import equal, minimum, scaled, where
from quant.stages.signal import VALUE_BITS
from quant.stages.traces import FINEST, Traces


def step(g: GraphBuilder, traces: Traces, state: Mapping[str, str], x: str) -> Step:
    """Return the traces after a sample, ``x`` float32[channels]."""
    leaks = np.array(traces.leaks, np.float64)
    value, before = values(g, x), read(g, state["exponent"])
    finest = where(equal(value, 0), float(FINEST), VALUE_BITS - tops(value))
    exponent = minimum(before, finest)
    q = expanded(at_exponent(value, exponent), 1)
    kept = rounded(read(g, state["trace"]), expanded(before - exponent, 1))
    fresh = equal(read(g, state["begun"]), 0)
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
