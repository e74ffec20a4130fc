"""A million hostile states, sent to a board's firmware over its link, under the sanitizers."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import firmware_sim
from experiments.device.host.build import built, said, sources
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MesuRegressor,
    MetaplasticClassifier,
)

BOARD = "rp2040"
KEYS = ("states", "refused", "taken", "learned", "requests", "beyond")
#: Bytes of a state from which on it is sent less often.
LARGE = 4096
CLASSES = ("low", "high")


def learners() -> dict[str, Any]:
    """Return a small learner of each rule and head."""
    return {
        "MESU, q16": MesuClassifier((3, 2, 2), classes=CLASSES),
        "MESU, q16 factored": MesuFactoredClassifier((3, 2, 2), classes=CLASSES),
        "BiMU, q8": BimuClassifier((3, 2, 2), classes=CLASSES),
        "metaplastic, q8": MetaplasticClassifier((3, 8, 2), classes=CLASSES),
        "MESU, q16, a number": MesuRegressor((3, 2, 1)),
        "MESU, q16, a memory": MesuClassifier(
            (3, 2, 2), classes=CLASSES, arithmetic="float32", memory="lda"
        ),
    }


def program(learner: Any, folder: Path) -> Path:
    """Compile the firmware of a learner and the host that means it ill."""
    board = firmware_sim.get_board(BOARD)
    src = sources(learner, board, folder)
    ours = {"main.c", "startup.c", "startup_riscv.c"}  # main.c is included
    firmware = [path for path in sorted((src / "firmware").glob("*.c")) if path.name not in ours]
    files = [*firmware, *sorted((src / "learner").glob("*.c"))]
    return built(src, board, "hostile.c", *(str(path.relative_to(src)) for path in files))


def measure(options: argparse.Namespace) -> Record:
    """Send the states to each learner; undefined behaviour or a stray access ends it."""
    rows = []
    of_all = learners()
    share = -(-options.states // (len(of_all) - 1))
    for name, learner in of_all.items():
        # The state of a memory is seventy times as large.
        n = share if learner.state.nbytes < LARGE else -(-share // 100)
        with tempfile.TemporaryDirectory() as folder:
            found = said(program(learner, Path(folder)), n, options.seed)
        rows.append({"learner": name, **found})
        say(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return {"rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return what became of the states, for each learner."""
    rows = [[row["learner"], *(f"{row[key]:,}" for key in KEYS)] for row in record["rows"]]
    rows.append(["all", *(f"{sum(row[key] for row in record['rows']):,}" for key in KEYS)])
    head = [
        "learner", "states sent", "refused", "taken over", "samples learned then",
        "requests", "states beyond the ranges at the end",
    ]  # fmt: skip
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument("--states", type=count(1), default=1_000_000, help="of all")
    parser.add_argument("--seed", type=count(0), default=1)


STUDY = Study("hostile", measure, tables, add_options)
