"""The record of the bench: one line for each learner and stream, the seeds' figures in lists."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from experiments.errors import ExperimentError
from experiments.loop.runs import Record
from experiments.streams import disturbances
from experiments.streams.contenders import contenders
from experiments.streams.sources import NAMES
from experiments.study import RESULT_FILE, read_record

Key = tuple[str, str, int]
#: Figures that each seed has its own of; everything else is the same for all seeds of a line.
FIGURES = (
    "accuracy",
    "kappa",
    "kappa_m",
    "kappa_t",
    "balanced",
    "unknown",
    "learn_s",
    "run_s",
    "state_bytes",
    "kept",
    "recalled",
    "disturbances",
)


def key(row: Record) -> Key:
    """Return what names a run within a record."""
    return row["learner"], row["stream"], row["seed"]


def pack(rows: Iterable[Record]) -> list[Record]:
    """Return the lines of a record: runs that differ in their seed alone together.

    Rows come out by learner, stream and seed, as the lists have them; others are left out.
    """
    learners, streams = list(contenders()), [*NAMES, disturbances.NAME]
    kept = [row for row in rows if row["learner"] in learners and row["stream"] in streams]
    kept.sort(key=lambda r: (learners.index(r["learner"]), streams.index(r["stream"]), r["seed"]))
    lines: dict[str, Record] = {}
    for row in kept:
        same = {k: v for k, v in row.items() if k not in FIGURES and k != "seed"}
        figures = [name for name in FIGURES if name in row]
        line = lines.setdefault(
            json.dumps([same, figures]), {**same, "seed": [], **{name: [] for name in figures}}
        )
        for name in ("seed", *figures):
            line[name].append(row[name])
    return list(lines.values())


def unpack(lines: Iterable[Record]) -> list[Record]:
    """Invert :func:`pack`: one row for each run."""
    return [
        {name: value[i] if name in ("seed", *FIGURES) else value for name, value in line.items()}
        for line in lines
        for i in range(len(line["seed"]))
    ]


def recorded(folder: Path, limit: int | None) -> dict[Key, Record]:
    """Return the rows of the record that is there.

    Raises
    ------
    ExperimentError
        If it was made with streams of another length.
    """
    if not (folder / RESULT_FILE).is_file():
        return {}
    record = read_record(folder)
    if record["limit"] != limit:
        raise ExperimentError(
            f"{folder} has streams of {_length(record['limit'])}, this run has {_length(limit)}: "
            "give another folder with --results"
        )
    return {key(row): row for row in unpack(record["runs"])}


def _length(limit: int | None) -> str:
    return "full length" if limit is None else f"{limit:,} rows"
