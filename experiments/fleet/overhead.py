"""What it costs to carry a learner as an image: time per sample beside the bare kernel's blocks."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier
from streamlearn.engines import make_engine
from streamlearn.fleet import LiveLearners

LAYERS = (19, 32, 3)
BLOCKS = (1, 8, 64, 256)
FIGURES = ("bare", "live", "read anew", "by label")


def least(step: Callable[[], object], repeats: int) -> float:
    """Return the shortest time of a step, in microseconds: the others met something else."""
    best = float("inf")
    for _ in range(repeats):
        before = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - before)
    return best * 1e6


def of_block(n: int, repeats: int) -> dict[str, float]:
    """Time a block of n samples: bare, live, read anew each time, and with labels."""
    drawn = np.random.default_rng(0)
    x = drawn.normal(size=(n, LAYERS[0])).astype(np.float32)
    y = drawn.integers(0, LAYERS[-1], n)
    labels = y.tolist()
    learner = MesuClassifier(LAYERS, classes=range(LAYERS[-1]))
    engine = make_engine(learner.spec, learner.config, learner.arithmetic)
    state, wide = learner.state, x.astype(np.float64)
    bare = least(lambda: engine.learn_many(state, wide, y), repeats)

    def carried(live: LiveLearners, by_label: bool) -> float:
        image = [learner.to_bytes()]

        def step() -> None:
            teach = live.learn if by_label else live.learn_by_index
            image[0], _ = teach(image[0], x, labels if by_label else y)

        return least(step, repeats)

    found = {
        "live": carried(LiveLearners(), False),
        "read anew": carried(LiveLearners(0), False),
        "by label": carried(LiveLearners(), True),
    }
    return {
        "samples": n,
        "bare": bare / n,
        **{name: (took - bare) / n for name, took in found.items()},
    }


def measure(options: argparse.Namespace) -> Record:
    """Time every length of block."""
    rows = [of_block(n, options.repeats) for n in BLOCKS]
    image = MesuClassifier(LAYERS, classes=range(LAYERS[-1])).to_bytes()
    state_bytes = MesuClassifier(LAYERS).state.nbytes
    say(f"{len(rows)} lengths of blocks")
    return {"rows": rows, "state_bytes": state_bytes, "kept_bytes": sys.getsizeof(image)}


def tables(record: Record) -> Mapping[str, str]:
    """Return µs per sample of the bare kernel, and beyond it; and the bytes that a key takes."""
    columns = dict(
        zip(FIGURES, ("bare kernel", "+ live", "+ read anew", "+ by label"), strict=True)
    )
    rows = [
        [f"{row['samples']}", *(f"{row[name]:.1f}" for name in columns)] for row in record["rows"]
    ]
    head = ["samples in a block", *columns.values()]
    kept = record["kept_bytes"] - record["state_bytes"]
    return {
        "table": markdown(head, rows),
        "bytes": f"{record['state_bytes']:,} bytes of state and {kept} more\n",
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--repeats", type=count(1), default=300, metavar="N",
        help="the shortest of so many times counts; 300 if none",
    )  # fmt: skip


STUDY = Study("fleet-overhead", measure, tables, add_options)
