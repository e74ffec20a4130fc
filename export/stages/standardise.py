"""Standardise in a graph: :mod:`quant.stages.standardise.golden`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.graph.builder import GraphBuilder
from export.graph.frames import Step
from export.graph.rare import chosen
from export.graph.shapes import read
from export.graph.signal import real, tops, values
from export.graph.statistics import (
    Statistics,
    at_exponent,
    bounded,
    entered,
    exponent_of,
    first,
    fitted,
    fitting,
    follow,
    unfit,
    whole,
)
from export.graph.whole import (
    Value,
    absolute,
    divide_floor,
    equal,
    isqrt,
    maximum,
    minimum,
    sign,
    where,
)
from export.graph.whole import shift_floor as shifted
from quant.front_end.hold import HOLD
from quant.front_end.statistics import DELTA_BITS, MAGNITUDE_BITS, MEAN_FRAC_BITS
from quant.stages.standardise import Z_FRAC_BITS, Z_MAX, Standardise
from quant.stages.standardise.golden_start import WILD_BITS

_NAMES = ("mean", "low", "variance", "exponent", "count", "steady", "other")


def step(g: GraphBuilder, stage: Standardise, state: Mapping[str, str], x: str) -> Step:
    """Return a sample in standard deviations, ``x`` float32[channels]."""
    value = values(g, x)
    mean, low, variance, exponent, count, steady, other = (read(g, state[n]) for n in _NAMES)
    old = Statistics(mean * 2.0**MEAN_FRAC_BITS + low, variance, exponent, count)

    def early() -> list[Any]:
        return _early(stage, old, value, steady, other)

    def usual() -> list[Any]:
        new, after = entered(old, value, _held(old, value), stage.window)
        return [*_fitted(new, after), *(where(equal(new.variance, 0), value, 0.0),) * 2]

    in_doubt = ~equal(steady, other) | equal(variance, 0)
    mean, variance, exponent, after, steady, other = chosen(in_doubt, early, usual)
    sd = isqrt(variance)
    size = divide_floor(absolute(after) * 2.0**Z_FRAC_BITS + shifted(sd, 1), maximum(sd, 1))
    size = where(equal(sd, 0), 0.0, minimum(size, float(Z_MAX << Z_FRAC_BITS)))
    high = whole(mean)
    after_fields = {
        "count": minimum(count + 1, float(stage.window)),
        "mean": high,
        "low": mean - high * 2.0**MEAN_FRAC_BITS,
        "variance": variance,
        "exponent": exponent,
        "steady": steady,
        "other": other,
    }
    return Step(after_fields, None, lambda: real(sign(after) * size, Z_FRAC_BITS))


def _held(old: Statistics, value: Value) -> Any:
    """Whether a value is more than 8 standard deviations away."""
    away = absolute(bounded(value, old.exponent) - whole(old.mean))
    away = minimum(away, 2.0 ** (DELTA_BITS + 1))
    return (old.variance > 0) & (away * away > old.variance * float(HOLD**2))


def _fitted(new: Statistics, after: Any) -> list[Value]:
    """Mean, variance, exponent and what is left of a deviation, in units that fit."""

    def fit() -> list[Any]:
        found, left = fitted(new, after)
        return [found.mean, found.variance, found.exponent, left]

    return chosen(unfit(new), fit, lambda: [new.mean, new.variance, new.exponent, after])


def _early(stage: Standardise, old: Statistics, value: Value, steady: Any, other: Any) -> list[Any]:
    """A value while it is in doubt whether one of the first two was wild: ``golden_start``."""
    start, finest = equal(old.samples, 0), fitting(value, exponent_of(value))
    steady_wild, other_wild = _wild(value, steady, other)
    again = steady_wild | other_wild
    kept = where(steady_wild, other, steady)
    begun = first(kept, fitting(kept, exponent_of(kept)))
    constant = equal(steady, other)
    appears = constant & equal(old.variance, 0) & ~equal(value, steady)
    old = Statistics(*(where(again, a, b) for a, b in zip(begun, old, strict=True)))
    new, after = follow(old, value, finest, _held(old, value), stage.window)
    new = Statistics(*(where(start, a, b) for a, b in zip(first(value, finest), new, strict=True)))
    again_known = ~constant & (equal(value, steady) | equal(value, other))
    waits = (again | appears | again_known) & ~start
    only = where(equal(new.variance, 0), value, 0.0)
    steady = where(waits, where(again, kept, steady), only)
    other = where(waits, where(again | appears, value, other), only)
    return [new.mean, new.variance, new.exponent, after, steady, other]


def _wild(value: Value, steady: Any, other: Any) -> tuple[Any, Any]:
    """Whether the steady value was wild, and whether the other one was."""
    tells = ~(equal(steady, other) | equal(value, steady) | equal(value, other))
    largest = maximum(maximum(absolute(steady), absolute(other)), absolute(value))
    e = MAGNITUDE_BITS - tops(largest)
    s, o, v = (at_exponent(part, e) for part in (steady, other, value))
    limit = shifted(absolute(o - s), WILD_BITS)
    return tells & (absolute(v - o) < limit), tells & (absolute(v - s) < limit)
