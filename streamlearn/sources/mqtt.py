"""Lines from an MQTT topic."""

from __future__ import annotations

import errno
import hashlib
import os
import queue
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlearn.errors import ConfigError, SourceError
from streamlearn.sources.json_rows import with_value
from streamlearn.sources.limits import CONNECT_SECONDS, MAX_LIVE_LINE_BYTES
from streamlearn.sources.live import LiveSource, Waiting
from streamlearn.sources.mqtt_address import (
    CA,
    CLIENT_ID,
    PASSWORD,
    USER,
    client_id,
    parse,
)
from streamlearn.sources.mqtt_client import new_client

_KEEPALIVE_S = 30
#: Messages whose numbers are remembered, to know one that the broker delivers again.
_REMEMBERED = 1000
#: Refusals that no new try will change; of CONNACK in MQTT 3.1.1.
_REFUSED = {
    "Unsupported protocol version": "the broker does not speak MQTT 3.1.1",
    "Client identifier not valid": f"the broker does not take the client's name; set {CLIENT_ID}",
    "Bad user name or password": f"wrong user or password; they come from {USER} and {PASSWORD}",
    "Not authorized": f"not authorized; user and password come from {USER} and {PASSWORD}",
}


@dataclass
class _Message:
    """A message that the broker waits to be told about."""

    digest: bytes
    connection: int
    safe: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class MqttSource(LiveSource):
    """An MQTT topic; address ``mqtt://HOST[:PORT]/TOPIC``, or ``mqtts://`` for TLS.

    QoS 1 and a session that the broker keeps while this client is away: what is published meanwhile
    comes afterwards. A message is acknowledged once it is safe (:class:`LiveSource`). A message may
    hold several lines.

    Parameters
    ----------
    address
        As above; ``+`` and ``#`` in the topic as in MQTT.
    format, waiting, keeps, say
        See :class:`LiveSource`.
    folder
        The run folder, whose name makes the client's; None: a name for this process, whose session
        is removed at the end.
    fresh
        Whether what the broker kept for an earlier run in this folder is thrown away.
    suffix
        Of the client's name, if the environment names it: a run has two clients at most.
    environment
        Where credentials are.
    topic_as
        Name under which each JSON object gets the topic that it came on; None: it does not.

    Raises
    ------
    ConfigError
        The address is wrong, a certificate cannot be read, or paho-mqtt is not installed.
    """

    durable = True

    def __init__(
        self,
        address: str,
        format: str | None = None,
        waiting: Waiting = Waiting(),  # noqa: B008 - frozen
        keeps: bool = False,
        say: Callable[[str], object] = lambda _: None,
        folder: str | None = None,
        fresh: bool = False,
        suffix: str = "",
        environment: Mapping[str, str] = os.environ,
        topic_as: str | None = None,
    ) -> None:
        self._at, self._topic_as = parse(address), topic_as
        self._mqtt = _paho()
        super().__init__(str(self._at), format, waiting, keeps, say)
        self._environment, self._lasting = environment, folder is not None
        self._fresh = fresh and self._lasting
        named = environment.get(CLIENT_ID)
        self._client_id = f"{named}{suffix}" if named else client_id(folder, self._at)
        self._client = self._new_client(clean=False)
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._connection, self._subscribed = 0, False
        self._open: OrderedDict[int, _Message] = OrderedDict()
        self._taken: frozenset[bytes] = frozenset()
        if self._plain_password():
            self._say(
                f"{self.name}: the password goes over the network as plain text; mqtts:// encrypts"
            )

    def resume(self, folder: Path, line: int, crc32: int) -> bool:
        """Go on behind a line; see :class:`QueuedSource`."""
        found = super().resume(folder, line, crc32)
        # Messages that are on the disk, of which the broker may not know that they are.
        self._taken = frozenset(self._stored.marks if self._stored is not None else ())
        return found

    def _plain_password(self) -> bool:
        local = self._at.host in ("localhost", "127.0.0.1", "::1")
        return self._at.scheme == "mqtt://" and PASSWORD in self._environment and not local

    def _new_client(self, clean: bool) -> Any:
        name = self._client_id
        return new_client(
            self._mqtt, self._at, name, self._environment, clean=clean, reconnect=False
        )

    def _connect(self) -> None:
        if self._fresh:
            self._forget_session()
            self._fresh = False
        self._connection += 1
        events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        # A new client each time: paho opens sockets of its own for each start of its loop.
        self._events = events
        client = self._client = self._new_client(clean=False)
        client.on_connect = lambda *a: events.put(("connected", (a[2], a[3])))
        client.on_disconnect = lambda *a: events.put(("lost", a[3]))
        client.on_subscribe = lambda *a: events.put(("subscribed", a[3]))
        client.on_message = self._on_message
        self._reach(client)
        session, code = self._expect(events, "connected")
        if code.is_failure:
            said = _REFUSED.get(str(code), f"the broker refused the connection: {code}")
            raise SourceError(errno.ECONNREFUSED, said)
        if not session.session_present:
            self._taken = frozenset()  # numbers begin anew
        if not session.session_present or not self._subscribed:
            client.subscribe(self._at.topic, qos=1)
            codes = self._expect(events, "subscribed")
            if any(code.is_failure for code in codes):
                raise SourceError(
                    errno.EACCES, f"the broker refused the topic {self._at.topic!r}: {codes[0]}"
                )
            self._subscribed = True

    def _reach(self, client: Any) -> None:
        try:
            client.connect(self._at.host, self._at.port, _KEEPALIVE_S)
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or str(error)
            raise SourceError(
                errno.ECONNREFUSED, f"TLS failed: {why}. {CA} names the certificates to trust"
            ) from error
        except (OSError, ValueError) as error:  # ValueError: a host that is no name
            why = getattr(error, "strerror", None) or str(error)
            raise SourceError(
                getattr(error, "errno", None) or errno.EHOSTUNREACH,
                f"cannot reach the broker: {why}",
            ) from error
        client.loop_start()

    def _expect(self, events: queue.SimpleQueue[tuple[str, Any]], wanted: str) -> Any:
        """Wait for an answer of the broker; messages may come before it."""
        try:
            kind, value = events.get(timeout=CONNECT_SECONDS)
        except queue.Empty:
            raise SourceError(errno.ETIMEDOUT, "the broker does not answer") from None
        if kind != wanted:
            raise SourceError(errno.ECONNRESET, f"the broker closed the connection: {value}")
        return value

    def _receive(self) -> None:
        """Wait until the connection is lost; messages come in paho's thread."""
        while not self._stop.is_set():
            try:
                kind, value = self._events.get(timeout=0.2)
            except queue.Empty:
                continue
            if kind == "lost":
                raise OSError(errno.ECONNRESET, f"the connection to the broker is gone: {value}")

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        lines = _lines(message.payload)
        if self._topic_as is not None:
            lines = [with_value(line, self._topic_as, message.topic) for line in lines]
        if message.qos == 0:
            self._put(lines, wait=True)
            return
        digest = hashlib.blake2b(message.payload, digest_size=16).digest()
        mark = message.mid.to_bytes(2, "big") + digest[:8]
        if message.dup and mark in self._taken:
            self.counts.drop("repeated_message")
            self._client.ack(message.mid, message.qos)
            return
        known = self._open.get(message.mid)
        if message.dup and known is not None and known.digest == digest:
            self.counts.drop("repeated_message")
            with known.lock:
                known.connection = self._connection
                safe = known.safe
            if safe:
                self._client.ack(message.mid, message.qos)
            return
        made = _Message(digest, self._connection)
        self._open[message.mid] = made
        self._open.move_to_end(message.mid)
        oldest = next(iter(self._open))
        if len(self._open) > _REMEMBERED and self._open[oldest].safe:
            del self._open[oldest]
        mid, qos = message.mid, message.qos
        self._put(lines, lambda: self._safe(made, mid, qos), wait=True, mark=mark)

    def _safe(self, message: _Message, mid: int, qos: int) -> None:
        """Acknowledge a message, unless its connection is gone: then it will come once more."""
        with message.lock:
            message.safe = True
            current = message.connection == self._connection
        if current:
            self._client.ack(mid, qos)

    def _disconnect(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if self._stop.is_set() and not self._lasting:
            try:
                self._forget_session()
            except OSError:  # the broker is away: it forgets the session in its own time
                return

    def _forget_session(self) -> None:
        """Have the broker throw away what it keeps for this client."""
        client = self._new_client(clean=True)
        events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        client.on_connect = lambda *a: events.put(("connected", a[3]))
        client.on_disconnect = lambda *a: events.put(("lost", a[3]))
        self._reach(client)
        try:
            self._expect(events, "connected")
        finally:
            client.disconnect()
            client.loop_stop()


def _lines(payload: bytes) -> list[bytes]:
    if len(payload) > MAX_LIVE_LINE_BYTES:
        return [payload]  # counted as overlong
    return [line + b"\n" for line in payload.split(b"\n") if line.strip()]


def _paho() -> Any:
    try:
        from paho.mqtt import client
    except ImportError:
        raise ConfigError(
            'MQTT needs paho-mqtt, which is not installed: pip install "streamlearn[mqtt]"'
        ) from None
    if not hasattr(client, "CallbackAPIVersion"):
        raise ConfigError('MQTT needs paho-mqtt 2.0 or newer: pip install "streamlearn[mqtt]"')
    return client
