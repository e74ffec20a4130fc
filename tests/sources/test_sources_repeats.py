"""A message that was safe, but not acknowledged when the process was killed, is learned once."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from brokers import MOSQUITTO, Mosquitto, publish, publisher

from streamlearn.sources import Opening, live, open_source
from streamlearn.sources.mqtt import MqttSource
from streamlearn.sources.segments import MOST_MARKS, stored
from streamlearn.sources.spool import Spool

HEADER = b"a,label\n"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@pytest.fixture
def mosquitto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mosquitto]:
    monkeypatch.setattr(live, "pauses", lambda: itertools.repeat(0.05))
    (tmp_path / "broker").mkdir()
    made = Mosquitto(tmp_path / "broker")
    yield made
    made.stop()


def rows(first: int, end: int) -> list[str]:
    return [f"{i // 2},{'xy'[i % 2]}" for i in range(first, end)]


def as_lines(first: int, end: int) -> list[bytes]:
    return [row.encode() + b"\n" for row in rows(first, end)]


def of_run(port: int, out: Path, fresh: bool) -> MqttSource:
    address = f"mqtt://127.0.0.1:{port}/pump"
    source = open_source(address, Opening(None, None, out, fresh))
    assert isinstance(source, MqttSource)
    return source


@needs_mosquitto
@pytest.mark.parametrize("remembered", [True, False])
def test_messages_whose_acknowledgement_was_lost(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """Without the marks on the disk they would be learned again: the canary."""
    out = tmp_path / "run"
    out.mkdir()
    source = of_run(mosquitto.port, out, fresh=True)
    source.open()
    with publisher(mosquitto.port) as client:
        publish(client, "pump", ["a,label"])
        assert source.read_line() == HEADER
        source.began(HEADER)
        source.keep_in(out)
        with monkeypatch.context() as patch:  # what a kill before the acknowledgement leaves
            patch.setattr(MqttSource, "_safe", lambda *_: None)
            publish(client, "pump", rows(0, 10))
            assert [source.read_line() for _ in range(10)] == as_lines(0, 10)
            source.close()
        if not remembered:
            for file in out.glob("source-*.log"):
                kept = [line for line in file.read_bytes().split(b"\n") if line[8:9] != b"!"]
                file.write_bytes(b"\n".join(kept))
        again = of_run(mosquitto.port, out, fresh=False)
        head = b"".join([HEADER, *as_lines(0, 4)])
        assert again.resume(out, 5, zlib.crc32(head))
        again.open()
        again.began(again.read_line())
        again.keep_in(out)
        publish(client, "pump", rows(10, 12))
        wanted = as_lines(4, 12) if remembered else [*as_lines(4, 10), *as_lines(0, 10)]
        assert [again.read_line() for _ in wanted] == wanted
        again.close()
    assert again.counts.to_json() == ({"repeated_message": 10} if remembered else {})


def test_marks_stay_with_the_latest_lines(tmp_path: Path) -> None:
    """Of a cut segment only the messages count that are whole; none is invented."""
    lines = [b"%d\n" % i for i in range(40)]
    marks = [b"\0%c" % i + bytes(8) for i in range(40)]
    spool = Spool(tmp_path, [HEADER], 1, zlib.crc32(HEADER), [], False, marks=[b"before"])
    for at in range(0, 40, 4):
        spool.append(lines[at : at + 4], True, marks[at : at + 4])
    spool.append([], True, [b"of no line"])
    spool.close()
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    found = stored(tmp_path, 0, 0)
    assert found is not None
    assert (found.lines, found.marks) == (lines, [b"before", *marks, b"of no line"])
    for cut in range(data.index(b"\n") + 1, len(data), 7):
        file.write_bytes(data[:cut] + bytes(9))
        found = stored(tmp_path, 0, 0)
        assert found is not None
        n = len(found.lines)
        assert found.lines == lines[:n]
        assert found.marks == [b"before", *marks][: len(found.marks)]
        assert len(found.marks) - 1 <= n, "a message without its lines would be lost"


def test_only_the_latest_marks_are_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path, [HEADER], 1, zlib.crc32(HEADER), [], False)
    for i in range(3 * MOST_MARKS):
        spool.append([b"1\n"], False, [i.to_bytes(2, "big")])
    spool.close()
    found = stored(tmp_path, 0, 0)
    assert found is not None
    assert [int.from_bytes(mark, "big") for mark in found.marks] == [
        *range(2 * MOST_MARKS, 3 * MOST_MARKS)
    ]
