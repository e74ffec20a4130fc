"""Rules side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import firmware_sim
from tabled.costs import BOARDS, count
from tabled.known import ROOT, block
from tabled.learners import gas_accuracy, is_classifier, learners, make, shape

VERBS = {
    "learn": "learn",
    "predict": "predict",
    "without draws": "predict without draws",
}


RULE_ROWS: dict[str, Callable[[str], str]] = {
    "layers": shape,
    "synapses": lambda name: f"{make(name).spec.n_synapses:,}",
    "bytes per synapse": lambda name: f"{synapse_bytes(name):.2f}",
    "state, bytes": lambda name: f"{make(name).state.nbytes:,}",
    "accuracy on the gas stream": lambda name: f"{100 * gas_accuracy(name):.2f} %",
    **{
        f"instructions to {verb}, {firmware_sim.get_board(board).core.name}": partial(
            lambda name, board, what: count(name, board, what), board=board, what=what
        )
        for board in BOARDS
        for what, verb in VERBS.items()
    },
}


@block
def rules() -> Iterator[str]:
    """Compare the classifiers of about the same size on the gas stream."""
    names = [name for name in learners() if is_classifier(name)]
    yield "| | " + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---|" + "---:|" * len(names)
    for title, figure in RULE_ROWS.items():
        yield f"| {title} | " + " | ".join(figure(name) for name in names) + " |"


def synapse_bytes(name: str) -> float:
    """Bytes of the state per synapse, without front end and header."""
    learner = make(name, front_end="none")
    return (learner.state.nbytes - 16) / learner.spec.n_synapses


@block
def one_byte() -> Iterator[str]:
    """Compare the rules of a byte per synapse on the streams that `labels` has whole."""
    rows = {
        row["stream"]: int(row["rows"].replace(",", "")) for row in _cells("streams/streams.md")
    }
    most = json.loads((ROOT / "experiments/results/labels/result.json").read_text("utf-8"))
    binary = {row["accuracy, %"]: row["binary rule"] for row in _cells("streams/table.md")}
    mine = {row["stream"]: row["all"] for row in _cells("labels/table.md") if row["rule"] == "BiMU"}
    names = [name for name in mine if rows[name] <= most["samples"] and name in binary]
    yield "| stream | `BimuClassifier` | `MetaplasticClassifier` |"
    yield "|---|---:|---:|"
    for name in names:
        yield f"| {name} | {mine[name]} | {binary[name]} |"
    means = [
        sum(float(found[name].split()[0]) for name in names) / len(names)
        for found in (mine, binary)
    ]
    yield "| **mean** | " + " | ".join(f"**{mean:.1f}**" for mean in means) + " |"


def _cells(path: str) -> Iterator[dict[str, str]]:
    """Rows of a recorded table, each cell by the head of its column."""
    head, _, *lines = (
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in (ROOT / "experiments" / "results" / path).read_text("utf-8").splitlines()
    )
    return (dict(zip(head, cells, strict=True)) for cells in lines)
