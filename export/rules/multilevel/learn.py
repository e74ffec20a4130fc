"""A learning step of weights of few levels in a graph: its golden model, bit for bit.

The names of the steps are those of NUMBERS.md and of :mod:`quant.rules.multilevel.golden`. Rows
that are not taken are not read. The sums of a layer are exact up to 2^16 columns.
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
from export.graph.learner import PaddedStep
from export.graph.shapes import transposed
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    lookup,
    matmul,
    maximum,
    minimum,
    reduce,
    shift_floor,
    shift_round,
    sign,
    where,
)
from export.rules.multilevel.graph import Layer, forward, logits
from quant import noise
from quant.heads.categorical.golden import OUTPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.rules.multilevel.config import COUNTER_MAX, MultilevelConfig
from quant.rules.multilevel.golden import CERTAIN, DELTA_MAX, RAREST
from quant.rules.multilevel.plan import KEEP, MultilevelPlan, make_multilevel_plan
from quant.rules.multilevel.state import stride

_CHANCE_BITS = 24
_SHIFT_MAX = 62


class MultilevelStep(PaddedStep):
    """One learning step: what :class:`export.graph.learner.LearningStep` asks for."""

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, config: MultilevelConfig, fields: Fields
    ) -> None:
        super().__init__(g, spec, config, fields)
        self._plan: MultilevelPlan = make_multilevel_plan(spec, config)
        self._level, self._used = (self.matrices(field, stride) for field in ("level", "used"))
        self._weights: list[Any] = []

    def forward(self, z: Value, epsilon: Sequence[Value]) -> list[Layer]:
        """Run all layers."""
        steps = float(self._plan.steps)
        self._weights = [self.number(raw, k) * 2.0 - steps for k, raw in enumerate(self._level)]
        return forward(self.g, z, self.spec, self._plan, self._weights)

    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Logits, the last layer, and what a logit in Q.16 is divided by."""
        return logits(forward[-1], self._plan), forward[-1], float(1 << OUTPUT_FRAC_BITS)

    def wanted(self) -> list[tuple[int, int]]:
        """The words of a step."""
        found: list[tuple[int, int]] = []
        for layer, (rows, columns) in enumerate(self.shapes):
            found += [
                (noise.STREAM_COLUMN + layer, columns),
                (noise.STREAM_ROW + layer, rows),
                (noise.STREAM_RANGE_ROW + layer, rows),
                (noise.STREAM_PULL_ROW + layer, rows),
            ]
        return found

    def update(self, passed: Sequence[Layer], target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """Backward pass, steps, growth and fading of every layer."""
        plan = self._plan
        delta = softmax_q(logits(passed[-1], plan)) - target * 65536.0
        post = target > 0
        levels: list[str] = []
        counters: list[str] = []
        for layer in range(len(passed) - 1, -1, -1):
            column, row, rises, fades = drawn[4 * layer : 4 * layer + 4]
            here, mine = delta, passed[layer]
            with self.g.scope(f"update_{layer}"):
                if layer:
                    h = self._units(mine.x, layer, axis=1)
                    if any(gain for gain, _ in plan.gains[:layer]):
                        delta = self._backward(layer, here, h)
                level = self._stepped(layer, mine, here, row, column)
                used = self._grown(layer, mine.x, post, rises, column)
                counters.insert(0, self._faded(layer, used, fades, column))
                levels.insert(0, level)
                if layer:
                    post = h >= float(plan.active_q)
        return {"level": self.joined(levels), "used": self.joined(counters)}

    def _units(self, x: Any, layer: int, axis: int) -> Any:
        """Without the bias."""
        if not self.spec.bias:
            return x
        first = np.arange(self.spec.layers[layer])
        return Value(self.g, self.g.op("Gather", x.name, first, axis=axis))

    def _backward(self, layer: int, delta: Any, h: Any) -> Any:
        """Gradient by the sums of the layer below, Q.16."""
        w = self._units(self._weights[layer], layer, axis=0)
        below = matmul(delta, transposed(w)) * float(self._plan.back[layer])
        return clip(where(h > 0, shift_round(below, 16), 0), -DELTA_MAX, DELTA_MAX)

    def _chances(self, layer: int, mine: Layer, delta: Any) -> Any:
        """Probability of a step of each column for an input of 1/16, Q0.24."""
        gain, gain_exponent = self._plan.gains[layer]
        mantissa, exponent = mine.norm
        scale = divide_floor(float(1 << 31), maximum(mantissa, 1)) * float(gain)
        right = minimum(gain_exponent + 7 - exponent, _SHIFT_MAX)
        wide = absolute(delta) * shift_floor(scale, 16)
        return minimum(shift_floor(wide, right), float(CERTAIN))

    def _stepped(self, layer: int, mine: Layer, delta: Any, row: str, column: str) -> str:
        """A layer's levels after the steps of the rows that are taken, padding and all."""
        g, plan, raw = self.g, self._plan, self._level[layer]
        if not plan.gains[layer][0]:
            return raw
        chance = self._chances(layer, mine, delta)
        x = transposed(mine.x)
        bound = minimum(absolute(x) * reduce("Max", chance, 1), float(CERTAIN))
        double = clip(_CHANCE_BITS - bit_length(bound, _CHANCE_BITS + 1), 0, RAREST)
        taken = (bound > 0) & (self._high(row) < shift_floor(np.array(256.0), double))
        rows = self.rows_where(taken, self.shapes[layer][0])
        x, double, taken = (
            Value(g, g.op("Gather", part.name, rows)) for part in (x, double, taken)
        )
        old, used = (
            self.number(g.op("Gather", part, rows), layer) for part in (raw, self._used[layer])
        )
        p = minimum(absolute(x) * chance, float(CERTAIN))
        p = shift_floor(p, 8 - double)
        worth = used * absolute(old * 2.0 - float(plan.steps)) * float(plan.consolidation)
        keep = lookup(KEEP, minimum(shift_floor(worth, 16), len(KEEP) - 1))
        moves = self._both(row, rows, column) < shift_floor(p * keep, 16)
        by = where(moves & taken, sign(x) * sign(delta), 0)
        new = clip(old - by, 0, plan.steps)
        return self.scattered(raw, rows, self.padded("level", new, layer))

    def _grown(self, layer: int, x: Any, post: Any, row: str, column: str) -> str:
        """A layer's counters after both ends of some synapses were active."""
        g, raw, (p, rare) = self.g, self._used[layer], self._plan.growth[layer]
        if not p:
            return raw
        pre = absolute(transposed(x)) >= float(self._plan.active_q)
        taken = pre & (self._high(row) < float(256 >> rare))
        rows = self.rows_where(taken, self.shapes[layer][0])
        old = self.number(g.op("Gather", raw, rows), layer)
        rises = (self._both(row, rows, column) < float(p)) & post
        rises = rises & Value(g, g.op("Gather", taken.name, rows))
        new = minimum(old + where(rises, 1.0, np.array(0.0)), float(COUNTER_MAX))
        return self.scattered(raw, rows, self.padded("used", new, layer))

    def _faded(self, layer: int, raw: str, row: str, column: str) -> str:
        """A layer's counters after those of some rows faded."""
        g, plan = self.g, self._plan
        if not plan.fade:
            return raw
        rows = self.rows_to_pull(layer, plan.sweep)
        old = self.number(g.op("Gather", raw, rows), layer)
        lost = shift_floor(old * float(plan.fade) + self._both(row, rows, column), 16)
        return self.scattered(raw, rows, self.padded("used", old - lost, layer))

    def _high(self, row: str) -> Value:
        """The eight high bits of each row's word, ``number[rows, 1]``."""
        high = self.g.op("BitShift", row, np.array(24, np.uint32), direction="RIGHT")
        return words.number(self.g, self.g.unsqueeze(high, 1))

    def _both(self, row: str, rows: str, column: str) -> Value:
        """The 16 low bits of row XOR column, ``number[rows, columns]``."""
        some = self.g.unsqueeze(self.g.op("Gather", row, rows), 1)
        return words.low_half(self.g, self.g.op("BitwiseXor", some, column))
