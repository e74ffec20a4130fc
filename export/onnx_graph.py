"""Prediction as an ONNX model; in fixed point its integers are the golden model's, bit for bit.

What the graph promises, and what it costs, is in docs/onnx.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper

from export import onnx_float, onnx_metaplastic, onnx_q16
from export.onnx_builder import GraphBuilder, Operand
from quant.errors import ConfigError, ShapeError
from quant.factored_plan import FactoredPlan, make_factored_plan
from quant.metaplastic_config import MetaplasticConfig
from quant.metaplastic_plan import make_metaplastic_plan
from quant.plan import Plan, make_plan
from quant.spec import Config, MesuConfig, NetworkSpec, to_json
from quant.state import Arithmetic, State, check_arithmetic, state_dtype, state_sha256
from streamlearn.version import __version__

OPSET = 18
IR_VERSION = 10
LOGIT_FRAC_BITS = 16
#: The label of a sample with NaN or infinity in it.
NO_LABEL = -1


def prediction_model(
    spec: NetworkSpec,
    config: Config,
    state: State,
    arithmetic: Arithmetic,
    classes: Sequence[str],
) -> ModelProto:
    """Freeze a learner's state into an ONNX model of its next prediction.

    Each row of a batch is predicted as the learner would predict that one sample from this state:
    the front end's statistics include the row itself and no other, and the noise is that of the
    state's sample counter.

    Parameters
    ----------
    spec, config : NetworkSpec, MesuConfig or MetaplasticConfig
        As the state was learned with.
    state : State
        One element of ``state_dtype(spec, arithmetic)``; copied, not changed.
    arithmetic : {"q16", "q8", "float32", "float64"}
    classes : sequence of str
        One name a class; kept as metadata.

    Returns
    -------
    onnx.ModelProto
        Input ``x``: float32[batch, n_features], raw sensor values. Outputs: ``label``
        int64[batch], -1 for a row that is not finite; ``probabilities`` float32[batch, classes];
        and, in q16, ``logit_sum`` int64[batch, classes], the sum over the draws in Q.16 (q8: the
        logits, before the temperature), in float ``logits`` [batch, classes], the mean over the
        draws in the arithmetic's own type.

    Raises
    ------
    ConfigError
        If the rule knows no such arithmetic, or fixed point cannot hold the configuration.
    ShapeError
        If the state or the classes are not those of the network.

    Notes
    -----
    Twins: ``quant.mesu_q16.forward`` and ``quant.front_end_q16`` (q16, all bits of ``label`` and
    ``logit_sum``), ``quant.metaplastic_q8`` (q8, the same); ``streamlearn.mesu``,
    ``streamlearn.metaplastic`` and the C kernel (float, up to the order of sums).

    Examples
    --------
    >>> from quant.state import init_state
    >>> spec, config = NetworkSpec((3, 2)), MesuConfig()
    >>> state = init_state(spec, config, "q16")
    >>> model = prediction_model(spec, config, state, "q16", ["idle", "run"])
    >>> [output.name for output in model.graph.output]
    ['label', 'logit_sum', 'probabilities']
    """
    check_state(spec, state, arithmetic)
    if spec.likelihood != "categorical":
        raise ConfigError(f"likelihood={spec.likelihood!r}: use export.onnx_target.target_model")
    if isinstance(classes, str) or len(classes) != spec.n_classes:
        raise ShapeError(
            f"classes={classes!r}: expected {spec.n_classes} names, one for each output of {spec}"
        )
    g = GraphBuilder()
    finite_row, x = finite_rows(g)
    if arithmetic in ("q16", "q8"):
        logits_name, logits_type = "logit_sum", TensorProto.INT64
        logits = _integer_logits(g, x, spec, config, state)
        zero: Operand = 0
    else:
        double = arithmetic == "float64"
        logits_name, logits_type = "logits", TensorProto.DOUBLE if double else TensorProto.FLOAT
        logits = _float_logits(g, x, spec, config, state, logits_type)
        zero = np.array(0, arithmetic)
    logits = g.op("Where", finite_row, logits, zero, name=logits_name)
    best = g.op("ArgMax", logits, axis=1, keepdims=0)
    g.op("Where", g.squeeze(finite_row, 1), best, NO_LABEL, name="label")
    mean_logits = g.op("Div", g.cast(logits, TensorProto.DOUBLE), _unit(config, state, arithmetic))
    g.cast(g.op("Softmax", mean_logits, axis=1), TensorProto.FLOAT, name="probabilities")

    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info(logits_name, logits_type, ["batch", spec.n_classes]),
        helper.make_tensor_value_info(
            "probabilities", TensorProto.FLOAT, ["batch", spec.n_classes]
        ),
    ]
    return model_of(g, spec, config, state, arithmetic, classes, outputs)


def finite_rows(g: GraphBuilder) -> tuple[str, str]:
    """Which rows of ``x`` are finite, bool[batch, 1], and ``x`` with 0 for what is not."""
    finite_values = g.op("LessOrEqual", g.op("Abs", "x"), np.array(np.finfo(np.float32).max))
    all_finite = g.reduce("ReduceMin", g.cast(finite_values, TensorProto.INT64), 1)
    finite_row = g.op("Greater", all_finite, 0)
    return finite_row, g.op("Where", finite_values, "x", np.array(0, np.float32))


def check_state(spec: NetworkSpec, state: State, arithmetic: Arithmetic) -> None:
    """Refuse an unknown arithmetic and the state of another network.

    Raises
    ------
    ConfigError, ShapeError
        As :func:`prediction_model`.
    """
    check_arithmetic(spec, arithmetic)
    if state.dtype != state_dtype(spec, arithmetic) or state.shape != (1,):
        raise ShapeError(
            f"state of shape {state.shape} and {state.dtype.itemsize} bytes an element: expected "
            f"one element of the {arithmetic} state of a {spec} network, of "
            f"{state_dtype(spec, arithmetic).itemsize} bytes"
        )


def q16_plan(spec: NetworkSpec, config: MesuConfig) -> Plan | FactoredPlan:
    """Return the constants of the network's kind of variance."""
    if spec.variance == "factored":
        return make_factored_plan(spec, config)
    return make_plan(spec, config)


