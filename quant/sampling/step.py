"""The adaptive step in integers: one multiplier of lr_mu, which follows the stream by itself.

The rule in real numbers: :mod:`streamlearn.adaptive_step`; every format and bound: NUMBERS.md
beside this file. C counterpart: ``kernel/integer/sl_step.h``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quant.heads import HEADS
from quant.integers import Int64, bit_length, shift_round, shift_truncate
from quant.layout import REAL, Field, State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.sampling.config import SamplingConfig
from quant.sampling.golden import Forward
from quant.sampling.plan import mantissa_exponent
from quant.tables import EXP2

#: log2 m: Q.16, within -1/2 … 3.
LOG2_FRAC_BITS = 16
LOG2_MIN, LOG2_MAX = -(1 << 15), 3 << LOG2_FRAC_BITS
#: m itself, Q.12: up to 8.
FACTOR_FRAC_BITS = 12
ONE = 1 << FACTOR_FRAC_BITS
#: A layer's step is held to this many of its own units: m lr_mu s² within this.
GUARD = 4
#: log2 m moves by this, Q.16, where the slope is as large as it usually is; by three of it at most;
RATE = 768
#: and by this at each sample while m is 1 or below.
PUSH = RATE // 16
SLOPE_LIMIT = 3
#: The slope: Q.16, its usual size with four bits more, over so many samples.
SLOPE_FRAC_BITS = 16
SLOPE_MAX = (1 << 28) - 1
USUAL_MORE_BITS = 4
USUAL_WINDOW = 256
#: The slow copy follows 1/64 of its rows at each sample, by a quarter.
SLOW_ROWS = 64
SLOW_SHIFT = 2
#: Gradients of the slope: the sum of their magnitudes is below two to this.
BLOCK_BITS = 15

Scale = tuple[int, int]


def fields(spec: NetworkSpec, config: SamplingConfig, numbers: str) -> list[Field]:
    """Return what an adaptive step keeps in the state; nothing if it is fixed."""
    if config.step == "fixed":
        return []
    rows, columns = spec.shapes[-1]
    if numbers in REAL:
        real = REAL[numbers]
        return [
            Field("step_log2", real, "log2 of the multiplier of lr_mu"),
            Field("step_usual", real, "running mean of the slope's magnitude", least=0),
            Field("slow", real, "slow copy of mu of the last layer", (rows * columns,)),
        ]
    return [
        Field(
            "step_log2", "<i4", "log2 of the multiplier of lr_mu, Q.16", (), 0, LOG2_MIN, LOG2_MAX
        ),
        Field(
            "step_usual",
            "<u4",
            "running mean of the slope's magnitude, Q.20",
            most=SLOPE_MAX << USUAL_MORE_BITS,
        ),
        Field("slow", "<i2", "slow copy of mu of the last layer, in its format", (rows * columns,)),
    ]


def start(spec: NetworkSpec, config: SamplingConfig, state: State) -> None:
    """Set the slow copy to μ, in place; the multiplier starts at 1."""
    if config.step == "adaptive":
        state["slow"][0] = layer_view(spec, state, "mu", len(spec.shapes) - 1).ravel()


def guard_gain(spec: NetworkSpec, config: SamplingConfig) -> Scale | None:
    """Return what a layer's gain times s² may be, as ``gain`` gives it; None if fixed."""
    if config.step == "fixed":
        return None
    shift = HEADS[spec.head].gradient_shift
    return mantissa_exponent(GUARD * 2**shift / config.n_draws, 15)


def multiplier(log2: int) -> int:
    """Return 2^log2 in Q.12, from Q.16 within -1/2 … 3."""
    below = (LOG2_MAX - log2) >> 8
    return int(EXP2[below & 255]) >> (below >> 8)


def scaled(scale: Scale, factor: int) -> Scale:
    """Multiply ``mantissa · 2^-exponent`` by a factor in Q.12; a mantissa of 15 bits again."""
    product = scale[0] * factor
    drop = max(bit_length(product) - 15, 0)
    return product >> drop, scale[1] + FACTOR_FRAC_BITS - drop


def guarded(gain: Scale, guard: Scale, inverse: int) -> Scale:
    """Return the smaller of a gain and guard/s²; 1/s in Q.18, 0 where s is 0."""
    if inverse == 0:
        return gain
    shift = bit_length(inverse) - 15
    short = inverse >> shift if shift >= 0 else inverse << -shift
    product = guard[0] * (short * short >> 15)
    drop = bit_length(product) - 15
    cap = product >> drop, guard[1] + 2 * (18 - shift) - 15 - drop
    return cap if cap[1] > gain[1] or (cap[1] == gain[1] and cap[0] < gain[0]) else gain


class Slope(NamedTuple):
    """Σ g (μ - slow) of the last layer, ``value · 2^-exponent``, but for a factor of the draws."""

    value: int
    exponent: int


