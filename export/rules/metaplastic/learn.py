"""A learning step of the metaplastic rule in a graph: its golden model, bit for bit.

The names of the steps are those of NUMBERS.md and of :mod:`quant.rules.metaplastic.golden`. Where a
sample teaches nothing no weight is read.
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
from export.graph.shapes import read, transposed
from export.graph.step import exp2_below
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    equal,
    floor,
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
from export.rules.metaplastic.graph import Layer, forward, logits
from quant import noise
from quant.network import NetworkSpec
from quant.noise import SAMPLE_INIT, STREAM_GATE
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import n_inputs, shapes_of
from quant.rules.metaplastic.gates import WORD_BITS
from quant.rules.metaplastic.golden import DELTA_MAX
from quant.rules.metaplastic.plan import (
    GRADIENT_FRAC_BITS,
    MetaplasticPlan,
    make_metaplastic_plan,
)
from quant.rules.metaplastic.state import LOG_TEMPERATURE_MAX, LOG_TEMPERATURE_MIN, stride
from quant.rules.metaplastic.step import (
    LOG2_MAX,
    LOG2_MIN,
    MOVE_SHIFT,
    ONE,
    PULL,
    RATIO,
    RATIO_MAX,
    SIZE_MAX,
    SIZE_SHIFT,
    SPREAD_FRAC_BITS,
    SPREAD_SHIFT,
    SWEEP,
)
from quant.spiking.golden import GATE_FRAC_BITS


class MetaplasticStep(PaddedStep):
    """One learning step: what :class:`export.graph.learner.LearningStep` asks for."""

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, config: MetaplasticConfig, fields: Fields
    ) -> None:
        super().__init__(g, spec, config, fields)
        self._plan: MetaplasticPlan = make_metaplastic_plan(spec, config)
        self.shapes = shapes_of(spec, config)
        self._raw = self.matrices("hidden_weight", stride)
        self._weights: list[Any] = []

    def forward(self, z: Value, epsilon: Sequence[Value]) -> list[Layer]:
        """Run all layers."""
        bits = self._gate_bits() if self._plan.gates.n_blocks else None
        self._weights = [self.number(raw, k) for k, raw in enumerate(self._raw)]
        binary = [where(w < 0, -1.0, np.array(1.0)) for w in self._weights]
        fire = None
        if self.time is not None:
            z, fire = self.time.arrive(z), self.time.fire
        return forward(self.g, z, self.spec, self._plan, binary, bits, fire)

    def _gate_bits(self) -> Value:
        """The gates' half-spaces, ``number[inputs, n_blocks]``: bits of the seed."""
        g, n_blocks = self.g, self._plan.gates.n_blocks
        inputs, words_each = n_inputs(self.spec, self.config), -(-n_blocks // WORD_BITS)
        key = words.sample_key(g, "seed", g.constant(np.array(SAMPLE_INIT, np.uint32)))
        drawn = words.words(g, key, [(STREAM_GATE, inputs * words_each)])[0]
        places = np.arange(WORD_BITS, dtype=np.uint32)
        octets = g.op("BitShift", g.unsqueeze(drawn, 1), places, direction="RIGHT")
        bits = g.op("BitwiseAnd", octets, np.array(1, np.uint32))
        wide = g.op("Reshape", bits, np.array([inputs, words_each * WORD_BITS]))
        return read(g, g.op("Slice", wide, np.array([0]), np.array([n_blocks]), np.array([1])))

    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Logits, the last layer, and what a logit in Q.16 is divided by: the temperature."""
        temperature = self.fields.value("log_temperature") * (1 / 65536)
        unit = Value(self.g, self.g.op("Pow", np.array(2.0), temperature.name)) * 65536.0
        return logits(forward[-1], self._plan), forward[-1], unit

    def wanted(self) -> list[tuple[int, int]]:
        """The words of a step."""
        found: list[tuple[int, int]] = []
        for layer, (rows, columns) in enumerate(self.shapes):
            found += [(noise.STREAM_ROW + layer, rows), (noise.STREAM_COLUMN + layer, columns)]
        return found

    def update(self, passed: Sequence[Layer], target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """The temperature, and, where the sample teaches anything, pulses of every layer."""
        g, plan, fields = self.g, self._plan, self.fields
        outputs = logits(passed[-1], plan)
        temperature = fields.value("log_temperature")
        new = {"log_temperature": calibrated(outputs, target, temperature, plan.calibration_shift)}
        delta = shift_round(softmax_q(outputs) - target * 65536.0, 16 - GRADIENT_FRAC_BITS)
        names = ["hidden_weight", *(["step_log2", "step_spread", "trace"] if plan.adapts else [])]
        teaches = reduce("Max", absolute(delta), None, keepdims=False) > plan.skip_q
        with g.branch() as then, g.scope("pulses"):
            moved = self._moved(passed, delta, drawn)
            ends = [g.op("Identity", moved[name]) for name in names]
        with g.branch() as kept:
            same = [g.op("Identity", name) for name in names]
        found = g.choose(teaches.name, (then, ends), (kept, same))
        return {**fields.stored_all(new), **dict(zip(names, found, strict=True))}

    def _moved(self, passed: Sequence[Layer], delta: Any, drawn: Sequence[str]) -> dict[str, str]:
        """Backward pass and pulses of every layer; reads the weights anew, inside the branch."""
        self._weights = [self.number(raw, k) for k, raw in enumerate(self._raw)]
        plan = self._plan
        new: list[str] = []
        found: dict[str, str] = {}
        gains: list[Any] = list(plan.gains)
        if plan.adapts:
            gains, found = self._adapted(passed[-1], delta)
        for layer in range(len(passed) - 1, -1, -1):
            used = delta
            if layer > 0:
                units = self._weights[layer]
                if self.reads_more(layer):
                    first = np.arange(self.spec.layers[layer])
                    units = Value(self.g, self.g.op("Gather", units.name, first))
                binary = where(units < 0, -1.0, np.array(1.0))
                below = matmul(used, transposed(binary))
                below = shift_round(below, plan.backward_shifts[layer])
                delta = self._passed(below, layer, passed)
            with self.g.scope(f"layer_{layer}"):
                words_ = drawn[2 * layer : 2 * layer + 2]
                new.insert(0, self._pulsed(layer, passed[layer].x, used, words_, gains[layer]))
        found["hidden_weight"] = self.joined(new)
        return found

    def _passed(self, gradient: Any, layer: int, passed: Sequence[Layer]) -> Any:
        """What of a gradient passes the units below: active ones inside the window, or spikes."""
        if self.time is not None:
            kept = clip(gradient, -DELTA_MAX, DELTA_MAX)
            return shift_round(kept * self.time.gates[layer - 1], GATE_FRAC_BITS)
        below = passed[layer - 1]
        mantissa, exponent = below.norm
        limit = shift_floor(mantissa * float(self._plan.window_q), 8 + exponent)
        learning = (absolute(below.sums) <= limit) & below.active
        return clip(where(learning, gradient, 0), -DELTA_MAX, DELTA_MAX)

    def _adapted(self, last: Layer, delta: Any) -> tuple[list[Any], dict[str, str]]:
        """The learning rates of this sample, Q.8, and the fields that say the next one's."""
        fields, n = self.fields, self.fields.value("n_samples")
        log2, spread = fields.value("step_log2"), fields.value("step_spread")
        layer = len(self.shapes) - 1
        shape = np.array([-1, self._widths[layer]])
        trace = self.number(self.g.op("Reshape", "trace", shape), layer)
        traced = where(self._weights[layer] < 0, float(-ONE), np.array(float(ONE)))
        u = reduce("Sum", matmul(last.x, traced - trace) * delta, 1)
        size = minimum(shift_floor(absolute(u), SIZE_SHIFT), SIZE_MAX)
        window = bit_length(minimum(n, (1 << SPREAD_SHIFT) - 1), SPREAD_SHIFT)
        spread = spread + shift_floor(size * float(1 << SPREAD_FRAC_BITS) - spread, window)
        usual = maximum(shift_floor(spread, SPREAD_FRAC_BITS), 1)
        ratio = minimum(divide_floor(size * float(RATIO), usual), RATIO_MAX)
        ratio = where(u < 0, -ratio, ratio) - where(log2 <= 0, PULL, 0)
        after = clip(log2 - ratio * float(1 << MOVE_SHIFT), LOG2_MIN, LOG2_MAX)

        rows = np.arange(self.shapes[layer][0], dtype=np.float64)[:, None]
        phase = n - rows
        turn = equal(phase - SWEEP * floor(phase * (1 / SWEEP)), 0)
        quarter = shift_floor(n, 6)
        dither = quarter - 4 * floor(quarter * 0.25)
        moved = where(turn, trace + shift_floor(traced - trace + dither, 2), trace)
        new = fields.stored_all({"step_log2": after, "step_spread": spread})
        new["trace"] = self.joined([self.padded("trace", moved, layer)])
        return [self._gain(gain, log2) for gain in self._plan.gains], new

    def _gain(self, gain: int, log2: Any) -> Any:
        """A learning rate times 2^log2: at least one step of its format."""
        whole = shift_floor(log2 + 65535, 16)
        mantissa, _ = exp2_below(whole * 65536.0 - log2, 16)
        return maximum(shift_floor(mantissa * float(gain), 15 - whole), 1)

    def _pulsed(self, layer: int, x: Any, delta: Any, drawn: Sequence[str], gain: Any) -> str:
        """A layer's weights after the pulses of the rows and columns that fire."""
        g, plan, raw = self.g, self._plan, self._raw[layer]
        row_words, column_words = drawn
        x, old = transposed(x), self._weights[layer]
        graded = layer == 0 or self.time is not None
        if graded:
            high = words.number(
                g, g.op("BitShift", row_words, np.array(28, np.uint32), direction="RIGHT")
            )
            pulses = shift_floor(absolute(x) + Value(g, g.unsqueeze(high.name, 1)), 4)
            rows = self.rows_where(pulses > 0, self.shapes[layer][0])
            pulses, x = (Value(g, g.op("Gather", part.name, rows)) for part in (pulses, x))
            row_words = g.op("Gather", row_words, rows)
            old = self.number(g.op("Gather", raw, rows), layer)
        else:
            pulses = absolute(x)
        strength = shift_floor(absolute(delta) * gain, 4)
        fired = shift_floor(strength + words.high_half(g, column_words), 16)
        step = -((pulses * sign(x)) * (fired * sign(delta)))
        both = g.op("Add", g.unsqueeze(row_words, 1), column_words)
        dither = words.low_half(g, both)
        outside = where(old < 0, -1 - old, old)
        towards = step * (old + 0.5) < 0
        stopped = towards & (dither > lookup(plan.let_through[layer], outside))
        stays = stopped | equal(step, 0)
        new = where(stays, old, clip(old + step, -plan.clamp_q - 1, plan.clamp_q))
        stored = self.padded("hidden_weight", new, layer)
        return self.scattered(raw, rows, stored) if graded else stored


def calibrated(outputs: Any, one: Any, log_temperature: Any, shift: int) -> Any:
    """One step of the temperature down the gradient of -log p(label); the new one."""
    whole = shift_floor(65535 - log_temperature, 16)
    mantissa, _ = exp2_below(whole * 65536.0 + log_temperature, 16)
    away = reduce("Max", outputs, 1) - outputs
    distances = shift_floor(away * mantissa, 15 - whole)
    p = softmax_q(-distances)
    u = shift_floor(minimum(shift_floor(distances, 6), 16383) * 23637.0, 14)
    expected = shift_floor(reduce("Sum", p * u, 1), 16)
    surprise = reduce("Sum", u * one, 1) - expected
    moved = log_temperature + shift_round(surprise, shift - 6)
    return clip(moved, LOG_TEMPERATURE_MIN, LOG_TEMPERATURE_MAX)
