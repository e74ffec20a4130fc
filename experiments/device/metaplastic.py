"""Instructions and RAM of the metaplastic learner, with blocks of units and without."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from experiments.blocks import learn_block
from experiments.device.board import on_board
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.streams import load_gas_drift, load_mnist

BOARDS = ("nrf52840", "rp2040")
LARGE = ("stm32u585",)  # holds 784-512-10
N_BEFORE, N_GAS, N_PREDICTIONS = 20_000, 3000, 100


def digits(hidden: int, n_blocks: int = 0, n_active: int = 0) -> MetaplasticClassifier:
    """Return a learner of pixels, which are mostly zeros and need no front end."""
    return MetaplasticClassifier(
        (784, hidden, 10),
        classes=range(10),
        front_end="none",
        n_blocks=n_blocks,
        n_active=n_active,
    )


def cases() -> list[tuple[str, StreamClassifier, tuple[str, ...]]]:
    """Return every network with its name and the boards that hold it."""
    return [
        ("784-200-10", digits(200), BOARDS),
        ("784-200-10, 6 of 25 blocks", digits(200, 25, 6), BOARDS),
        ("784-512-10", digits(512), LARGE),
        ("784-512-10, 16 of 64 blocks", digits(512, 64, 16), LARGE),
        ("128-128-6", MetaplasticClassifier((128, 128, 6), classes=range(6)), BOARDS),
        (
            "beside them MESU, q16, 784-50-10",
            MesuClassifier((784, 50, 10), classes=range(10), front_end="none"),
            BOARDS,
        ),
    ]


def measure(options: argparse.Namespace) -> Record:
    """Count on each board, after 20,000 digits or 3,000 measurements of gases."""
    mnist, gas = load_mnist(), load_gas_drift()
    rows = []
    for network, learner, boards in cases():
        stream, before = (mnist, N_BEFORE) if learner.spec.layers[0] == 784 else (gas, N_GAS)
        before = before if options.before is None else options.before
        learn_block(learner, stream.x[:before], stream.y[:before])
        at = slice(before, before + options.samples)
        for board in boards:
            say(f"{network} on the {board}")
            x = stream.x[at]
            found = on_board(learner, board, x, stream.y[at], x[:N_PREDICTIONS])
            rows.append(
                {
                    "network": network,
                    "board": board,
                    "core": found.core,
                    "learn_median": int(np.median(found.learn)),
                    "learn_mean": int(found.learn.mean()),
                    "learn_max": int(found.learn.max()),
                    "predict_median": int(np.median(found.predict)),
                    "state_bytes": found.state_bytes,
                    "scratch_bytes": found.scratch_bytes,
                }
            )
    return {"samples": options.samples, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table."""
    head = ["network", "board", "core", "learn, median", "mean", "maximum", "predict, median"]
    names = ("network", "board", "core")
    rows = [
        [*(row[name] for name in names), *(f"{row[key]:,}" for key in row if key not in names)]
        for row in record["rows"]
    ]
    return {"table": markdown([*head, "RAM: state", "scratch"], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--samples", type=count(1), default=500, metavar="N", help="samples to learn; 500 if none"
    )
    parser.add_argument(
        "--before", type=count(0), metavar="N", help="samples learned before they are counted"
    )


STUDY = Study("metaplastic-device", measure, tables, add_options)
