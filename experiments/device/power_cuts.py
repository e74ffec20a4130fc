"""Power cuts by the hundred thousand: a board's storage that commits often, and no state lost."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import firmware_sim
from experiments.device.host.build import built, said, sources
from experiments.options import count, names
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier

LAYERS = (3, 2, 2)
LINEAR, DRAWN, PAIRS = range(3)
#: The linear worlds, and so many of the drawn ones, run under the sanitizers.
SANITIZED = 2_000


def measure(options: argparse.Namespace) -> Record:
    """Run all worlds of every board; one in which a promise does not hold ends it with an error."""
    rows = []
    for name in options.boards:
        board = firmware_sim.get_board(name)
        with tempfile.TemporaryDirectory() as folder:
            learner = MesuClassifier(LAYERS, classes=("low", "high"))
            src = sources(learner, board, Path(folder))
            quick, slow = (
                built(src, board, "cuts.c", "firmware/frame.c", sanitize=sanitize)
                for sanitize in (False, True)
            )
            linear = said(slow, LINEAR)
            drawn = said(quick, DRAWN, options.cuts, options.seed)
            said(slow, DRAWN, min(options.cuts, SANITIZED), options.seed)
            operations = linear["operations"]
            step = max(1, math.ceil(operations / math.isqrt(options.pairs)))
            pairs = said(quick, PAIRS, step, options.seed)
        parts = {"linear": linear, "drawn": drawn, "pairs": pairs}
        row: Record = {"board": name, "operations": operations, "step": step}
        row |= {part: found["worlds"] for part, found in parts.items()}
        row["cuts"] = sum(found["cuts"] for found in parts.values())
        row["lost"] = sum(found["lost"] for found in parts.values())
        rows.append(row)
        say(", ".join(f"{key} {value}" for key, value in row.items()))
    return {"rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return one row for each board, and their sum."""
    keys = ("linear", "drawn", "pairs", "cuts", "lost")
    rows = [
        [
            row["board"],
            f"{row['operations']:,}",
            *(f"{row[key]:,}" for key in ("linear", "drawn", "pairs")),
            "all" if row["step"] == 1 else f"every {row['step']}th of both",
            *(f"{row[key]:,}" for key in ("cuts", "lost")),
        ]
        for row in record["rows"]
    ]
    total = {key: f"{sum(row[key] for row in record['rows']):,}" for key in keys}
    sums = [total[key] for key in keys]
    rows.append(["all", "", *sums[:3], "", *sums[3:]])
    head = [
        "board", "flash operations", "linear", "drawn", "pairs", "of the pairs", "power cuts",
        "states lost",
    ]  # fmt: skip
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    every = tuple(board.name for board in firmware_sim.list_boards())
    parser.add_argument("--boards", type=names, default=every, metavar="A,B", help="all if none")
    parser.add_argument("--cuts", type=count(1), default=8_000, help="worlds drawn, on each")
    parser.add_argument(
        "--pairs", type=count(1), default=10_000, help="pairs of cuts on each, about"
    )
    parser.add_argument("--seed", type=count(0), default=1)


STUDY = Study("power-cuts", measure, tables, add_options)
