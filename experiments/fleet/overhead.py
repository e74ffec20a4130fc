"""What it costs to carry learners as images, and to run a fleet, beside the bare kernel.

Images: the shortest time of a block. The fleet on Bytewax: CPU time of a whole run over a CSV, to
read it, to group rows by key, to keep states and to write predictions. With ``--flink`` also
the same on Flink.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.errors import MissingError
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier
from streamlearn.engines import make_engine
from streamlearn.fleet import LiveLearners
from streamlearn.fleet.folder import FleetPlan, make_folder
from streamlearn.streams.csv_options import ReadOptions

LAYERS = (19, 32, 3)
BLOCKS = (1, 8, 64, 256)
#: Keys, and rows of each.
FLEETS = ((100, 1000), (10_000, 50), (5000, 10))
ON_FLINK = (100, 400)
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


def begun(folder: Path, keys: int, rows: int) -> tuple[Path, MesuClassifier, npt.NDArray[Any]]:
    """Write a CSV and the folder of a fleet on it; return the folder, a key's start, the values."""
    drawn = np.random.default_rng(0)
    y = drawn.integers(0, LAYERS[-1], keys * rows)
    x = (drawn.normal(size=(len(y), LAYERS[0])) + y[:, None]).round(3).astype(np.float32)
    key = drawn.permutation(np.repeat(np.arange(keys), rows))
    names = [f"f{i}" for i in range(LAYERS[0])]
    learner = MesuClassifier(LAYERS, classes=[*"012"], features=names)
    stream, out = folder / "stream.csv", folder / "fleet"
    cells = np.column_stack([key, x.round(3), y])
    form = ["%d", *["%.3f"] * LAYERS[0], "%d"]
    head = ",".join(["key", *names, "label"])
    np.savetxt(stream, cells, form, ",", header=head, comments="")
    reading = ReadOptions(key="key", features=tuple(names)).to_dict()
    plan = FleetPlan(str(stream), "label", "key", ("0", "1", "2"), "stop", reading, {})
    make_folder(out, plan, learner.to_bytes())
    return out, learner, cells


def bare(learner: MesuClassifier, cells: npt.NDArray[Any]) -> float:
    """Return the CPU time of the kernel alone, on all rows as one block, in seconds."""
    engine = make_engine(learner.spec, learner.config, learner.arithmetic)
    state, x, y = learner.state, cells[:, 1:-1].copy(), cells[:, -1].astype(np.int64)
    before = time.process_time()
    engine.learn_many(state, x, y)
    return time.process_time() - before


def of_fleet(keys: int, rows: int) -> dict[str, Any]:
    """Measure a fleet's run from its CSV to its end, in µs of CPU time per sample."""
    from streamlearn.fleet.running import run

    with tempfile.TemporaryDirectory() as folder:
        out, learner, cells = begun(Path(folder), keys, rows)
        before = time.process_time()
        run(out, 1, 3600.0)
        took = time.process_time() - before
    alone, each = bare(learner, cells), 1e6 / (keys * rows)
    return {"engine": "Bytewax", "keys": keys, "rows": rows, "bare": alone * each,
            "beyond": (took - alone) * each}  # fmt: skip


def of_flink(python: str, keys: int, rows: int) -> dict[str, Any]:
    """Measure the same on Flink, all its processes, but for what it takes to start."""

    def cpu(keys: int, rows: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            out, learner, cells = begun(Path(folder), keys, rows)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [python, "-m", "streamlearn.fleet.flink", str(out)]
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return took, bare(learner, cells)

    start, (took, alone), each = cpu(2, 1)[0], cpu(keys, rows), 1e6 / (keys * rows)
    return {"engine": "Flink", "keys": keys, "rows": rows, "bare": alone * each,
            "beyond": (took - start - alone) * each}  # fmt: skip


def measure(options: argparse.Namespace) -> Record:
    """Time every length of block, and every fleet."""
    if find_spec("bytewax") is None:
        raise MissingError('fleet-overhead needs Bytewax: pip install "streamlearn[fleet]"')
    python = os.environ.get("STREAMLEARN_FLINK_PYTHON", "")
    if options.flink and not python:
        raise MissingError(
            "--flink: STREAMLEARN_FLINK_PYTHON names no Python with streamlearn and apache-flink"
        )
    rows = [of_block(n, options.repeats) for n in BLOCKS]
    image = MesuClassifier(LAYERS, classes=range(LAYERS[-1])).to_bytes()
    state_bytes = MesuClassifier(LAYERS).state.nbytes
    say(f"{len(rows)} lengths of blocks")
    fleets = []
    for sizes in FLEETS:
        fleets.append(of_fleet(*sizes))
        say(str(fleets[-1]))
    if options.flink:
        fleets.append(of_flink(python, *ON_FLINK))
    return {
        "rows": rows,
        "fleets": fleets,
        "state_bytes": state_bytes,
        "kept_bytes": sys.getsizeof(image),
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return µs per sample of the bare kernel and beyond it, and the bytes that a key takes."""
    columns = dict(
        zip(FIGURES, ("bare kernel", "+ live", "+ read anew", "+ by label"), strict=True)
    )
    rows = [
        [f"{row['samples']}", *(f"{row[name]:.1f}" for name in columns)] for row in record["rows"]
    ]
    head = ["samples in a block", *columns.values()]
    of_fleets = [
        [
            one["engine"],
            f"{one['keys']:,}",
            f"{one['rows']}",
            f"{one['bare']:.1f}",
            f"{one['beyond']:.1f}",
        ]
        for one in record["fleets"]
    ]
    kept = record["kept_bytes"] - record["state_bytes"]
    return {
        "table": markdown(head, rows),
        "fleet": markdown(["engine", "keys", "rows of each", "bare kernel", "+ fleet"], of_fleets),
        "bytes": f"{record['state_bytes']:,} bytes of state and {kept} more\n",
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--repeats", type=count(1), default=300, metavar="N",
        help="the shortest of so many times counts; 300 if none",
    )  # fmt: skip
    parser.add_argument(
        "--flink", action="store_true",
        help="measure the same on Flink too, by the Python that STREAMLEARN_FLINK_PYTHON names",
    )  # fmt: skip


STUDY = Study("fleet-overhead", measure, tables, add_options)
