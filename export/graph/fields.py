"""The fields of a state as inputs of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ValueInfoProto, helper

from export.graph.builder import GraphBuilder
from export.graph.shapes import read, stored
from export.graph.whole import Value
from quant.layout import Field, Layout


def onnx_type(field: Field) -> int:
    """Return the element type of a field."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(field.dtype)))


def described(field: Field, suffix: str = "") -> ValueInfoProto:
    """Describe a field as an input or an output of a graph."""
    return helper.make_tensor_value_info(field.name + suffix, onnx_type(field), field.shape)


class Fields:
    """A state that a graph reads: raw by the names of the fields, or as whole numbers.

    Parameters
    ----------
    g : GraphBuilder
    layout : Layout
    """

    def __init__(self, g: GraphBuilder, layout: Layout) -> None:
        self._g, self._types = g, {field.name: onnx_type(field) for field in layout}
        self._shapes = {field.name: np.array(field.shape, np.int64) for field in layout}
        self._values: dict[str, Value] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def dtype(self, name: str) -> np.dtype[Any]:
        """Return the type of a field as NumPy's."""
        return np.dtype(helper.tensor_dtype_to_np_dtype(self._types[name]))

    def value(self, name: str) -> Value:
        """Return a field as whole numbers."""
        if name not in self._values:
            self._values[name] = read(self._g, name)
        return self._values[name]

    def forget(self) -> None:
        """Read fields anew: inside a branch, so that it uses no number from outside."""
        self._values.clear()

    def stored(self, name: str, x: Any) -> str:
        """Return whole numbers in a field's type."""
        return stored(x, self._types[name])

    def stored_all(self, new: Mapping[str, Any]) -> dict[str, str]:
        """Return numbers in the types and shapes of their fields."""
        return {
            name: self._g.op("Reshape", self.stored(name, x), self._shapes[name])
            for name, x in new.items()
        }

    def parts(self, name: str, sizes: list[int]) -> list[str]:
        """Return the parts of a flat field, of a layer each, in its own type."""
        return self._g.split(name, sizes)
