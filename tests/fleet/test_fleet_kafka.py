"""``streamlearn fleet run`` from a topic of Kafka: each message learned once, whatever is killed.

The brokers are those that librdkafka brings for tests: a cluster in the producer of this process,
which speaks Kafka's protocol on loopback.
"""

from __future__ import annotations

import csv
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fleet_streams import kill_in_the_middle, start

from streamlearn import MesuClassifier
from streamlearn.cli import run as cli
from streamlearn.errors import ConfigError
from streamlearn.fleet.folder import FleetPlan, Images
from streamlearn.fleet.kafka_address import CONFIG, parse, properties
from streamlearn.fleet.message_rows import Message, MessageRows
from streamlearn.streams.csv_options import ReadOptions

pytest.importorskip("bytewax", reason="fleets run on Bytewax, the extra fleet")
kafka = pytest.importorskip("confluent_kafka", reason="Kafka needs the extra kafka")

FEATURES, CLASSES, TOPIC = ("a", "b", "c"), ("x", "y"), "pumps"
Sent = list[tuple[str, dict[str, Any]]]


class Brokers:
    """A cluster of mock brokers, with four partitions for each topic."""

    def __init__(self) -> None:
        self.producer = kafka.Producer(
            {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 2}
        )
        (broker,) = self.producer.list_topics(timeout=30).brokers.values()
        self.at = f"127.0.0.1:{broker.port}"

    def send(self, some: Sent, topic: str = TOPIC, keyed: bool = True) -> None:
        for key, row in some:
            self.producer.produce(topic, json.dumps(row), key if keyed else None, int(key[1:]) % 4)
        assert self.producer.flush(30) == 0

    def read(self, topic: str, n: int) -> list[tuple[str, dict[str, Any]]]:
        consumer = kafka.Consumer(
            {"bootstrap.servers": self.at, "group.id": "test", "log_level": 2}
        )
        consumer.assign([kafka.TopicPartition(topic, i, 0) for i in range(4)])
        found: list[Any] = []
        end = time.monotonic() + 60
        while len(found) < n and time.monotonic() < end:
            found += [one for one in consumer.consume(n, 0.2) if one.error() is None]
        consumer.close()
        return [(one.key().decode(), json.loads(one.value())) for one in found]


@pytest.fixture
def brokers() -> Iterator[Brokers]:
    found = Brokers()
    yield found
    found.producer.flush(5)


def messages(n: int) -> Sent:
    drawn = np.random.default_rng(0)
    found = []
    for i in range(n):
        y = int(drawn.integers(0, 2))
        row = dict(zip(FEATURES, (drawn.normal(size=3) + y).round(3).tolist(), strict=True))
        found.append((f"p{i % 7}", {"more": i, "state": CLASSES[y], **row}))
    return found


def arguments(at: str, out: Path, *more: str) -> list[str]:
    return [
        *("fleet", "run", "--stream", f"kafka://{at}/{TOPIC}", "--label", "state"),
        *("--features", ",".join(FEATURES), "--classes", ",".join(CLASSES), "--hidden", "8"),
        *("--out", str(out), "--snapshot-seconds", "0", "--until-quiet", "0.5", *more),
    ]


