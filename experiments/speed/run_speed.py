"""What a row costs a user: ``python -m experiments run-speed``

The command ``run`` on a CSV file, single samples through a learner, and a thousand learners in one
process; each beside what a user would take instead, in the same run, in turn. Clock: CPU time of
one process. A round measures everything once, and a ratio is the median over the rounds of the
ratio within a round. It needs River.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any

from experiments.needs import load_with
from experiments.options import count
from experiments.study import Record, Study
from experiments.tables import markdown

OURS = "streamlearn"
#: Section of the result, and what its numbers are.
SECTIONS = {
    "rows": "µs per row",
    "samples": "µs per sample",
    "learners": "ms per learner",
}


def measure(options: argparse.Namespace) -> Record:
    """Measure every section."""
    module = load_with("river", "experiments.speed.run_contenders", STUDY.name)
    found: Record = module.measured(options.rows, options.rounds)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--rows", type=count(100), default=100_000, metavar="N", help="rows of the file; 100,000"
    )
    parser.add_argument(
        "--rounds", type=count(1), default=5, metavar="N", help="times that each is measured; 5"
    )


def _table(rows: list[dict[str, Any]], unit: str) -> str:
    lines = []
    for what in dict.fromkeys(row["what"] for row in rows):
        here = [row for row in rows if row["what"] == what]
        base = next(row for row in here if row["name"] == OURS)
        for row in here:
            ratios = [a / b for a, b in zip(row["times"], base["times"], strict=True)]
            cells = [f"{median(row['times']):.3g}", f"{min(row['times']):.3g}"]
            lines.append([what, row["name"], *cells, f"{median(ratios):.2g}"])
    return markdown(["", "", unit, "best round", f"× {OURS}"], lines)


def tables(record: Record) -> dict[str, str]:
    """Return one table per section, and what a learner keeps in memory."""
    found = {name: _table(record[name], unit) for name, unit in SECTIONS.items()}
    bytes_of = [[row["name"], *(f"{row[key]:,}" for key in BYTES)] for row in record["bytes"]]
    found["bytes"] = markdown(["", *BYTES.values()], bytes_of)
    return {**found, "origin": f"{_origin(record)}\n"}


BYTES = {"state": "state, bytes", "beside": "beside it, per learner, bytes"}


def _origin(record: Record) -> str:
    origin = record["origin"]
    return f"* {', '.join(f'{key}: {value}' for key, value in origin.items())}"


STUDY = Study("run-speed", measure, tables, add_options)
