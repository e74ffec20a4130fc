"""Power cuts by the hundred thousand: a board that commits often, and no state lost."""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

import firmware_sim
from experiments.options import count, names
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from firmware_sim.power import TEARS, Cut, exhaustive, linear, random
from firmware_sim.worlds import PromiseBroken, Trial, World
from streamlearn import MesuClassifier

LAYERS = (3, 2, 2)
CLASSES = ("low", "high")
#: Ten samples with a commit after every second one; four for pairs of cuts.
SAMPLES, SAMPLES_OF_PAIRS = 10, 4
#: Where memory stands for flash, an erasure is a thousand stores: of those every 37th.
MANY, EVERY, FIRST = 1000, 37, 40
SCHEDULES = ("linear", "random", "pairs")


def chosen(n_operations: int) -> list[int]:
    """Return the flash operations at which the power goes, from 1 on."""
    step = EVERY if n_operations > MANY else 1
    return [at for at in range(1, n_operations + 1) if at % step == 0 or at < FIRST]


def measure(options: argparse.Namespace) -> Record:
    """Run every world on every board, and count those in which a promise did not hold."""
    boards = [firmware_sim.get_board(name) for name in options.boards]
    share = -(-options.cuts // len(boards))
    rows, broken = [], []
    with tempfile.TemporaryDirectory() as folder:
        for board in boards:
            learner = MesuClassifier(LAYERS, classes=CLASSES)
            export = Path(folder) / board.name
            write_export(learner, export)
            firmware = firmware_sim.build_firmware(export, board, Path(folder) / f"{board.name}-b")
            long, short = trial(firmware, SAMPLES), trial(firmware, SAMPLES_OF_PAIRS)
            worlds: dict[str, tuple[Trial, Iterable[tuple[Cut, ...]]]] = {
                "linear": (long, ((cut,) for cut in linear_of(long))),
                "random": (
                    long,
                    ((cut,) for cut in random(share, long.operations, long.instructions, 1)),
                ),
                "pairs": (short, pairs_of(short)),
            }
            row: Record = {"board": board.name, "operations": long.operations, "cuts": 0}
            for name, (tried, cuts) in worlds.items():
                row[name], happened, failed = run(tried, cuts)
                row["cuts"] += happened
                broken += [{"board": board.name, "world": text} for text in failed]
                say(f"{board.name}: {row[name]:,} worlds, {name}; {len(broken)} broken so far")
            rows.append(row)
    return {"rows": rows, "broken": broken}


def trial(firmware: firmware_sim.Firmware, samples: int) -> Trial:
    """Return a board that learns so many drawn samples."""
    draw = np.random.default_rng(0)
    ys = draw.integers(len(CLASSES), size=samples)
    xs = draw.normal(size=(samples, LAYERS[0])) + ys[:, None]
    return Trial(firmware, xs.astype(np.float32), ys)


def linear_of(tried: Trial) -> Iterator[Cut]:
    """Yield a cut at each flash operation, with every tear."""
    at = set(chosen(tried.operations))
    return (cut for cut in linear(tried.operations) if cut.flash_operation in at)


def pairs_of(tried: Trial) -> Iterator[tuple[Cut, ...]]:
    """Yield a cut at each flash operation, then one at each of what follows."""
    at = chosen(tried.operations)
    if len(at) == tried.operations:
        return exhaustive(tried.operations)
    return (
        tuple(Cut(flash_operation=one, tear=TEARS[sum(both) % 3], seed=one) for one in both)
        for both in itertools.product(at, at)
    )


def run(tried: Trial, cuts: Iterable[tuple[Cut, ...]]) -> tuple[int, int, list[str]]:
    """Return how many worlds were run, how many cuts came in them, and what broke."""
    worlds = happened = 0
    failed = []
    for some in cuts:
        worlds += 1
        try:
            happened += tried.run(World(some)).cuts
        except PromiseBroken as error:
            failed.append(str(error))
    return worlds, happened, failed


def tables(record: Record) -> Mapping[str, str]:
    """Return one row for each board, and their sum."""
    rows = [
        [row["board"], *(f"{row[key]:,}" for key in ("operations", *SCHEDULES, "cuts"))]
        for row in record["rows"]
    ]
    total = [f"{sum(row[key] for row in record['rows']):,}" for key in (*SCHEDULES, "cuts")]
    rows.append(["all", "", *total])
    head = ["board", "flash operations", "linear", "random", "pairs", "cuts that came"]
    lost = f"\nWorlds in which a promise did not hold: {len(record['broken'])}\n"
    return {"table": markdown(head, rows), "broken": lost}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    every = tuple(board.name for board in firmware_sim.list_boards())
    parser.add_argument("--boards", type=names, default=every, metavar="A,B", help="all if none")
    parser.add_argument(
        "--cuts", type=count(1), default=100_000, help="drawn ones, over all boards"
    )


STUDY = Study("power-cuts", measure, tables, add_options)
