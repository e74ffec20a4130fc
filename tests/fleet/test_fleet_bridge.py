"""The bridge on a real broker: topics, pushes that need the key, and a process that is killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from brokers import MOSQUITTO, Amqtt, Mosquitto, free_port, publish, publisher
from emulated_boards import Cable, alone, build, learner, message, place, registered, samples

from streamlearn import cli
from streamlearn.errors import ConfigError
from streamlearn.fleet.devices import Keeper, Registry, messages
from streamlearn.fleet.devices.bridge import Bridge
from streamlearn.fleet.devices.facts import facts

if MOSQUITTO is None:
    pytest.importorskip("amqtt", reason="neither mosquitto nor amqtt is installed")
KEY = bytes(range(32))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "broker").mkdir()
    found: Any = Amqtt() if MOSQUITTO is None else Mosquitto(tmp_path / "broker")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bridge")
    build(folder)
    return folder / "export"


class Heard:
    """A client that keeps what is said on all topics of a fleet."""

    def __init__(self, client: Any, port: int) -> None:
        del port
        self.all: list[tuple[str, Any]] = []
        client.on_message = lambda _c, _d, m: self.all.append((m.topic, json.loads(m.payload)))
        there = threading.Event()
        client.on_subscribe = lambda *_: there.set()
        client.subscribe(
            [(f"plant/+/{kind}", 1) for kind in ("prediction", "ack", "status", "pushed")]
        )

        assert there.wait(20)

    def until(self, found: Callable[[], Any], seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, self.all[-5:]
            time.sleep(0.02)
        return found()

    def of(self, kind: str, name: str = "pump-1") -> list[Any]:
        return [body for topic, body in list(self.all) if topic == f"plant/{name}/{kind}"]


def test_topics_and_pushes(broker: Any, tmp_path: Path) -> None:
    cables = {name: Cable(build(tmp_path)) for name in ("pump-1",)}
    registry = registered(tmp_path / "fleet", ["pump-1", "pump-2"])
    cables["pump-2"] = Cable(cables["pump-1"].device.firmware)
    said: list[str] = []
    keys = {"pump-1": KEY}

    def key_of(name: str) -> bytes | None:
        if name == "pump-3":
            raise FileNotFoundError("no such file: pump-3.key")
        return keys.get(name)

    keeper = Keeper(
        registry, lambda row: place(cables[row["name"]]), backoff=lambda: itertools.repeat(0.05)
    )
    address = f"mqtt://127.0.0.1:{broker.port}/plant"
    with pytest.raises(ConfigError, match=r"no \+ or #"):
        Bridge(keeper, f"{address}/+")
    rows = samples(5, 3)
    with (
        publisher(broker.port) as client,
        keeper,
        Bridge(keeper, address, key_of, said.append) as bridge,
    ):
        assert bridge.connected.wait(20)
        heard = Heard(client, broker.port)
        for number, (x, y) in enumerate(rows, 1):
            publish(client, "plant/pump-1/sample", [message(number, x, y)] * 2)
        heard.until(lambda: {"n": 3} in heard.of("ack"))
        answers = {one["n"]: one["predicted"] for one in heard.of("prediction")}
        assert [answers[n] for n in (1, 2, 3)] == alone(rows)[1]
        state = alone(rows)[0].state_sha256
        heard.until(lambda: any(one["state"] == state for one in heard.of("status")))

        image = learner()
        image.learn_one(np.ones(3), "worn")
        good = messages.push_message(KEY, "pump-1", 1, image.to_bytes()).encode()
        other = messages.push_message(KEY, "pump-2", 1, image.to_bytes()).encode()
        bad = [
            ("pump-1/push", other, "not signed by the device's key"),
            ("pump-1/push", good.replace(b'"n": 1', b'"n": 2'), "not signed by the device's key"),
            ("pump-1/push", b'{"n": 1}', "cannot be read"),
            ("pump-2/push", other, "has no key"),
            ("pump-9/sample", b'{"n": 1}', "no device of this fleet"),
            ("pump-1/sample", b"x", "is no JSON"),
            ("pump-1/sample", '{"n": 1}'.encode("utf-16"), "is no JSON"),
            ("pump-1/sample", b"[" * 200_000, "is no JSON"),
            ("pump-1/sample", b" " * (messages.MAX_BYTES + 1), "are the most"),
            ("pump-1/sample", b"[1]", "is no object"),
            ("pump-1/sample", b'{"n": true, "x": [1, 2, 3]}', "expected its number"),
        ]
        for topic, payload, why in bad:
            said.clear()
            publish(client, f"plant/{topic}", [payload])  # type: ignore[list-item]
            heard.until(lambda why=why: any(why in one for one in said))
        assert registry.rows("SELECT * FROM jobs") == []
        publish(client, "plant/pump-1/push", [good])  # type: ignore[list-item]
        heard.until(lambda: any(one["state"] == "done" for one in heard.of("pushed")))
        publish(client, "plant/pump-1/push", [good])  # type: ignore[list-item]
        heard.until(lambda: any("came before" in one for one in said))

        # A device that is added while the bridge runs.
        cables["pump-3"] = Cable(cables["pump-1"].device.firmware)
        registered(tmp_path / "fleet", ["pump-3"]).close()
        x, y = rows[0]
        publish(client, "plant/pump-3/sample", [message(1, x, y)])
        heard.until(lambda: {"n": 1} in heard.of("ack", "pump-3"))
        publish(client, "plant/pump-3/push", [good])  # type: ignore[list-item]
        heard.until(lambda: any("key cannot be read: no such file" in one for one in said))
    assert cables["pump-3"].device.read_state() == alone(rows[:1])[0].state.tobytes()
    assert cables["pump-1"].device.read_state() == image.state.tobytes()
    assert registry.rows("SELECT * FROM outbox") == [], "the broker took all that was said"
    registry.close()


def test_a_broker_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    registry = registered(tmp_path / "fleet", [])
    said: list[str] = []
    keeper = Keeper(registry, lambda row: pytest.fail(f"no device {row}"))
    address = f"mqtt://127.0.0.1:{free_port()}/plant"
    with keeper, Bridge(keeper, address, say=said.append) as bridge:
        end = time.monotonic() + 20
        while not said:
            assert time.monotonic() < end
            time.sleep(0.02)
        bridge._on_connect_fail(None, None)
    (one,) = said
    assert "no broker answers there; waiting for one" in one


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9")
def test_a_bridge_that_is_killed(broker: Any, tmp_path: Path, export: Path) -> None:
    """Its board is simulated within it, and so loses its power too; all is there again."""
    folder, rows = tmp_path / "fleet", samples(8, 40)
    add = ["fleet", "add", "pump-1", "--from", export, "--link", "board:nrf52840"]
    assert cli.run([*map(str, add), "--fleet", str(folder)]) == 0
    address = f"mqtt://127.0.0.1:{broker.port}/plant"
    command = [sys.executable, "-m", "streamlearn.cli", "fleet", "bridge", "--broker", address]

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen([*command, "--fleet", str(folder)], stderr=subprocess.PIPE,
                                text=True, env=os.environ)  # fmt: skip

    with publisher(broker.port) as client:
        heard = Heard(client, broker.port)
        for end in (15, 30, 40):
            process = started()
            try:
                assert process.stderr is not None
                assert "bridge: 1 devices" in process.stderr.readline()
                texts = [message(n, *rows[n - 1]) for n in range(1, end + 1)]
                done = end if end == 40 else end - 10
                until = time.monotonic() + 120
                while not any(one["n"] >= done for one in heard.of("ack")):
                    assert time.monotonic() < until
                    publish(client, "plant/pump-1/sample", texts)  # not subscribed yet, or away
                    time.sleep(2)
                process.send_signal(signal.SIGTERM if end == 40 else signal.SIGKILL)
                code = process.wait(60)
                said = process.stderr.read()
            finally:
                process.kill()
                process.wait()
                process.stderr.close()
            assert code == (128 + signal.SIGTERM if end == 40 else -signal.SIGKILL), said
        answers = {one["n"]: one["predicted"] for one in heard.of("prediction")}
    wanted, predicted = alone(rows)
    assert [answers[n] for n in range(1, 41)] == predicted
    registry = Registry(folder)
    (known,) = facts(registry)
    registry.close()
    assert (known["state"], known["samples"], known["connected"]) == (
        wanted.state_sha256,
        40,
        False,
    )
    assert cli.run(["fleet", "verify", "--fleet", str(folder)]) == 0
