"""What a head does in a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from onnx import ValueInfoProto

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from quant.layout import State
from quant.network import NetworkSpec

#: ``(g, finite, drawn, spec, state, one)``: append a model's outputs, and describe them.
Outputs = Callable[[GraphBuilder, str, Drawn, NetworkSpec, State, float], list[ValueInfoProto]]


class Verbs(Protocol):
    """One module each."""

    @property
    def integer_outputs(self) -> Outputs:
        """Of a model in integers."""

    @property
    def real_outputs(self) -> Outputs:
        """Of a model in floats."""
