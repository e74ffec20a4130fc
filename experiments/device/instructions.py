"""Instructions, state and flash of each kind of learner on the gas stream, on two boards."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.device.board import on_board
from experiments.options import count, names
from experiments.study import Record, Study, say
from experiments.tables import markdown
from quant.heads import HEADS
from quant.rule import RULES
from streamlearn import MetaplasticClassifier
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_concentration, load_gas_drift

BOARDS = ("rp2040", "nrf52840")
N_PREDICTIONS = 50


def learners() -> dict[str, Any]:
    """Return a fresh learner of each rule and head in integers, by its name.

    In the rule's first arithmetic there is one of each variant, too.
    """
    found = {}
    for name, rule in RULES.items():
        first, *others = (a for a, kind in rule.arithmetics.items() if kind.golden is not None)
        wanted = [(first, *variant) for variant in {"": {}, **rule.variants}.items()]
        wanted += [(arithmetic, "", {}) for arithmetic in others]
        for head in rule.heads:
            classes = HEADS[head].target == "class"
            for arithmetic, variant, settings in wanted:
                learner = learner_class(name, head)(
                    (128, 32, 6 if classes else 1),
                    arithmetic=arithmetic,
                    **({"classes": range(6)} if classes else {}),
                    **settings,
                )
                what = [name, variant, arithmetic, str(learner.spec)]
                found[", ".join(word for word in what if word)] = learner
    # At the bytes of MESU's 128-32-6.
    found["metaplastic, q8, 128-128-6"] = MetaplasticClassifier((128, 128, 6), classes=range(6))
    return found


def measure(options: argparse.Namespace) -> Record:
    """Learn the first samples of the stream on every board."""
    n: int = options.samples
    classes, targets = load_gas_drift(), load_gas_concentration(limit=n)
    rows = []
    for name, learner in learners().items():
        number = HEADS[learner.spec.head].target == "number"
        x, y = (targets.x, targets.y) if number else (classes.x[:n], classes.y[:n])
        for board in options.boards:
            say(f"{name} on the {board}")
            shown = x[:: max(1, n // N_PREDICTIONS)]
            found = on_board(learner, board, x, y, shown, number=number)
            rows.append(
                {
                    "learner": name,
                    "board": board,
                    "core": found.core,
                    "learn": int(np.median(found.learn)),
                    "predict": int(np.median(found.predict)),
                    "predict_mean": int(np.median(found.predict_mean)),
                    "state_bytes": found.state_bytes,
                    "flash_bytes": found.flash_bytes,
                }
            )
    return {"samples": n, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: medians over the samples."""
    head = [
        *("learner", "board", "core", "instructions to learn", "to predict", "without draws"),
        *("state", "flash"),
    ]
    keys = ("learn", "predict", "predict_mean", "state_bytes", "flash_bytes")
    rows = [
        [row["learner"], row["board"], row["core"], *(f"{row[key]:,}" for key in keys)]
        for row in record["rows"]
    ]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--samples", type=count(1), default=200, metavar="N", help="samples to learn; 200 if none"
    )
    parser.add_argument(
        "--boards", type=names, default=BOARDS, metavar="A,B", help=f"{','.join(BOARDS)} if none"
    )


STUDY = Study("instructions", measure, tables, add_options)
