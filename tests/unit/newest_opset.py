"""The newest operators that both the installed onnx and the installed runtime know."""

from __future__ import annotations

import onnx
import onnxruntime
from onnx import TensorProto, helper


def _taken(opset: int) -> bool:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [x], [y])
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, ir_version=10, opset_imports=imports)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # noqa: BLE001 - the runtime has its own, of several kinds
        return False
    return True


def newest_opset() -> int:
    """Return its number."""
    newest = onnx.defs.onnx_opset_version()
    return next(opset for opset in range(newest, 17, -1) if _taken(opset))
