"""Nodes and bytes of the ONNX graphs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx

from export import write_export
from tabled.costs import N_PREDICTIONS, samples
from tabled.known import block
from tabled.learners import is_classifier, learners, make, shape


@block
def onnx_sizes() -> Iterator[str]:
    """Nodes and bytes of every learner's graphs, the nodes of subgraphs among them."""
    yield "| learner | nodes to predict | bytes | nodes to learn | bytes |"
    yield "|---|---:|---:|---:|---:|"
    for name, (_, _, rule) in learners().items():
        for arithmetic, kind in rule.arithmetics.items():
            if kind.kernel is None:
                continue  # for the desk only: never exported
            learner = make(name, arithmetic=arithmetic)
            x, y = samples(not is_classifier(name))
            for row, label in zip(x[:N_PREDICTIONS], y.tolist(), strict=False):
                learner.learn_one(row, label)  # before the first one there is nothing to scale by
            with tempfile.TemporaryDirectory() as folder:
                write_export(learner, Path(folder) / "export")
                cells = [f"`{name}`, {arithmetic}, {shape(name)}"]
                for file in ("predict.onnx", "learn.onnx"):
                    path = Path(folder) / "export" / file
                    there = path.exists()
                    cells.append(f"{_nodes(onnx.load(path).graph):,}" if there else "")
                    cells.append(f"{path.stat().st_size:,}" if there else "")
            yield f"| {' | '.join(cells)} |"


def _nodes(graph: onnx.GraphProto) -> int:
    """Nodes of a graph and of its subgraphs."""
    inner = (a.g for node in graph.node for a in node.attribute if a.HasField("g"))
    return len(graph.node) + sum(_nodes(subgraph) for subgraph in inner)
