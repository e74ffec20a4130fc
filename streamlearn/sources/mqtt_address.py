"""Where an MQTT topic is, and where its credentials come from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from streamlearn.errors import ConfigError

SCHEMES = {"mqtt://": 1883, "mqtts://": 8883}
#: Where credentials come from: the only place.
USER, PASSWORD, CA, CERTIFICATE, KEY, CLIENT_ID = (
    f"STREAMLEARN_MQTT_{name}" for name in ("USER", "PASSWORD", "CA", "CERT", "KEY", "CLIENT_ID")
)


@dataclass(frozen=True)
class MqttAddress:
    """Where a topic is.

    Parameters
    ----------
    scheme, host, port, topic
        Of ``mqtt://HOST[:PORT]/TOPIC``.
    """

    scheme: str
    host: str
    port: int
    topic: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == SCHEMES[self.scheme] else f":{self.port}"
        return f"{self.scheme}{host}{port}/{self.topic}"


def parse(address: str) -> MqttAddress:
    """Return the parts of an address; what follows the first ``/`` is the topic, as it is.

    Raises
    ------
    ConfigError
        It is no ``mqtt://HOST[:PORT]/TOPIC``, or holds a user or a password.
    """
    scheme = next(scheme for scheme in SCHEMES if address.startswith(scheme))
    place, _, topic = address.removeprefix(scheme).partition("/")
    if "@" in place:
        raise ConfigError(
            f"an address {scheme}… with a user or password in it: others would read it in the "
            f"process list and in the run folder. Leave it out and set {USER} and {PASSWORD}"
        )
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, str(SCHEMES[scheme])
    bare = host.removeprefix("[").removesuffix("]")
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not bare or not topic or not 0 < number < 1 << 16 or len(topic.encode()) >= 1 << 16:
        raise ConfigError(f"{address!r}: expected {scheme}HOST[:PORT]/TOPIC")
    levels = topic.split("/")
    if "\0" in topic or any(
        ("#" in level and (level != "#" or at != len(levels) - 1))
        or ("+" in level and level != "+")
        for at, level in enumerate(levels)
    ):
        raise ConfigError(
            f"{address!r}: not a topic: + stands for one whole level, # for the rest at the end"
        )
    return MqttAddress(scheme, bare, number, topic)


def client_id(folder: str | None, at: MqttAddress) -> str:
    """Return at most 23 characters, which every broker takes: the same for the same run."""
    if folder is None:
        return f"streamlearn-{os.urandom(5).hex()}"
    made_from = f"{folder}\n{at}\n{_machine()}"
    return f"streamlearn-{hashlib.sha256(made_from.encode()).hexdigest()[:11]}"


def _machine() -> str:
    import platform

    return platform.node()
