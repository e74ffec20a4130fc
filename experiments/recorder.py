"""What a record costs: bytes and time per sample, and how fast it is learned again.

Decimals: as sensors give them, three classes that lie apart, every value with two decimals, and the
same without rounding. Gas: the bundled stream's 6,697 measurements of 128 features. CPU time, the
best of several tries; the network is 19-32-3 or 128-32-6, q16.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from experiments.catalogue import Runnable
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier
from streamlearn.recorder import Record as Recorded
from streamlearn.recorder.writer import RecordWriter
from streamlearn.streams.gas_drift import load_gas_drift

BLOCK = 1000


def streams(n: int) -> dict[str, tuple[Any, Any, int]]:
    """Return samples, class indices and the number of classes, by name."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 19)) + rng.normal(size=(3, 19))[y]
    gas = load_gas_drift()
    return {
        "19 decimals": (np.round(x, 2).astype(np.float32), y, 3),
        "19 floats": (x.astype(np.float32), y, 3),
        "gas, 128 features": (gas.x[:n], gas.y[:n].astype(np.int64), 6),
    }


def measure(options: argparse.Namespace) -> Record:
    """Record every stream and learn the record again."""
    rows = []
    for name, (x, y, n_classes) in streams(options.samples).items():
        say(name)
        layers = (x.shape[1], 32, n_classes)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "r.slr"
            learner = MesuClassifier(layers, classes=range(n_classes))
            begin = process_time()
            writer = RecordWriter.create(path, learner, snapshot_every=None)
            header = path.stat().st_size
            for at in range(0, len(y), BLOCK):
                writer.add(x[at : at + BLOCK], y[at : at + BLOCK], 0)
            writer.close()
            writing = process_time() - begin
            record = Recorded(path)
            learning = []
            for _ in range(options.tries):
                begin = process_time()
                record.state_at()
                learning.append(process_time() - begin)
            rows.append(
                {
                    "stream": name,
                    "layers": "-".join(map(str, layers)),
                    "samples": len(y),
                    "floats_bytes": 4 * x.shape[1],
                    "bytes": (path.stat().st_size - header) / len(y),
                    "write_us": 1e6 * writing / len(y),
                    "replayed_per_s": len(y) / min(learning),
                }
            )
    return {"rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table."""
    rows = [
        [
            row["stream"],
            row["layers"],
            f"{row['floats_bytes']}",
            f"{row['bytes']:.1f}",
            f"{row['write_us']:.1f}",
            f"{row['replayed_per_s']:,.0f}",
        ]
        for row in record["rows"]
    ]
    head = ["stream", "network", "bytes of its floats", "bytes per sample", "µs to record"]
    head.append("learned again per second")
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument("--samples", type=int, default=100_000, metavar="N")
    parser.add_argument("--tries", type=int, default=3, metavar="N")


STUDY = Study("recorder", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
