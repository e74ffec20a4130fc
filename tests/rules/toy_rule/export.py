"""The toy rule's graph, in integers and in floats."""

from typing import Any

import numpy as np

from export.graph.drawn import Drawn
from quant.network import layer_view


def layers(kind: Any, g: Any, x: str, spec: Any, config: Any, state: Any) -> Drawn:
    for layer in range(len(spec.shapes)):
        x = g.append_last(x, 2, np.array(16, kind)) if spec.bias else x
        a = g.op("MatMul", x, layer_view(spec, state, "weight", layer).astype(kind))
        floor = g.op("Floor", g.op("Div", g.cast(a, 11), np.array(64.0)))  # 11: float64
        h = g.op("Clip", floor, np.array(0.0), np.array(1023.0))
        x = g.cast(h, 11 if kind is np.float64 else 7)  # 7: int64
    return Drawn(g.unsqueeze(a, 1), 1)


GRAPHS = {
    "integer": lambda *given: layers(np.int64, *given),
    "float64": lambda g, z, *given: layers(np.float64, g, g.op("Mul", z, np.array(16.0)), *given),
}
