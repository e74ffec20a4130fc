"""The adaptive step of both MESU rules in a graph: :mod:`quant.sampling.step`, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.shapes import reshaped, stored, transposed
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    divided,
    equal,
    floor,
    lookup,
    matmul,
    maximum,
    minimum,
    reduce,
    scaled,
    shift_floor,
    shift_round,
    shift_truncate,
    where,
)
from quant.network import NetworkSpec
from quant.sampling.step import (
    BLOCK_BITS,
    FACTOR_FRAC_BITS,
    LOG2_MAX,
    LOG2_MIN,
    ONE,
    PUSH,
    RATE,
    SLOPE_FRAC_BITS,
    SLOPE_LIMIT,
    SLOPE_MAX,
    SLOW_ROWS,
    SLOW_SHIFT,
    USUAL_MORE_BITS,
    USUAL_WINDOW,
)
from quant.tables import EXP2

#: ``mantissa · 2^-exponent``, constants or values.
Scale = tuple[Any, Any]
_NOTHING = 1 << 31


def exp2_below(down: Any, whole_bits: int) -> tuple[Any, Any]:
    """Return 2^-(the fraction of down) from its table, and the whole part of down."""
    whole = shift_floor(down, whole_bits)
    index = shift_floor(down - whole * float(1 << whole_bits), whole_bits - 8)
    return lookup(EXP2, index), whole


def apply_gain(x: Any, gain: Scale, drop: int) -> tuple[Any, Any]:
    """Normalise to 15 bits, multiply by the gain's mantissa, keep all but ``drop`` bits."""
    x, shift = normalised(x, 15)
    return shift_round(x * gain[0], drop), shift + gain[1] - drop


def normalised(x: Any, bits: int) -> tuple[Any, Any]:
    """Scale by 2^shift so that the largest magnitude of a matrix has ``bits`` bits."""
    shift = bits - bit_length(reduce("Max", absolute(x), None), 48)
    return shift_round(x, -shift), shift


@dataclass(frozen=True)
class Rates:
    """One sample's learning rates, as :class:`quant.sampling.step.Step`.

    Attributes
    ----------
    factor, hurry : number
        m, and max(1, m), in Q.12.
    guard : (int, int) or None
        None: the step is fixed, and m is 1.
    """

    factor: Any
    hurry: Any
    guard: tuple[int, int] | None

    @classmethod
    def of(cls, guard: tuple[int, int] | None, fields: Fields) -> Rates:
        """Return them as the state has them."""
        if guard is None:
            return cls(ONE, ONE, None)
        mantissa, whole = exp2_below(shift_floor(LOG2_MAX - fields.value("step_log2"), 8), 8)
        factor = floor(divided(mantissa, whole))
        return cls(factor, maximum(factor, ONE), guard)

    def gain(self, gain: tuple[int, int], inverse: Any) -> Scale:
        """A layer's gain of μ, from the inverse of its units' spreads."""
        if self.guard is None:
            return gain
        least = reduce("Min", where(inverse > 0, inverse, float(_NOTHING)), None)
        least = reshaped(minimum(least, 1 << 30), [1, 1])
        nothing = equal(reduce("Max", inverse, None), 0)
        mine = scaled_gain(gain, self.factor)
        shift = bit_length(least, 32) - 15
        short = shift_floor(least, shift)
        product = self.guard[0] * shift_floor(short * short, 15)
        drop = bit_length(product, 32) - 15
        cap = shift_floor(product, drop), self.guard[1] + 2 * (18 - shift) - 15 - drop
        smaller = (cap[1] > mine[1]) | (equal(cap[1], mine[1]) & (cap[0] < mine[0]))
        smaller = smaller & ~nothing
        return where(smaller, cap[0], mine[0]), where(smaller, cap[1], mine[1])

    def pull_mu(self, pull: int) -> Any:
        """The pull of μ: m·max(1, m) times as hard."""
        if self.guard is None:
            return pull
        once = shift_floor(pull * self.factor, FACTOR_FRAC_BITS)
        return shift_floor(once * self.hurry, FACTOR_FRAC_BITS)

    def pull_gain(self, gain: tuple[int, int]) -> Scale:
        """The pull of μ, as ``pull_mu``, of a mantissa and an exponent."""
        return (
            gain if self.guard is None else scaled_gain(scaled_gain(gain, self.factor), self.hurry)
        )

    def pull_sigma(self, pull: int) -> Any:
        """The pull of σ: max(1, m) times as hard."""
        if self.guard is None:
            return pull
        return shift_floor(pull * self.hurry, FACTOR_FRAC_BITS)