def check(out: Path, sent: Sent) -> None:
    """Compare every key with its own learner, fed alone; and the places of all messages."""
    of_key: dict[str, Sent] = defaultdict(list)
    for key, row in sent:
        of_key[key].append((key, row))
    said: dict[str, list[str]] = defaultdict(list)
    places = []
    with (out / "predictions.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            said[line["key"]].append(line["predicted"])
            places.append(line["line"])
    assert len(set(places)) == len(sent)
    images = {key: image for key, _, image in Images(out)}
    assert images.keys() == of_key.keys()
    for key, rows in of_key.items():
        alone = MesuClassifier((3, 8, 2), classes=CLASSES, features=FEATURES)
        expected = alone.test_then_learn_many(
            [[np.float32(row[name]) for name in FEATURES] for _, row in rows],
            [row["state"] for _, row in rows],
        )
        assert MesuClassifier.from_bytes(images[key]).state_sha256 == alone.state_sha256
        assert said[key] == expected


def test_each_message_is_learned_once_whatever_is_killed(brokers: Brokers, tmp_path: Path) -> None:
    out, sent = tmp_path / "fleet", messages(9000)
    brokers.send(sent[:4000])
    killed = 0
    for turn, more in enumerate(("1", "4")):
        process = start(arguments(brokers.at, out, "--block-rows", "50", "--workers", more))
        killed += kill_in_the_middle(process, out, 0.05)
        brokers.send(sent[4000 + 2500 * turn : 6500 + 2500 * turn])
    assert killed, "no run was killed in its middle: the test shows nothing"
    last = start(arguments(brokers.at, out, "--workers", "2", "-q"))
    assert last.communicate(timeout=600)[1] == b""
    check(out, sent)


def failed(capsys: pytest.CaptureFixture[str], given: list[str]) -> str:
    assert cli(given) != 0
    return capsys.readouterr().err


def test_a_column_may_be_the_key_and_a_topic_gets_the_predictions(
    brokers: Brokers, tmp_path: Path
) -> None:
    out, sent = tmp_path / "fleet", messages(40)
    sent = [(key, {**row, "pump": key}) for key, row in sent]
    brokers.send(sent, keyed=False)
    brokers.send([("p3", {"pump": "p3", "a": 1, "b": 2, "c": 3})], keyed=False)  # not labelled
    more = ("--key", "pump", "--predictions", "said", "-q")
    assert cli(arguments(brokers.at, out, *more)) == 0
    with (out / "predictions.csv").open(encoding="utf-8") as file:
        in_file = [tuple(line.values()) for line in csv.DictReader(file)]
    assert len(in_file) == 41
    assert Images(out).n_samples == 40
    in_topic = [
        (key, row["message"], row["predicted"], row["label"] or "")
        for key, row in brokers.read("said", 41)
    ]
    assert sorted(in_topic) == sorted(in_file)


def test_a_bad_message_ends_the_run_and_may_be_left_out_by_the_next(
    brokers: Brokers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sent = tmp_path / "fleet", messages(40)
    brokers.send(sent[:20])
    brokers.send([("p0", {**sent[0][1], "b": "broken"})])
    brokers.send(sent[20:])
    n_before = sum(key in ("p0", "p4") for key, _ in sent[:20])
    for _ in range(2):
        message = failed(capsys, arguments(brokers.at, out))
        assert f"message 0:{n_before}, column 'b'" in message
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert cli(arguments(brokers.at, out, "--on-bad", "skip", "-q")) == 0
    said = capsys.readouterr().err
    assert "1 messages skipped in this run" in said
    assert f"message 0:{n_before}, column 'b'" in said
    check(out, sent)


def test_another_topic_is_refused(
    brokers: Brokers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "fleet", Brokers()
    brokers.send(messages(40))
    assert cli(arguments(brokers.at, out, "-q")) == 0
    other.send(messages(7))
    plan = out / "fleet.json"
    plan.write_text(plan.read_text("utf-8").replace(brokers.at, other.at), "utf-8")
    message = failed(capsys, ["fleet", "run", "--out", str(out), "--until-quiet", "20"])
    assert "the topic no longer holds" in message


def test_brokers_that_are_not_there_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlearn.fleet.kafka.ANSWER_S", 0.2)
    message = failed(capsys, arguments("127.0.0.1:1", tmp_path / "fleet"))
    assert "kafka://127.0.0.1:1/pumps: no broker answers" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--stream", "kafka://me:pass@h/t"), CONFIG),
        (("--stream", "kafka://h:99999/t"), "expected kafka://HOST[:PORT]"),
        (("--stream", "kafka://h/a+b"), "'a+b' is no topic of Kafka"),
        (("--features", ""), "--features a,b,c"),
        (("--predictions", "said/twice"), "'said/twice' is no topic of Kafka"),
        (("--stream", "pumps.csv", "--key", "p", "--predictions", "t"), "only a fleet on Kafka"),
    ],
)
def test_what_makes_no_fleet_on_kafka_is_refused(
    change: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in failed(capsys, [*arguments("h", tmp_path / "fleet"), *change])
    assert not (tmp_path / "fleet" / "fleet.json").exists()


def test_properties_come_from_a_file_and_leave_exactly_once_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kafka.properties"
    monkeypatch.setenv(CONFIG, str(file))
    with pytest.raises(ConfigError, match="cannot read"):
        properties()
    file.write_text("# ours\n\nsasl.username = me\nsasl.password=a=b\n", "utf-8")
    assert properties() == {"sasl.username": "me", "sasl.password": "a=b"}
    for line, words in (("group.id=x", "group.id must stay"), ("nothing", "expected name=value")):
        file.write_text(line, "utf-8")
        with pytest.raises(ConfigError, match=f"line 1: {words}"):
            properties()
    assert parse("kafka://[::1],h:1/t").brokers == ("[::1]:9092", "h:1")


BAD = {
    "no value": (b"k", None, "it has no value"),
    "no text": (b"k", b"\xff", "not UTF-8"),
    "no object": (b"k", b"[1]", "expected one flat object"),
    "no feature": (b"k", b'{"a": 1, "b": 2}', "no 'c'; it has 'a', 'b'"),
    "no number": (b"k", b'{"a": 1, "b": 2, "c": "many"}', "column 'c'"),
    "not finite": (b"k", b'{"a": 1, "b": 2, "c": NaN}', "column 'c'"),
    "no class": (b"k", b'{"a": 1, "b": 2, "c": 3, "state": "z"}', "'z'"),
    "no key": (None, b'{"a": 1, "b": 2, "c": 3}', "no key"),
    "a broken key": (b"k\n", b'{"a": 1, "b": 2, "c": 3}', "a key with a line break"),
}


@pytest.mark.parametrize("on_bad", ["stop", "skip"])
@pytest.mark.parametrize("name", BAD)
def test_a_message_is_good_or_bad_by_itself(name: str, on_bad: Any) -> None:
    key, value, words = BAD[name]
    good = Message("0:8", b"p1", b'{"c": 3, "state": "x", "a": 1.5, "b": 2, "else": true}')
    bad = Message("0:9", key, value)
    reading = ReadOptions(features=FEATURES, key="message key").to_dict()
    plan = FleetPlan("kafka://h/t", "state", "message key", CLASSES, on_bad, reading, {})
    for some in ([good, bad, good], [bad, good], [bad]):
        rows = MessageRows(plan, "kafka://h/t")
        found = rows.read(some)
        n = sum(len(part.lines) for _, part in found.rows)
        if on_bad == "stop":
            assert (n, found.n_read) == (some.index(bad), some.index(bad))
            said = str(found.error)
        else:
            assert (n, found.n_read, rows.skipped.count) == (len(some) - 1, len(some), 1)
            (said,) = rows.skipped.messages
        assert said.startswith("kafka://h/t message 0:9")
        assert words in said
        for _, part in found.rows:
            assert part.x[0].tolist() == [1.5, 2, 3]
