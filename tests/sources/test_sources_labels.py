"""Labels that come later from a topic: read without waiting, and lost by no kill."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

if sys.platform == "win32":
    pytest.skip("signals of POSIX", allow_module_level=True)
pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from brokers import Amqtt, Mosquitto, publish, publisher

from streamlearn import cli
from streamlearn.recorder import Record

N, N_WRONG = 160, 30


def made() -> tuple[list[str], list[str]]:
    """Rows with a key and no label, and the label of each key."""
    draw, rows, labels = random.Random(2), [], []
    for i in range(N):
        worn = draw.random() < 0.5
        rows.append(f"k{i},{draw.gauss(20 + 4 * worn, 2):.3f},{draw.gauss(worn, 1):.3f}")
        labels.append(f"k{i},{'worn' if worn else 'ok'}")
    return rows, labels


ROWS, LABELS = made()
GIVEN = ("--label", "state", "--key", "id", "--classes", "ok,worn", "--hidden", "4", "--quiet")


def until(
    found: Callable[[], bool],
    process: subprocess.Popen[str],
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    end = time.monotonic() + 90
    while not found():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "the command did not get so far"
        meanwhile()
        time.sleep(0.05)


def on_disk(out: Path, name: str, wanted: str) -> bool:
    """Whether a line has reached the copy of a topic."""
    return any(wanted.encode() in f.read_bytes() for f in out.glob(f"checkpoints/{name}-*.log"))


def learned(record: Path) -> list[tuple[float, ...]]:
    """The rows that were learned with a label, in their order."""
    return [tuple(map(float, s.x)) for s in Record.open(record) if s.y is not None]


def values(rows: list[str]) -> set[tuple[float, ...]]:
    return {tuple(float(np.float32(v)) for v in row.split(",")[1:]) for row in rows}


def test_rows_and_labels_from_topics_and_kills(
    tmp_path: Path, mosquitto: Mosquitto, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    """Killed with -9, and published to meanwhile: every label is learned once.

    More lines that are no header come first than a broker sends without an acknowledgement.
    """
    out, record, rng = tmp_path / "run", tmp_path / "record.slr", random.Random(7)
    broker = f"mqtt://127.0.0.1:{mosquitto.port}"
    topics = ("--stream", f"{broker}/pump", "--labels", f"{broker}/labels")
    every = ("--checkpoint-every", 9)
    with publisher(mosquitto.port) as client:
        publish(client, "pump", ["id,a,b"], retain=True)
        process = starts("run", *topics, *GIVEN, *every, "--out", out, "--record", record)
        until(lambda: on_disk(out, "source", "id,a,b"), process)
        numbers = itertools.count()

        def another_row() -> None:
            """Labels are read when a row comes."""
            publish(client, "pump", [f"more{next(numbers)},0,0"])

        for first in range(0, N, 40):
            rows, labels = ROWS[first : first + 40], LABELS[first : first + 40]
            rng.shuffle(labels)
            head = [*(f"no header {i}" for i in range(N_WRONG)), "id,state"]
            publish(client, "labels", [*(head if first == 0 else ["?,?"]), *labels])
            publish(client, "pump", rows)
            until(partial(on_disk, out, "source", rows[-1]), process)
            until(partial(on_disk, out, "labels", labels[-1]), process, another_row)
            if first + 40 == N:
                break
            process.kill()
            process.wait()
            process = starts("run", "--resume", out, "--quiet", *every)
        for _ in range(20):
            another_row()
            time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err
    found = learned(record)
    assert sorted(found) == sorted(values(ROWS))
    waiting = json.loads((out / "metrics.json").read_text())["waiting"]
    assert waiting["labels"] == 0, waiting
    # How many came before the header was known to the process only, until its first checkpoint.
    assert 3 <= waiting["bad_labels"]["count"] <= N_WRONG + 3, waiting
    assert cli.run(["verify", str(record), str(out), "--quiet"]) == 0


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_of_a_pipe_and_labels_of_a_topic(
    tmp_path: Path, starts: Callable[..., subprocess.Popen[str]], form: str
) -> None:
    """Rows are predicted although no label, and not even a header of labels, has come."""
    pytest.importorskip("amqtt", reason="amqtt is not installed")
    broker, out = Amqtt(), tmp_path / "run"
    try:
        process = starts(
            "run", "--stream", "-", "--labels", f"mqtt://127.0.0.1:{broker.port}/labels", *GIVEN,
            "--out", out, "--checkpoint-every", 50, "--predictions", tmp_path / "p.csv",
            stdin=subprocess.PIPE,
        )  # fmt: skip
        pipe = process.stdin
        assert pipe is not None

        def another_row() -> None:
            """Labels are read when a row comes."""
            pipe.write("more,0,0\n")
            pipe.flush()

        pipe.write("id,a,b\n" + "".join(f"{row}\n" for row in ROWS[:50]))
        pipe.flush()
        until(lambda: any(out.glob("checkpoints/000000000050.slc")), process)
        lines = ["id,state", *LABELS[:50]]
        if form == "jsonl":
            pairs = (line.split(",") for line in LABELS[:50])
            lines = [json.dumps({"state": state, "id": key}) for key, state in pairs]
        with publisher(broker.port) as client:
            publish(client, "labels", lines)
            until(partial(on_disk, out, "labels", lines[-1]), process, another_row)
        another_row()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    finally:
        broker.stop()
    found = json.loads((out / "metrics.json").read_text())
    assert found["n_samples"] == 50
    assert found["waiting"]["rows"] == 1, "the same key takes the place of the row before it"
    first = (tmp_path / "p.csv").read_text().splitlines()[1:51]
    assert all(row.split(",")[3] == "" for row in first), "predicted before any label came"


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("id,a\nk,1\n")
    topic = "mqtt://127.0.0.1:1/t"
    for given, said in (
        (("--stream", topic, "--labels", topic), "is the stream itself"),
        (("--stream", tmp_path / "x.csv", "--labels", "-"), "expected a file, a port or a topic"),
        (("--stream", tmp_path / "x.csv", "--labels", topic), "cannot reach the broker"),
        (
            ("--stream", tmp_path / "x.csv", "--labels", "mqtt://me:secret@host/t"),
            "STREAMLEARN_MQTT_PASSWORD",
        ),
    ):
        out = tmp_path / "out"
        code = cli.run([*map(str, ("run", *given, *GIVEN, "--out", out, "--reconnect", "never"))])
        err = capsys.readouterr().err
        assert (code, said in err) == (1, True), err
        assert "secret" not in err
        assert not out.exists(), "nothing is claimed"
    without = [*map(str, ("run", "--stream", tmp_path / "x.csv", "--labels", topic))]
    assert cli.run([*without, "--label", "state", "--key", "id"]) == 1
    assert "give them with --classes" in capsys.readouterr().err
