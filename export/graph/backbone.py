"""A backbone's graph in QCDQ form.

QCDQ is quantise, clip, dequantise: floats between the operators, integers in the file. Every sum is
a whole number below 2^24 times a power of two, so float32 has the golden model's bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper

from export.graph.builder import GraphBuilder
from quant.backbone import Backbone, CodeFormat, MaxPool, Weighted
from quant.backbone.file import sha256
from streamlearn.version import __version__

OPSET, IR_VERSION = 18, 10


def backbone_model(backbone: Backbone, opset: int = OPSET) -> ModelProto:
    """Return a backbone as an ONNX graph in QCDQ form.

    Parameters
    ----------
    backbone : Backbone
    opset : int
        Version of the operators, 18 or newer.

    Returns
    -------
    onnx.ModelProto
        Input ``x``: float32[batch, n_inputs], raw values. Output ``features``:
        float32[batch, n_features], the golden model's bits
        (:func:`quant.backbone.golden.features`).
    """
    graph = GraphBuilder()
    shape = np.array([-1, *backbone.input_shape], np.int64)
    codes = _quantised(graph, graph.op("Reshape", "x", shape), backbone.given)
    for layer, given, shape_in in zip(
        backbone.layers, backbone.formats, backbone.shapes, strict=False
    ):
        if isinstance(layer, MaxPool):
            window: dict[str, Any] = {
                "kernel_shape": [layer.size] * 2,
                "strides": [layer.stride] * 2,
            }
            codes = graph.op("MaxPool", codes, **window)
        else:
            if not layer.is_conv and len(shape_in) == 3:
                codes = graph.op("Flatten", codes)
            sums = _weighted(graph, layer, codes, given)
            codes = _quantised(graph, graph.op("Relu", sums), layer.out)
    graph.op("Flatten", codes, name="features")
    n, m = backbone.n_inputs, backbone.n_features
    made = helper.make_graph(
        graph.nodes,
        "backbone",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", n])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", m])],
        graph.initializers,
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="streamlearn",
        producer_version=__version__,
    )
    helper.set_model_props(model, {"backbone_sha256": sha256(backbone)})
    checker.check_model(model, full_check=True)
    return model


def _quantised(graph: GraphBuilder, x: str, form: CodeFormat) -> str:
    kind: Any = np.int8 if form.signed else np.uint8
    scale, zero = np.array(form.scale, np.float32), np.array(0, kind)
    codes = graph.op("QuantizeLinear", x, scale, zero)
    if form.bits < 8:
        codes = graph.op("Clip", codes, np.array(form.least, kind), np.array(form.most, kind))
    return graph.op("DequantizeLinear", codes, scale, zero)


def _weighted(graph: GraphBuilder, layer: Weighted, codes: str, given: CodeFormat) -> str:
    scale = layer.weight_format.scale
    weight = graph.op(
        "DequantizeLinear", layer.weight, np.array(scale, np.float32), np.array(0, np.int8)
    )
    unit = np.array(scale * given.scale, np.float32)
    bias = graph.op("DequantizeLinear", layer.bias, unit, np.array(0, np.int32))
    if not layer.is_conv:
        return graph.op("Gemm", codes, weight, bias, transB=1)
    return graph.op(
        "Conv", codes, weight, bias, strides=[layer.stride] * 2, pads=[layer.padding] * 4
    )
