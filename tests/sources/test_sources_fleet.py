"""``streamlearn fleet run`` from MQTT topics: a learner for each, each message learned once."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brokers import Mosquitto, publish, publisher

from streamlearn import MesuClassifier
from streamlearn.cli import run as cli
from streamlearn.fleet.folder import Images
from streamlearn.sources.json_rows import with_value

pytest.importorskip("bytewax", reason="fleets run on Bytewax, the extra fleet")
pytest.importorskip("paho.mqtt.client", reason="topics need the extra mqtt")

FEATURES, CLASSES = ("a", "b", "c"), ("x", "y")
Starts = Callable[..., subprocess.Popen[str]]


def messages(n: int) -> list[tuple[str, dict[str, Any]]]:
    drawn = np.random.default_rng(0)
    found = []
    for i in range(n):
        y = int(drawn.integers(0, 2))
        row = dict(zip(FEATURES, (drawn.normal(size=3) + y).round(3).tolist(), strict=True))
        found.append((f"pumps/{i % 7}/data", {"state": CLASSES[y], **dict(reversed(row.items()))}))
    return found


def arguments(port: int, out: Path, *more: str) -> list[str]:
    return [
        *("fleet", "run", "--stream", f"mqtt://127.0.0.1:{port}/pumps/+/data", "--label", "state"),
        *("--features", ",".join(FEATURES), "--classes", ",".join(CLASSES), "--hidden", "8"),
        *("--out", str(out), "--snapshot-seconds", "0", *more),
    ]


def send(client: Any, some: list[tuple[str, dict[str, Any]]]) -> None:
    for topic, row in some:
        publish(client, topic, [json.dumps(row)])


def predicted(out: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    if (out / "predictions.csv").exists():
        with (out / "predictions.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[row["key"]].append(row["predicted"])
    return found


def wait_for_rows(process: subprocess.Popen[str], out: Path, n: int) -> None:
    end = time.monotonic() + 400
    while sum(map(len, predicted(out).values())) < n:
        assert process.poll() is None
        assert time.monotonic() < end, predicted(out)
        time.sleep(0.05)


def check(out: Path, sent: list[tuple[str, dict[str, Any]]]) -> None:
    """Compare every topic with its own learner, fed alone."""
    of_topic = defaultdict(list)
    for topic, row in sent:
        of_topic[topic].append(row)
    said, images = predicted(out), {key: image for key, _, image in Images(out)}
    assert images.keys() == of_topic.keys()
    for topic, rows in of_topic.items():
        alone = MesuClassifier((3, 8, 2), classes=CLASSES, features=FEATURES)
        expected = alone.test_then_learn_many(
            [[np.float32(row[name]) for name in FEATURES] for row in rows],
            [row["state"] for row in rows],
        )
        assert MesuClassifier.from_bytes(images[topic]).state_sha256 == alone.state_sha256
        assert said[topic] == expected


def test_topics_learn_each_message_once_whatever_is_killed(
    mosquitto: Mosquitto, starts: Starts, tmp_path: Path
) -> None:
    out, sent = tmp_path / "fleet", messages(90)
    first = starts(*arguments(mosquitto.port, out))
    end = time.monotonic() + 400
    while not (out / "arrivals" / "subscribed").exists():
        assert first.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    with publisher(mosquitto.port) as client:
        send(client, sent[:40])
        wait_for_rows(first, out, 30)
        first.kill()
        first.wait()
        send(client, sent[40:60])  # nobody is there
        second = starts(*arguments(mosquitto.port, out))
        send(client, sent[60:])
        wait_for_rows(second, out, 90)
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=400) == 0, second.stderr and second.stderr.read()
    check(out, sent)


def test_a_quiet_topic_may_end_a_fleet(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    assert cli(arguments(mosquitto.port, out, "--until-quiet", "0.2")) == 0
    assert "no message came" in capsys.readouterr().out
    sent = messages(14)
    with publisher(mosquitto.port) as client:
        send(client, sent)
    assert cli(arguments(mosquitto.port, out, "--until-quiet", "2")) == 0
    assert "7 keys, 14 samples learned" in capsys.readouterr().out
    check(out, sent)


@pytest.mark.parametrize(
    ("left_out", "words"), [("--features", "--features a,b,c"), ("--classes", "--classes a,b,c")]
)
def test_what_nobody_has_seen_must_be_said(
    left_out: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(1, tmp_path / "fleet")
    at = given.index(left_out)
    assert cli(given[:at] + given[at + 2 :]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a": 1}\n', b'{"topic": "p/\\"1", "a": 1}\n'),
        (b" { }\n", b'{"topic": "p/\\"1"}\n'),
        (b"1,2\n", b"1,2\n"),
    ],
)
def test_the_topic_becomes_a_value(line: bytes, expected: bytes) -> None:
    assert with_value(line, "topic", 'p/"1') == expected
