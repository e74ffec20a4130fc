"""QONNX: what its converter finds in a learner's graphs, and in a backbone's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from backbone_helpers import dense

from export.graph.backbone import backbone_model
from export.graph.learning import learning_models
from export.graph.model import prediction_model
from quant.backbone.golden import features
from streamlearn import MesuClassifier

pytest.importorskip("qonnx", reason="no QONNX: pip install qonnx")


def converted(model: Any) -> Any:
    """The model after QONNX's own converter from QCDQ."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.qcdq_to_qonnx import QCDQToQuant

    return ModelWrapper(model).transform(InferShapes()).transform(QCDQToQuant())


def operators(model: Any) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def test_a_learners_graphs_have_nothing_that_qonnx_says_more_of() -> None:
    learner = MesuClassifier((4, 8, 3), classes=range(3))
    given = learner.spec, learner.config
    names = ["a", "b", "c"]
    predict = prediction_model(*given, learner.state, "q16", names)
    learn = learning_models(*given, "q16", learner.state, names)[0]
    for model in (predict, learn):
        before = operators(model)
        assert operators(converted(model)) == before
        assert not any("Quant" in name for name in before)


def test_a_backbone_becomes_qonnx_with_the_same_bits() -> None:
    """QCDQ has all that QONNX needs: bits, scales and signs of activations, weights, biases."""
    from qonnx.core.onnx_exec import execute_onnx

    backbone = dense()
    given = backbone_model(backbone)
    for info in (*given.graph.input, *given.graph.output):
        info.type.tensor_type.shape.dim[0].dim_value = 1  # its executor wants to know
    model = converted(given)
    found = operators(model)
    assert found["Quant"] == 3 * len(backbone.layers) + 1
    assert found["QuantizeLinear"] == found["DequantizeLinear"] == 0
    x = np.random.default_rng(2).normal(0, 3, (1, backbone.n_inputs)).astype(np.float32)
    assert np.array_equal(execute_onnx(model, {"x": x})["features"], features(backbone, x))
