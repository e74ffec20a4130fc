"""Merging of running means and variances: of the features, and of a regressor's target.

The parallel formula (Chan, Golub and LeVeque, 1979) on exact fractions. What the learners had
together at their start counts once. Statistics follow a window, in which the start fades: of a
learner whose window is full, only so much of the start counts as its new samples leave room for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from quant.front_end import EXPONENT_START
from quant.front_end.statistics import MAGNITUDE_BITS, MEAN_FRAC_BITS, RATE_ONE, VARIANCE_BITS
from quant.layout import State


class Statistic(NamedTuple):
    """Mean and variance of one quantity, and of how many samples."""

    samples: int
    mean: Fraction
    variance: Fraction


class Names(NamedTuple):
    """The fields of a state that hold statistics; integers have the last two as well."""

    samples: str
    mean: str
    variance: str
    low: str
    exponent: str


FEATURES = Names("feature_count", "mean", "variance", "mean_low", "exponent")
TARGET = Names("target_count", "target_mean", "target_variance", "target_mean_low",
               "target_exponent")  # fmt: skip
#: What a feature's last values left behind: the merged learner has seen none yet.
LATELY = ("streak", "repeats", "excursions")


def pooled(
    base: Statistic, learned: Sequence[Statistic], fresh: Sequence[int], window: int
) -> Statistic:
    """Return the statistic of all samples.

    Parameters
    ----------
    base : Statistic
        What all started from.
    learned : sequence of Statistic
    fresh : sequence of int
        Samples that each learned since its start.
    window : int
        The most samples that a statistic counts.
    """
    shared = [
        _of_start(base.samples, each.samples, n, window)
        for each, n in zip(learned, fresh, strict=True)
    ]
    found = _pool(base, learned, shared)
    if found.variance <= 0 and any(each.variance > 0 for each in learned):
        found = _pool(base, learned, [0] * len(shared))
    return found._replace(samples=min(found.samples, window))


def _of_start(before: int, after: int, fresh: int, window: int) -> int:
    """Return how many samples of the start are still in a learner's statistic."""
    if after < before:  # it has started again
        return 0
    return before if after < window else min(before, max(0, window - fresh))


def _pool(base: Statistic, learned: Sequence[Statistic], shared: Sequence[int]) -> Statistic:
    once = min(shared)
    count = once + sum(each.samples - n for each, n in zip(learned, shared, strict=True))
    if count == 0:
        return base
    # In whole numbers of one unit each, for sums of fractions are slow.
    unit = math.lcm(base.mean.denominator, *(each.mean.denominator for each in learned))
    squared = math.lcm(
        unit**2, base.variance.denominator, *(each.variance.denominator for each in learned)
    )
    scale, start, spread = (
        squared // unit**2,
        _whole(base.mean, unit),
        _whole(base.variance, squared),
    )
    first, second = 0, once * spread  # about the start's mean
    for each, n in zip(learned, shared, strict=True):
        off = _whole(each.mean, unit) - start
        first += each.samples * off
        second += each.samples * (_whole(each.variance, squared) + off**2 * scale) - n * spread
    apart = Fraction(first, unit * count)
    variance = Fraction(second, squared * count) - apart**2
    return Statistic(count, base.mean + apart, max(variance, Fraction(0)))


def _whole(value: Fraction, unit: int) -> int:
    """Return a fraction in parts of a unit, which its denominator divides."""
    return value.numerator * (unit // value.denominator)


def merge_statistics(
    names: Names,
    base: State,
    learned: Sequence[State],
    fresh: Sequence[int],
    window: int,
    merged: State,
) -> None:
    """Write the statistics of all samples into a state, in place; nothing if it has none."""
    if names.samples not in (merged.dtype.names or ()):
        return
    for i in range(merged[names.samples].size):
        start, each = _read(names, base, i), [_read(names, state, i) for state in learned]
        found = pooled(start, each, fresh, window)
        if found.samples:
            known = [state for state, one in zip(learned, each, strict=True) if one.samples]
            _write(names, found, known or [base], merged, i)


def _read(names: Names, state: State, i: int) -> Statistic:
    count = int(state[names.samples].flat[i])
    mean, variance = state[names.mean].flat[i].item(), state[names.variance].flat[i].item()
    if names.exponent not in (state.dtype.names or ()):
        return Statistic(count, Fraction(mean), Fraction(variance))
    exponent = int(state[names.exponent].flat[i])
    fine = (mean << MEAN_FRAC_BITS) + int(state[names.low].flat[i])
    unit = Fraction(2) ** -exponent
    return Statistic(count, fine * unit / RATE_ONE, variance * unit**2)


def _write(names: Names, found: Statistic, known: Sequence[State], merged: State, i: int) -> None:
    merged[names.samples].flat[i] = found.samples
    if names.exponent not in (merged.dtype.names or ()):
        merged[names.mean].flat[i] = float(found.mean)
        merged[names.variance].flat[i] = float(found.variance)
        _begin(names, merged, i, float(merged[names.mean].flat[i]))
        return
    exponent = min(int(state[names.exponent].flat[i]) for state in known)
    if found.variance > 0:
        exponent = min(
            (VARIANCE_BITS - math.frexp(float(found.variance))[1]) // 2,
            MAGNITUDE_BITS - 1 - math.frexp(float(found.mean))[1],
            EXPONENT_START,
        )
    unit = Fraction(2) ** exponent
    fine = math.floor(found.mean * unit * RATE_ONE + Fraction(1, 2))
    merged[names.exponent].flat[i] = exponent
    merged[names.mean].flat[i] = fine >> MEAN_FRAC_BITS
    merged[names.low].flat[i] = fine & RATE_ONE - 1
    spread = math.floor(found.variance * unit**2 + Fraction(1, 2))
    merged[names.variance].flat[i] = min(spread, (1 << VARIANCE_BITS) - 1)
    _begin(names, merged, i, float(found.mean))


def _begin(names: Names, merged: State, i: int, mean: float) -> None:
    """Let the next values of a feature be compared with the mean, as after a start."""
    if names is not FEATURES:
        return
    reference = merged["reference"]
    near = np.float32(mean) if reference.dtype.kind == "u" else mean
    reference.flat[i] = near.view(np.uint32) if isinstance(near, np.float32) else near
    for name in LATELY:
        merged[name].flat[i] = 0


def merged_count(base: int, counts: Sequence[int], window: int) -> int:
    """Return a count of samples up to a window: the start's, and what each has beyond it."""
    return min(window, base + sum(max(0, count - base) for count in counts))
