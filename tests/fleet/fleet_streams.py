"""Streams of many keys, and what each key's learner alone makes of its rows."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from streamlearn import MesuClassifier
from streamlearn.fleet.folder import Images

CLASSES = ("x", "y", "z")
FEATURES = tuple("abcde")


def write_stream(path: Path, keys: int, rows_per_key: int, seed: int = 0) -> None:
    """Write a CSV in which the rows of all keys are mixed."""
    drawn = np.random.default_rng(seed)
    key = drawn.permutation(np.repeat(np.arange(keys), rows_per_key))
    y = drawn.integers(0, 3, len(key))
    x = (drawn.normal(size=(len(key), 5)) + y[:, None]).round(3)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(("pump", *FEATURES, "state")) + "\n")
        for k, values, label in zip(key, x, y, strict=True):
            file.write(f"p{k},{','.join(map(str, values))},{CLASSES[label]}\n")


def alone(path: Path) -> dict[str, tuple[str, list[tuple[int, str]]]]:
    """Return of each key the state's hash, and line and prediction of each row."""
    rows: dict[str, list[Any]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            rows[row["pump"]].append(
                (line, [np.float32(row[name]) for name in FEATURES], row["state"])
            )
    found = {}
    for key, own in rows.items():
        learner = MesuClassifier((5, 8, 3), classes=CLASSES, features=FEATURES)
        said = learner.test_then_learn_many([x for _, x, _ in own], [y for _, _, y in own])
        lines = [line for line, _, _ in own]
        found[key] = learner.state_sha256, list(zip(lines, said, strict=True))
    return found


def in_folder(out: Path) -> dict[str, tuple[str, list[tuple[int, str]]]]:
    """Return the same of a fleet's folder."""
    said: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with (out / "predictions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said[row["key"]].append((int(row["line"]), row["predicted"]))
    return {
        key: (MesuClassifier.from_bytes(image).state_sha256, said[key])
        for key, _, image in Images(out)
    }


def command(stream: Path, out: Path, *more: str) -> list[str]:
    """Return the arguments of a run."""
    return [
        *("fleet", "run", "--stream", str(stream), "--key", "pump", "--label", "state"),
        *("--hidden", "8", "--out", str(out), *more),
    ]


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own, with the warnings of this one as errors."""
    return subprocess.Popen(
        [sys.executable, "-m", "streamlearn.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_in_the_middle(process: subprocess.Popen[bytes], out: Path, pause: float) -> bool:
    """Kill a run -9 once it has written predictions; return whether it was still at work."""
    file = out / "predictions.csv"
    before = file.stat().st_size if file.exists() else 0
    deadline = time.monotonic() + 1800
    while process.poll() is None and time.monotonic() < deadline:
        size = file.stat().st_size if file.exists() else 0
        if size != before and size > 100:
            time.sleep(pause)
            process.kill()
            break
        time.sleep(0.001)
    process.communicate(timeout=1800)
    return process.returncode == -9
