"""The little that is needed to write an ONNX graph as a sequence of function calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

#: The name of a value in the graph, or a constant: a Python ``int`` is an ``int64`` scalar.
Operand = str | int | npt.NDArray[Any]


class GraphBuilder:
    """Collect nodes and constants; every call returns the name of the value that it made."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

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

    def needed(self, outputs: list[str]) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return the nodes and constants that these values are made of."""
        wanted, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if not wanted.isdisjoint(node.output):
                wanted.update(node.input)
                nodes.append(node)
        return nodes[::-1], [value for value in self.initializers if value.name in wanted]

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
        output = f"{op_type}_{len(self.nodes)}" if name is None else name
        self.nodes.append(helper.make_node(op_type, names, [output], name=output, **attributes))
        return output

    def second(self, op_type: str, *inputs: Operand, **attributes: Any) -> str:
        """Append a node of two outputs and return the second, such as TopK's indices."""
        second = self.op(op_type, *inputs, **attributes)
        self.nodes[-1].output.insert(0, f"{second}_first")
        return second

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
