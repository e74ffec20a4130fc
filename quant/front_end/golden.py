"""The front end in integers: raw float32 sensor values in, standardised Q3.4 inputs out.

Each feature has its own binary exponent, moved by the data so that the standard deviation keeps
12 to 14 bits whatever the sensor's scale. Golden model; its C counterpart is
``kernel/integer``; the float reference :func:`streamlearn.front_end.standardise`. The equations
and every rounding are in NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.front_end.hold import BEYOND, HOLD, NEAR, Decision, Memory, Seen, decide
from quant.front_end.statistics import (
    DELTA_BITS,
    MEAN_FRAC_BITS,
    RATE_ONE,
    Float32,
    Statistics,
    at_exponent,
    bounded,
    first,
    fitting,
    follow,
    shift_round,
    without_subnormals,
)
from quant.integers import Int64, clip, isqrt
from quant.layout import State


def quantise_input(x: npt.NDArray[np.float32]) -> tuple[Int64, int]:
    """Return ``x`` in Q3.4, clamped to ±127, and how many values were clamped."""
    scaled = at_exponent(x, np.full(x.shape, INPUT_FRAC_BITS))
    clamped = clip(scaled, -INPUT_MAX, INPUT_MAX)
    return clamped, int(np.count_nonzero(clamped != scaled))


def look(old: Statistics, x: Float32, x_q: Int64, reference: Float32) -> Seen:
    """Say where a value lies, ``x_q`` in units of the statistics, and where its reference."""
    near_q = bounded(reference, old.exponent)
    mean = old.mean >> MEAN_FRAC_BITS
    square = np.minimum(np.abs(x_q - mean), 1 << DELTA_BITS + 1) ** 2
    apart = np.minimum(np.abs(x_q - near_q), NEAR)
    common = np.minimum(old.exponent, np.minimum(fitting(x), fitting(reference)))
    x_c = at_exponent(x, common)
    to_mean = np.abs(x_c - shift_round(mean, old.exponent - common))
    return Seen(
        old.variance > 0,
        x_q != mean,
        square > HOLD**2 * old.variance,
        square > BEYOND**2 * old.variance,
        NEAR**2 * apart**2 < old.variance,
        x == reference,
        np.abs(x_c - at_exponent(reference, common)) < to_mean,
    )


def standardise(
    state: State, x: Float32, window: int, frozen: bool = False
) -> tuple[dict[str, Any], Int64, tuple[int, int]]:
    """Follow the mean and variance of every feature, and standardise by them.

    Parameters
    ----------
    state : State
        Not changed.
    x : float32[n_features]
        Raw and finite.
    window : int
        Samples over which the statistics follow the sensor.
    frozen : bool
        The statistics of so many samples stay as they are.

    Returns
    -------
    statistics : dict
        The new fields of the state.
    z_q : int64[n_features]
        Q3.4, within ±127; the statistics include ``x``, as far as it enters them.
    counts : tuple of int
        How many values were clamped to that range, and how many were held.
    """
    x = without_subnormals(x)
    mean, low, variance, exponent, count, streak, repeats, excursions = (
        state[name][0].astype(np.int64)
        for name in (
            "mean", "mean_low", "variance", "exponent", "feature_count",
            "streak", "repeats", "excursions",
        )
    )  # fmt: skip
    reference = state["reference"][0].view(np.float32)
    old = Statistics((mean << MEAN_FRAC_BITS) + low, variance, exponent, count)
    x_q = bounded(x, exponent)
    known = Memory(streak, repeats, excursions)
    decision = decide(
        look(old, x, x_q, reference),
        known,
        np.maximum(count, 1),
        int(state["n_samples"][0]),
        window if frozen else None,
    )
    start = count == 0
    new, after = _entered(old, x, x_q, reference, decision, window)
    if start.any():
        new = Statistics(*(np.where(start, a, b) for a, b in zip(first(x), new, strict=True)))

    spread = isqrt(new.variance)
    safe = np.maximum(spread, 1)
    size = ((np.abs(after) << INPUT_FRAC_BITS) + (safe >> 1)) // safe
    size = np.where((spread == 0) | start | decision.silent, 0, size)
    memory = Memory(*(np.where(start, a, b) for a, b in zip(known, decision.memory, strict=True)))
    statistics = {
        "front_end_count": np.array(min(int(state["front_end_count"][0]) + 1, window)),
        "mean": new.mean >> MEAN_FRAC_BITS,
        "mean_low": new.mean & RATE_ONE - 1,
        "variance": new.variance,
        "exponent": new.exponent,
        "feature_count": new.samples,
        "reference": np.where(start | decision.moves, x, reference).view(np.uint32),
        **memory._asdict(),
    }
    held = np.count_nonzero(~start & (memory.streak > 0))
    counts = int(np.count_nonzero(size > INPUT_MAX)), int(held)
    return statistics, np.sign(after) * np.minimum(size, INPUT_MAX), counts


def _entered(
    old: Statistics,
    x: Float32,
    x_q: Int64,
    reference: Float32,
    decision: Decision,
    window: int,
) -> tuple[Statistics, Int64]:
    """Return the statistics after a value, and what it differs by from their mean."""
    begin, restart = old, decision.restart
    if restart.any():
        again = first(reference)
        begin = Statistics(*(np.where(restart, a, b) for a, b in zip(again, old, strict=True)))
    new, after = follow(begin, x, decision.held, window)
    if decision.enters.all():
        return new, after
    far = x_q - (old.mean >> MEAN_FRAC_BITS)
    limit = HOLD * isqrt(old.variance)
    stays = np.where(decision.held, np.sign(far) * limit, far)
    kept = Statistics(*(np.where(decision.enters, a, b) for a, b in zip(new, old, strict=True)))
    return kept, np.where(decision.enters, after, clip(stays, -limit, limit))


def inputs(
    front_end: str,
    window: int,
    state: State,
    x: npt.NDArray[np.floating],
    count: Saturations,
) -> tuple[dict[str, Any], Int64]:
    """Return the new statistics of the front end and the inputs in Q3.4; the state is as before.

    Parameters
    ----------
    front_end : {"standardise", "frozen", "none"}
    window : int
        Samples over which the statistics follow the sensor.
    state : State
        Not changed.
    x : float[n_features]
        Raw and finite; read as float32.
    count : Saturations
        Clamped and held inputs are counted here.
    """
    raw = x.astype(np.float32)
    if front_end != "none":
        statistics, z_q, (clamped, held) = standardise(state, raw, window, front_end == "frozen")
        count.front_end += held
    else:
        statistics, (z_q, clamped) = {}, quantise_input(raw)
    count.input += clamped
    return statistics, z_q
