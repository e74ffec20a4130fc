"""The float models' prediction as ONNX nodes: :mod:`streamlearn.mesu` with a batch axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from export.onnx_builder import GraphBuilder, Operand
from quant import noise
from quant.factored_state import FACTORS, factor_view
from quant.plan import INPUT_FRAC_BITS, INPUT_MAX
from quant.spec import MesuConfig, NetworkSpec
from quant.state import State, layer_view


def standardise(g: GraphBuilder, x: Operand, state: State, window: int) -> str:
    """Standardise by the statistics of the state and of the sample itself.

    Parameters
    ----------
    g : GraphBuilder
    x : real[batch, n_features]
        In the state's type, float32 or float64.
    state : State
        Its statistics become constants.
    window : int
        Samples over which the statistics follow the sensor.

    Returns
    -------
    real[batch, n_features]
        0 where the variance is 0; not clipped.
    """
    count = min(int(state["front_end_count"][0]) + 1, window)
    mean_before, variance_before = state["mean"][0], state["variance"][0]
    real = mean_before.dtype.type
    rate, zero = np.array((65536 // count) / 65536, real), np.array(0, real)
    delta = g.op("Sub", x, mean_before)
    mean = g.op("Add", mean_before, g.op("Mul", delta, rate))
    after = g.op("Sub", x, mean)
    surplus = g.op("Sub", g.op("Mul", delta, after), variance_before)
    variance = g.op("Add", variance_before, g.op("Mul", surplus, rate))
    z = g.op("Div", after, g.op("Sqrt", variance))
    return g.op("Where", g.op("Greater", variance, zero), z, zero)


def clip_input(g: GraphBuilder, z: Operand, real: npt.DTypeLike) -> str:
    """``z`` within ±127/16, as in fixed point."""
    limit = INPUT_MAX / 2**INPUT_FRAC_BITS
    return g.op("Clip", z, np.array(-limit, real), np.array(limit, real))


def forward(
    g: GraphBuilder, z: Operand, spec: NetworkSpec, config: MesuConfig, state: State
) -> str:
    """All layers with the noise of the state's next sample; ``real[batch, classes]`` mean logits.

    ``z`` is ``real[batch, n_features]`` in the state's type.
    """
    return g.reduce("ReduceMean", draws(g, z, spec, config, state)[0], 1, keepdims=False)


def draws(
    g: GraphBuilder, z: Operand, spec: NetworkSpec, config: MesuConfig, state: State
) -> tuple[str, str, str]:
    """The same before the mean over the draws: outputs, their spread, and spread times ε.

    ``real[batch, draws, outputs]``, but the spread ``real[batch, draws or 1, outputs]``.
    """
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    real = state["mu"].dtype.type
    a = x = spread = noisy = g.unsqueeze(z, 1)
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = g.append_last(x, 3, np.array(1, real))
        mu: npt.NDArray[Any] = layer_view(spec, state, "mu", layer)
        epsilon = noise.epsilon_q(key, layer, n_out, config.n_draws).T / 256
        squares = g.op("Mul", x, x)
        if spec.variance == "factored":
            row, column = (factor_view(spec, state, field, layer) for field in FACTORS)
            root = g.op("Sqrt", g.op("MatMul", squares, row[:, None]))
            spread = g.op("Mul", root, np.sqrt(column))
        else:
            sigma = layer_view(spec, state, "sigma", layer)
            spread = g.op("Sqrt", g.op("MatMul", squares, np.square(sigma)))
        noisy = g.op("Mul", spread, epsilon.astype(real))
        a = g.op("Add", g.op("MatMul", x, mu), noisy)
        x = g.op("Max", a, np.array(0, real))
    return a, spread, noisy
