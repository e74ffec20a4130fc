"""A regressor's prediction as an ONNX model; in fixed point its sums are the golden model's."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper

from export import onnx_float, onnx_gaussian, onnx_q16
from export.onnx_builder import GraphBuilder
from export.onnx_graph import (
    check_state,
    finite_rows,
    integer_inputs,
    model_of,
    q16_plan,
    real_inputs,
)
from quant.errors import ConfigError
from quant.spec import MesuConfig, NetworkSpec
from quant.state import Arithmetic, State


def target_model(
    spec: NetworkSpec, config: MesuConfig, state: State, arithmetic: Arithmetic
) -> ModelProto:
    """Freeze a regressor's state into an ONNX model of its next prediction.

    Each row of a batch is predicted as the learner would predict that one sample from this state;
    see :func:`export.onnx_graph.prediction_model`.

    Parameters
    ----------
    spec, config : NetworkSpec, MesuConfig
        As the state was learned with; the likelihood is Gaussian.
    state : State
        One element of ``state_dtype(spec, arithmetic)``; copied, not changed.
    arithmetic : {"q16", "float32", "float64"}

    Returns
    -------
    onnx.ModelProto
        Input ``x``: float32[batch, n_features], raw sensor values. Output ``prediction``:
        float32[batch, 3], mean, aleatoric and epistemic standard deviation in the target's units,
        NaN for a row that is not finite. In q16 also ``sums`` int64[batch, 3], of which they are
        made (:class:`quant.gaussian_q16.Sums`).

    Raises
    ------
    ConfigError
        If the arithmetic is unknown, the likelihood is not Gaussian, or fixed point cannot hold the
        configuration.
    ShapeError
        If the state is not that of the network.

    Notes
    -----
    ``sums`` equals the golden model in every bit, ``prediction`` to one unit in the last place:
    ONNX has no 64-bit square root, so that the last step is in float64.
    """
    if spec.likelihood != "gaussian":
        raise ConfigError(f"likelihood={spec.likelihood!r}: a model of a target is of 'gaussian'")
    check_state(spec, state, arithmetic)
    g = GraphBuilder()
    finite, x = finite_rows(g)
    outputs = [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["batch", 3])]
    if arithmetic == "q16":
        plan = q16_plan(spec, config)
        z_q = integer_inputs(g, x, spec, config, state)
        draws = onnx_q16.draws(g, z_q, spec, plan, state)
        sums = onnx_gaussian.sums_q16(g, *draws, config.n_draws)
        sums = g.op("Where", finite, sums, 0, name="sums")
        outputs.append(helper.make_tensor_value_info("sums", TensorProto.INT64, ["batch", 3]))
        found = onnx_gaussian.in_units_q16(g, sums, state, config.n_draws)
    else:
        to = TensorProto.DOUBLE if arithmetic == "float64" else TensorProto.FLOAT
        z = real_inputs(g, x, spec, config, state, to)
        draws_of = onnx_float.draws(g, z, spec, config, state)
        found = onnx_gaussian.in_units_float(g, *draws_of, state)
    found = g.op("Where", finite, found, np.array(np.nan))
    g.cast(found, TensorProto.FLOAT, name="prediction")
    return model_of(g, spec, config, state, arithmetic, (), outputs)
