"""Standardise in a graph: :mod:`quant.stages.standardise.golden`."""

from __future__ import annotations

from collections.abc import Mapping

from export.graph.builder import GraphBuilder
from export.graph.frames import Step
from export.graph.shapes import read
from export.graph.signal import real, values
from export.graph.statistics import (
    Statistics,
    bounded,
    exponent_of,
    first,
    fitting,
    follow,
    whole,
)
from export.graph.whole import absolute, divide_floor, equal, isqrt, maximum, minimum, sign, where
from export.graph.whole import shift_floor as shifted
from quant.front_end.hold import HOLD
from quant.front_end.statistics import DELTA_BITS, MEAN_FRAC_BITS
from quant.stages.standardise import Z_FRAC_BITS, Z_MAX, Standardise


def step(g: GraphBuilder, stage: Standardise, state: Mapping[str, str], x: str) -> Step:
    """Return a sample in standard deviations, ``x`` float32[channels]."""
    value = values(g, x)
    finest = fitting(value, exponent_of(value))
    mean, low, variance, exponent, count = (
        read(g, state[name]) for name in ("mean", "low", "variance", "exponent", "count")
    )
    old = Statistics(mean * 2.0**MEAN_FRAC_BITS + low, variance, exponent, count)
    away = minimum(absolute(bounded(value, exponent) - mean), 2.0 ** (DELTA_BITS + 1))
    held = (variance > 0) & (away * away > variance * float(HOLD**2))
    new, after = follow(old, value, finest, held, stage.window)
    start = equal(count, 0)
    sd = isqrt(new.variance)
    safe = maximum(sd, 1)
    size = divide_floor(absolute(after) * 2.0**Z_FRAC_BITS + shifted(sd, 1), safe)
    size = where(equal(sd, 0) | start, 0.0, minimum(size, float(Z_MAX << Z_FRAC_BITS)))
    new = Statistics(*(where(start, a, b) for a, b in zip(first(value, finest), new, strict=True)))
    high = whole(new.mean)
    after_fields = {
        "count": minimum(count + 1, float(stage.window)),
        "mean": high,
        "low": new.mean - high * 2.0**MEAN_FRAC_BITS,
        "variance": new.variance,
        "exponent": new.exponent,
    }
    return Step(after_fields, None, lambda: real(sign(after) * size, Z_FRAC_BITS))
