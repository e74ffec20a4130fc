"""MQTT on real brokers: what was published while nobody listened, restarts, TLS, passwords."""

from __future__ import annotations

import gc
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from brokers import MOSQUITTO, Amqtt, Mosquitto, free_port, publish, publisher

from streamlearn.errors import ConfigError, SourceError
from streamlearn.sources import Opening, live, mqtt_address, open_source
from streamlearn.sources.limits import MAX_LIVE_LINE_BYTES
from streamlearn.sources.live import Waiting
from streamlearn.sources.mqtt import MqttSource
from streamlearn.streams import CsvStream

TOPIC = "plant/pump"
HEADER = b"a,label\n"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "pauses", lambda: itertools.repeat(0.05))


@pytest.fixture(params=["amqtt", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Iterator[Amqtt | Mosquitto]:
    if request.param == "amqtt":
        pytest.importorskip("amqtt", reason="amqtt is not installed")
        made = Amqtt()
        yield made
        made.stop()
    elif MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    else:
        yield request.getfixturevalue("mosquitto")


def rows(first: int, end: int) -> list[str]:
    return [f"{i},{'xy'[i % 2]}" for i in range(first, end)]


def as_lines(first: int, end: int) -> list[bytes]:
    return [row.encode() + b"\n" for row in rows(first, end)]


def opened(
    port: int,
    out: Path | None = None,
    *,
    fresh: bool = True,
    reconnect: float | None = None,
    said: list[str] | None = None,
    topic: str = TOPIC,
) -> MqttSource:
    say = [].append if said is None else said.append
    address = f"mqtt://127.0.0.1:{port}/{topic}"
    source = open_source(address, Opening(None, reconnect, out, fresh, say=say))
    assert isinstance(source, MqttSource)
    source.open()
    return source


def read(source: MqttSource, n: int) -> list[bytes | None]:
    return [source.read_line() for _ in range(n)]


def test_rows_arrive(broker: Amqtt | Mosquitto) -> None:
    with publisher(broker.port) as client:
        publish(client, TOPIC, ["a,label"], retain=True)
        address = f"mqtt://127.0.0.1:{broker.port}/{TOPIC}"
        stream = CsvStream(address, "label", ["x", "y"])
        assert stream.name == address
        publish(client, TOPIC, [*rows(0, 3), "3,y\n\n4,x\r\n", ""])
        samples = itertools.islice(stream, 5)
        assert [(x.tolist(), y) for x, y, _ in samples] == [([i], i % 2) for i in range(5)]
        stream.close()


def test_many_rows_come_in_order(broker: Amqtt | Mosquitto) -> None:
    """Many times what a broker sends before it waits for acknowledgements."""
    source = opened(broker.port)
    with publisher(broker.port) as client:
        publish(client, TOPIC, ["a,label"])
        assert source.read_line() == HEADER
        source.began(HEADER)
        publish(client, TOPIC, rows(0, 300))
        assert read(source, 300) == as_lines(0, 300)
    source.close()


def test_json_and_several_topics(broker: Amqtt | Mosquitto) -> None:
    source = opened(broker.port, topic="plant/+/state")
    with publisher(broker.port) as client:
        publish(client, "plant/1/state", ['{"a": 1, "label": "x"}'])
        publish(client, "plant/2/other", ['{"a": 7, "label": "x"}'])
        publish(client, "plant/2/state", ['{"label": "y", "a": 2}'])
        stream = CsvStream(source, "label", ["x", "y"])
        samples = itertools.islice(stream, 2)
        assert [(x.tolist(), y) for x, y, _ in samples] == [([1], 0), ([2], 1)]
        stream.close()


def test_too_long_a_message_is_dropped(broker: Amqtt | Mosquitto) -> None:
    source = opened(broker.port)
    with publisher(broker.port) as client:
        publish(client, TOPIC, ["9" * (MAX_LIVE_LINE_BYTES + 1), "a,label"])
        assert source.read_line() == HEADER
    source.close()
    assert source.counts.to_json() == {"overlong": 1}


@needs_mosquitto
def test_what_is_published_while_the_learner_is_away(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Killed, or ended in order: the session stays, and so does every message."""
    out = tmp_path / "run"
    source = opened(mosquitto.port, out)
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, ["a,label", *rows(0, 5)])
        assert read(source, 6) == [HEADER, *as_lines(0, 5)]
        source.began(HEADER)
        # Nothing was kept on the disk, so nothing was acknowledged: all of it comes again.
        source.close()
        publish(client, TOPIC, rows(5, 40))
        source = opened(mosquitto.port, out, fresh=False)
        assert source.read_line() == HEADER
        source.began(HEADER)
        out.mkdir()
        source.keep_in(out)
        assert read(source, 40) == as_lines(0, 40)
        source.close()
        publish(client, TOPIC, rows(40, 60))
        source = opened(mosquitto.port, out, fresh=False)
        assert read(source, 20) == as_lines(40, 60), "what is on the disk does not come again"
        source.close()
        publish(client, TOPIC, rows(60, 70))
        source = opened(mosquitto.port, out, fresh=True)
        publish(client, TOPIC, ["a,label"])
        assert source.read_line() == HEADER, "a new run begins with what comes"
        source.close()


@needs_mosquitto
def test_a_restart_of_the_broker_loses_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    said: list[str] = []
    source = opened(mosquitto.port, tmp_path, said=said)
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, ["a,label"])
        assert source.read_line() == HEADER
        source.began(HEADER)
        publish(client, TOPIC, rows(0, 100))  # not acknowledged: nothing is kept yet
    mosquitto.stop()
    time.sleep(0.3)
    source.keep_in(tmp_path)  # safe now, but there is nobody to tell
    mosquitto.start()
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, rows(100, 200))
        assert read(source, 200) == as_lines(0, 200)
        assert source.counts.reconnects == 1
        mosquitto.stop()
        mosquitto.start()
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, rows(200, 230))
        assert read(source, 30) == as_lines(200, 230)
    source.close()
    assert source.counts.reconnects == 2
    assert "waiting for it to come back" in said[0]
    assert source.counts.dropped["repeated_message"] > 0, "the canary: the broker sent them again"


def test_a_broker_that_restarts_without_a_memory(tmp_path: Path) -> None:
    """The topic is subscribed again, and what the queue had is neither lost nor repeated."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path, "persistence false")
    source = opened(broker.port)
    with publisher(broker.port) as client:
        publish(client, TOPIC, ["a,label", *rows(0, 10)])
    assert read(source, 11) == [HEADER, *as_lines(0, 10)]
    source.began(HEADER)
    broker.stop()
    broker.start()
    time.sleep(1)
    with publisher(broker.port) as client:
        publish(client, TOPIC, rows(10, 50))
        assert read(source, 40) == as_lines(10, 50)
    source.close()
    broker.stop()


@needs_mosquitto
def test_it_does_not_come_back(mosquitto: Mosquitto) -> None:
    source = opened(mosquitto.port, reconnect=0.3)
    mosquitto.stop()
    with pytest.raises(OSError, match=r"cannot reach the broker: .*did not come back within 0.3 s"):
        source.read_line()
    source.close()


@needs_mosquitto
def test_nothing_stays_at_the_broker_without_a_run_folder(mosquitto: Mosquitto) -> None:
    source = opened(mosquitto.port)
    name = source._client_id
    source.close()
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, rows(0, 3))
    again = MqttSource(
        f"mqtt://127.0.0.1:{mosquitto.port}/{TOPIC}", environment={mqtt_address.CLIENT_ID: name}
    )
    again.open()
    with publisher(mosquitto.port) as client:
        publish(client, TOPIC, ["a,label"])
    assert again.read_line() == HEADER
    again.close()


def test_nobody_is_there() -> None:
    port = free_port()
    with pytest.raises(SourceError, match=rf"mqtt://127.0.0.1:{port}/{TOPIC}: cannot reach the br"):
        opened(port)
    said: list[str] = []
    source = opened(port, reconnect=0.2, said=said)
    assert said == [f"{source.name}: cannot reach the broker: Connection refused; waiting for it"
                    " to come back"] or "cannot reach" in said[0]  # fmt: skip
    with pytest.raises(OSError, match="did not come back"):
        source.read_line()
    source.close()


@needs_mosquitto
def test_passwords_come_from_the_environment(tmp_path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    words = tmp_path / "words"
    subprocess.run([tool, "-b", "-c", str(words), "me", "hunter2"], check=True, capture_output=True)
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {words}")
    address = f"mqtt://127.0.0.1:{broker.port}/{TOPIC}"
    given = {mqtt_address.USER: "me", mqtt_address.PASSWORD: "hunter2"}
    try:
        source = MqttSource(address, environment=given)
        source.open()
        with publisher(broker.port, user="me", password="hunter2") as client:
            publish(client, TOPIC, ["a,label"])
        assert source.read_line() == HEADER
        source.close()
        for wrong in ({}, {**given, mqtt_address.PASSWORD: "hunter3"}):
            with pytest.raises(SourceError, match=r"(not authorized|wrong user).*STREAMLEARN_MQTT"):
                MqttSource(address, environment=wrong).open()
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that signs itself."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=pump", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key",
         "-out", folder / "crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@needs_mosquitto
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # paho leaves a socket of a failed handshake
@pytest.mark.filterwarnings(  # what an amqtt of an earlier test left is collected here
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_tls(tmp_path: Path, certificates: Path) -> None:
    crt, key = certificates / "crt", certificates / "key"
    broker = Mosquitto(tmp_path, f"certfile {crt}", f"keyfile {key}")
    address = f"mqtts://127.0.0.1:{broker.port}/{TOPIC}"
    try:
        source = MqttSource(address, environment={mqtt_address.CA: str(crt)})
        source.open()
        source.close()
        with pytest.raises(
            SourceError, match=r"TLS failed: .*STREAMLEARN_MQTT_CA names the certif"
        ):
            MqttSource(address, environment={}).open()
        address = address.replace("127.0.0.1", "localhost")
        with pytest.raises(SourceError, match=r"TLS failed: .*(mismatch|not valid for)"):
            MqttSource(address, environment={mqtt_address.CA: str(crt)}).open()
        with pytest.raises(SourceError, match=r"closed the connection|does not answer"):
            opened(broker.port)
    finally:
        broker.stop()
    with pytest.raises(
        ConfigError, match=r"the certificates in STREAMLEARN_MQTT_CA.*cannot be used"
    ):
        MqttSource(address, environment={mqtt_address.CA: str(tmp_path / "none")})
    gc.collect()


def test_a_password_in_plain_text_is_said() -> None:
    given = {mqtt_address.USER: "me", mqtt_address.PASSWORD: "hunter2"}
    for address, n in (("mqtt://host/t", 1), ("mqtt://127.0.0.1/t", 0), ("mqtts://host/t", 0)):
        said: list[str] = []
        MqttSource(address, None, Waiting(), False, said.append, environment=given)
        assert len(said) == n
        assert "hunter2" not in "".join(said)
    with pytest.raises(ConfigError, match="STREAMLEARN_MQTT_USER is not"):
        MqttSource("mqtt://host/t", environment={mqtt_address.PASSWORD: "hunter2"})


def test_the_client_is_the_run() -> None:
    def name(folder: str | None, address: str = "mqtt://host/t", **given: str) -> str:
        return MqttSource(address, folder=folder, environment=given)._client_id

    assert name("a") == name("a")
    assert len({name("a"), name("b"), name(None), name(None), name("a", "mqtt://host/u")}) == 5
    assert len(name("a")) <= 23, "what every broker must take"
    assert name("a", STREAMLEARN_MQTT_CLIENT_ID="pump 7") == "pump 7"


def test_without_paho(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    with pytest.raises(ConfigError, match=r'pip install "streamlearn\[mqtt\]"'):
        open_source("mqtt://host/topic")
