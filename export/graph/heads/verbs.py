"""What a head does in a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from onnx import ValueInfoProto

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from export.graph.fields import Fields
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

    @property
    def TARGET(self) -> tuple[str, int]:  # noqa: N802 (a module's constant)
        """What a graph that learns is taught by: the input's name and its element type."""

    @property
    def learns(self) -> Callable[[GraphBuilder, NetworkSpec], str]:
        """Whether the target can be learned: bool[]."""

    @property
    def answer(self) -> Callable[..., list[ValueInfoProto]]:
        """Append what a graph that learns predicts before it does, and describe it."""

    @property
    def target(self) -> Callable[[GraphBuilder, NetworkSpec, Any, Fields], Any]:
        """The head's new fields, and the target as it is learned."""

    @property
    def output_gradient(self) -> Callable[[GraphBuilder, Any, Any], Any]:
        """Gradient of the loss of each draw by the outputs, ``number[draws, outputs]``."""
