"""The quantised learners beside the float learners along the whole gas-sensor stream."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from experiments.catalogue import Runnable
from experiments.errors import ExperimentError
from experiments.options import add_limit, names
from experiments.study import Record, Study, read_record
from experiments.tables import markdown
from quant.rule import RULES
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
#: What rules must have in common to be in one table.
SAME = ("stream", "n_samples", "layers", "seed")


def measure(options: argparse.Namespace) -> Record:
    """Compare every rule and format, and switch on each quantisation alone.

    Raises
    ------
    ExperimentError
        If a rule is unknown, or the rules that are to be kept were measured on other samples.
    """
    if unknown := [rule for rule in options.rules if rule not in RULES]:
        raise ExperimentError(f"--rules: {unknown[0]!r} is none of {', '.join(RULES)}")
    asked = Asked(None, None, options.rules, HIDDEN, options.limit_samples, 0, True)
    with progress(console(options.quiet)) as display:
        found = compare(asked, display)
    return _with_the_rest(found, options) if options.rules else found


def _with_the_rest(found: Record, options: argparse.Namespace) -> Record:
    """Return what was measured beside what is recorded of the other rules."""
    before = read_record(options.results / STUDY.name)
    if any(before[name] != found[name] for name in SAME):
        raise ExperimentError(
            f"--rules keeps what was measured on {before['n_samples']} samples, and this is on "
            f"{found['n_samples']}: measure all rules, without --rules"
        )
    return found | {name: before[name] | found[name] for name in ("pairs", "costs")}


def _table(head: Sequence[str], rows: list[tuple[str, ...]]) -> str:
    return markdown(["", *head], [list(row) for row in rows])


def tables(record: Record) -> Mapping[str, str]:
    """Return the tables of ``streamlearn fidelity``: pairs, layers, and the costs of each rule."""
    layers = "-".join(map(str, record["layers"]))
    command = f"`python -m experiments {STUDY.name}`"
    note = f"{command}: {record['n_samples']:,} samples, {layers}, against float64."
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
    parser.add_argument(
        "--rules",
        type=names,
        default=(),
        metavar="A,B",
        help="measure these alone, and keep what is recorded of the others; all if none",
    )


STUDY = Study("fidelity", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
