"""The adaptive step, run again, every intermediate held to its bound.

The bounds are part of the room ``quant/sampling``; ``hold`` is that of ``bounds_sampling``.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from bounds_quant import ROWS

from quant.integers import bit_length, shift_truncate
from quant.network import NetworkSpec
from quant.sampling import step
from quant.sampling.plan import PULL_MAX
from quant.sampling.step import Step
from quant.state import State

Hold = Callable[[str, Any], None]

FACTORS = step.multiplier(step.LOG2_MIN), step.multiplier(step.LOG2_MAX)
MANTISSA = (1 << 15) - 1
GRADIENT = (1 << step.BLOCK_BITS) - 1
MOVED = (1 << 16) - 1
ALONG = GRADIENT * MOVED
SIZE = step.SLOPE_MAX << step.USUAL_MORE_BITS
QUOTIENT = (step.SLOPE_LIMIT * ((1 << 20) - 1) - 1) * step.RATE
#: The largest pulls: m max(1, m) and max(1, m) times those of the plan.
PULL_MU = PULL_MAX * (FACTORS[1] // step.ONE) ** 2
PULL_SIGMA = PULL_MAX * (FACTORS[1] // step.ONE)

BOUNDS = {
    "scaled_gain": (MANTISSA * FACTORS[1], "int32"),
    "guard_square": (MANTISSA**2, "int32"),
    "guard_product": (MANTISSA * (MANTISSA**2 >> 15), "int32"),
    "slope_gradients": (GRADIENT, "int32"),
    "slope_along": (ALONG, "int32"),
    "slope_sum": (ROWS * ((1 << 15) - 1) * ALONG, "int64"),
    "slope": (step.SLOPE_MAX, "int32"),
    "usual_change": (SIZE * 65536 + 32768, "int64"),
    "step_usual": (SIZE, "uint32"),
    "step_quotient": (QUOTIENT, "uint32"),
    "adaptive_pull_mu": (PULL_MU, "uint32"),
    "adaptive_pull_sigma": (PULL_SIGMA, "uint32"),
}


def cells(smallest: int, largest: int, kind: str, bits: int) -> dict[str, str]:
    """Return the cells of a format."""
    return {
        "type": kind,
        "fraction bits": str(bits),
        "smallest": str(smallest),
        "largest": str(largest),
    }


FORMATS = {
    "step_log2": cells(step.LOG2_MIN, step.LOG2_MAX, "int32", step.LOG2_FRAC_BITS),
    "step_usual": cells(0, SIZE, "uint32", step.SLOPE_FRAC_BITS + step.USUAL_MORE_BITS),
    "factor": cells(*FACTORS, "int32", step.FACTOR_FRAC_BITS),
}


def check_gain(hold: Hold, gain: tuple[int, int], at: Step, inverse: np.ndarray) -> None:
    """Scale and guard a gain, every intermediate held; exactly the smaller one."""
    hold("scaled_gain", gain[0] * at.factor)
    found = at.gain(gain, inverse)
    assert 1 << 14 <= found[0] < 1 << 15
    free = Fraction(gain[0] * at.factor, 1 << step.FACTOR_FRAC_BITS) / Fraction(2) ** gain[1]
    cap = free
    if inverse.any() and at.guard is not None:
        least = int(inverse[inverse > 0].min())
        shift = bit_length(least) - 15
        short = least >> shift if shift >= 0 else least << -shift
        hold("guard_square", short * short)
        hold("guard_product", at.guard[0] * (short * short >> 15))
        cap = Fraction(at.guard[0]) / Fraction(2) ** at.guard[1] * Fraction(least, 1 << 18) ** 2
    value = Fraction(found[0]) / Fraction(2) ** found[1]
    assert abs(value / min(free, cap) - 1) < Fraction(1, 2**11)


def check_slope(
    hold: Hold, x: np.ndarray, delta: np.ndarray, moved: np.ndarray, exponents: tuple[int, int]
) -> int:
    """The slope of the last layer, every intermediate held."""
    gradients = delta.sum(axis=1)
    k = max(0, bit_length(int(np.abs(gradients).sum())) - step.BLOCK_BITS)
    blocked = shift_truncate(gradients, k)
    hold("slope_gradients", int(np.abs(blocked).sum()))
    along = np.cumsum(moved * blocked, axis=1)
    hold("slope_along", along)
    inputs = x.sum(axis=1) >> bit_length(x.shape[1] - 1)
    hold("slope_sum", np.cumsum(inputs * along[:, -1]))
    found = step.slope(x, exponents[0], delta, moved, exponents[1])
    assert found.value == int((inputs * along[:, -1]).sum())
    now = step.fixed_slope(found)
    hold("slope", now)
    exact = Fraction(found.value) * Fraction(2) ** (step.SLOPE_FRAC_BITS - found.exponent)
    exact = max(min(exact, step.SLOPE_MAX), -step.SLOPE_MAX)
    assert abs(now - exact) < 1
    return now


def check_follow(hold: Hold, log2: int, usual: int, n_samples: int, now: int) -> None:
    """The multiplier's move, every intermediate held."""
    size = abs(now) << step.USUAL_MORE_BITS
    hold("usual_change", abs(size - usual) * (65536 // (min(n_samples, 255) + 1)) + 32768)
    new, mean = step.follow(log2, usual, n_samples, now)
    hold("step_usual", mean)
    assert min(usual, size) <= mean <= max(usual, size)
    down = max(0, bit_length(mean) - 20)
    if size and size >> down < step.SLOPE_LIMIT * (mean >> down):
        hold("step_quotient", (size >> down) * step.RATE)
    assert step.LOG2_MIN <= new <= step.LOG2_MAX
    if now > 0:
        assert new <= log2 + step.PUSH
    if now < 0:
        assert new >= log2


def check_step(
    hold: Hold, spec: NetworkSpec, plan: Any, state: State, passed: Any, delta: np.ndarray,
    mu_frac_bits: int,
) -> Step:  # fmt: skip
    """All of a learning step that is the adaptive step's; returns the step."""
    at = Step.of(plan.guard, state)
    if plan.guard is None:
        return at
    for inverse in passed.inverse_spread:
        check_gain(hold, plan.gain_mu, at, inverse)
    mu = state["mu"][0][-len(state["slow"][0]) :].astype(np.int64)
    moved = (mu - state["slow"][0]).reshape(spec.shapes[-1])
    exponents = passed.frac_bits[-1], mu_frac_bits
    now = check_slope(hold, passed.inputs[-1], delta, moved, exponents)
    assert now == step.fixed_slope(step.look(spec, state, passed, delta, mu_frac_bits))
    fields = (int(state[name][0]) for name in ("step_log2", "step_usual", "n_samples"))
    check_follow(hold, *fields, now)
    return at


def edge_step(state: State, rng: np.random.Generator) -> None:
    """Put what an adaptive step keeps at the ends of its formats, in place."""
    if "step_log2" not in (state.dtype.names or ()):
        return
    state["step_log2"] = rng.choice([step.LOG2_MIN, -1, 0, 1, 70000, step.LOG2_MAX])
    state["step_usual"] = rng.choice([0, 1, 255, 1 << 20, SIZE])
    n = len(state["slow"][0])
    kinds = [np.full(n, -32768), np.full(n, 32767), rng.integers(-32768, 32768, n)]
    state["slow"][0] = kinds[rng.integers(3)]


def exercise(hold: Hold) -> None:
    """Everything at its ends."""
    for log2 in (step.LOG2_MIN, -1, 0, 1, step.LOG2_MAX):
        for guard in ((1 << 14, 20), (MANTISSA, 12)):
            at = Step(step.multiplier(log2), guard)
            hold("adaptive_pull_mu", at.pull_mu(PULL_MAX))
            hold("adaptive_pull_sigma", at.pull_sigma(PULL_MAX))
            for gain in ((1 << 14, 0), (MANTISSA, 30), (MANTISSA, -40), (1 << 14, 60)):
                for inverse in (0, 1 << 10, 1 << 15, (1 << 20) - 1, 1 << 30):
                    check_gain(hold, gain, at, np.array([[0, inverse]]))
    for rows, columns, draws in ((1, 1, 1), (3, 2, 64), (ROWS, 1, 1), (2, 255, 10)):
        for x in (0, 1, (1 << 15) - 1):
            for delta in (0, 1, GRADIENT, (1 << 24) - 1):
                for moved in (MOVED, -MOVED, 1):
                    for exponents in ((0, 0), (8, 20)):
                        check_slope(
                            hold, np.full((rows, draws), x), np.full((columns, draws), delta),
                            np.full((rows, columns), moved), exponents,
                        )  # fmt: skip
    for usual in (0, 1, (1 << 20) - 1, SIZE):
        for n_samples in (0, 1, 254, 255, 2**32 - 1):
            for now in (0, 1, -1, 196606, 196607, step.SLOPE_MAX, -step.SLOPE_MAX):
                for log2 in (step.LOG2_MIN, 0, 1, step.LOG2_MAX):
                    check_follow(hold, log2, usual, n_samples, now)
