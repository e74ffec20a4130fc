"""The memory as ONNX nodes: the pool's label and probabilities, and the memory's own.

Step for step :mod:`quant.memory.golden`, with a batch axis in front; the state is constants. Sums
in order are ``CumSum``'s last elements, and the whole-numbered sums of the random features are
exact in float64: the bits do not depend on the order in which a runtime adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, ValueInfoProto, helper

from export.graph.builder import GraphBuilder
from export.graph.chosen import best_of
from export.graph.heads.categorical import NO_LABEL
from quant import memory
from quant.layout import State
from quant.memory import features, golden, real
from quant.memory.real import F
from quant.network import NetworkSpec
from quant.rule import Arithmetic

_LOWEST = np.array(np.finfo(np.float32).min)


def _real(value: Any) -> npt.NDArray[np.float32]:
    return np.array(value, np.float32)


def _in_order(g: GraphBuilder, products: str, axis: int, n: int) -> str:
    """Sums over an axis of length n, from its first element to its last; keeps the axis."""
    return g.op("Gather", g.op("CumSum", products, axis), np.array([n - 1]), axis=axis)


def _columns(g: GraphBuilder, x: str, spec: NetworkSpec, state: State) -> str:
    """The memory's columns, float32[batch, columns]."""
    n_inputs, n_random = memory.columns(spec)
    z = _scaled(g, x, spec, state)
    parts = [g.op("Mul", z, _real(1 / features.Z_ONE))] if n_inputs else []
    if n_random:
        weights, bias = features.random_weights(int(state["seed"][0]), n_random, spec.n_features)
        limit = float(features.Z_MAX_RANDOM)
        inputs = g.op("Clip", g.cast(z, TensorProto.DOUBLE), np.array(-limit), np.array(limit))
        sums = g.op("MatMul", inputs, np.ascontiguousarray(weights.T, np.float64))
        sums = g.op("Relu", g.op("Add", sums, bias.astype(np.float64)))
        unit = _real(features.feature_unit(spec.n_features))
        parts.append(g.op("Mul", g.cast(sums, TensorProto.FLOAT), unit))
    return g.op("Concat", *parts, axis=1)


def _scaled(g: GraphBuilder, x: str, spec: NetworkSpec, state: State) -> str:
    """Whole numbers in Q7.8, as float32[batch, n_features]."""
    raw = g.op("Clip", x, _real(-features.RAW_MAX), _real(features.RAW_MAX))
    limit = features.Z_MAX / features.Z_ONE
    if spec.front_end == "none":
        limit = features.Z_MAX_RANDOM / features.Z_ONE
        z = raw
    else:
        count, scale = int(state["memory_scaled"][0]), state["memory_scale"][0]
        if count < 3:
            return g.op("Mul", raw, _real(0))
        centre = state["memory_centre"][0]
        fixed = count == features.SCALE_SAMPLES
        inverse = scale if fixed else features.fixed_scale(centre, scale)
        deviation = g.op("Sub", raw, centre)
        z = g.op("Mul", deviation, inverse)
        if fixed:
            z = g.op("Where", inverse == 0, g.op("Sign", deviation), z)
    z = g.op("Clip", z, _real(-limit), _real(limit))
    return g.op("Floor", g.op("Add", g.op("Mul", z, _real(features.Z_ONE)), _real(0.5)))


def _polynomial(g: GraphBuilder, x: str, divisors: tuple[int, ...]) -> str:
    """1 + x (1/d + x (...)), the last divisor first, each 1/d in float32."""
    p: Any = F(1) / F(divisors[0])
    for divisor in (*divisors[1:], 1):
        product = g.op("Mul", x, p if isinstance(p, str) else _real(p))
        p = g.op("Add", product, _real(F(1) / F(divisor)))
    return str(p)


def _exp(g: GraphBuilder, x: str) -> str:
    """:func:`quant.memory.real.exp`."""
    y = g.op("Mul", x, _real(real.LOG2_E))
    n = g.cast(g.op("Sub", y, _real(0.5)), TensorProto.INT64)
    f = g.op("Mul", g.op("Sub", y, g.cast(n, TensorProto.FLOAT)), _real(real.LN2))
    p = _polynomial(g, f, real.EXP_DIVISORS)
    powers = (2.0 ** -np.arange(127)).astype(np.float32)
    return g.op("Mul", p, g.op("Gather", powers, g.op("Neg", n)))


