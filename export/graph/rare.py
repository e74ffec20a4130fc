"""What is rarely needed, in branches of a graph: who does not need it does not pay for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnx import TensorProto

from export.graph.whole import Number, Value, name_of

#: Writes the nodes of a branch, and returns what it puts out.
Branch = Callable[[], Sequence[Number]]


def chosen(condition: Value, then: Branch, other: Branch) -> list[Value]:
    """Return what the one branch puts out if the condition holds for any element, else the other.

    Values made inside a branch may not be used outside of it.
    """
    g = condition.g
    ones = g.op("ReduceMax", g.cast(condition.name, TensorProto.FLOAT), keepdims=0)
    branches = []
    for make in (then, other):
        with g.branch() as nodes:
            ends = [g.op("Identity", name_of(x)) for x in make()]
        branches.append((nodes, ends))
    return [Value(g, name) for name in g.choose(g.cast(ones, TensorProto.BOOL), *branches)]
