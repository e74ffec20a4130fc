"""What a prediction graph may have otherwise: plain operators only, random bits from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from export.graph.builder import GraphBuilder, Operand
from export.graph.whole import Value
from quant import noise
from quant.tables import EPSILON, EPSILON_FRAC_BITS


def best_of(g: GraphBuilder, x: Operand, n: int) -> str:
    """Index of the largest of ``[batch, n]``, the lowest of equals: int64[batch]."""
    if not g.plain:
        return g.op("ArgMax", x, axis=1, keepdims=0)
    largest = g.reduce("ReduceMax", x, 1)
    at = g.op("Where", g.op("Equal", x, largest), np.arange(n), n)
    return g.reduce("ReduceMin", at, 1, keepdims=False)


def epsilon_of(g: GraphBuilder, key: int, layer: int, n_out: int, n_draws: int) -> Any:
    """Draws of a layer in Q7.8, ``number[draws, n_out]``: constants, or made of an input.

    The input is optional: its default are the bits that the sample's key gives.
    """
    if not g.random_inputs:
        return noise.epsilon_q(key, layer, n_out, n_draws).T
    n = n_out * n_draws
    words = noise.words(key, noise.STREAM_EPSILON + layer, (n + 3) // 4)
    octets = (words[:, None] >> np.array([0, 8, 16, 24], np.uint32) & np.uint32(255)).ravel()[:n]
    bits = np.ascontiguousarray(octets.astype(np.uint8).reshape(n_out, n_draws).T)
    name = f"random_bits_{layer}"
    g.initializers.append(numpy_helper.from_array(bits, name))
    g.inputs.append(helper.make_tensor_value_info(name, TensorProto.UINT8, bits.shape))
    index = g.cast(name, TensorProto.INT64)
    return Value(g, g.op("Gather", EPSILON.astype(np.float64), index, axis=0))


def epsilon_real(
    g: GraphBuilder, key: int, layer: int, n_out: int, n_draws: int, real: Any
) -> Operand:
    """The same as real numbers of a type."""
    found = epsilon_of(g, key, layer, n_out, n_draws)
    if isinstance(found, Value):
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(real))
        return g.cast(g.op("Mul", found.name, np.array(2.0**-EPSILON_FRAC_BITS)), kind)
    exact: Operand = (found / 2**EPSILON_FRAC_BITS).astype(real)
    return exact