def _unit(config: Config, state: State, arithmetic: Arithmetic) -> npt.NDArray[np.float64]:
    """Return what the logits are divided by for the softmax."""
    one = float(1 << LOGIT_FRAC_BITS)
    if isinstance(config, MetaplasticConfig):
        log_temperature = float(state["log_temperature"][0])
        if arithmetic == "q8":
            return np.array(one * 2.0 ** (log_temperature / one))
        return np.array(2.0**log_temperature)
    return np.array(one * config.n_draws if arithmetic == "q16" else 1.0)


def _integer_logits(
    g: GraphBuilder, x: str, spec: NetworkSpec, config: Config, state: State
) -> str:
    z_q = integer_inputs(g, x, spec, config, state)
    if isinstance(config, MetaplasticConfig):
        plan = make_metaplastic_plan(spec, config)
        return onnx_metaplastic.forward_q8(g, z_q, spec, plan, state)
    return onnx_q16.forward(g, z_q, spec, q16_plan(spec, config), state)


def integer_inputs(g: GraphBuilder, x: str, spec: NetworkSpec, config: Config, state: State) -> str:
    """The front end in integers: finite float32 to Q3.4."""
    exact = g.cast(x, TensorProto.DOUBLE)
    if spec.front_end == "standardise":
        return onnx_q16.standardise_q16(g, exact, state, config.front_end_window)
    return onnx_q16.quantise_input(g, exact)


def _float_logits(
    g: GraphBuilder, x: str, spec: NetworkSpec, config: Config, state: State, to: int
) -> str:
    z = real_inputs(g, x, spec, config, state, to)
    if isinstance(config, MetaplasticConfig):
        return onnx_metaplastic.forward_float64(g, z, spec, config, state)
    return onnx_float.forward(g, z, spec, config, state)


def real_inputs(
    g: GraphBuilder, x: str, spec: NetworkSpec, config: Config, state: State, to: int
) -> str:
    """The front end in the arithmetic's own type."""
    z = g.cast(x, to)
    if spec.front_end == "standardise":
        z = onnx_float.standardise(g, z, state, config.front_end_window)
    return onnx_float.clip_input(g, z, np.float64 if to == TensorProto.DOUBLE else np.float32)


def model_of(
    g: GraphBuilder,
    spec: NetworkSpec,
    config: Config,
    state: State,
    arithmetic: Arithmetic,
    classes: Sequence[str],
    outputs: list[ValueInfoProto],
) -> ModelProto:
    """The graph as a checked model that says where it comes from."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", spec.n_features])
    graph = helper.make_graph(g.nodes, "streamlearn_prediction", [x], outputs, g.initializers)
    model = helper.make_model(
        graph,
        producer_name="streamlearn",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    properties = {
        "producer": "streamlearn",
        "version": __version__,
        "arithmetic": arithmetic,
        "spec": json.dumps(to_json(spec, config)),
        "state_sha256": state_sha256(state),
        "n_samples": str(int(state["n_samples"][0])),
        "classes": json.dumps(list(classes), ensure_ascii=False),
    }
    helper.set_model_props(model, properties)
    checker.check_model(model, full_check=True)
    return model
