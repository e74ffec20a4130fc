"""The quantised learners beside the float learners along the whole gas-sensor stream."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from experiments.catalogue import Runnable
from experiments.options import add_limit
from experiments.study import Record, Study
from experiments.tables import markdown
from streamlearn.cli.common import console, progress
from streamlearn.cli.fidelity import Asked, compare
from streamlearn.report.quantised import (
    COSTS,
    LAYERS,
    PAIRS,
    cost_rows,
    layer_rows,
    pair_rows,
)

HIDDEN = (32,)


def measure(options: argparse.Namespace) -> Record:
    """Compare every rule and format, and switch on each quantisation alone."""
    asked = Asked(None, None, (), HIDDEN, options.limit_samples, 0, True)
    with progress(console(options.quiet)) as display:
        return compare(asked, display)


def _table(head: Sequence[str], rows: list[tuple[str, ...]]) -> str:
    return markdown(["", *head], [list(row) for row in rows])


def tables(record: Record) -> Mapping[str, str]:
    """Return the tables of ``streamlearn fidelity``: pairs, layers, and the costs of each rule."""
    layers = "-".join(map(str, record["layers"]))
    where = record["origin"]
    note = f"`{where['command']}`: {record['n_samples']:,} samples, {layers}, against float64."
    costs = {f"costs-{rule}": _table(COSTS, cost_rows(c)) for rule, c in record["costs"].items()}
    return {
        "pairs": _table(PAIRS, pair_rows(record)),
        "layers": _table(LAYERS, layer_rows(record)),
        **costs,
        "origin": f"{note}\n",
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 2, "samples")


STUDY = Study("fidelity", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
