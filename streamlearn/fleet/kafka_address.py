"""Where a topic of Kafka is, and where the properties of its client come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from streamlearn.errors import ConfigError

SCHEME, PORT = "kafka://", 9092
#: Names a file of properties of the client, for credentials and TLS.
CONFIG = "STREAMLEARN_KAFKA_CONFIG"
#: What this program decides: exactly once rests on it.
_OURS = {
    *("bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store"),
    *("auto.offset.reset", "enable.partition.eof", "message.timeout.ms", "enable.idempotence"),
}
_NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True)
class KafkaAddress:
    """Where a topic is.

    Parameters
    ----------
    brokers : tuple of str
        ``HOST:PORT`` of one broker of the cluster, or of several.
    topic : str
    """

    brokers: tuple[str, ...]
    topic: str

    def __str__(self) -> str:
        return f"{SCHEME}{','.join(self.brokers)}/{self.topic}"


def is_kafka(stream: str) -> bool:
    """Return whether a text names a topic of Kafka."""
    return stream.startswith(SCHEME)


def parse(address: str) -> KafkaAddress:
    """Return the parts of an address.

    Raises
    ------
    ConfigError
        It is no ``kafka://HOST[:PORT][,HOST[:PORT]…]/TOPIC``, or holds a user or a password.
    """
    place, _, topic = address.removeprefix(SCHEME).partition("/")
    if "@" in place:
        raise ConfigError(
            f"an address {SCHEME}… with a user or password in it: others would read it in the "
            f"process list and in the fleet's folder. Put them into a file, and its name into "
            f"{CONFIG}"
        )
    brokers = tuple(_broker(one, address) for one in place.split(","))
    return KafkaAddress(brokers, checked_topic(topic, address))


def checked_topic(topic: str, source: str) -> str:
    """Return the name of a topic.

    Raises
    ------
    ConfigError
        It is none that Kafka allows.
    """
    if not 0 < len(topic) < 250 or set(topic) - _NAME or topic in (".", ".."):
        raise ConfigError(
            f"{source}: {topic!r} is no topic of Kafka; expected 1 to 249 letters, digits, ., _ "
            f"and -, as in {SCHEME}HOST:{PORT}/TOPIC"
        )
    return topic


def _broker(text: str, address: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(PORT)
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        raise ConfigError(f"{address!r}: expected {SCHEME}HOST[:PORT][,HOST[:PORT]…]/TOPIC")
    return f"{host}:{port}"


def properties() -> dict[str, str]:
    """Return what the file that :data:`CONFIG` names says of the client; empty if none is named.

    Raises
    ------
    ConfigError
        It can't be read, has a line that is no ``name=value``, or sets what must stay.
    """
    path = os.environ.get(CONFIG)
    if not path:
        return {}
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{CONFIG}: cannot read {path!r}: {error}") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name:
            raise ConfigError(
                f"{path} line {number}: expected name=value, a property of librdkafka"
            )
        if name in _OURS:
            raise ConfigError(
                f"{path} line {number}: {name} must stay as streamlearn sets it, so that each "
                "message is learned once; leave it out"
            )
        found[name] = value
    return found
