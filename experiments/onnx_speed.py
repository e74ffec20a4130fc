"""A learning step of the graphs that learn, beside the C engine's, in turn in one run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from experiments.catalogue import Runnable
from experiments.errors import ExperimentError
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export.graph.learning import learning_models, why_not
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift, load_mnist

COLUMNS = GRAPH, BLOCK, FLOOR, ONE, MANY = (
    *("learn.onnx", "learn_block.onnx", "as many additions"),
    *("C, learn_one", "C, learn_many"),
)
Given = dict[str, npt.NDArray[Any]]


def session(model: onnx.ModelProto) -> Any:
    """Return a session of ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # not what it leaves as it is
    data = model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True, eq=False)
class Samples:
    """What is learned: ``x`` float32[n, features], ``labels`` int64[n]."""

    layers: tuple[int, ...]
    front_end: str
    x: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def state_of(learner: Any) -> Given:
    """Return the fields of a learner's state, as the graphs take them."""
    return {name: np.array(learner.state[name][0]) for name in learner.state.dtype.names}


def one_by_one(run: Any, start: Given, stream: Samples) -> Given:
    """Learn by ``learn.onnx`` and return the state."""
    names, state = [f"{name}_next" for name in start], start
    for row, label in zip(stream.x, stream.labels, strict=True):
        found = run.run(names, {"x": row, "label": np.array(label), **state})
        state = dict(zip(start, found, strict=True))
    return state


def as_block(run: Any, start: Given, stream: Samples) -> Given:
    """Learn by ``learn_block.onnx`` and return the state."""
    names = [f"{name}_next" for name in start]
    found = run.run(names, {"x": stream.x, "label": stream.labels, **start})
    return dict(zip(start, found, strict=True))


def n_nodes(graph: onnx.GraphProto) -> int:
    """Return how many nodes a step runs that learns: of an If, its longer branch."""
    found = 0
    for node in graph.node:
        branches = [n_nodes(part.g) for part in node.attribute if part.HasField("g")]
        found += 1 + max(branches, default=0)
    return found


