"""A broker on one side, the devices of a folder on the other."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from streamlearn.errors import ConfigError, StreamlearnError
from streamlearn.fleet.devices import jobs
from streamlearn.fleet.devices.keeper import Keeper
from streamlearn.fleet.devices.messages import (
    PUSH,
    RETAINED,
    SAMPLE,
    MessageError,
    PushMessage,
    number_of,
)
from streamlearn.sources.mqtt import _paho
from streamlearn.sources.mqtt_address import client_id, parse
from streamlearn.sources.mqtt_client import new_client
from streamlearn.watching.threads import start_beside

if TYPE_CHECKING:
    from typing_extensions import Self

_KEEPALIVE_S, _LAST_WORDS_S = 30, 5.0
#: Messages that the broker has not taken yet, at most.
_OPEN = 100


class Bridge:
    """Brings samples from topics to devices, and what devices say to topics.

    QoS 1 on both ways, and a session that the broker keeps. A sample is acknowledged when it is in
    the registry; what is said leaves the registry when the broker has acknowledged it. So neither
    end needs the other: each may be away for as long as the disks have room.

    Parameters
    ----------
    keeper
        Of the devices; not started by this.
    address
        ``mqtt://HOST[:PORT]/PREFIX``; the topics are ``PREFIX/DEVICE/sample`` and so on.
    key_of
        Returns a device's key, None if it has none: it takes no image from a topic then.
    say
        Is told in a line what went wrong with a message, or with the connection.
    environment
        Where credentials are.

    Raises
    ------
    ConfigError
        The address is wrong, or paho-mqtt is not installed.
    """

    def __init__(
        self,
        keeper: Keeper,
        address: str,
        key_of: Callable[[str], bytes | None] = lambda _: None,
        say: Callable[[str], object] = lambda _: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        at = parse(address)
        if "+" in at.topic or "#" in at.topic:
            raise ConfigError(
                f"{address}: expected what all topics of the fleet begin with, no + or #"
            )
        self._keeper, self._registry = keeper, keeper.registry
        self._at, self._prefix, self._key_of, self._say = at, at.topic.rstrip("/"), key_of, say
        self._names = set(self._registry.names())
        name = client_id(str(self._registry.folder.resolve()), at)
        self._client = new_client(_paho(), at, name, environment, clean=False, reconnect=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = lambda *a: self._taken.put(a[2])
        self._taken: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._open: dict[int, int] = {}  # by number of the message: its row
        self._stop, self.connected = threading.Event(), threading.Event()
        self._said_to_wait = False
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._client.connect_async(self._at.host, self._at.port, _KEEPALIVE_S)
        self._client.loop_start()
        self._sender = start_beside(self._send, "bridge")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._sender.join()
        self._client.disconnect()
        self._client.loop_stop()

    # -- from the broker --------------------------------------------------------------------------

    def _on_connect(self, client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            self._say(f"{self._at}: the broker refused the connection: {code}")
            return
        client.subscribe([(f"{self._prefix}/+/{kind}", 1) for kind in (SAMPLE, PUSH)])

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        if not self._said_to_wait:
            self._say(f"{self._at}: no broker answers there; waiting for one")
        self._said_to_wait = True

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, codes: Any, _more: Any) -> None:
        if any(code.is_failure for code in codes):
            self._say(f"{self._at}: the broker refused the topics: {codes[0]}")
            return
        self._said_to_wait = False
        self.connected.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        self.connected.clear()
        if not self._stop.is_set():
            self._say(f"{self._at}: the connection is gone ({code}); waiting for it to come back")
            self._said_to_wait = True

    def _on_message(self, client: Any, _data: Any, message: Any) -> None:
        if self.error is not None:
            return
        name, _, kind = message.topic.removeprefix(f"{self._prefix}/").rpartition("/")
        try:
            if name not in self._names:  # it may have been added since
                self._names = set(self._registry.names())
            if name not in self._names:
                raise MessageError("no device of this fleet has this name")
            if kind == SAMPLE:
                self._registry.take(name, number_of(message.payload), message.payload.decode())
                self._keeper.wake(name)
            else:
                self._push(name, message.payload)
        except MessageError as error:
            self._say(f"{message.topic}: {error}; it is dropped")
        except Exception as error:  # noqa: BLE001 - not acknowledged, and the bridge ends by it
            self.error = error
            return
        if message.qos:
            client.ack(message.mid, message.qos)

    def _push(self, name: str, payload: bytes) -> None:
        message = PushMessage.decode(payload)
        try:
            key = self._key_of(name)
        except (StreamlearnError, OSError, ValueError) as error:
            raise MessageError(f"the device's key cannot be read: {error}") from error
        if key is None:
            raise MessageError("the device has no key, so it takes no image from a topic")
        if not message.signed_by(key, name):
            raise MessageError("the image is not signed by the device's key")
        if not jobs.push_once(self._registry, message.image, name, message.number):
            raise MessageError(f"push {message.number} came before, or a later one did")
        self._keeper.wake(name)

    # -- to the broker ----------------------------------------------------------------------------

    def _send(self) -> None:
        try:
            self._send_on()
        except Exception as error:  # noqa: BLE001 - the bridge ends by it
            self.error = error

    def _send_on(self) -> None:
        last, patience = 0, _LAST_WORDS_S
        while True:
            self._note_taken()
            rows = self._registry.unsaid(last, _OPEN - len(self._open))
            for row in rows if self.connected.is_set() else ():
                topic = f"{self._prefix}/{row['device']}/{row['kind']}"
                sent = self._client.publish(topic, row["body"], 1, row["kind"] in RETAINED)
                self._open[sent.mid], last = row["id"], row["id"]
            if self._stop.is_set():
                patience -= 0.05
                if patience <= 0 or not (self._open or rows) or not self.connected.is_set():
                    return
            if not rows or not self.connected.is_set():
                self._stop.wait(0.05) if not self._stop.is_set() else threading.Event().wait(0.05)

    def _note_taken(self) -> None:
        ids = []
        while not self._taken.empty():
            row = self._open.pop(self._taken.get(), None)
            if row is not None:
                ids.append(row)
        if ids:
            self._registry.said(ids)
