"""What the graphs of both MESU rules share: the layers' skeleton, blocks of inputs, and x·μ.

Counterparts: :mod:`quant.sampling.golden` and :mod:`streamlearn.sampling`, with a batch axis in
front; every block shift is one row's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from export.graph.builder import GraphBuilder, Operand
from export.graph.drawn import Drawn
from export.graph.integers import (
    at_most,
    bit_length,
    clamp,
    positive_part,
    power_of_two,
    shift_floor,
    shift_round,
    shift_round_both,
    shift_truncate_both,
)
from quant import noise
from quant.front_end import INPUT_FRAC_BITS
from quant.layout import State
from quant.network import NetworkSpec
from quant.sampling.golden import ACTIVATION_BITS, ACTIVATION_FRAC_BITS, PRE_ACTIVATION_MAX

#: ``layer(index, x, frac_bits)``: ``x·μ`` in Q15.16 and the standard deviation in .12.
IntegerLayer = Callable[[int, str, Operand], tuple[str, str]]
#: ``layer(index, x)``: ``x·μ`` and the standard deviation.
RealLayer = Callable[[int, str], tuple[str, str]]


#: What a rule does in its layers, ready to be appended: ``(g, spec, config, state)``.
IntegerLayers = Callable[[GraphBuilder, NetworkSpec, Any, State], IntegerLayer]
RealLayers = Callable[[GraphBuilder, NetworkSpec, Any, State], RealLayer]


def sampling_graphs(integer: IntegerLayers, real: RealLayers) -> dict[str, Any]:
    """Return a room's graphs by kind of numbers, from what its rule does in a layer."""

    def in_integers(
        g: GraphBuilder, z_q: str, spec: NetworkSpec, config: Any, state: State, draws: bool = True
    ) -> Drawn:
        layer = integer(g, spec, config, state)
        return integer_layers(g, z_q, spec, config.n_draws, state, layer, draws)

    def in_floats(
        g: GraphBuilder, z: str, spec: NetworkSpec, config: Any, state: State, draws: bool = True
    ) -> Drawn:
        layer = real(g, spec, config, state)
        return real_layers(g, z, spec, config.n_draws, state, layer, draws)

    return {"integer": in_integers, "float32": in_floats, "float64": in_floats}


def integer_layers(
    g: GraphBuilder,
    z_q: str,
    spec: NetworkSpec,
    n_draws: int,
    state: State,
    layer: IntegerLayer,
    draws: bool,
) -> Drawn:
    """All layers with the noise of the state's next sample.

    Parameters
    ----------
    g : GraphBuilder
    z_q : int64[batch, n_features]
        Q3.4.
    spec, n_draws, state
        Their numbers become constants.
    layer : callable
        What a rule does in a layer.
    draws : bool
        False: with the mean weights; the outputs are those of every draw.

    Returns
    -------
    Drawn
        ``outputs`` int64[batch, draws, outputs] in Q.16, ``spread`` int64[batch, draws or 1,
        outputs] in .12, ``noise`` int64[draws, outputs] in Q7.8.
    """
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    x: str = g.unsqueeze(z_q, 1)
    frac_bits: Operand = INPUT_FRAC_BITS
    last = len(spec.shapes) - 1
    for index, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            if isinstance(frac_bits, int):
                x = g.append_last(x, 3, np.array(1 << frac_bits))
            else:
                ones = np.ones((1, n_draws if draws else 1, 1), int)
                one = g.op("Mul", power_of_two(g, frac_bits), ones)
                x = g.op("Concat", x, one, axis=2)
        epsilon = noise.epsilon_q(key, index, n_out, n_draws).T
        a, spread = layer(index, x, frac_bits)
        if draws:
            a = g.op("Add", a, shift_round(g, g.op("Mul", spread, epsilon), 4))
        if index < last:
            x, frac_bits = _rectify(g, a)
    if draws:
        return Drawn(a, n_draws, spread, epsilon)
    every = g.op("Mul", a, np.ones((n_draws, 1), np.int64))
    return Drawn(every, n_draws, g.op("Mul", a, 0), np.zeros_like(epsilon))


def real_layers(
    g: GraphBuilder,
    z: str,
    spec: NetworkSpec,
    n_draws: int,
    state: State,
    layer: RealLayer,
    draws: bool,
) -> Drawn:
    """The same in the state's type, float32 or float64.

    Returns
    -------
    Drawn
        ``outputs`` real[batch, draws, outputs], ``spread`` real[batch, draws or 1, outputs],
        ``noise`` the two's product, real[batch, draws, outputs].
    """
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    real = state["mu"].dtype.type
    a = x = spread = noisy = g.unsqueeze(z, 1)
    for index, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = g.append_last(x, 3, np.array(1, real))
        epsilon = noise.epsilon_q(key, index, n_out, n_draws).T / 256
        a, spread = layer(index, x)
        if draws:
            noisy = g.op("Mul", spread, epsilon.astype(real))
            a = g.op("Add", a, noisy)
        x = g.op("Max", a, np.array(0, real))
    if draws:
        return Drawn(a, n_draws, spread, noisy)
    nothing = g.op("Mul", a, np.array(0, real))
    return Drawn(a, n_draws, nothing, nothing)


def _rectify(g: GraphBuilder, a: str) -> tuple[str, str]:
    """ReLU in at most 15 bits, and the fraction bits of each row, ``int64[batch, 1, 1]``."""
    h = positive_part(g, a)
    most = g.reduce("ReduceMax", g.reduce("ReduceMax", h, 2), 1)
    whole = g.op("Sub", bit_length(g, most, 32), 16)
    frac_bits = at_most(g, g.op("Sub", ACTIVATION_BITS, whole), ACTIVATION_FRAC_BITS)
    return shift_floor(g, h, g.op("Sub", 16, frac_bits)), frac_bits


# Block sums of at most 65536 inputs of 15 bits, and squares of sums of 16 bits.
SUM_BITS = 32


def largest_sum(g: GraphBuilder, x: str) -> str:
    """Of ``[batch, draws, rows]``, the largest sum over the rows of any draw, ``[batch, 1, 1]``.

    The maximum is taken in float64, exact below 2^53: see :func:`export.graph.integers.clamp`.
    """
    sums = g.cast(g.reduce("ReduceSum", x, 2), TensorProto.DOUBLE)
    return g.cast(g.reduce("ReduceMax", sums, 1), TensorProto.INT64)


def blocked_mean(
    g: GraphBuilder, x: str, frac_bits: Operand, mu: npt.NDArray[np.int16], mu_frac_bits: int
) -> tuple[str, str, str]:
    """The inputs as a block, its shift ``int64[batch, 1, 1]``, and ``x·μ`` in Q15.16."""
    bits = bit_length(g, largest_sum(g, g.op("Abs", x)), SUM_BITS)
    k_mean = positive_part(g, g.op("Sub", bits, 16))
    blocked = shift_truncate_both(g, x, k_mean)
    mean = g.op("MatMul", g.cast(blocked, TensorProto.INT32), mu.astype(np.int32))
    right = g.op("Sub", g.op("Add", frac_bits, mu_frac_bits - 16), k_mean)
    centre = shift_round_both(g, g.cast(mean, TensorProto.INT64), right)
    return blocked, k_mean, clamp(g, centre, PRE_ACTIVATION_MAX)
