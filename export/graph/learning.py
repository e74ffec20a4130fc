"""Learning as an ONNX model: one step, and a block of them; integers as the golden model's.

What the graphs promise, and how to run them, is in docs/onnx.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from export.graph.block import NEXT, block
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields, described
from export.graph.front_end import inputs
from export.graph.heads import HEADS
from export.graph.model import OPSET, finite_rows, metadata, modelled, pruned
from export.graph.shapes import reshaped
from export.graph.time import Time
from export.graph.whole import Value, where
from export.graph.words import sample_key, words
from quant.errors import ConfigError
from quant.layout import Layout, State
from quant.network import NetworkSpec
from quant.rooms import part
from quant.rule import Config, arithmetic_of, rule_of
from quant.state import layout_of


def why_not(spec: NetworkSpec, config: Config, arithmetic: str) -> str | None:
    """Say why a learner has no graph that learns; None if it has one."""
    kind = arithmetic_of(spec, config, arithmetic)
    rule = rule_of(config).name
    if kind.numbers != "integer":
        return f"arithmetic {arithmetic}: floats differ in their last bits from runtime to runtime"
    if spec.memory is not None:
        return f"memory={spec.memory!r}: the memory beside the network learns in C and NumPy only"
    if spec.replay_capacity:
        return f"replay_bytes={spec.replay_bytes}: stored samples are learned in C and NumPy only"
    if not hasattr(part(rule, "export"), "LEARNING"):
        return f"rule {rule!r}: its room has no graph of a learning step"
    return None


def learning_models(
    spec: NetworkSpec,
    config: Config,
    arithmetic: str,
    state: State,
    classes: Sequence[str] = (),
    opset: int = OPSET,
) -> tuple[ModelProto, ModelProto]:
    """Write one learning step as a model, and the same over a block of samples.

    Parameters
    ----------
    spec : NetworkSpec
    config : the rule's configuration
    arithmetic : str
        In integers.
    state : State
        For the metadata: the state to start from is an input.
    classes : sequence of str
        One name per class; kept as metadata.
    opset : int
        Version of the operators, 18 or newer.

    Returns
    -------
    step, block : ModelProto
        Inputs ``x`` float32[n_features] and ``label`` int64[] (-1: predict only; of a spiking
        network a step of time without a label), of a regressor ``target`` float32[] (NaN: predict
        only), and each field of the state. Outputs
        ``prediction`` and ``probabilities`` (of a regressor ``prediction`` float32[3]), as before
        the sample is learned, and each field followed by ``_next``. Of a block ``x``, ``label``,
        ``prediction`` and ``probabilities`` have an axis of samples in front.

    Raises
    ------
    ConfigError
        If such a learner has no graph that learns; :func:`why_not` says which.
    """
    reason = why_not(spec, config, arithmetic)
    if reason is not None:
        raise ConfigError(f"no ONNX graph that learns: {reason}")
    layout = layout_of(spec, config, arithmetic)
    name, kind = HEADS[spec.head].TARGET
    given = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [spec.n_features]),
        helper.make_tensor_value_info(name, kind, []),
    ]
    g, outputs = _step(spec, config, layout)
    fields = [described(field) for field in layout]
    after = [described(field, NEXT) for field in layout]
    step = helper.make_graph(
        g.nodes, "streamlearn_learning_step", [*given, *fields], [*outputs, *after], g.initializers
    )
    body = helper.make_graph(
        g.nodes, "streamlearn_step_of_block", [*fields, *given], [*after, *outputs], g.initializers
    )
    properties = metadata(spec, config, state, arithmetic, classes)
    whole = block(body, layout, given, outputs, "streamlearn_learning_block")
    return modelled(step, properties, opset), modelled(whole, properties, opset)


def _step(
    spec: NetworkSpec, config: Config, layout: Layout
) -> tuple[GraphBuilder, list[ValueInfoProto]]:
    """The nodes of a step, and what they put out beside the new state."""
    g = GraphBuilder()
    fields, head = Fields(g, layout), HEADS[spec.head]
    rule = part(rule_of(config).name, "export").LEARNING(g, spec, config, fields)
    finite, x = finite_rows(g, g.unsqueeze("x", 0))
    known = {f.name: fields.value(f.name) for f in layout if f.name in rule.front_end_fields()}
    statistics, z = inputs(g, x, spec.front_end, config.front_end_window, known)
    with g.scope("noise"):
        key = sample_key(g, "seed", "time_steps" if spec.leaks else "n_samples")
        epsilon = rule.epsilon(key)
    passed = rule.forward(z, epsilon)
    with g.scope("answer"):
        outputs = head.answer(
            g, finite, *rule.answered(passed), fields, rule.n_draws, spec.layers[-1]
        )
        flag = g.op("Reshape", finite, np.zeros(0, np.int64))
        learned = g.op("And", flag, head.learns(g, spec))
    passing = {} if rule.time is None else _time_passes(g, fields, rule.time, statistics, flag)
    fields.forget()
    with g.branch() as then, g.scope("learn"):
        new, target = head.target(g, spec, config, fields)
        with g.scope("noise"):
            drawn = words(g, key, rule.wanted())
        new.update(passing or fields.stored_all(statistics))
        new.update(rule.update(passed, target, drawn))
        new["n_samples"] = g.op("Add", "n_samples", np.array(1, np.uint32))
        then_outputs = _named(g, layout, new, "learned")
    with g.branch() as kept:
        kept_outputs = _named(g, layout, passing, "kept")
    branches = [
        helper.make_graph(nodes, label, [], ends)
        for nodes, label, ends in (
            (then, "learn", then_outputs),
            (kept, "predict_only", kept_outputs),
        )
    ]
    names = [field.name + NEXT for field in layout]
    g.nodes.append(
        helper.make_node(
            "If", [learned], names, name="learn_or_keep",
            then_branch=branches[0], else_branch=branches[1],
        )
    )  # fmt: skip
    g.nodes = pruned(g.nodes, [*names, *(output.name for output in outputs)])
    return g, outputs


def _time_passes(
    g: GraphBuilder, fields: Fields, time: Time, statistics: dict[str, Any], finite: str
) -> dict[str, str]:
    """What a step of time changes in the state, learned or not; nothing, if it is not finite."""
    with g.scope("time"):
        new = {**statistics, **time.after()}
        flat = {
            name: where(Value(g, finite), reshaped(x, [-1]), reshaped(fields.value(name), [-1]))
            for name, x in new.items()
        }
        return fields.stored_all(flat)


def _named(
    g: GraphBuilder, layout: Layout, new: dict[str, str], prefix: str
) -> list[ValueInfoProto]:
    """The new state under names of its own; a field without a new value stays what it is."""
    found = []
    for field in layout:
        name = f"{prefix}/{field.name}"
        g.op("Identity", new.get(field.name, field.name), name=name)
        info = described(field)
        info.name = name
        found.append(info)
    return found
