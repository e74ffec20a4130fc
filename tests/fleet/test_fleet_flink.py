"""The twin on Apache Flink: killed, gone on with, on another number of workers; each row once.

PyFlink fixes the versions of many packages. So it has a Python of its own, which
``STREAMLEARN_FLINK_PYTHON`` names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import pytest
from fleet_streams import CLASSES, FEATURES, alone, write_stream

from streamlearn import MesuClassifier
from streamlearn.fleet.folder import FleetPlan, Images, make_folder
from streamlearn.streams.csv_options import ReadOptions

PYTHON = os.environ.get("STREAMLEARN_FLINK_PYTHON")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON,
        reason="STREAMLEARN_FLINK_PYTHON names no Python that has streamlearn and apache-flink",
    ),
]


def start(folder: Path, parallelism: int, log: Path) -> subprocess.Popen[bytes]:
    """Start the twin: Python, a JVM, and Flink's workers, in a process group of their own."""
    words = ["--parallelism", str(parallelism), "--checkpoint-seconds", "0.5"]
    with log.open("wb") as to:
        return subprocess.Popen(
            [str(PYTHON), "-m", "streamlearn.fleet.flink", str(folder), *words],
            stdout=to, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def test_every_key_is_its_own_learner_fed_alone(tmp_path: Path) -> None:
    stream, out, log = tmp_path / "pumps.csv", tmp_path / "fleet", tmp_path / "log"
    write_stream(stream, 100, 400)
    reading = ReadOptions(features=FEATURES, key="pump").to_dict()
    first = MesuClassifier((5, 8, 3), classes=CLASSES, features=FEATURES)
    plan = FleetPlan(str(stream), "state", "pump", CLASSES, "stop", reading, {})
    make_folder(out, plan, first.to_bytes())
    n_killed = 0
    for parallelism in (1, 4):
        before = {*out.glob("flink/checkpoints/*/chk-*/_metadata")}
        process = start(out, parallelism, log)
        end = time.monotonic() + 600
        while process.poll() is None and time.monotonic() < end:
            if len({*out.glob("flink/checkpoints/*/chk-*/_metadata")} - before) > 0 and any(
                out.glob("flink/predictions/**/part-*")
            ):
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.02)
        process.wait(timeout=60)
        n_killed += process.returncode == -signal.SIGKILL
    assert n_killed > 0, f"no run was killed in its middle: {log.read_text('utf-8')[-3000:]}"
    last = start(out, 2, log)
    assert last.wait(timeout=1200) == 0, log.read_text("utf-8")[-3000:]
    expected = alone(stream)
    assert {
        key: MesuClassifier.from_bytes(image).state_sha256 for key, _, image in Images(out)
    } == {key: sha256 for key, (sha256, _) in expected.items()}
    said: dict[str, dict[int, str]] = defaultdict(dict)
    for path in out.glob("flink/predictions/**/part-*"):
        for line in path.read_text("utf-8").splitlines():
            key, n, predicted, _ = json.loads(line)
            assert n not in said[key], "a prediction is committed once"
            said[key][n] = predicted
    assert {key: [found[n] for n in sorted(found)] for key, found in said.items()} == {
        key: [predicted for _, predicted in rows] for key, (_, rows) in expected.items()
    }
