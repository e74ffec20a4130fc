"""Prediction as an ONNX model; in fixed point its integers are the golden model's, bit for bit.

What the graph promises, and what it costs, is in docs/onnx.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper

from export.graph.builder import GraphBuilder
from export.graph.front_end import integer_inputs, real_inputs
from export.graph.heads import HEADS
from export.graph.memory import memory_outputs
from quant.description import to_json
from quant.errors import ConfigError, ShapeError
from quant.layout import State
from quant.network import NetworkSpec
from quant.rooms import part
from quant.rule import Config, arithmetic_of, rule_of
from quant.state import state_dtype, state_sha256
from streamlearn.version import __version__

OPSET = 18
IR_VERSION = 10


def prediction_model(
    spec: NetworkSpec,
    config: Config,
    state: State,
    arithmetic: str,
    classes: Sequence[str] = (),
    opset: int = OPSET,
    *,
    draws: bool = True,
    plain: bool = False,
    random_inputs: bool = False,
) -> ModelProto:
    """Freeze a learner's state into an ONNX model of its next prediction.

    Each row of a batch is predicted as the learner would predict that one sample from this state:
    the front end's statistics include the row itself and no other, and the noise is that of the
    state's sample counter.

    Parameters
    ----------
    spec : NetworkSpec
    config : the rule's configuration
        As the state was learned with.
    state : State
        One element of ``state_dtype(spec, config, arithmetic)``; copied, not changed.
    arithmetic : str
    classes : sequence of str
        One name per class, none for a regressor; kept as metadata.
    opset : int
        Version of the operators, 18 or newer.
    draws : bool
        False: predict with the mean weights, as ``predict_one(x, draws=False)``. Such a model has
        no noise and no variances in it: half the size, the same outputs. Of a rule that draws
        nothing it is the same.
    plain : bool
        True: without ArgMax and TopK, which small runtimes and compilers such as onnx2c lack; the
        same outputs.
    random_inputs : bool
        True: the random bits of each layer are an input ``random_bits_K``, uint8[draws, columns].
        It is optional: left out, it is what the state's sample counter gives. Of a rule that draws.

    Returns
    -------
    onnx.ModelProto
        Input ``x``: float32[batch, n_features], raw sensor values.

        Outputs of a classifier: ``label`` int64[batch], -1 for a row that is not finite;
        ``probabilities`` float32[batch, classes]; in integers ``logit_sum`` int64[batch, classes],
        the sum over the draws in Q.16 (before a temperature), in floats ``logits``
        [batch, classes], the mean over the draws in the arithmetic's own type.

        A classifier with a memory: ``label`` and ``probabilities`` are those of network and memory
        together; ``recall_label`` int64[batch] and ``recall_probabilities``
        float32[batch, classes] are those of the memory alone.

        Outputs of a regressor: ``prediction`` float32[batch, 3], mean, aleatoric and epistemic
        standard deviation in the target's units, NaN for a row that is not finite; in integers also
        ``sums`` int64[batch, 3], of which they are made
        (:class:`quant.heads.gaussian.golden.Sums`).

    Raises
    ------
    ConfigError
        If rule, head and arithmetic do not fit, or fixed point cannot hold the configuration.
    ShapeError
        If the state or the classes are not those of the network.

    Notes
    -----
    In integers every bit of ``label``, ``logit_sum`` and ``sums`` is the golden model's, and
    ``prediction`` to one unit in the last place: ONNX has no 64-bit square root, so that the last
    step is in float64. In floats all agree up to the order of sums.

    Examples
    --------
    >>> from quant.rules.mesu.config import MesuConfig
    >>> from quant.state import init_state
    >>> spec, config = NetworkSpec((3, 2)), MesuConfig()
    >>> state = init_state(spec, config, "q16")
    >>> model = prediction_model(spec, config, state, "q16", ["idle", "run"])
    >>> [output.name for output in model.graph.output]
    ['label', 'logit_sum', 'probabilities']
    """
    if spec.leaks:
        raise ConfigError(
            f"leaks={spec.leaks}: a spiking network has no graph that only predicts, for a step "
            "needs what the one before left; learn.onnx predicts, label -1 (docs/onnx.md)"
        )
    kind = arithmetic_of(spec, config, arithmetic)
    dtype = state_dtype(spec, config, arithmetic)
    if state.dtype != dtype or state.shape != (1,):
        raise ShapeError(
            f"state of shape {state.shape} and {state.dtype.itemsize} bytes an element: expected "
            f"one element of the {arithmetic} state of a {spec} network, of {dtype.itemsize} bytes"
        )
    if isinstance(classes, str) or len(classes) != spec.n_classes:
        raise ShapeError(
            f"classes={classes!r}: expected {spec.n_classes} names, one for each class of {spec}"
        )
    if random_inputs and not (draws and rule_of(config).draws):
        raise ConfigError(
            "random_inputs=True: this graph draws nothing; leave it out, or draws=False"
        )
    g = GraphBuilder(plain, random_inputs)
    finite, x = finite_rows(g)
    window, head = config.front_end_window, HEADS[spec.head]
    graph = part(rule_of(config).name, "export").GRAPHS[kind.numbers]
    if rule_of(config).draws:
        graph = partial(graph, draws=draws)
    one = 1.0 if kind.logits is None else float(kind.logits(state, np.array(1.0)))
    if kind.numbers == "integer":
        z = integer_inputs(g, x, spec.front_end, window, state)
        answer = head.integer_outputs
    else:
        to = TensorProto.DOUBLE if kind.numbers == "float64" else TensorProto.FLOAT
        z = real_inputs(g, x, spec.front_end, window, state, to)
        answer = head.real_outputs
    with g.scope("network"):
        drawn = graph(g, z, spec, config, state)
    with g.scope("answer"):
        outputs = answer(g, finite, drawn, spec, state, one)
    if spec.memory is not None:
        with g.scope("memory"):
            outputs += memory_outputs(g, finite, x, spec, state, kind, drawn.n_draws)
    return _model_of(g, spec, config, state, arithmetic, classes, outputs, opset)


def finite_rows(g: GraphBuilder, x: str = "x") -> tuple[str, str]:
    """Which rows of ``x`` are finite, bool[batch, 1], and ``x`` with 0 for what is not."""
    with g.scope("finite"):
        finite_values = g.op("LessOrEqual", g.op("Abs", x), np.array(np.finfo(np.float32).max))
        all_finite = g.reduce("ReduceMin", g.cast(finite_values, TensorProto.INT64), 1)
        finite_row = g.op("Greater", all_finite, 0)
        return finite_row, g.op("Where", finite_values, x, np.array(0, np.float32))


def pruned(nodes: Sequence[NodeProto], outputs: Sequence[str]) -> list[NodeProto]:
    """Return the nodes that the outputs need, in their order."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_read_by(node))
    return kept[::-1]


