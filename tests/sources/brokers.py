"""MQTT brokers on loopback, and a publisher, for tests."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the broker does not listen"
            time.sleep(0.02)


class Mosquitto:
    """A broker that can be stopped and started again with what it kept."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = folder / "mosquitto.conf"
        kept = [f"persistence true\npersistence_location {folder}/"]
        if os.name == "posix" and os.getuid() == 0:
            kept.append("user root")
        access = (
            [] if any("allow_anonymous" in line for line in lines) else ["allow_anonymous true"]
        )
        text = "\n".join([f"listener {self.port} 127.0.0.1", *kept, *access, *lines])
        self._config.write_text(text + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)  # it writes what it keeps
            self._process.wait(timeout=20)
            self._process = None


class Amqtt:
    """amqtt's broker in a thread of this process; it keeps sessions while it runs."""

    def __init__(self) -> None:
        from amqtt.broker import Broker

        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}},
        }

        async def begin() -> Any:
            broker = Broker(config)
            await broker.start()
            return broker

        self._broker = asyncio.run_coroutine_threadsafe(begin(), self._loop).result(20)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@contextmanager
def publisher(port: int, **credentials: str) -> Iterator[Any]:
    """A connected client; :func:`publish` uses it."""
    from paho.mqtt import client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if credentials:
        client.username_pw_set(credentials["user"], credentials["password"])
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish(client: Any, topic: str, payloads: Sequence[str], retain: bool = False) -> None:
    """Publish, and wait until the broker has them."""
    sent = [client.publish(topic, payload, qos=1, retain=retain) for payload in payloads]
    for one in sent:
        one.wait_for_publish(20)
        assert one.is_published()
