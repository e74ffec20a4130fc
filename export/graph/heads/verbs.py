"""What a head does in a graph."""

from __future__ import annotations

from typing import Protocol

from onnx import ValueInfoProto

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from quant.layout import State
from quant.network import NetworkSpec


class Verbs(Protocol):
    """One module each."""

    def integer_outputs(
        self,
        g: GraphBuilder,
        finite: str,
        drawn: Drawn,
        spec: NetworkSpec,
        state: State,
        one: float,
    ) -> list[ValueInfoProto]:
        """Append the outputs of a model in integers, and describe them."""

    def real_outputs(
        self,
        g: GraphBuilder,
        finite: str,
        drawn: Drawn,
        spec: NetworkSpec,
        state: State,
        one: float,
    ) -> list[ValueInfoProto]:
        """The same of a model in floats."""
