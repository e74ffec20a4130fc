"""What a row costs a user: ``python -m experiments run-speed``

The command ``run`` on a CSV file, single samples through a learner, and a thousand learners in one
process; each beside what a user would take instead, in the same run, in turn. Clock: CPU time of
one process. A round measures everything once, and a ratio is the median over the rounds of the
ratio within a round. A second file, of a hundredth of the rows, tells what a run costs once from
what each row costs. It needs River.
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
#: Of a file of a hundredth of the rows.
FEW = "few rows"
#: Section of the result, and what its numbers are.
SECTIONS = {
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
    found["rows"] = _rows_table(record)
    bytes_of = [[row["name"], *(f"{row[key]:,}" for key in BYTES)] for row in record["bytes"]]
    found["bytes"] = markdown(["", *BYTES.values()], bytes_of)
    return {**found, "origin": f"{_origin(record)}\n"}


def _rows_table(record: Record) -> str:
    """Return what a whole file costs, and that cut into rows and what is paid once."""
    n, few = record["n_rows"]
    times = {row["name"]: row["times"] for row in record["rows"]}
    lines = []
    for name in (name for name in times if not name.endswith(FEW)):
        pairs = [*zip(times[name], times[f"{name}, {FEW}"], strict=True)]
        each = [(whole - less) / (n - few) for whole, less in pairs]
        once = [whole - n * row for (whole, _), row in zip(pairs, each, strict=True)]
        ratio = [a / b for a, b in zip(times[name], times[OURS], strict=True)]
        lines.append(
            [
                name,
                f"{median(times[name]) / n:.3g}",
                f"{min(times[name]) / n:.3g}",
                f"{median(each):.3g}",
                f"{median(once) / 1e3:.0f}",
                f"{median(ratio):.2g}",
            ]
        )
    what = record["rows"][0]["what"]
    units = ("all, µs per row", "best round", "each row, µs", "once, ms", f"× {OURS}")
    return markdown([what, *units], lines)


BYTES = {"state": "state, bytes", "beside": "beside it, per learner, bytes"}


def _origin(record: Record) -> str:
    origin = record["origin"]
    return f"* {', '.join(f'{key}: {value}' for key, value in origin.items())}"


STUDY = Study("run-speed", measure, tables, add_options)