def _log(g: GraphBuilder, x: str) -> str:
    """:func:`quant.memory.real.log` of numbers below 2^17."""
    powers = (2.0 ** np.arange(1, 18)).astype(np.float32)
    above = g.cast(g.op("GreaterOrEqual", g.unsqueeze(x, -1), powers), TensorProto.INT64)
    e = g.reduce("ReduceSum", above, -1, keepdims=False)
    halves = (2.0 ** -np.arange(18)).astype(np.float32)
    m = g.op("Mul", x, g.op("Gather", halves, e))
    large = g.op("Greater", m, _real(real.SQRT2))
    m = g.op("Where", large, g.op("Mul", m, _real(0.5)), m)
    e = g.op("Add", e, g.cast(large, TensorProto.INT64))
    u = g.op("Div", g.op("Sub", m, _real(1)), g.op("Add", m, _real(1)))
    p = _polynomial(g, g.op("Mul", u, u), real.LOG_DIVISORS)
    ln2 = g.op("Mul", g.cast(e, TensorProto.FLOAT), _real(real.LN2))
    return g.op("Add", ln2, g.op("Mul", g.op("Add", u, u), p))


def _log_softmax(g: GraphBuilder, scores: str, mask: npt.NDArray[np.bool_], low: float) -> str:
    """:func:`quant.memory.golden.log_softmax` of float32[batch, classes]."""
    top = g.reduce("ReduceMax", g.op("Where", mask, scores, _LOWEST), 1)
    shifted = g.op("Clip", g.op("Sub", scores, top), _real(golden.SCORE_MIN), _real(0))
    powers = g.op("Where", mask, _exp(g, shifted), _real(0))
    total = _in_order(g, powers, 1, len(mask))
    return g.op("Max", g.op("Sub", shifted, _log(g, total)), _real(low))


def _network(g: GraphBuilder, kind: Arithmetic, state: State, n_draws: int) -> str:
    """The network's mean logits, each less the largest: float32[batch, classes]."""
    if kind.numbers == "integer":
        sums = "logit_sum"
        less = g.op("Sub", sums, g.reduce("ReduceMax", sums, 1))
        field = kind.log2_temperature
        unit = golden.logit_unit(n_draws, 0 if field is None else int(state[field][0]))
        return g.op("Mul", g.cast(less, TensorProto.FLOAT), _real(unit))
    mean = "logits"
    if kind.logits is not None:
        dtype = np.float32 if kind.numbers == "float32" else np.float64
        mean = g.op("Mul", mean, np.array(kind.logits(state, np.array(1.0)), dtype))
    return g.cast(g.op("Sub", mean, g.reduce("ReduceMax", mean, 1)), TensorProto.FLOAT)


def memory_outputs(
    g: GraphBuilder,
    finite: str,
    x: str,
    spec: NetworkSpec,
    state: State,
    kind: Arithmetic,
    n_draws: int,
) -> list[ValueInfoProto]:
    """``label`` and ``probabilities`` of the pool; ``recall_label``, ``recall_probabilities``."""
    k, mask = spec.n_classes, golden.taught(state)
    net = _network(g, kind, state, n_draws)
    own = g.op("Mul", net, _real(0))
    if not state["memory_seen"][0].any():  # all classes are alike
        net = own
    net = _log_softmax(g, net, mask, golden.LOG_MIN)
    if state["memory_seen"][0].any():
        own = _log_softmax(g, _scores(g, x, spec, state), mask, golden.LOG_MIN)
    answer = net
    if golden.trusted(state):
        weighted = [
            g.op("Mul", logs, _real(state[name][0]))
            for name, logs in (("memory_net", net), ("memory_own", own))
        ]
        answer = _log_softmax(g, g.op("Add", *weighted), mask, golden.SCORE_MIN)
    found = []
    for prefix, logs in (("", answer), ("recall_", own)):
        masked = g.op("Where", mask, logs, _LOWEST)
        best = best_of(g, masked, k)
        g.op("Where", g.squeeze(finite, 1), best, NO_LABEL, name=f"{prefix}label")
        exact = g.op("Softmax", g.cast(masked, TensorProto.DOUBLE), axis=1)
        g.cast(exact, TensorProto.FLOAT, name=f"{prefix}probabilities")
        made = helper.make_tensor_value_info
        found += [
            made(f"{prefix}label", TensorProto.INT64, ["batch"]),
            made(f"{prefix}probabilities", TensorProto.FLOAT, ["batch", k]),
        ]
    return found


def _scores(g: GraphBuilder, x: str, spec: NetworkSpec, state: State) -> str:
    """The memory's scores of the classes, float32[batch, classes]."""
    k, d = spec.n_classes, sum(memory.columns(spec))
    means = state["memory_mean"][0].reshape(k, d)
    weights = means if spec.memory == "mean" else state["memory_weight"][0].reshape(k, d)
    phi = g.unsqueeze(_columns(g, x, spec, state), 1)
    products = g.op("Mul", g.op("Sub", phi, F(0.5) * means), weights)
    sums = g.squeeze(_in_order(g, products, 2, d), 2)
    return g.op("Mul", sums, _real(golden.score_unit(spec, state)))
