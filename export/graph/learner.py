"""What a rule gives to the graph that learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.front_end import FIELDS
from export.graph.sampling import Layer
from export.graph.shapes import read, reshaped, squeezed
from export.graph.time import Time
from export.graph.whole import (
    Value,
    absolute,
    divide_floor,
    equal,
    maximum,
    minimum,
    reduce,
    shift_floor,
    where,
)
from export.graph.words import epsilons
from quant.heads.categorical.golden import OUTPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.rule import rule_of


class LearningStep(ABC):
    """One learning step of a rule; made anew for each graph.

    Parameters
    ----------
    g : GraphBuilder
    spec : NetworkSpec
    config : the rule's configuration
    fields : Fields
        The state before the step.
    """

    def __init__(self, g: GraphBuilder, spec: NetworkSpec, config: Any, fields: Fields) -> None:
        self.g, self.spec, self.config, self.fields = g, spec, config, fields
        #: Of a spiking network.
        draws = getattr(config, "n_draws", 1)
        charges = rule_of(config).charges
        self.time = Time(g, spec, draws, fields, charges) if spec.leaks else None
        #: Rows and columns of each layer; a rule whose first layer reads more than the features
        #: says so.
        self.shapes: Sequence[tuple[int, int]] = spec.shapes

    #: Draws of the last layer's outputs.
    n_draws = 1

    def front_end_fields(self) -> tuple[str, ...]:
        """What the front end reads of the state."""
        return FIELDS if self.spec.front_end != "none" else ()

    def epsilon(self, key: str) -> Sequence[Value]:
        """The noise of the forward pass; a rule without any has none."""
        del key
        return ()

    @abstractmethod
    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Outputs ``number[draws, outputs]``, the last layer's pass, and the unit of their sums."""

    @abstractmethod
    def forward(self, z: Value, epsilon: Sequence[Value]) -> Any:
        """Run all layers on ``number[1, n_features]`` in Q3.4."""

    @abstractmethod
    def wanted(self) -> list[tuple[int, int]]:
        """The streams of random words of an update, and how many of each."""

    @abstractmethod
    def update(self, forward: Any, target: Any, drawn: Sequence[str]) -> dict[str, str]:
        """The rule's new fields, by name, in their own types; ``drawn``: the words wanted."""

    def reads_more(self, layer: int) -> bool:
        """Whether a later layer has rows behind those of the units below: its own, or a bias."""
        return bool(self.shapes[layer][0] > self.spec.layers[layer])

    def rows_to_pull(self, index: int, sweep: int) -> str:
        """Numbers of a layer's rows that the prior pulls in this sample, int64[n]."""
        first = sum(rows for rows, _ in self.shapes[:index])
        counter = self.g.cast("n_samples", TensorProto.INT64)
        negative = self.g.op("Sub", -first, counter)
        start = self.g.op("Mod", negative, sweep)
        return self.g.op("Range", start, self.shapes[index][0], sweep)

    def joined(self, layers: Sequence[str]) -> str:
        """The layers' parts of a field as the state has them: flat, one after the other."""
        flat = [self.g.op("Reshape", part, np.array([-1])) for part in layers]
        return flat[0] if len(flat) == 1 else self.g.op("Concat", *flat, axis=0)

    def scattered(self, into: str, rows: str, values: str) -> str:
        """A field with new values in some of its rows."""
        return self.g.op("ScatterND", into, self.g.unsqueeze(rows, 1), values)

    def rows_where(self, some: Any, rows: int) -> str:
        """Numbers of the rows that are meant, int64[n], and row 0, so that there is one.

        ``some`` are truth values, one for each of so many rows.
        """
        if rows == 1:
            return self.g.constant(np.array([0]))
        first = np.arange(rows) == 0
        given = reshaped(some, [-1]) | first
        return self.g.squeeze(self.g.op("NonZero", given.name), 0)


