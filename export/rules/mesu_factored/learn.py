"""A learning step of MESU with factored variance in a graph: its golden model, bit for bit.

The names of the steps are those of NUMBERS.md and of ``golden_*``; shapes as in
:mod:`export.rules.mesu.learn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph import step, words
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.heads import HEADS
from export.graph.learner import (
    SamplingStep,
    inverse_of,
    shift_saturate,
)
from export.graph.sampling import Layer, integer_layers, narrow_inputs
from export.graph.shapes import (
    column,
    expanded,
    read,
    reshaped,
    squeezed,
    transposed,
)
from export.graph.step import Rates, Scale
from export.graph.whole import (
    Value,
    clip,
    floor,
    matmul,
    maximum,
    minimum,
    reduce,
    shift_floor,
    shift_round,
    where,
)
from export.rules.mesu_factored import factors
from export.rules.mesu_factored.backward import Curvature, curvature, most, squeezed_pass
from export.rules.mesu_factored.graph import (
    Weights,
    forward_layer,
    octave,
    top_bits,
)
from quant import noise
from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.golden_mu import PEAK_HIGH, PEAK_LOW
from quant.rules.mesu_factored.plan import MU_FRAC_BITS_MAX, FactoredPlan, make_factored_plan
from quant.sampling.golden import DELTA_MAX, MU_STEP_BITS


class FactoredStep(SamplingStep):
    """One learning step: what :class:`export.graph.learner.LearningStep` asks for."""

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, config: MesuFactoredConfig, fields: Fields
    ) -> None:
        super().__init__(g, spec, config, fields)
        self._plan: FactoredPlan = make_factored_plan(spec, config)
        self._mu = self.matrices(fields.parts("mu", [rows * n for rows, n in spec.shapes]))
        self._row = fields.parts("row", [rows for rows, _ in spec.shapes])
        self._column = fields.parts("column", [n for _, n in spec.shapes])
        self._active = ""
        self._weights: list[Weights] = []

    def forward(self, z: Value, epsilon: Sequence[Value]) -> list[Layer]:
        """Run all layers."""
        return integer_layers(self.g, z, self.spec, self._plan.n_draws, epsilon, self._layer)

    def _layer(self, index: int, x: Value, frac_bits: Any, epsilon: Value) -> Layer:
        g, rows = self.g, None
        given = self._mu[index], self._row[index]
        top = reduce("Max", octave(read(g, self._row[index])), None, keepdims=False)
        if index == 0:
            rows = self.spec.shapes[0][0]
            self._active = self.rows_that_count(x)
            given = g.op("Gather", given[0], self._active), g.op("Gather", given[1], self._active)
            x = Value(g, g.op("Gather", x.name, self._active, axis=2))
        mu, row, columns = (read(g, part) for part in (*given, self._column[index]))
        weights = Weights(mu, self._one("mu_frac_bits", index), row, columns, top)
        self._weights.append(weights)
        v_exponent = self._plan.layers[index].v_exponent
        return forward_layer(x, frac_bits, weights, v_exponent, epsilon, rows)

    def _one(self, name: str, index: int) -> Any:
        """A layer's number, ``number[]``."""
        return reshaped(column(self.fields.value(name), index, 0), [])

    def wanted(self) -> list[tuple[int, int]]:
        """The words of a step."""
        found: list[tuple[int, int]] = []
        for layer, (rows, columns) in enumerate(self.spec.shapes):
            found += [
                (noise.STREAM_COLUMN + layer, columns),
                (noise.STREAM_ROW + layer, rows),
                (noise.STREAM_PULL_ROW + layer, rows),
                (noise.STREAM_RANGE_ROW + layer, rows),
            ]
        return found

    def update(self, layers: Sequence[Layer], target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """Backward pass and update of every layer; the new fields of the rule."""
        rates, last = Rates.of(self._plan.guard, self.fields), len(layers) - 1
        found = [squeezed_pass(layer) for layer in layers]
        delta = HEADS[self.spec.head].output_gradient(self.g, found[-1].a, target)
        slope: Any = None
        slow: Any = None
        if self._plan.guard is not None:
            slow = reshaped(self.fields.value("slow"), self.spec.shapes[last])
            slope = self._slope(found[last], delta, slow)
        new: list[list[str]] = []
        for index in range(last, -1, -1):
            with self.g.scope(f"update_{index}"):
                layer, weights = found[index], self._weights[index]
                blocked, k_delta, curve = curvature(
                    self.g, delta, layer, index == 0, self.spec.shapes[index][1]
                )
                previous = delta
                if index > 0:
                    delta = self._backward(index, layer, weights, blocked, k_delta, curve)
                given = index, layer, previous, curve, rates, drawn[4 * index : 4 * index + 4]
                new.insert(0, self._updated(*given))
        names = ("mu", "row", "column", "mu_frac_bits", "mu_peak")
        flat = {name: self.joined([part[k] for part in new]) for k, name in enumerate(names)}
        if slope is not None:
            up = read(self.g, new[last][3]) - self._one("mu_frac_bits", last)
            finer = where(up > 0, slow * 2.0, where(up < 0, floor(slow * 0.5), slow))
            with self.g.scope("step"):
                mu, slow = read(self.g, new[last][0]), clip(finer, -32768, 32767)
                moved = step.commit(self.spec, self.fields, slope, mu, slow)
            flat.update(self.fields.stored_all(moved))
        return flat

    def _slope(self, layer: Layer, delta: Any, slow: Any) -> Any:
        last = len(self.spec.shapes) - 1
        if last == 0:
            slow = Value(self.g, self.g.op("Gather", slow.name, self._active))
        weights = self._weights[last]
        draws = self._plan.n_draws if last else 1
        with self.g.scope("slope"):
            return step.slope(
                self.g, layer.x, draws, layer.frac_bits, delta, weights.mu - slow,
                weights.mu_frac_bits,
            )  # fmt: skip

    def _backward(
        self, index: int, layer: Layer, weights: Weights, delta: Any, k_delta: Any, curve: Curvature
    ) -> Any:
        """Gradient by a layer's inputs, masked by their ReLU, ``number[draws, units]``, Q4.20."""
        x, mu, row = layer.x, weights.mu, weights.row
        if self.spec.bias:
            first = np.arange(self.spec.layers[index])
            x = Value(self.g, self.g.op("Gather", x.name, first, axis=1))
            mu, row = (Value(self.g, self.g.op("Gather", part.name, first)) for part in (mu, row))
        gradient = shift_round(matmul(delta, transposed(mu)), weights.mu_frac_bits - k_delta)
        through = x * shift_floor(top_bits(row, 12) * curve.by_row, 11)
        v_exponent = self._plan.layers[index].v_exponent
        right = layer.frac_bits + curve.row_exponent + 8 - v_exponent - octave(row)
        gradient = gradient + shift_round(through, right)
        return clip(where(x > 0, gradient, 0), -DELTA_MAX, DELTA_MAX)

    def _updated(
        self,
        index: int,
        layer: Layer,
        delta: Any,
        curve: Curvature,
        rates: Rates,
        drawn: Sequence[str],
    ) -> list[str]:
        """A layer's new μ, factors, fraction bits and peak, in their own types."""
        g, plan, mine, was = self.g, self._plan, self._plan.layers[index], self._weights[index]
        columns, row_words, pull_words, range_words = drawn
        x, narrow = layer.x, 0
        if index > 0:
            xn, narrow = narrow_inputs(expanded(x, 0), first=False)
            x, narrow = squeezed(xn, 0), squeezed(narrow, 0)
        else:
            row_words = g.op("Gather", row_words, self._active)
        frac_bits = layer.frac_bits - narrow
        inputs = transposed(x)
        low = words.number(g, words.dither(g, row_words, columns)[0])
        gain = rates.gain(plan.gain_mu, inverse_of(layer.spread))
        stepped = self._stepped_mu(index, was, inputs, frac_bits, delta, gain)
        wide = was.mu + shift_floor(stepped + low, 16)
        mu = clip(wide, -32768, 32767)
        clamped = most(mu, wide)
        kept = self.fields.stored("mu", mu)
        if index == 0:
            kept = self.scattered(self._mu[0], self._active, kept)

        pulled = self.rows_to_pull(index, plan.sweep)
        rows = g.op("Gather", pull_words, pulled)
        low = words.number(g, words.dither(g, rows, columns)[0])
        part = read(g, g.op("Gather", kept, pulled))
        row = read(g, g.op("Gather", self._row[index], pulled))
        wide = factors.pull_mu(part, was, row, mine, rates, low)
        part = clip(wide, -32768, 32767)
        kept = self.scattered(kept, pulled, self.fields.stored("mu", part))
        clamped = maximum(clamped, most(part, wide))
        peak = maximum(self._one("mu_peak", index), most(part, 0))
        peak = where(clamped > 0, 32768, peak)

        new_row = factors.step_rows(was.row, inputs, frac_bits, curve, mine)
        stored_row = self.fields.stored("row", new_row)
        if index == 0:
            stored_row = self.scattered(self._row[0], self._active, stored_row)
        new_row = read(g, stored_row)
        new_column = factors.step_columns(was.column, curve, mine)
        cycle = self._cycle(index)
        both = factors.pull_factors(
            new_row, new_column, rates.pull_sigma(plan.pull_factor), mine, self.spec.shapes[index]
        )
        new_row, new_column = (
            where(cycle, after, before)
            for after, before in zip(both, (new_row, new_column), strict=True)
        )
        new_row, new_column = factors.gauge(new_row, new_column, self.spec.shapes[index][1])
        kept, bits, peak = self._ranged(kept, was.mu_frac_bits, peak, cycle, range_words, columns)
        numbers = (
            ("row", new_row),
            ("column", new_column),
            ("mu_frac_bits", bits),
            ("mu_peak", peak),
        )
        return [kept, *(self.fields.stored(name, x) for name, x in numbers)]

    def _cycle(self, index: int) -> Value:
        """Whether a round of the prior's pulls begins: bool[]."""
        g = self.g
        first = sum(rows for rows, _ in self.spec.shapes[:index])
        phase = g.op("Add", g.cast("n_samples", TensorProto.INT64), first)
        return Value(g, g.op("Equal", g.op("Mod", phase, self._plan.sweep), 0))

    def _stepped_mu(
        self, index: int, was: Weights, inputs: Any, frac_bits: Any, delta: Any, gain: Scale
    ) -> Any:
        """The gradient's step of μ, with 16 bits more."""
        first, v_exponent = index == 0, self._plan.layers[index].v_exponent
        if first:
            delta = reduce("Sum", delta, 0)
        short, up = step.normalised(delta, 15)
        o = octave(was.column)
        top = reduce("Max", o, None, keepdims=False)
        weight = shift_floor(top_bits(was.column, 16), minimum(top - o + 1, 31))
        g, exponent = step.apply_gain(short * weight, gain, 15 if first else 19)
        row = expanded(was.row, 1)
        right = frac_bits + up - top + exponent - v_exponent - was.mu_frac_bits - octave(row)
        if first:
            w = -shift_round(inputs * top_bits(row, 16), 8) * g
            return shift_saturate(w, right + 69, MU_STEP_BITS)
        spare = (self._plan.n_draws - 1).bit_length()
        w = top_bits(row, 12) * -shift_round(matmul(inputs, g), spare)
        return shift_saturate(w, right + (73 - spare), MU_STEP_BITS)

    def _ranged(
        self, mu: str, bits: Any, peak: Any, cycle: Value, range_words: str, columns: str
    ) -> tuple[str, Any, Any]:
        """μ with a bit more or less room: what is read and written in few samples only."""
        g = self.g
        coarse = (peak >= PEAK_HIGH) & (bits > 0)
        with g.branch() as then:
            number: Any = read(g, mu)
            dither = words.dither(g, range_words, columns)[0]
            low = words.number(g, g.op("BitwiseAnd", dither, np.array(1, np.uint32)))
            small = (most(number, 0) < PEAK_LOW) & (peak < PEAK_LOW) & (bits < MU_FRAC_BITS_MAX)
            fine = cycle & ~coarse & small
            halved = floor((number + low) * 0.5)
            number = where(coarse, halved, where(fine, number * 2.0, number))
            by = where(coarse, -1.0, where(fine, 1.0, 0.0))
            ends = [g.op("Identity", self.fields.stored("mu", number)), g.op("Identity", by.name)]
        with g.branch() as kept:
            same = [g.op("Identity", mu), g.op("Identity", np.array(0.0))]
        new, up = g.choose((coarse | cycle).name, (then, ends), (kept, same))
        peak = where(cycle, 0, where(coarse, floor(peak * 0.5), peak))
        return new, bits + Value(g, up), peak