def additions(n: int) -> onnx.ModelProto:
    """Return a Scan with so many nodes that add one number to one number: what nodes cost."""
    numbers = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1]) for name in "ab"]
    sample = helper.make_tensor_value_info("label", TensorProto.INT64, [])
    chain = ["a", *(f"sum_{k}" for k in range(n - 1)), "b"]
    nodes = [helper.make_node("Add", [x, "a"], [y]) for x, y in pairwise(chain)]
    body = helper.make_graph(nodes, "body", [numbers[0], sample], [numbers[1]])
    scan = helper.make_node("Scan", ["a", "label"], ["b"], num_scan_inputs=1, body=body)
    samples = helper.make_tensor_value_info("label", TensorProto.INT64, ["samples"])
    graph = helper.make_graph([scan], "additions", [numbers[0], samples], [numbers[1]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def add(run: Any, stream: Samples) -> Given:
    """Run :func:`additions` once for each sample."""
    run.run(None, {"a": np.zeros(1), "label": stream.labels})
    return {}


def in_c(learner: Any, stream: Samples) -> Given:
    """Learn one sample a call."""
    for row, label in zip(stream.x, stream.labels.tolist(), strict=True):
        learner.learn_one(row, label)
    return state_of(learner)


def in_c_at_once(learner: Any, stream: Samples) -> Given:
    """Learn all samples in one call."""
    learner.learn_many(stream.x, stream.labels)
    return state_of(learner)


def learner_of(rule: str, layers: tuple[int, ...], front_end: str) -> Any | None:
    """Return a fresh learner in integers, or None where there is no graph that learns it."""
    arithmetic = next(a for a, kind in RULES[rule].arithmetics.items() if kind.numbers == "integer")
    learner: Any = learner_class(rule, "categorical")(
        layers, classes=range(layers[-1]), front_end=front_end, arithmetic=arithmetic
    )
    return None if why_not(learner.spec, learner.config, arithmetic) else learner


def row_of(rule: str, stream: Samples, rounds: int) -> Record | None:
    """Time a rule's graphs and its engine on one stream, in turn, and compare their states.

    Every call learns the same samples; a graph starts anew each time, the engine goes on.
    """
    learners = [learner_of(rule, stream.layers, stream.front_end) for _ in range(2)]
    one, many = learners
    if one is None or many is None:
        return None
    start = state_of(one)
    graph, block = learning_models(one.spec, one.config, one.arithmetic, one.state)
    calls: dict[str, Callable[[], Given]] = {
        GRAPH: partial(one_by_one, session(graph), start, stream),
        BLOCK: partial(as_block, session(block), start, stream),
        FLOOR: partial(add, session(additions(n_nodes(graph.graph))), stream),
        ONE: partial(in_c, one, stream),
        MANY: partial(in_c_at_once, many, stream),
    }
    first = {name: call() for name, call in calls.items()}  # a warm-up, and what they learn
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            before = time.process_time()
            call()
            times[name].append(1e6 * (time.process_time() - before) / len(stream.x))
    same = all(
        np.array_equal(state[field], first[MANY][field])
        for name, state in first.items()
        for field in start
        if name != FLOOR
    )
    return {
        "learner": f"{rule}, {one.arithmetic}, {one.spec}",
        "same": same,
        "nodes": n_nodes(graph.graph),
        "us": {name: [round(t, 2) for t in each] for name, each in times.items()},
    }


def streams(n: int) -> tuple[Samples, ...]:
    """Return the first samples of the digits and of the gas stream."""
    gas, digits = load_gas_drift(limit=n), load_mnist()
    return (
        Samples((784, 50, 10), "none", digits.x[:n], digits.y[:n].astype(np.int64)),
        Samples((128, 32, 6), "standardise", gas.x.astype(np.float32), gas.y.astype(np.int64)),
    )


def measure(options: argparse.Namespace) -> Record:
    """Time every rule on both streams.

    Raises
    ------
    ExperimentError
        If a graph does not learn the bits of the engine.
    """
    rows = []
    for stream in streams(options.samples):
        for rule in RULES:
            row = row_of(rule, stream, options.rounds)
            if row is None:
                continue
            if not row["same"]:
                raise ExperimentError(f"{row['learner']}: the graphs do not learn what C learns")
            say(str(row))
            rows.append(row)
    return {
        "samples": options.samples,
        "rounds": options.rounds,
        "onnxruntime": onnxruntime.__version__,
        "rows": rows,
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: medians over the rounds, ratios within a round."""
    head = ["learner", "nodes", *(f"{name}, µs" for name in COLUMNS), f"{BLOCK}, × {MANY}"]
    rows = []
    for row in record["rows"]:
        us = {name: np.array(each) for name, each in row["us"].items()}
        ratio = float(np.median(us[BLOCK] / us[MANY]))
        decimals = (0, 0, 0, 1, 1)
        cells = [f"{np.median(us[c]):,.{n}f}" for c, n in zip(COLUMNS, decimals, strict=True)]
        rows.append([row["learner"], f"{row['nodes']:,}", *cells, f"{ratio:.0f}"])
    where = record["origin"]
    note = (
        f"`{where['command']}`, {record['samples']} samples, {record['rounds']} rounds, CPU time; "
        f"{where['machine']}, one thread; ONNX Runtime {record['onnxruntime']}, "
        f"C sources {where['kernel']}."
    )
    return {"table": markdown(head, rows), "origin": f"{note}\n"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--samples", type=count(1), default=200, metavar="N", help="of a call; 200 if none"
    )
    parser.add_argument(
        "--rounds", type=count(1), default=5, metavar="N", help="of all contenders; 5 if none"
    )


STUDY = Study("onnx-speed", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