def _read_by(node: NodeProto) -> Iterator[str]:
    """Names that a node reads, its subgraphs' too."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read_by(inner)


def metadata(
    spec: NetworkSpec, config: Config, state: State, arithmetic: str, classes: Sequence[str]
) -> dict[str, str]:
    """Return what a model says of where it comes from."""
    return {
        "producer": "streamlearn",
        "version": __version__,
        "arithmetic": arithmetic,
        "spec": json.dumps(to_json(spec, config)),
        "state_sha256": state_sha256(state),
        "n_samples": str(int(state["n_samples"][0])),
        "classes": json.dumps(list(classes), ensure_ascii=False),
    }


def _model_of(
    g: GraphBuilder,
    spec: NetworkSpec,
    config: Config,
    state: State,
    arithmetic: str,
    classes: Sequence[str],
    outputs: list[ValueInfoProto],
    opset: int,
) -> ModelProto:
    """The graph as a checked model that says where it comes from."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", spec.n_features])
    nodes = pruned(g.nodes, [output.name for output in outputs])
    read = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in g.initializers if tensor.name in read]
    inputs = [x, *g.inputs]
    graph = helper.make_graph(nodes, "streamlearn_prediction", inputs, outputs, constants)
    properties = metadata(spec, config, state, arithmetic, classes)
    return modelled(graph, properties, opset)


def modelled(graph: GraphProto, properties: dict[str, str], opset: int) -> ModelProto:
    """Return a graph as a checked model that says where it comes from."""
    model = helper.make_model(
        graph,
        producer_name="streamlearn",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", opset)],
    )
    helper.set_model_props(model, properties)
    checker.check_model(model, full_check=True)
    return model