def slope(x: Int64, frac_bits: int, delta: Int64, moved: Int64, mu_frac_bits: int) -> Slope:
    """Return the slope of the loss along the recent movement of the last layer.

    ``g`` is the product of the means over the draws of the layer's inputs and of its gradients.

    Parameters
    ----------
    x : int64[rows, draws or 1]
        Inputs.
    frac_bits : int
    delta : int64[columns, draws]
        Gradients, .20.
    moved : int64[rows, columns]
        μ - slow, before the step.
    mu_frac_bits : int
    """
    inputs = x.sum(axis=1) >> bit_length(x.shape[1] - 1)
    gradients = delta.sum(axis=1)
    k = max(0, bit_length(int(np.abs(gradients).sum())) - BLOCK_BITS)
    along = moved @ shift_truncate(gradients, k)
    return Slope(int((inputs * along).sum()), frac_bits + 20 - k + mu_frac_bits)


def fixed_slope(found: Slope) -> int:
    """Return a slope in Q.16, within ±(2^28 - 1)."""
    size = abs(found.value)
    right = found.exponent - SLOPE_FRAC_BITS
    if right >= 0:
        size = size >> min(right, 63)
    elif bit_length(size) - right > 28:
        size = SLOPE_MAX
    else:
        size = size << -right
    size = min(size, SLOPE_MAX)
    return -size if found.value < 0 else size


def follow(log2: int, usual: int, n_samples: int, now: int) -> tuple[int, int]:
    """Return the new log2 m and the new usual size, from a slope in Q.16."""
    rate = 65536 // (min(n_samples, USUAL_WINDOW - 1) + 1)
    size = abs(now) << USUAL_MORE_BITS
    usual = usual + ((size - usual) * rate + 32768 >> 16)
    down = max(0, bit_length(usual) - 20)
    a, b = size >> down, usual >> down
    move = 0 if size == 0 else SLOPE_LIMIT * RATE if a >= SLOPE_LIMIT * b else a * RATE // b
    move = move if now < 0 else -move
    if log2 <= 0:
        move += PUSH
    return min(max(log2 + move, LOG2_MIN), LOG2_MAX), usual


@dataclass(frozen=True)
class Step:
    """One sample's learning rates.

    Attributes
    ----------
    factor : int
        m in Q.12.
    guard : (int, int) or None
        None: the step is fixed, and m is 1.
    """

    factor: int = ONE
    guard: Scale | None = None

    @classmethod
    def of(cls, guard: Scale | None, state: State) -> Step:
        """Return it as the state has it."""
        if guard is None:
            return cls()
        return cls(multiplier(int(state["step_log2"][0])), guard)

    @property
    def hurry(self) -> int:
        """By what the memory window is shorter: max(1, m), Q.12."""
        return max(self.factor, ONE)

    def gain(self, gain: Scale, inverse: Int64) -> Scale:
        """Return a layer's gain of μ, from the inverse of its units' spreads."""
        if self.guard is None:
            return gain
        least = int(inverse[inverse > 0].min(initial=1 << 30)) if inverse.any() else 0
        return guarded(scaled(gain, self.factor), self.guard, least)

    def pull_mu(self, pull: int) -> int:
        """Return the pull of μ: m·max(1, m) times as hard."""
        return (pull * self.factor >> FACTOR_FRAC_BITS) * self.hurry >> FACTOR_FRAC_BITS

    def pull_gain(self, gain: Scale) -> Scale:
        """Return the pull of μ, as ``pull_mu``, of a mantissa and an exponent."""
        return gain if self.guard is None else scaled(scaled(gain, self.factor), self.hurry)

    def pull_sigma(self, pull: int) -> int:
        """Return the pull of σ: max(1, m) times as hard."""
        return pull * self.hurry >> FACTOR_FRAC_BITS


def look(
    spec: NetworkSpec, state: State, forward: Forward, delta: Int64, mu_frac_bits: int
) -> Slope:
    """Return the slope from the last layer's gradients, before its step."""
    last = len(spec.shapes) - 1
    mu = layer_view(spec, state, "mu", last).astype(np.int64)
    slow = state["slow"][0].reshape(spec.shapes[last]).astype(np.int64)
    return slope(forward.inputs[last], forward.frac_bits[last], delta, mu - slow, mu_frac_bits)


def rescale_slow(state: State, up: int) -> None:
    """Follow the format of μ of the last layer, in place, by ``up`` bits: -1, 0 or 1."""
    if up:
        wide = state["slow"].astype(np.int64)
        state["slow"] = np.clip(wide << 1 if up > 0 else wide >> 1, -32768, 32767)


def commit(spec: NetworkSpec, state: State, found: Slope) -> None:
    """Move log2 m, and let some rows of the slow copy follow μ; ``n_samples`` is still the old."""
    if replaying(state):  # it follows the stream
        return
    last, n_samples = len(spec.shapes) - 1, int(state["n_samples"][0])
    state["step_log2"], state["step_usual"] = follow(
        int(state["step_log2"][0]), int(state["step_usual"][0]), n_samples, fixed_slope(found)
    )
    slow = state["slow"][0].reshape(spec.shapes[last])
    rows = slice(-n_samples % SLOW_ROWS, None, SLOW_ROWS)
    mu = layer_view(spec, state, "mu", last)[rows].astype(np.int64)
    slow[rows] += shift_round(mu - slow[rows], SLOW_SHIFT).astype(np.int16)
