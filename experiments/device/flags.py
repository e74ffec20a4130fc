"""What the compiler's flags give on each core: why firmware is built by ``-Os``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.device.board import on_board, roomy_boards
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier
from streamlearn.streams import load_gas_drift

#: By name; all stand behind ``-Os``, and the last wins.
FLAGS: Mapping[str, tuple[str, ...]] = {
    "-Os": (),
    "-O2": ("-O2",),
    "-O2 -fno-unroll-loops": ("-O2", "-fno-unroll-loops"),
}
N_PREDICTIONS = 20


def learners() -> dict[str, Any]:
    """Return a fresh learner of each kind of code."""
    classes = range(6)
    return {
        "MESU, q16, 128-32-6": MesuClassifier((128, 32, 6), classes=classes),
        "MESU, q16 factored, 128-32-6": MesuFactoredClassifier((128, 32, 6), classes=classes),
        "metaplastic, q8, 128-128-6": MetaplasticClassifier((128, 128, 6), classes=classes),
        "MESU, float32, 128-32-6": MesuClassifier(
            (128, 32, 6), classes=classes, arithmetic="float32"
        ),
    }


def measure(options: argparse.Namespace) -> Record:
    """Build with every flag for every core, and learn the first samples of the gas stream."""
    stream = load_gas_drift(limit=options.samples)
    rows = []
    for name, learner in learners().items():
        for board in roomy_boards():
            if learner.arithmetic == "float32" and not board.core.has_fpu:
                continue
            for flags, given in FLAGS.items():
                say(f"{name} on the {board.core.name}, {flags}")
                x = stream.x[: options.samples]
                found = on_board(learner, board, x, stream.y, x[:N_PREDICTIONS], extra_flags=given)
                rows.append(
                    {
                        "learner": name,
                        "core": found.core,
                        "flags": flags,
                        "learn": int(np.median(found.learn)),
                        "predict": int(np.median(found.predict)),
                        "flash": found.flash_bytes,
                    }
                )
    return {"samples": options.samples, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: medians over the samples, and how they compare with ``-Os``."""
    lines, base = [], record["rows"][0]
    for row in record["rows"]:
        if row["flags"] == "-Os":
            base = row
        cells = []
        for key in ("learn", "predict", "flash"):
            change = row[key] / base[key] - 1
            cells.append(f"{row[key]:,}" if row is base else f"{row[key]:,} ({change:+.0%})")
        lines.append([row["learner"], row["core"], f"`{row['flags']}`", *cells])
    head = ["learner", "core", "flags", "instructions to learn", "to predict", "flash, bytes"]
    return {"table": markdown(head, lines)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--samples", type=count(1), default=60, metavar="N", help="samples to learn; 60 if none"
    )


STUDY = Study("flags", measure, tables, add_options)
