"""The step that sets itself, run again, every intermediate held to its bound."""

from __future__ import annotations

import numpy as np
from limits_metaplastic import BOUNDS

from quant.counters import Saturations
from quant.integers import Int64, bit_length
from quant.network import NetworkSpec
from quant.rules.metaplastic import step
from quant.rules.metaplastic.state import weight_view
from quant.rules.metaplastic.step import trace_view
from quant.state import State
from quant.tables import EXP2

hold, hold_partial_sums = BOUNDS.hold, BOUNDS.hold_partial_sums


def check_gain(gain: int, log2: int) -> int:
    """A learning rate times 2^log2, Q16."""
    whole = (log2 + 65535) >> 16
    power = int(EXP2[(whole << 16) - log2 >> 8])
    hold("stepped", gain * power)
    found = max(gain * power >> 15 - whole, 1)
    hold("stepped_gain", found)
    assert step.stepped_gain(gain, log2) == found
    return found


def check_slope(x: Int64, delta: Int64, w: Int64, trace: Int64) -> int:
    """The slope of the loss by the log of the recent step."""
    apart = np.where(w < 0, -127, 127) - trace
    hold("apart", apart)
    hold_partial_sums("trace_sum", x[:, None] * apart, 0)
    sums = x @ apart
    hold("slope", int(np.abs(delta.astype(object)) @ np.abs(sums.astype(object))))
    u = sum(int(d) * int(s) for d, s in zip(delta, sums, strict=True))
    assert step.slope(x, delta, w, trace) == u
    return u


def check_moved(log2: int, spread: int, u: int, n: int) -> tuple[int, int, int]:
    """Exponent and mean magnitude after a slope, and how often that met the end of its format."""
    size = abs(u) >> 8
    clamped, size = int(size > step.SIZE_MAX), min(size, step.SIZE_MAX)
    hold("step_spread", (size << 7) - spread)
    mean = spread + ((size << 7) - spread >> min(bit_length(n), 8))
    hold("step_spread", mean)
    assert mean >= 0
    hold("ratio", size * step.RATIO)
    ratio = min(size * step.RATIO // max(mean >> 7, 1), step.RATIO_MAX)
    after = log2 - 4 * ((-ratio if u < 0 else ratio) - (16 if log2 <= 0 else 0))
    hold("step_log2_before", after)
    after = min(max(after, step.LOG2_MIN), step.LOG2_MAX)
    hold("step_log2", after)
    count = Saturations()
    assert step.moved(log2, spread, u, n, count) == (after, mean)
    assert count.gradient == clamped
    return after, mean, clamped


def check_adapted(
    spec: NetworkSpec, before: State, state: State, x: Int64, delta: Int64, skipped: bool
) -> tuple[int, int]:
    """The multiplier's exponent that a sample learns with, and how often its slope was clamped."""
    names = ("step_log2", "step_spread", "n_samples")
    log2, spread, n = (int(before[name][0]) for name in names)
    w = weight_view(spec, before, len(spec.shapes) - 1).astype(np.int64)
    trace, clamped = trace_view(spec, before).astype(np.int64), 0
    expected, after, mean = trace.copy(), log2, spread
    if not skipped:
        after, mean, clamped = check_moved(log2, spread, check_slope(x, delta, w, trace), n)
        for i in range(n % 64, len(w), 64):
            signs = np.where(w[i] < 0, -127, 127)
            expected[i] = trace[i] + (signs - trace[i] + (n >> 6) % 4) // 4
    np.testing.assert_array_equal(trace_view(spec, state), expected)
    assert (int(state["step_log2"][0]), int(state["step_spread"][0])) == (after, mean)
    return log2, clamped