class DrawnStep(LearningStep):
    """What rules share whose predictions are means over draws."""

    @property
    def n_draws(self) -> int:  # type: ignore[override]
        """Draws of the last layer's outputs."""
        return int(self.config.n_draws)

    def epsilon(self, key: str) -> Sequence[Value]:
        """One standard normal for each draw and unit."""
        return epsilons(self.g, key, self.config.n_draws, [n for _, n in self.shapes])

    @property
    def unit(self) -> float:
        """What the sum of all draws of an output is divided by."""
        return float(self.config.n_draws << OUTPUT_FRAC_BITS)


class PaddedStep(LearningStep):
    """What rules share that keep one byte per synapse, in rows that end at a word."""

    def matrices(self, field: str, width: Callable[[int], int]) -> list[str]:
        """The layers' parts of a field, padding and all; ``width(columns)``: bytes of a row."""
        self._widths = [width(columns) for _, columns in self.shapes]
        sizes = [rows * w for (rows, _), w in zip(self.shapes, self._widths, strict=True)]
        return [
            self.g.op("Reshape", part, np.array([-1, w]))
            for part, w in zip(self.fields.parts(field, sizes), self._widths, strict=True)
        ]

    def number(self, raw: str, layer: int) -> Value:
        """A layer's bytes, or some of their rows, without the padding."""
        columns = self.shapes[layer][1]
        if columns != self._widths[layer]:
            ends = (np.array([0]), np.array([columns]), np.array([1]))
            raw = self.g.op("Slice", raw, *ends)
        return read(self.g, raw)

    def padded(self, field: str, x: Any, layer: int) -> str:
        """The same the other way round: in the field's type, filled up with 0 to a word."""
        columns, width = self.shapes[layer][1], self._widths[layer]
        if columns != width:
            pads = np.array([0, 0, 0, width - columns])
            x = Value(self.g, self.g.op("Pad", x.name, pads, np.array(0.0), mode="constant"))
        return self.fields.stored(field, x)


class SamplingStep(DrawnStep):
    """What both MESU rules share."""

    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Outputs, the last layer, and what the sum of all draws is divided by."""
        return squeezed(forward[-1].a, 0), forward[-1], self.unit

    def matrices(self, parts: Sequence[str]) -> list[str]:
        """The parts of a field of synapses as matrices."""
        shapes = (np.array(shape, np.int64) for shape in self.spec.shapes)
        return [
            self.g.op("Reshape", part, shape) for part, shape in zip(parts, shapes, strict=True)
        ]

    def rows_that_count(self, x: Value) -> str:
        """Numbers of the rows whose input is not 0, int64[n], and row 0."""
        return self.rows_where(~equal(x, 0), self.spec.shapes[0][0])


def squeezed_layer(layer: Layer) -> Layer:
    """A layer's pass without the batch axis."""

    def one(x: Any) -> Any:
        return squeezed(x, 0) if isinstance(x, Value) else x

    extra = tuple(one(x) for x in layer.extra)
    return Layer(
        one(layer.x), one(layer.frac_bits), one(layer.a), one(layer.spread), layer.epsilon, extra
    )


def inverse_of(spread: Any) -> Any:
    """The inverse of a deviation, Q.18; 0 of 0."""
    return where(equal(spread, 0), 0, divide_floor(float(1 << 30), maximum(spread, 1)))


def largest_sum(x: Any, bits: int) -> Any:
    """Bits of the largest sum of magnitudes of any draw, ``number[1, 1]``."""
    total = reduce("Sum", absolute(x), 1)
    return bit_length(reduce("Max", total, 0), bits)


def shift_saturate(x: Any, right: Any, bits: int) -> Any:
    """``x >> right``; a negative ``right`` shifts left, clamping to ±2^bits."""
    moved = shift_floor(x, right)
    limit = where(right < 0, 2.0**bits, 2.0**60)
    return maximum(minimum(moved, limit), -limit)
