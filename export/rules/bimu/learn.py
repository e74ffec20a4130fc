"""A learning step of BiMU in a graph: its golden model, bit for bit.

The names of the steps are those of NUMBERS.md and of :mod:`quant.rules.bimu.golden_steps`. Rows of
the first layer that are not taken are not read. The sums of a layer behind the first are exact up
to 2^14 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.graph import words
from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.heads.categorical import softmax_q
from export.graph.learner import DrawnStep, PaddedStep, inverse_of
from export.graph.shapes import squeezed, transposed
from export.graph.whole import (
    Value,
    absolute,
    clip,
    lookup,
    matmul,
    maximum,
    minimum,
    reduce,
    shift_floor,
    shift_round,
    where,
)
from export.rules.bimu.gather import gathered_steps
from export.rules.bimu.graph import Layer, forward, logits
from export.rules.bimu.normal import inverse_mantissa, size_of, slopes, without_radial
from quant import noise
from quant.cuts import SIGN
from quant.front_end import INPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.rules.bimu.belief import belief_as
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.golden import RATIO_MAX
from quant.rules.bimu.golden_spikes import DELTA_MAX
from quant.rules.bimu.golden_steps import (
    INPUT_BITS,
    LANE_BITS,
    RAREST,
    RIGHT_MAX,
)
from quant.rules.bimu.plan import (
    SETTLE_FRAC_BITS,
    SHRINK,
    BimuPlan,
    make_bimu_plan,
)
from quant.rules.bimu.state import stride
from quant.spiking.golden import GATE_FRAC_BITS

#: Bits of a column's sum of magnitudes times the scale: 64 draws of 24 bits, 15 bits.
_WIDE_BITS = 46
_ROW_BITS = 21


class BimuStep(PaddedStep, DrawnStep):
    """One learning step: what :class:`export.graph.learner.LearningStep` asks for."""

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, config: BimuConfig, fields: Fields
    ) -> None:
        super().__init__(g, spec, config, fields)
        self._belief = belief_as(fields.dtype("belief"))
        self.plan: BimuPlan = make_bimu_plan(spec, config, self._belief)
        self.shapes = self.plan.shapes
        self._raw = self.matrices("belief", stride)
        self._weights: list[tuple[Any, Any]] = []

    def forward(self, z: Value, epsilon: Sequence[Value]) -> list[Layer]:
        """Run all layers."""
        law = self.plan.law
        bytes_ = [self._byte(self.number(raw, k)) for k, raw in enumerate(self._raw)]
        self._weights = [(lookup(law.mean, byte), lookup(law.variance, byte)) for byte in bytes_]
        fire = None
        if self.time is not None:
            z, fire = self.time.arrive(z), self.time.fire
        return forward(self.g, z, self.spec, self.plan, self._weights, epsilon, fire)

    def _rounded(self, belief: Any) -> Any:
        """λ in LSBs of a byte."""
        return shift_round(belief, self._belief.low_bits)

    def _byte(self, belief: Any) -> Any:
        """Where tables have λ."""
        return self._rounded(belief) + 128.0

    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Logits, the last layer, and what the sum of all draws is divided by."""
        return squeezed(logits(forward[-1], self.plan), 0), forward[-1], self.unit

    def wanted(self) -> list[tuple[int, int]]:
        """The words of a step."""
        found: list[tuple[int, int]] = []
        for layer, (rows, columns) in enumerate(self.shapes):
            found += [
                (noise.STREAM_ROW + layer, rows),
                (noise.STREAM_COLUMN + layer, columns),
                (noise.STREAM_PULL_ROW + layer, rows),
            ]
        return found

    def update(self, passed: Sequence[Layer], target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """Backward pass, steps and pull of every layer."""
        plan = self.plan
        outputs = squeezed(logits(passed[-1], plan), 0)
        delta = softmax_q(outputs) - target * 65536.0
        last = passed[-1]
        wide = Value(self.g, self.g.unsqueeze(delta.name, 0))
        delta = squeezed(without_radial(wide, last.apart, last.size, plan), 0)
        delta = clip(shift_round(delta * float(plan.scale_q), 8), -DELTA_MAX, DELTA_MAX)
        new: list[str] = []
        for layer in range(len(passed) - 1, -1, -1):
            with self.g.scope(f"update_{layer}"):
                mine = passed[layer]
                inverse = inverse_of(squeezed(mine.spread, 0))
                ratio = shift_round(mine.epsilon * inverse, 14)
                noisy = clip(shift_round(delta * ratio, 12), -RATIO_MAX, RATIO_MAX)
                used = delta
                if layer > 0:
                    delta = self._backward(layer, mine, passed[layer - 1], used, noisy)
                row, column, pull = drawn[3 * layer : 3 * layer + 3]
                if layer == 0 and self.plan.gather > 1:
                    stepped, gathered = gathered_steps(self, mine, used, noisy, row, column)
                else:
                    stepped, gathered = self._stepped(layer, mine, used, noisy, row, column), {}
                new.insert(0, self._pulled(layer, stepped, pull, column))
        return {"belief": self.joined(new), **gathered}

    def _backward(self, layer: int, mine: Layer, below: Layer, delta: Any, noisy: Any) -> Any:
        """Gradient by the sums of the layer below over the norm of their input, Q.16."""
        x, (tanh, variance) = squeezed(mine.x, 0), self._weights[layer]
        if self.reads_more(layer):
            first = np.arange(self.spec.layers[layer])
            x = Value(self.g, self.g.op("Gather", x.name, first, axis=1))
            tanh, variance = (
                Value(self.g, self.g.op("Gather", part.name, first)) for part in (tanh, variance)
            )
        through = shift_round(matmul(noisy, transposed(variance)), 15)
        gradient = shift_round(matmul(delta, transposed(tanh)), 8)
        gate = None if self.time is None else self.time.gates[layer - 1]
        if gate is None:
            gradient = gradient + where(x > 0, through, 0.0)
            gradient = gradient * squeezed(slopes(below.apart, below.size, self.plan), 0)
        else:
            gradient = where(gate > 0, gradient + shift_round(through * x, INPUT_FRAC_BITS), 0.0)
        mantissa, exponent = size_of(mine.size)
        gradient = shift_round(gradient * inverse_mantissa(mantissa), maximum(31 - exponent, 0))
        gradient = clip(gradient, -DELTA_MAX, DELTA_MAX)
        return gradient if gate is None else shift_round(gradient * gate, GATE_FRAC_BITS)

    def _stepped(
        self, layer: int, mine: Layer, delta: Any, noisy: Any, row: str, column: str
    ) -> str:
        """A layer's bytes after the steps of the rows that are taken, padding and all."""
        g, plan = self.g, self.plan
        mantissa, exponent = size_of(mine.size)
        x = transposed(squeezed(mine.x, 0))
        size = reduce("Max", absolute(x), 1)
        square = size * size
        largest = np.array([[float(SIGN)]])
        if layer == 0 or self.time is not None:
            largest = reduce("Max", size, None)
        scale, exponent = (
            inverse_mantissa(mantissa) * float(plan.gain[0]),
            23 + plan.gain[1] - exponent,
        )
        scale = shift_floor(scale, 16)
        d, right = _lanes(delta, scale, exponent, largest)
        r, right_noisy = _lanes(noisy, scale, exponent + 4, largest * largest)
        if layer == 0:  # one input for all draws
            d, r = reduce("Sum", d, 0), reduce("Sum", r, 0)
        bound = shift_round(size * _most(d), right)
        bound = bound + shift_round(square * _most(r), right_noisy)
        rarity, taken = self.turn(bound, row)
        taken = taken & (mantissa > 0)
        rows = self.rows_where(taken, self.shapes[layer][0])
        x, rarity, taken = (
            Value(g, g.op("Gather", part.name, rows)) for part in (x, rarity, taken)
        )
        sums = shift_round(matmul(x, d), right), shift_round(matmul(x * x, r), right_noisy)
        return self.moved(layer, rows, sums, rarity, taken, g.op("Gather", row, rows), column)

    def turn(self, bound: Any, row: str) -> tuple[Any, Any]:
        """How often rows' steps are doubled, and whether it is their turn; ``row``: words."""
        g = self.g
        rarity = clip(self._belief.step_frac_bits - bit_length(bound, _ROW_BITS), 0, RAREST)
        high = g.op("BitShift", row, np.array(24, np.uint32), direction="RIGHT")
        often = shift_floor(np.array(256.0), rarity)
        taken = (bound > 0) & (words.number(g, g.unsqueeze(high, 1)) < often)
        return rarity, taken

    def moved(
        self,
        layer: int,
        rows: str,
        sums: tuple[Any, Any],
        rarity: Any,
        taken: Any,
        row: str,
        column: str,
    ) -> str:
        """A layer's bytes after the steps of some rows, padding and all."""
        g, raw, bits = self.g, self._raw[layer], self._belief.step_frac_bits
        old = self.number(g.op("Gather", raw, rows), layer)
        step = self._step(old, *sums)
        u = _dither(g, row, column, (1 << bits) - 1)
        moved = shift_floor(shift_floor(step, -rarity) + u, bits)
        new = clip(old - where(taken, moved, 0), -self._belief.most, self._belief.most)
        return self.scattered(raw, rows, self.padded("belief", new, layer))

    def _step(self, old: Any, g: Any, q: Any) -> Any:
        """Steps against the gradient, in LSBs, .12: shrunk where they are large."""
        caution, shift = self.plan.caution
        byte, law = self._byte(old), self.plan.law
        t = lookup(law.mean, byte)
        lean = t if law.lean is law.mean else lookup(law.lean, byte)
        y = shift_round((g - shift_round(lean * q, 8)) * lookup(law.slope >> 5, byte), 10)
        against = absolute(y) + shift_floor(y * t, 8)
        worth = minimum(shift_floor(against * float(caution), shift), len(SHRINK) - 1)
        step = shift_round(y * lookup(SHRINK, worth), 10)
        if not self.plan.settle_q:
            return step
        settled = shift_round(absolute(step) * t, 8) * float(self.plan.settle_q)
        return step + shift_round(settled, SETTLE_FRAC_BITS)

    def _pulled(self, layer: int, raw: str, pull: str, column: str) -> str:
        """A layer's bytes after the prior's pull on some rows."""
        g = self.g
        rows = self.rows_to_pull(layer, self.plan.sweep)
        old = self.number(g.op("Gather", raw, rows), layer)
        u = _dither(g, g.op("Gather", pull, rows), column, 0xFFFF)
        size = absolute(old)
        far = lookup(self.plan.pull, self._rounded(size))
        if self._belief.low_bits:
            far = shift_floor(size * far, self.plan.pull_shift)
        step = shift_floor(far + u, 16)
        new = where(old < 0, old + step, old - step)
        return self.scattered(raw, rows, self.padded("belief", new, layer))


def _most(lanes: Any) -> Any:
    """The largest sum of magnitudes of a column's lanes."""
    return reduce("Max", reduce("Sum", absolute(lanes), 0), 1)


def _lanes(y: Any, scale: Any, exponent: Any, largest: Any) -> tuple[Any, Any]:
    """``y · scale`` in 14 bits for the sum of a column's draws, and the shift that remains."""
    most = _most(y) * scale
    drop = bit_length(most, _WIDE_BITS) - LANE_BITS
    least = maximum(bit_length(largest, 16) - INPUT_BITS, 0)
    return shift_round(y * scale, drop), minimum(maximum(exponent - drop, least), RIGHT_MAX)


def _dither(g: GraphBuilder, rows: str, columns: str, mask: int) -> Value:
    """Low bits of row XOR column, ``number[rows, columns]``."""
    both = g.op("BitwiseXor", g.unsqueeze(rows, 1), columns)
    return words.number(g, g.op("BitwiseAnd", both, np.array(mask, np.uint32)))