def scaled_gain(gain: Scale, factor: Any) -> Scale:
    """Multiply a gain by a factor in Q.12; a mantissa of 15 bits again."""
    product = gain[0] * factor
    drop = maximum(bit_length(reshaped(product, [1, 1]), 32) - 15, 0)
    return shift_floor(product, drop), gain[1] + FACTOR_FRAC_BITS - drop


def slope(
    g: GraphBuilder, x: Any, draws: int, frac_bits: Any, delta: Any, moved: Any, mu_frac_bits: Any
) -> Any:
    """Σ g (μ - slow) of the last layer in Q.16, within ±(2^28 - 1), ``number[1, 1]``.

    ``x`` is ``[draws, rows]``, ``delta`` ``[draws, columns]``, ``moved`` ``[rows, columns]``. The
    sum may have 62 bits: it is taken in int64.
    """
    inputs = reduce("Sum", x, 0)
    if draws > 1:
        inputs = shift_floor(inputs, (draws - 1).bit_length())
    gradients = reduce("Sum", delta, 0)
    k = maximum(bit_length(reduce("Sum", absolute(gradients), 1), 48) - BLOCK_BITS, 0)
    along = matmul(moved, transposed(shift_truncate(gradients, k)))
    products = g.op("MatMul", stored(inputs, TensorProto.INT64), stored(along, TensorProto.INT64))
    right = frac_bits + 20 - k + mu_frac_bits - SLOPE_FRAC_BITS
    powers = np.left_shift(np.int64(1), np.arange(63))
    down = g.op("Gather", powers, stored(clip(right, 0, 62), TensorProto.INT64))
    size: Any = Value(g, g.cast(g.op("Div", g.op("Abs", products), down), TensorProto.DOUBLE))
    size = minimum(scaled(minimum(size, 1 << 28), maximum(-right, 0)), SLOPE_MAX)
    return where(Value(g, g.op("Less", products, 0)), -size, size)


def follow(log2: Any, usual: Any, n_samples: Any, now: Any) -> tuple[Any, Any]:
    """The new log2 m and the new usual size, from a slope in Q.16."""
    rate = divide_floor(65536.0, minimum(n_samples, USUAL_WINDOW - 1) + 1)
    size = absolute(now) * float(1 << USUAL_MORE_BITS)
    usual = usual + shift_round((size - usual) * rate, 16)
    down = maximum(bit_length(reshaped(usual, [1, 1]), 33) - 20, 0)
    a, b = shift_floor(size, down), shift_floor(usual, down)
    move = where(
        a >= SLOPE_LIMIT * b, SLOPE_LIMIT * RATE, divide_floor(a * float(RATE), maximum(b, 1))
    )
    move = where(equal(size, 0), 0, move)
    move = where(now < 0, move, -move) + where(log2 <= 0, PUSH, 0)
    return clip(log2 + move, LOG2_MIN, LOG2_MAX), usual


def commit(spec: NetworkSpec, fields: Fields, now: Any, mu: Any, slow: Any) -> Any:
    """The new fields: log2 m has moved, and some rows of the slow copy follow μ.

    ``mu`` and ``slow`` are ``number[rows, columns]``, after the step.
    """
    rows = spec.shapes[-1][0]
    n_samples = fields.value("n_samples")
    log2, usual = follow(fields.value("step_log2"), fields.value("step_usual"), n_samples, now)
    phase = n_samples + np.arange(rows, dtype=np.float64)[:, None]
    turn = equal(phase - SLOW_ROWS * floor(phase * (1 / SLOW_ROWS)), 0)
    slow = where(turn, slow + shift_round(mu - slow, SLOW_SHIFT), slow)
    return {"step_log2": log2, "step_usual": usual, "slow": slow}
