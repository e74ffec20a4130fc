"""A learning step of MESU in a graph: :mod:`quant.rules.mesu.golden`, bit for bit.

The names of the steps are those of NUMBERS.md and of ``golden_steps``. A matrix of a value for each
synapse is ``[rows, columns]``, what the draws differ in ``[draws, …]``. Of the first layer only the
rows whose input is not 0 are read and written: the others do not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.graph import averages, step, words
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.heads import HEADS
from export.graph.learner import (
    SamplingStep,
    inverse_of,
    largest_sum,
    squeezed_layer,
)
from export.graph.sampling import Layer, integer_layers, narrow_inputs
from export.graph.shapes import concatenated, expanded, read, reshaped, squeezed, transposed
from export.graph.step import Rates, Scale
from export.graph.whole import (
    Value,
    clip,
    floor,
    matmul,
    maximum,
    minimum,
    scaled,
    shift_floor,
    shift_round,
    shift_truncate,
    where,
)
from export.rules.mesu.gradient import first_gradient, later_gradient
from export.rules.mesu.graph import Weights, forward_layer, sums
from export.rules.mesu.steps import (
    fit,
    ratio,
    widened,
)
from quant import noise
from quant.front_end import INPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden import LANE_BITS
from quant.rules.mesu.golden_steps import (
    WHOLE_PULL,
)
from quant.rules.mesu.plan import Plan, make_plan
from quant.rules.mesu.variance import least_exponent
from quant.sampling.golden import DELTA_MAX
from quant.spiking.golden import (
    ARRIVING_FRAC_BITS,
    GATE_FRAC_BITS,
    VARIANCE_FRAC_BITS,
    VARIANCE_MAX,
)


class MesuStep(SamplingStep):
    """One learning step: what :class:`export.graph.learner.LearningStep` asks for."""

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, config: MesuConfig, fields: Fields
    ) -> None:
        super().__init__(g, spec, config, fields)
        self._plan: Plan = make_plan(spec, config)
        sizes = [rows * columns for rows, columns in spec.shapes]
        self._mu, self._rho = (self.matrices(fields.parts(name, sizes)) for name in ("mu", "rho"))
        self._exponent = fields.parts("rho_exponent", [rows for rows, _ in spec.shapes])
        self._shown, self._average = self._mu, [""]
        if spec.average_window:
            self._average = self.matrices(fields.parts("average", sizes))
            learns = HEADS[spec.head].learns(g, spec)
            self._shown = averages.shown(self, self._mu, self._average, learns)
        self._active = ""
        self._weights: list[Weights] = []

    def forward(self, z: Value, epsilon: Sequence[Value]) -> list[Layer]:
        """Run all layers."""
        fire = None
        if self.time is not None:
            z, fire = self.time.arrive(z), self.time.fire
        return integer_layers(self.g, z, self.spec, self._plan.n_draws, epsilon, self._layer, fire)

    def _layer(self, index: int, x: Value, frac_bits: Any, epsilon: Value) -> Layer:
        charged = self.time is not None and index < len(self.spec.shapes) - 1
        now = self._charged(index) if charged else None
        x, weights, active = self._rows(index, x)
        self._active = active if index == 0 else self._active
        self._weights.append(weights)
        if now is not None:
            short = narrow_inputs(x, index == 0)
            return Layer(x, frac_bits, *now, epsilon, short)
        mu_frac_bits = self._plan.layers[index].mu_frac_bits
        rows = self.spec.shapes[0][0] if index == 0 else None
        return forward_layer(x, frac_bits, weights, mu_frac_bits, epsilon, rows)

    def _rows(self, index: int, x: Value) -> tuple[Value, Weights, str]:
        """A layer's inputs and weights; of the first layer the rows whose input is not 0."""
        given, active = [self._shown[index], self._rho[index], self._exponent[index]], ""
        if index == 0:
            active = self.rows_that_count(x)
            given = [self.g.op("Gather", part, active) for part in given]
            x = Value(self.g, self.g.op("Gather", x.name, active, axis=2))
        return x, Weights(*(read(self.g, part) for part in given)), active

    def _charged(self, index: int) -> tuple[Any, Any]:
        """Means and deviations of a hidden layer's charges, after what arrived in this step."""
        assert self.time is not None
        now, frac_bits = self.time.now, INPUT_FRAC_BITS if index == 0 else ARRIVING_FRAC_BITS
        if self.spec.bias:
            draws = self._plan.n_draws if index else 1
            ones = np.ones((1, draws, 1))
            now = concatenated([now, self.time.current(index, frac_bits) * ones], 2)
        now, weights, _ = self._rows(index, now)
        rows = self.spec.shapes[0][0] if index == 0 else None
        found = sums(now, frac_bits, weights, self._plan.layers[index].mu_frac_bits, rows)
        right = found.half_exponent * 2 - VARIANCE_FRAC_BITS
        variance = minimum(floor(scaled(found.power, -right)), VARIANCE_MAX)
        return self.time.charge(index, found.centre, variance)

    def wanted(self) -> list[tuple[int, int]]:
        """The words of a step."""
        found = [(noise.STREAM_RARE, self.spec.shapes[0][0])]
        for layer, (rows, columns) in enumerate(self.spec.shapes):
            found += [
                (noise.STREAM_COLUMN + layer, columns),
                (noise.STREAM_ROW + layer, rows),
                (noise.STREAM_PULL_ROW + layer, rows),
            ]
        return found + averages.wanted(self.spec)

    def update(self, layers: Sequence[Layer], target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """Backward pass and update of every layer; the new fields of the rule."""
        rates, last = Rates.of(self._plan.guard, self.fields), len(layers) - 1
        found = [squeezed_layer(layer) for layer in layers]
        delta = HEADS[self.spec.head].output_gradient(self.g, found[-1].a, target)
        slope, slow = None, None
        if self._plan.guard is not None:
            slow = reshaped(self.fields.value("slow"), self.spec.shapes[last])
            slope = self._slope(found[last], delta, slow)
        new: list[tuple[str, str, str]] = []
        for index in range(last, -1, -1):
            with self.g.scope(f"update_{index}"):
                mine, weights = found[index], self._weights[index]
                inverse = inverse_of(mine.spread)
                r = ratio(delta, mine.epsilon, inverse, index == 0)
                gain = rates.gain(self._plan.gain_mu, inverse)
                previous = delta
                if index > 0:
                    delta = self._backward(mine, weights, delta, r, index)
                new.insert(0, self._updated(index, mine, previous, r, gain, rates, drawn))
        names = ("mu", "rho", "rho_exponent")
        flat = {name: self.joined([layer[k] for layer in new]) for k, name in enumerate(names)}
        if self.spec.average_window:
            with self.g.scope("average"):
                after = [layer[0] for layer in new]
                moved = averages.followed(self, self._average, after, drawn[1 + 3 * len(new) :])
            flat["average"] = self.joined(moved)
        if slope is not None:
            mu = read(self.g, new[last][0])
            with self.g.scope("step"):
                moved = step.commit(self.spec, self.fields, slope, mu, slow)
            flat.update(self.fields.stored_all(moved))
        return flat

    def _slope(self, layer: Layer, delta: Any, slow: Any) -> Any:
        last = len(self.spec.shapes) - 1
        if last == 0:
            slow = Value(self.g, self.g.op("Gather", slow.name, self._active))
        moved = self._weights[last].mu - slow
        draws = self._plan.n_draws if last else 1
        bits = self._plan.layers[last].mu_frac_bits
        with self.g.scope("slope"):
            return step.slope(self.g, layer.x, draws, layer.frac_bits, delta, moved, bits)

    def _backward(self, layer: Layer, weights: Weights, delta: Any, r: Any, index: int) -> Any:
        """Gradient by a layer's inputs, ``number[draws, units]``, Q4.20.

        It passes ReLU where the input is above 0, and traces of spikes times their gate.
        """
        units = self.spec.layers[index]
        x, mu, rho, exponent = layer.x, *weights
        if self.spec.shapes[index][0] > units:  # a bias, or the layer's own units
            first = np.arange(units)
            x = Value(self.g, self.g.op("Gather", x.name, first, axis=1))
            mu, rho, exponent = (
                Value(self.g, self.g.op("Gather", part.name, first)) for part in weights
            )
        k_delta = maximum(largest_sum(delta, 42) - LANE_BITS, 0)
        through_mean = matmul(shift_truncate(delta, k_delta), transposed(mu))
        k_r = minimum(LANE_BITS - largest_sum(r, 42), 12)
        through_spread = matmul(shift_truncate(r, -k_r), transposed(rho))
        # What is far beyond the clamp stays there, whatever its last bits.
        right = 11 + layer.frac_bits + k_r - exponent
        gradient = shift_round(through_mean, self._plan.layers[index].mu_frac_bits - k_delta)
        gradient = gradient + shift_round(x * through_spread, right)
        gate = None if self.time is None else self.time.gates[index - 1]
        passes = x > 0 if gate is None else gate > 0
        clamped = clip(where(passes, gradient, 0), -DELTA_MAX, DELTA_MAX)
        return clamped if gate is None else shift_round(clamped * gate, GATE_FRAC_BITS)

    def _updated(
        self,
        index: int,
        layer: Layer,
        delta: Any,
        r: Any,
        gain: Scale,
        rates: Rates,
        drawn: Sequence[str],
    ) -> tuple[str, str, str]:
        """The new μ, mantissas and exponents of a layer, in their own types."""
        g, mine, was = self.g, self._plan.layers[index], self._weights[index]
        columns, rows, pulls = drawn[1 + 3 * index : 4 + 3 * index]
        if index == 0:
            rare = g.op("Gather", drawn[0], self._active)
            u = words.dither(g, g.op("Gather", rows, self._active), columns)
            mu, rho = first_gradient(g, self._plan, was, layer, delta, r, gain, rare, u)
        else:
            u = words.dither(g, rows, columns)
            mu, rho = later_gradient(g, self._plan, index, was, layer, delta, r, gain, u)
        rho, exponent = fit(rho, was.exponent, mine)
        new = [self.fields.stored("mu", mu), self.fields.stored("rho", rho)]
        new.append(self.fields.stored("rho_exponent", exponent))
        if index == 0:
            before = self._mu[0], self._rho[0], self._exponent[0]
            places = zip(before, [self._active] * 3, new, strict=True)
            new = [self.scattered(*pair) for pair in places]
        return self._pulled(index, new, rates, columns, pulls)

    def _pulled(
        self, index: int, new: list[str], rates: Rates, columns: str, pulls: str
    ) -> tuple[str, str, str]:
        """``sweep`` samples of the prior's pull on some rows of a layer."""
        g, plan, mine = self.g, self._plan, self._plan.layers[index]
        rows = self.rows_to_pull(index, plan.sweep)
        mu, rho, exponent = (read(g, g.op("Gather", part, rows)) for part in new)
        low, high = words.dither(g, g.op("Gather", pulls, rows), columns)
        exponent = expanded(exponent, 1)
        right = mine.ratio_exponent + mine.v_exponent + 3 - exponent
        ratio_ = shift_floor(rho * mine.ratio_mantissa, right)
        share = minimum(ratio_ * rates.pull_mu(plan.pull_mu), float(WHOLE_PULL))
        # (prior - μ) · share may have 60 bits: its high part, and what carries from the low one.
        share_high = shift_floor(share, 22)
        share_low = share - share_high * 2.0**22
        away = mine.mu_prior_q - mu
        pull = shift_floor(away * share_high + shift_floor(away * share_low, 22), 6)
        curve = shift_floor(rho * rates.pull_sigma(plan.pull_rho), 12)
        curve = shift_floor(curve * (65536 - ratio_), 16)
        curve = maximum(shift_floor(curve + high, 16), -shift_floor(rho, 1))
        mu = clip(mu + shift_floor(pull + words.number(g, low), 16), -32768, 32767)
        rho, exponent = fit(rho + curve, squeezed(exponent, 1), mine)
        rho, exponent = widened(rho, exponent, least_exponent(mine.v_exponent))
        values = [
            self.fields.stored(name, part)
            for name, part in zip(("mu", "rho", "rho_exponent"), (mu, rho, exponent), strict=True)
        ]
        found = [self.scattered(into, rows, part) for into, part in zip(new, values, strict=True)]
        return found[0], found[1], found[2]
