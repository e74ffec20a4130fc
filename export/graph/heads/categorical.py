"""The categorical head as ONNX nodes: label, logits, probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, ValueInfoProto, helper

from export.graph.builder import GraphBuilder
from export.graph.chosen import best_of
from export.graph.drawn import Drawn
from export.graph.fields import Fields
from export.graph.step import exp2_below
from export.graph.whole import (
    Value,
    divide_floor,
    divided,
    floor,
    minimum,
    reduce,
    shift_floor,
    where,
)
from quant.heads.categorical.golden import OUTPUT_FRAC_BITS
from quant.heads.categorical.taught import WORD_BITS, candidates
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
    found = _outputs(g, finite, logits, "logit_sum", TensorProto.INT64, unit, spec, there)
    each = g.op("Div", g.cast(drawn.outputs, TensorProto.DOUBLE), np.array(unit / drawn.n_draws))
    return found + _entropies(g, finite, each, drawn.n_draws, there)


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
    each = g.op("Mul", g.cast(drawn.outputs, TensorProto.DOUBLE), np.array(one))
    found = _outputs(g, finite, logits, "logits", kind, 1 / one, spec, there)
    return found + _entropies(g, finite, each, drawn.n_draws, there)


def _entropies(
    g: GraphBuilder, finite: str, logits: str, n_draws: int, there: npt.NDArray[np.bool_]
) -> list[ValueInfoProto]:
    """Entropies over the classes that are there, in bits, float32[batch]; none of a single draw.

    Predictive, of the mean over the draws; aleatoric, the mean of each draw's; epistemic, what is
    left (:func:`streamlearn.uncertainty.entropies`). NaN for a row that is not finite. ``logits``
    is ``float64[batch, draws, classes]``.
    """
    if n_draws == 1:
        return []
    if not there.any():
        logits = g.op("Mul", logits, np.array(0.0))
    elif not there.all():
        logits = g.op("Gather", logits, np.flatnonzero(there), axis=2)
    p = g.op("Softmax", logits, axis=2)
    predictive = _entropy(g, g.op("ReduceMean", p, np.array([1]), keepdims=1))
    aleatoric = g.op("ReduceMean", _entropy(g, p), np.array([1]), keepdims=1)
    aleatoric = g.op("Min", aleatoric, predictive)  # rounding may turn them round
    parts = {
        "predictive_entropy": predictive,
        "aleatoric_entropy": aleatoric,
        "epistemic_entropy": g.op("Sub", predictive, aleatoric),
    }
    for name, part in parts.items():
        known = g.op("Where", finite, g.squeeze(part, 2), np.array(np.nan))
        g.cast(g.squeeze(known, 1), TensorProto.FLOAT, name=name)
    made = helper.make_tensor_value_info
    return [made(name, TensorProto.FLOAT, ["batch"]) for name in parts]


def _entropy(g: GraphBuilder, p: str) -> str:
    """Entropy in bits over the last of three axes, which is kept; 0 log 0 is 0."""
    logs = g.op("Log", g.op("Max", p, np.array(np.finfo(np.float64).tiny)))
    nats = g.reduce("ReduceSum", g.op("Mul", p, logs), 2)
    return g.op("Mul", nats, np.array(-1 / np.log(2)))


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
    best = best_of(g, compared, len(there))
    g.op("Where", g.squeeze(finite, 1), best, NO_LABEL, name="label")
    mean_logits = g.op("Div", compared, np.array(float(unit)))
    g.cast(g.op("Softmax", mean_logits, axis=1), TensorProto.FLOAT, name="probabilities")
    return [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
        described,
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(there)]),
    ]


#: What a learning graph is taught by: a class index, -1 to predict only.
TARGET = ("label", TensorProto.INT64)


def learns(g: GraphBuilder, spec: NetworkSpec) -> str:
    """Whether the label is a class: bool[]."""
    return g.op("And", g.op("GreaterOrEqual", "label", 0), g.op("Less", "label", spec.n_classes))


def answer(
    g: GraphBuilder,
    finite: str,
    outputs: Any,
    last: Any,
    unit: Any,
    fields: Fields,
    n_draws: int,
    n: int,
) -> list[ValueInfoProto]:
    """``prediction`` int64[] and ``probabilities`` float32[classes], before the sample is learned.

    ``outputs`` is ``number[draws, classes]``; ``unit`` what a sum over the draws is divided by to
    be a logit.
    """
    del last, fields, n_draws
    sums = reduce("Sum", outputs, 0)
    classes = np.arange(n)
    word = g.op("Gather", "taught", classes // WORD_BITS)
    bits = g.op("BitwiseAnd", word, (np.uint32(1) << (classes % WORD_BITS).astype(np.uint32)))
    there = Value(g, g.cast(bits, TensorProto.BOOL))
    anything = reduce("Max", where(there, 1.0, 0.0), None)
    usable = Value(g, finite) & (anything > 0)
    compared = where(usable, where(there | (anything < 1), sums, -np.inf), 0.0)
    best = g.squeeze(g.op("ArgMax", compared.name, axis=1, keepdims=0), 0)
    g.op("Where", g.op("Reshape", finite, np.zeros(0, np.int64)), best, NO_LABEL, name="prediction")
    logits = g.op("Div", compared.name, unit.name if isinstance(unit, Value) else np.array(unit))
    found = g.cast(g.op("Softmax", logits, axis=1), TensorProto.FLOAT)
    g.squeeze(found, 0, name="probabilities")
    return [
        helper.make_tensor_value_info("prediction", TensorProto.INT64, []),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [n]),
    ]


def target(g: GraphBuilder, spec: NetworkSpec, config: Any, fields: Fields) -> Any:
    """The head's new fields, and the target as learned: ``number[1, classes]``, 1 of the class."""
    del config, fields
    k = np.arange(spec.n_classes)
    words = np.zeros((spec.n_classes, -(-spec.n_classes // WORD_BITS)), np.uint32)
    words[k, k // WORD_BITS] = np.uint32(1) << (k % WORD_BITS).astype(np.uint32)
    taught = g.op("BitwiseOr", "taught", g.op("Gather", words, "label"))
    one = g.cast(g.op("Equal", k[None], "label"), TensorProto.DOUBLE)
    return {"taught": taught}, Value(g, one)


def softmax_q(logits: Any) -> Any:
    """Softmax of each row of Q15.16 logits, in Q0.16: :func:`golden.softmax_q`."""
    t = minimum(shift_floor(reduce("Max", logits, 1) - logits, 6), 16383)
    mantissa, whole = exp2_below(shift_floor(t * 23637.0, 14), 10)
    e = floor(divided(mantissa, whole))
    return divide_floor(e * 65536.0, reduce("Sum", e, 1))


def output_gradient(g: GraphBuilder, outputs: Any, one: Any) -> Any:
    """Gradient of -log softmax by the logits, ``number[draws, classes]`` in Q4.20."""
    return (softmax_q(outputs) - one * 65536.0) * 16.0
