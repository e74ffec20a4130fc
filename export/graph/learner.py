"""What a rule gives to the graph that learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.front_end import FIELDS
from export.graph.whole import Value, squeezed
from export.graph.words import epsilons
from quant.heads.categorical.golden import OUTPUT_FRAC_BITS
from quant.network import NetworkSpec


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

    def front_end_fields(self) -> tuple[str, ...]:
        """What the front end reads of the state."""
        return FIELDS if self.spec.front_end != "none" else ()

    def epsilon(self, key: str) -> Sequence[Value]:
        """The noise of the forward pass; a rule without any has none."""
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

    def rows_to_pull(self, index: int, sweep: int) -> str:
        """Numbers of a layer's rows that the prior pulls in this sample, int64[n]."""
        first = sum(rows for rows, _ in self.spec.shapes[:index])
        counter = self.g.cast("n_samples", TensorProto.INT64)
        negative = self.g.op("Sub", -first, counter)
        start = self.g.op("Mod", negative, sweep)
        return self.g.op("Range", start, self.spec.shapes[index][0], sweep)

    def joined(self, layers: Sequence[str]) -> str:
        """The layers' parts of a field as the state has them: flat, one after the other."""
        flat = [self.g.op("Reshape", part, np.array([-1])) for part in layers]
        return flat[0] if len(flat) == 1 else self.g.op("Concat", *flat, axis=0)


class SamplingStep(LearningStep):
    """What both MESU rules share."""

    def epsilon(self, key: str) -> Sequence[Value]:
        """One standard normal for each draw and unit."""
        return epsilons(self.g, key, self.config.n_draws, [n for _, n in self.spec.shapes])

    def answered(self, forward: Any) -> tuple[Any, Any, Any]:
        """Outputs, the last layer, and what the sum of all draws is divided by."""
        unit = float(self.config.n_draws << OUTPUT_FRAC_BITS)
        return squeezed(forward[-1].a, 0), forward[-1], unit
