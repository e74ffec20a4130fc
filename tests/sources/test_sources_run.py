"""`streamlearn run` on every source: the same bits, also after a kill, and what is said of it."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals and signals of POSIX", allow_module_level=True)
pytest.importorskip("serial", reason="pyserial is not installed")
pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from brokers import MOSQUITTO, Amqtt, Mosquitto, publish, publisher
from ports import Port

from streamlearn import cli
from streamlearn.recorder import Record
from streamlearn.sources.segments import stored

HEADER = "a,b,state"
GIVEN = ("--label", "state", "--classes", "idle,run", "--hidden", "4", "--quiet")
SAME = ("n_samples", "state_sha256", "predictions_sha256", "accuracy_prequential", "kappa")


def made(n: int) -> list[str]:
    draw, rows = random.Random(0), []
    for _ in range(n):
        state = draw.choice(["idle", "run"])
        middle = 20 if state == "idle" else 24
        rows.append(f"{draw.gauss(middle, 2):.2f},{draw.gauss(middle, 2):.2f},{state}")
    return rows


ROWS = made(240)


def objects(rows: list[str]) -> list[str]:
    """The rows as JSON lines; the keys of every second one stand in another order."""
    found = []
    for at, row in enumerate(rows):
        a, b, state = row.split(",")
        keys = [f'"state": "{state}"', f'"a": {a}', f'"b":{b}']
        found.append("{" + ", ".join(keys[::-1] if at % 2 else keys) + "}")
    return found


def run(*arguments: object) -> int:
    return cli.run([*map(str, arguments)])


def figures(out: Path) -> dict[str, Any]:
    found = json.loads((out / "metrics.json").read_text())
    return {key: found[key] for key in SAME}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of a file with these rows finds."""
    folder = tmp_path_factory.mktemp("wanted")
    (folder / "x.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    assert run("run", "--stream", folder / "x.csv", *GIVEN, "--out", folder / "run") == 0
    return figures(folder / "run")


def until(
    count: Callable[[Path], int], out: Path, wanted: int, process: subprocess.Popen[str]
) -> None:
    """Wait until so many rows are kept, or learned."""
    end = time.monotonic() + 60
    while count(out) < wanted:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "the command did not get so far"
        time.sleep(0.02)


def n_kept(out: Path) -> int:
    """Rows that are on the disk, learned or not."""
    folder = out / "checkpoints"
    last = sorted(folder.glob("source-*.log"))[-1:] if folder.is_dir() else []
    if not last:
        return -1
    first = int(last[0].name[len("source-") : -len(".log")])
    _, *entries = last[0].read_bytes().split(b"\n")
    return first - 2 + sum(entry[8:9] == b" " for entry in entries)


def written(out: Path) -> int:
    """When the manifest was written: a command that goes on does so once it is connected."""
    return (out / "manifest.json").stat().st_mtime_ns


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    return err


def n_learned(out: Path) -> int:
    found = sorted((out / "checkpoints").glob("*.slc"))
    return int(found[-1].stem) if found else -1


@pytest.mark.parametrize(("form", "seed"), [("csv", 0), ("jsonl", 1)])
def test_a_port_and_kills(
    tmp_path: Path,
    wanted: dict[str, Any],
    starts: Callable[..., subprocess.Popen[str]],
    form: str,
    seed: int,
) -> None:
    """Killed with -9 wherever it is: every row that came was learned once, in order."""
    port, out, rng = Port(tmp_path / "tty"), tmp_path / "run", random.Random(seed)
    lines = objects(ROWS) if form == "jsonl" else ROWS
    every = ("--checkpoint-every", rng.randint(3, 40))
    process = starts("run", "--stream", f"serial:{port.name}", *GIVEN, *every, "--out", out)
    sent, n_kills = 0, 0
    while True:
        if form == "csv":  # as a device does that begins anew
            port.write(HEADER.encode() + b"\r\n")
        for line in lines[sent : sent + rng.randint(60, 110)]:
            port.write(line.encode() + b"\r\n")
            sent += 1
        head = form == "jsonl"  # the first object is the head too
        until(n_kept, out, sent - head, process)
        if sent == len(lines):
            break
        if rng.random() < 0.5:
            until(n_learned, out, sent - every[1], process)
        process.kill()
        process.wait()
        n_kills += 1
        process = starts("run", "--resume", out, "--quiet", *every)
    until(n_learned, out, len(lines) - every[1], process)
    time.sleep(0.5)
    ended(process)
    assert figures(out) == wanted
    dropped = json.loads((out / "metrics.json").read_text())["source"]
    assert sum(dropped.values()) <= (n_kills if form == "csv" else 0), dropped
    port.unplug()


@pytest.fixture(params=["amqtt", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Amqtt | Mosquitto]:
    if request.param == "mosquitto" and MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    if request.param == "amqtt":
        pytest.importorskip("amqtt", reason="amqtt is not installed")
    (tmp_path / "broker").mkdir()
    found = Amqtt() if request.param == "amqtt" else Mosquitto(tmp_path / "broker")
    yield found
    found.stop()


PASSWORD = "hunter2-and-more"


def test_a_topic_and_kills(
    tmp_path: Path,
    wanted: dict[str, Any],
    starts: Callable[..., subprocess.Popen[str]],
    broker: Amqtt | Mosquitto,
) -> None:
    """Killed with -9, and published to meanwhile: every message is learned once, in order."""
    out, rng, record = tmp_path / "run", random.Random(5), tmp_path / "record"
    secret = {"STREAMLEARN_MQTT_USER": "me", "STREAMLEARN_MQTT_PASSWORD": PASSWORD}
    address = f"mqtt://127.0.0.1:{broker.port}/plant/pump"
    every = ("--checkpoint-every", 11)
    with publisher(broker.port) as client:
        publish(client, "plant/pump", [HEADER], retain=True)
        process = starts(
            "run", "--stream", address, *GIVEN, *every, "--out", out, "--record", record, **secret
        )
        until(n_kept, out, 0, process)
        for first in range(0, len(ROWS), 80):
            publish(client, "plant/pump", ROWS[first : first + 40])
            until(n_kept, out, first + 40, process)
            if rng.random() < 0.5:
                until(n_learned, out, first + 40 - 11, process)
            process.kill()
            process.wait()
            if isinstance(broker, Mosquitto):
                publish(client, "plant/pump", ROWS[first + 40 : first + 80])
            before = written(out)
            process = starts("run", "--resume", out, "--quiet", *every, **secret)
            if isinstance(broker, Amqtt):  # amqtt 0.12 keeps nothing for who is away
                until(written, out, before + 1, process)
                publish(client, "plant/pump", ROWS[first + 40 : first + 80])
            until(n_kept, out, first + 80, process)
    until(n_learned, out, len(ROWS) - 11, process)
    time.sleep(0.5)
    said = ended(process)
    learned = [tuple(map(float, sample.x)) for sample in Record.open(record)]
    assert learned == [
        tuple(float(np.float32(value)) for value in row.split(",")[:2]) for row in ROWS
    ]
    assert figures(out) == wanted
    assert address in said
    for file in [*out.rglob("*")]:
        assert file.is_dir() or PASSWORD.encode() not in file.read_bytes(), file
    assert PASSWORD not in said


def test_unplugged_and_back(
    tmp_path: Path, wanted: dict[str, Any], starts: Callable[..., subprocess.Popen[str]]
) -> None:
    port, out = Port(tmp_path / "tty"), tmp_path / "run"
    stream = ("--stream", f"serial:{port.name}@9600", "--reconnect", "60")
    process = starts("run", *stream, *GIVEN, "--out", out, "--json", tmp_path / "x.json")
    port.write("\r\n".join([HEADER, *ROWS[:100], "20.5"]).encode())
    until(n_kept, out, 100, process)
    port.unplug()
    time.sleep(0.2)
    port.plug_in()
    port.write("\r\n".join(["5,20,run", HEADER, *ROWS[100:], ""]).encode())
    until(n_kept, out, len(ROWS), process)
    time.sleep(0.5)
    said = ended(process, signal.SIGINT)
    assert figures(out) == wanted
    assert f"serial:{port.name}@9600: the port is gone; waiting for it to come back" in said
    source = json.loads((tmp_path / "x.json").read_text())["source"]
    assert source == {"reconnects": 1, "torn": 2, "repeated_header": 1}
    port.unplug()


def test_unplugged_for_good(tmp_path: Path, starts: Callable[..., subprocess.Popen[str]]) -> None:
    port, out = Port(tmp_path / "tty"), tmp_path / "run"
    process = starts("run", "--stream", f"serial:{port.name}", *GIVEN, "--out", out)
    port.write("\r\n".join([HEADER, *ROWS[:50], "20."]).encode())
    until(n_kept, out, 50, process)
    port.unplug()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert f"serial:{port.name}@115200: reading failed after line 51: the port is gone" in err
    assert f"what was learned until then is in {out}" in err
    assert figures(out)["n_samples"] == 50
    assert run("run", "--stream", f"serial:{port.name}", *GIVEN, "--out", out) == 1, "not over it"


def test_files_of_every_form(
    tmp_path: Path, wanted: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join([HEADER, *ROWS]) + "\n"
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    lines = "\n".join(objects(ROWS)) + "\n"
    (tmp_path / "x.jsonl").write_text(lines)
    (tmp_path / "y.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    for name in ("x.csv.gz", "x.jsonl", "y.jsonl.gz"):
        out = tmp_path / f"run-{name}"
        assert run("run", "--stream", tmp_path / name, *GIVEN[:-1], "--out", out) == 0
        err = capsys.readouterr().err
        assert figures(out) == wanted
        assert ("JSON lines, as the first line says" in err) == ("jsonl" in name)
        with gzip.open(tmp_path / name, "ab") if name.endswith("gz") else (
            (tmp_path / name).open("ab")
        ) as file:  # fmt: skip
            file.write(b"" if "csv" in name else b"\n")
        assert run("run", "--resume", out, "--quiet") == 0
        assert figures(out) == wanted


def test_what_a_user_may_get_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.csv").write_text(HEADER + "\n" + ROWS[0] + "\n")
    file = ("--stream", tmp_path / "x.csv", "--label", "state")
    monkeypatch.setenv("STREAMLEARN_MQTT_USER", "me")
    for given, code, message in (
        ((*file, "--reconnect", "soon"), 2, "expected seconds, such as 600, or inf, or never"),
        ((*file, "--reconnect", "-1"), 2, "expected seconds"),
        ((*file, "--reconnect", "nan"), 2, "expected seconds"),
        ((*file, "--format", "json"), 2, "is not one of csv, jsonl. Did you mean 'jsonl'?"),
        (("--stream", "mqtt://a:b@host/t", "--label", "y"), 1, "Leave it out and set"),
        (("--stream", "mqtt://host/t", "--label", "y"), 1, "give them with --classes"),
        (("--stream", "http://host/t", "--label", "y"), 1, "http:// is no source"),
    ):
        assert run("run", *given) == code
        assert message in " ".join(capsys.readouterr().err.split())


def test_a_resumed_port_may_be_another_stream(tmp_path: Path) -> None:
    """A run folder remembers what came from its port; a file that is learned next is no part."""
    out = tmp_path / "run"
    (tmp_path / "x.csv").write_text("\n".join([HEADER, *ROWS[:20]]) + "\n")
    assert run("run", "--stream", tmp_path / "x.csv", *GIVEN, "--out", out) == 0
    assert stored(out / "checkpoints", 0, 0) is None, "a file needs no copy"


def test_who_is_refused_takes_nothing_from_the_broker(
    tmp_path: Path, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    """A second process, and a run over another one's folder: the broker is not even asked."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "broker").mkdir()
    broker, out = Mosquitto(tmp_path / "broker"), tmp_path / "run"
    stream = ("--stream", f"mqtt://127.0.0.1:{broker.port}/pump")
    try:
        with publisher(broker.port) as client:
            publish(client, "pump", [HEADER], retain=True)
            process = starts("run", *stream, *GIVEN, "--out", out, "--json", tmp_path / "x.json")
            publish_until(client, process, out, ROWS[:40])
            assert run("run", *stream, *GIVEN, "--out", out) == 5
            assert run("run", "--resume", out) == 5
            publish(client, "pump", ROWS[40:80])
            until(n_kept, out, 80, process)
            ended(process)
            assert json.loads((tmp_path / "x.json").read_text())["source"] == {}
            publish(client, "pump", ROWS[80:120])  # the broker keeps them
            assert run("run", *stream, *GIVEN, "--out", out) == 1, "it holds a learner"
            process = starts("run", "--resume", out, "--quiet")
            until(n_kept, out, 120, process)
            time.sleep(0.5)
            ended(process)
        assert figures(out)["n_samples"] == 120
    finally:
        broker.stop()


def publish_until(client: Any, process: subprocess.Popen[str], out: Path, rows: list[str]) -> None:
    """Wait until the command listens, then publish rows, and wait until they are kept."""
    until(n_kept, out, 0, process)
    publish(client, "pump", rows)
    until(n_kept, out, len(rows), process)
