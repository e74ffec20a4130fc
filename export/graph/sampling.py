"""What the graphs of both MESU rules share: the layers' skeleton, blocks of inputs, and x·μ.

Counterparts: :mod:`quant.sampling.golden` and :mod:`streamlearn.sampling`, with a batch axis in
front; every block shift is one row's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from export.graph.bits import bit_length
from export.graph.builder import GraphBuilder
from export.graph.chosen import epsilon_of, epsilon_real
from export.graph.drawn import Drawn
from export.graph.shapes import concatenated
from export.graph.whole import (
    Value,
    absolute,
    clip,
    floor,
    largest,
    matmul,
    maximum,
    minimum,
    power_of_two,
    reduce,
    scaled,
    shift_round,
    shift_truncate,
)
from quant import noise
from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX
from quant.layout import State
from quant.network import NetworkSpec
from quant.sampling.golden import (
    ACTIVATION_BITS,
    ACTIVATION_FRAC_BITS,
    NARROW_BITS,
    NARROW_MAX,
    PRE_ACTIVATION_MAX,
)


class Layer(NamedTuple):
    """What a layer's forward pass leaves.

    Attributes
    ----------
    x : number[batch, draws or 1, rows]
        Inputs, the bias's last; of the first layer perhaps some rows only.
    frac_bits : number[batch, 1, 1]
    a : number[batch, draws, columns]
        Pre-activations, Q15.16.
    spread : number[batch, draws or 1, columns]
        Their standard deviation, .12.
    epsilon : number[draws, columns]
        Q7.8.
    extra : tuple
        What the rule's update needs.
    """

    x: Any
    frac_bits: Any
    a: Any
    spread: Any
    epsilon: Any
    extra: Any


#: ``layer(index, x, frac_bits, epsilon)``; its ``a`` is ``x·μ`` as yet.
IntegerLayer = Callable[[int, Any, Any, Any], Layer]
#: ``activate(index, a)``: a hidden layer's outputs and their fraction bits.
Activate = Callable[[int, Any], tuple[Any, Any]]
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
        key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
        epsilon = [
            epsilon_of(g, key, index, n_out, config.n_draws)
            for index, (_, n_out) in enumerate(spec.shapes)
        ]
        z = Value(g, g.cast(z_q, TensorProto.DOUBLE))
        layer, n_draws = integer(g, spec, config, state), config.n_draws
        last = integer_layers(g, z, spec, n_draws if draws else 0, epsilon, layer)[-1]
        outputs = g.cast(last.a.name, TensorProto.INT64)
        if draws:
            spread = g.cast(last.spread.name, TensorProto.INT64)
            return Drawn(outputs, n_draws, spread, epsilon[-1])
        every = g.op("Mul", outputs, np.ones((n_draws, 1), np.int64))
        nothing = np.zeros((n_draws, spec.n_outputs), np.int64)
        return Drawn(every, n_draws, g.op("Mul", outputs, 0), nothing)

    def in_floats(
        g: GraphBuilder, z: str, spec: NetworkSpec, config: Any, state: State, draws: bool = True
    ) -> Drawn:
        layer = real(g, spec, config, state)
        return real_layers(g, z, spec, config.n_draws, state, layer, draws)

    return {"integer": in_integers, "float32": in_floats, "float64": in_floats}


def integer_layers(
    g: GraphBuilder,
    z: Value,
    spec: NetworkSpec,
    n_draws: int,
    epsilon: Sequence[Any],
    layer: IntegerLayer,
    activate: Activate | None = None,
) -> list[Layer]:
    """All layers, with the noise of each.

    Parameters
    ----------
    g : GraphBuilder
    z : number[batch, n_features]
        Q3.4.
    spec : NetworkSpec
    n_draws : int
        0: with the mean weights, and no noise.
    epsilon : sequence of number[draws, columns]
        Q7.8.
    layer : IntegerLayer
        What a rule does in a layer.
    activate : callable, optional
        What a hidden layer does with its pre-activations: spikes. Default: ReLU.
    """
    x: Any = Value(g, g.unsqueeze(z.name, 1))
    frac_bits: Any = INPUT_FRAC_BITS
    found: list[Layer] = []
    for index, noisy in enumerate(epsilon):
        with g.scope(f"layer_{index}"):
            if spec.bias and index == 0:
                bias = np.array(float(1 << INPUT_FRAC_BITS))
                x = Value(g, g.append_last(x.name, 3, bias))
            elif spec.bias:
                x = concatenated([x, power_of_two(frac_bits) * np.ones((1, max(n_draws, 1), 1))], 2)
            passed = layer(index, x, frac_bits, noisy)
            if n_draws:
                passed = passed._replace(a=sampled(passed.a, passed.spread, noisy))
            found.append(passed)
            if index < len(epsilon) - 1:
                x, frac_bits = activate(index, passed.a) if activate else _rectify(passed.a)
    return found


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
        with g.scope(f"layer_{index}"):
            if spec.bias:
                x = g.append_last(x, 3, np.array(1, real))
            a, spread = layer(index, x)
            if draws:
                noisy = g.op("Mul", spread, epsilon_real(g, key, index, n_out, n_draws, real))
                a = g.op("Add", a, noisy)
            x = g.op("Max", a, np.array(0, real))
    if draws:
        return Drawn(a, n_draws, spread, noisy)
    nothing = g.op("Mul", a, np.array(0, real))
    return Drawn(a, n_draws, nothing, nothing)


def _rectify(a: Any) -> tuple[Any, Any]:
    """ReLU in at most 15 bits, and the fraction bits of each row, ``number[batch, 1, 1]``."""
    h = maximum(a, 0)
    whole = bit_length(largest(h), 32) - 16
    frac_bits = minimum(ACTIVATION_BITS - whole, ACTIVATION_FRAC_BITS)
    return floor(scaled(h, frac_bits - 16)), frac_bits


# Block sums of at most 65536 inputs of 15 bits, and squares of sums of 16 bits.
SUM_BITS = 32


def largest_sum(x: Any) -> Any:
    """Of ``[batch, draws, rows]``, the largest sum over the rows of any draw, ``[batch, 1, 1]``."""
    return reduce("Max", reduce("Sum", x, 2), 1)


def block_inputs(x: Any, rows: int | None = None) -> tuple[Any, Any]:
    """The inputs, their magnitudes' sums below 2^16, and by how many bits they were shifted.

    ``rows``: the first layer's, whose inputs have 7 bits; few of them need no shift.
    """
    if rows is not None and rows * INPUT_MAX < 1 << 16:
        return x, 0
    k = maximum(bit_length(largest_sum(absolute(x)), SUM_BITS) - 16, 0)
    return shift_truncate(x, k), k


def narrow_inputs(x: Any, first: bool) -> tuple[Any, Any]:
    """Inputs of 8 bits, and by how many bits they are shorter; the first layer's have no more."""
    if first:
        return x, 0
    narrow = maximum(bit_length(largest(x), ACTIVATION_BITS + 1) - NARROW_BITS, 0)
    return minimum(shift_round(x, narrow), NARROW_MAX), narrow


def centre_of(blocked: Any, k: Any, frac_bits: Any, mu: Any, mu_frac_bits: Any) -> Any:
    """``x·μ`` of a block of inputs, in Q15.16."""
    right = frac_bits - k + mu_frac_bits - 16
    centre = shift_round(matmul(blocked, mu), right)
    return clip(centre, -PRE_ACTIVATION_MAX, PRE_ACTIVATION_MAX)


def sampled(centre: Any, spread: Any, epsilon: Any) -> Any:
    """``centre + spread · ε``, rounded as the golden model does."""
    return centre + shift_round(spread * epsilon, 4)
