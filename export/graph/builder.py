"""The little that is needed to write an ONNX graph as a sequence of function calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

#: The name of a value in the graph, or a constant: a Python ``int`` is an ``int64`` scalar.
Operand = str | int | npt.NDArray[Any]


class GraphBuilder:
    """Collect nodes and constants; every call returns the name of the value that it made.

    Parameters
    ----------
    plain : bool
        Whether to do without ArgMax and TopK, which small runtimes lack.
    random_inputs : bool
        Whether random bits are inputs, which have the sample's own as their default.
    """

    def __init__(self, plain: bool = False, random_inputs: bool = False) -> None:
        self.plain, self.random_inputs = plain, random_inputs
        self.inputs: list[ValueInfoProto] = []
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._made = 0
        self._scope = ""

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put a name in front of the names of the nodes made inside, for who reads the graph."""
        before = self._scope
        self._scope = f"{before}{name}/"
        try:
            yield
        finally:
            self._scope = before

    @contextmanager
    def branch(self) -> Iterator[list[NodeProto]]:
        """Collect the nodes made inside in a list of their own: those of a subgraph.

        What was made before may be used in it; its constants are the whole graph's.
        """
        before, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = before

    def constant(self, value: int | npt.NDArray[Any]) -> str:
        """Store an array (``int``: an ``int64`` scalar) once, however often it is asked for."""
        array = np.ascontiguousarray(value) if isinstance(value, np.ndarray) else np.int64(value)
        array = np.asarray(array).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = name
            self.initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def op(self, op_type: str, *inputs: Operand, name: str | None = None, **attributes: Any) -> str:
        """Append a node of one output and return its name.

        Parameters
        ----------
        op_type : str
            An operator of the default domain.
        *inputs : str, int or array
            Names of values; anything else becomes a constant.
        name : str, optional
            Name of the output; by default one that is free.
        **attributes
            The node's attributes.
        """
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = self._fresh(op_type) if name is None else name
        self.nodes.append(helper.make_node(op_type, names, [output], name=output, **attributes))
        return output

    def _fresh(self, op_type: str) -> str:
        self._made += 1
        return f"{self._scope}{op_type}_{self._made}"

    def second(self, op_type: str, *inputs: Operand, **attributes: Any) -> str:
        """Append a node of two outputs and return the second, such as TopK's indices."""
        second = self.op(op_type, *inputs, **attributes)
        self.nodes[-1].output.insert(0, f"{second}_first")
        return second

    def split(self, x: Operand, sizes: Sequence[int]) -> list[str]:
        """Cut the first axis into parts of these sizes; a part of size 0 gets no name."""
        some = [size for size in sizes if size]
        if len(some) == 1:
            found = iter([x if isinstance(x, str) else self.constant(x)])
        else:
            whole = x if isinstance(x, str) else self.constant(x)
            name = self._fresh("Split")
            outputs = [f"{name}_{k}" for k in range(len(some))]
            inputs = [whole, self.constant(np.array(some, np.int64))]
            self.nodes.append(helper.make_node("Split", inputs, outputs, name=name, axis=0))
            found = iter(outputs)
        return [next(found) if size else "" for size in sizes]

    def choose(
        self,
        condition: str,
        then: tuple[list[NodeProto], list[str]],
        other: tuple[list[NodeProto], list[str]],
    ) -> list[str]:
        """Append an If; a branch is its nodes and the names of what it puts out."""
        name = self._fresh("If")
        outputs = [f"{name}_{k}" for k in range(len(then[1]))]
        graphs = [
            helper.make_graph(nodes, f"{name}_{label}", [], [ValueInfoProto(name=x) for x in ends])
            for (nodes, ends), label in ((then, "then"), (other, "else"))
        ]
        branches = {"then_branch": graphs[0], "else_branch": graphs[1]}
        self.nodes.append(helper.make_node("If", [condition], outputs, name=name, **branches))
        return outputs

    def cast(self, x: Operand, to: int, name: str | None = None) -> str:
        """Append a Cast to an ONNX element type, such as ``TensorProto.INT64``."""
        return self.op("Cast", x, name=name, to=to)

    def unsqueeze(self, x: Operand, axis: int) -> str:
        """Append an axis of length 1."""
        return self.op("Unsqueeze", x, np.array([axis]))

    def squeeze(self, x: Operand, axis: int, name: str | None = None) -> str:
        """Drop an axis of length 1."""
        return self.op("Squeeze", x, np.array([axis]), name=name)

    def reduce(self, op_type: str, x: Operand, axis: int, keepdims: bool = True) -> str:
        """Append ReduceSum, ReduceMax, ReduceMin or ReduceMean over one axis."""
        return self.op(op_type, x, np.array([axis]), keepdims=int(keepdims))

    def append_last(self, x: Operand, axes: int, value: npt.NDArray[Any]) -> str:
        """Append one scalar to the end of the last of ``axes`` axes: the bias's input."""
        pads = np.zeros(2 * axes, np.int64)
        pads[-1] = 1
        return self.op("Pad", x, pads, value, mode="constant")
