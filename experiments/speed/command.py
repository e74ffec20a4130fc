"""How fast is each engine, and what does a sample cost? ``python benchmarks/speed.py``

Measures on one core, in one run: samples/s of every engine beside PyTorch loops, bytes, cost by
width, draws, share of zero inputs and length of the stream; and the metaplastic learner beside
float networks and the published recipe. Writes benchmarks/results/speed/ and the tables of
docs/benchmarks.md. Needs MNIST (docs/data.md), PyTorch and numba.

    python benchmarks/speed.py                      # everything, about five minutes
    python benchmarks/speed.py --only speed,bytes   # the rest stays as the last run left it
    python benchmarks/speed.py --only length --tasks 200   # 12 million samples an engine
    python benchmarks/speed.py --report-only
"""

# ruff: noqa: E402 (the number of threads must be set before the imports)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import datetime
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks_machine import machine
from speed_metaplastic import measure_metaplastic
from speed_report import PICTURES, TABLES, filled
from speed_sections import (
    DRAWS,
    NETWORKS,
    WIDTHS,
    measure_bytes,
    measure_length,
    measure_scan,
    measure_speed,
    measure_zeros,
)

from streamlearn.reproduce.pmnist import standardised
from streamlearn.reproduce.runs import kernel_sha
from streamlearn.streams import load_mnist

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ("speed", "bytes", "width", "draws", "zeros", "length", "metaplastic")


def measure(sections: list[str], options: argparse.Namespace, record: dict[str, Any]) -> None:
    """Measure the sections and put them into the record."""
    torch.set_num_threads(1)
    mnist = load_mnist("train")
    x, y = standardised(mnist.x), mnist.y
    rounds, round_s = options.rounds, options.round_s
    started = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - started:6.0f} s  {what}", file=sys.stderr, flush=True)

    before = os.getloadavg()[0]
    for section in sections:
        if section == "speed":
            record[section] = measure_speed(x, y, rounds, round_s, say)
        elif section == "bytes":
            record[section] = measure_bytes()
        elif section == "width":
            record[section] = measure_scan(
                WIDTHS, lambda n: (784, n, 10), lambda _: 10, x, y, rounds, round_s, say
            )
        elif section == "draws":
            record[section] = measure_scan(
                DRAWS, lambda _: NETWORKS[0], lambda n: n, x, y, rounds, round_s, say
            )
        elif section == "zeros":
            record[section] = measure_zeros(mnist.x, x, y, rounds, round_s, say)
        elif section == "metaplastic":
            record[section] = measure_metaplastic(mnist.x, y, rounds, round_s, say)
        else:
            record[section] = measure_length(x, y, options.tasks, say)
    say("done")
    origin = {
        "command": " ".join(["python", "benchmarks/speed.py", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "kernel": kernel_sha(),
        "load": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "seconds": round(time.perf_counter() - started),
    }
    record["origin"] = {**record.get("origin", {}), **dict.fromkeys(sections, origin)}


def main() -> None:
    """Measure, print the tables, and write JSON, pictures and document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"sections a,b,… of {','.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is measured")
    parser.add_argument("--round-s", type=float, default=0.15, help="seconds of a round")
    parser.add_argument("--tasks", type=int, default=40, help="tasks of 60,000 of the long stream")
    parser.add_argument("--report-only", action="store_true", help="only tables and pictures")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "speed")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = parser.parse_args()
    sections = options.only.split(",") if options.only else list(SECTIONS)
    if unknown := [name for name in sections if name not in SECTIONS]:
        parser.error(f"--only {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    if options.rounds < 1 or options.tasks < 1 or options.round_s <= 0:
        parser.error("--rounds, --tasks and --round-s must be above 0")
    path = options.out / "speed.json"
    record: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not options.report_only:
        measure(sections, options, record)
    if missing := [name for name in SECTIONS if name not in record]:
        parser.error(f"{path} has no {', '.join(missing)}: run without --only first")
    options.out.mkdir(parents=True, exist_ok=True)
    lines = []
    for key, value in record.items():
        rows = [json.dumps(row) for row in value] if isinstance(value, list) else []
        text = "[\n" + ",\n".join(rows) + "\n]" if rows else json.dumps(value)
        lines.append(f"{json.dumps(key)}: {text}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    for name, draw in PICTURES.items():
        (options.out / f"{name}.svg").write_text(draw(record), "utf-8")
    for make in TABLES.values():
        print(make(record))
    document = options.document
    document.write_text(filled(document.read_text("utf-8"), record), "utf-8")


if __name__ == "__main__":
    main()
