"""The categorical head as ONNX nodes: label, logits, probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, ValueInfoProto, helper

from export.graph.builder import GraphBuilder
from export.graph.drawn import Drawn
from quant.heads.categorical.golden import OUTPUT_FRAC_BITS
from quant.heads.categorical.taught import candidates
from quant.layout import State
from quant.network import NetworkSpec

#: The label of a sample with NaN or infinity in it.
NO_LABEL = -1


def integer_outputs(
    g: GraphBuilder, finite: str, drawn: Drawn, spec: NetworkSpec, state: State, one: float
) -> list[ValueInfoProto]:
    """``logit_sum`` int64[batch, classes], the sum over the draws in Q.16; label, probabilities.

    ``one`` is what a logit of 1 becomes before the softmax: the temperature's inverse.
    """
    summed = g.reduce("ReduceSum", drawn.outputs, 1, keepdims=False)
    logits = g.op("Where", finite, summed, 0, name="logit_sum")
    unit = (drawn.n_draws << OUTPUT_FRAC_BITS) / one
    there = candidates(state, spec.n_classes)
    return _outputs(g, finite, logits, "logit_sum", TensorProto.INT64, unit, spec, there)


def real_outputs(
    g: GraphBuilder, finite: str, drawn: Drawn, spec: NetworkSpec, state: State, one: float
) -> list[ValueInfoProto]:
    """``logits`` real[batch, classes], the mean over the draws; label, probabilities."""
    kinds = [state.dtype[name].base for name in state.dtype.names or ()]
    zero = np.array(0, np.float64 if np.dtype("<f8") in kinds else np.float32)
    kind = TensorProto.FLOAT if zero.dtype == np.float32 else TensorProto.DOUBLE
    mean = g.reduce("ReduceMean", drawn.outputs, 1, keepdims=False)
    logits = g.op("Where", finite, mean, zero, name="logits")
    there = candidates(state, spec.n_classes)
    return _outputs(g, finite, logits, "logits", kind, 1 / one, spec, there)


def _outputs(
    g: GraphBuilder,
    finite: str,
    logits: str,
    name: str,
    kind: int,
    unit: float,
    spec: NetworkSpec,
    there: npt.NDArray[np.bool_],
) -> list[ValueInfoProto]:
    """Label and probabilities over the classes that are there, all alike if none; all logits."""
    described = helper.make_tensor_value_info(name, kind, ["batch", len(there)])
    if spec.memory is not None:  # which answers with the network
        return [described]
    real = compared = g.cast(logits, TensorProto.DOUBLE)
    if not there.any():
        compared = g.op("Mul", real, np.array(0.0))
    elif not there.all():
        compared = g.op("Where", there, real, np.array(-np.inf))
    best = g.op("ArgMax", logits if compared is real else compared, axis=1, keepdims=0)
    g.op("Where", g.squeeze(finite, 1), best, NO_LABEL, name="label")
    mean_logits = g.op("Div", compared, np.array(float(unit)))
    g.cast(g.op("Softmax", mean_logits, axis=1), TensorProto.FLOAT, name="probabilities")
    return [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
        described,
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(there)]),
    ]
