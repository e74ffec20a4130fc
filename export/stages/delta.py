"""Send-on-delta in a graph: :mod:`quant.stages.delta.golden`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from export.graph.builder import GraphBuilder
from export.graph.frames import Step
from export.graph.shapes import concatenated, expanded, read
from export.graph.signal import decay, row, values
from export.graph.statistics import at_exponent, without_subnormals
from export.graph.whole import absolute, clip, divide_floor, equal, maximum, minimum, sign, where
from quant.stages.delta import EVENTS_MAX, REFERENCE_BITS, Delta


def step(g: GraphBuilder, delta: Delta, state: Mapping[str, str], x: str) -> Step:
    """Return the events that come with a sample, ``x`` float32[channels]."""
    thresholds, exponents = (np.array(part, np.float64) for part in delta.thresholds)
    end = float(1 << REFERENCE_BITS)
    q = clip(at_exponent(values(g, x), exponents), -end, end)
    reference = read(g, state["reference"])
    if delta.leak:
        rest = np.array(delta.rests, np.float64)
        reference = rest + decay(reference - rest, delta.leak)
    apart = q - reference
    many = minimum(divide_floor(absolute(apart), thresholds), float(EVENTS_MAX))
    fresh = equal(read(g, state["begun"]), 0)
    n = where(fresh, 0.0, sign(apart) * many)
    after = {
        "begun": np.array(1, np.uint32),
        "reference": where(fresh, q, reference + n * thresholds),
    }

    def features() -> object:
        ways = (maximum(n, 0), maximum(-n, 0))
        return without_subnormals(row(concatenated([expanded(one, 1) for one in ways], 1)))  # no -0

    return Step(after, None, features)
