"""Where lines come from: files, pipes, serial ports, MQTT topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from streamlearn.errors import ConfigError
from streamlearn.sources import mqtt, mqtt_address, serial_port
from streamlearn.sources.base import REASONS, Counts, Source, counts_text
from streamlearn.sources.files import STDIN, FileSource, PipeSource
from streamlearn.sources.json_rows import FORMATS
from streamlearn.sources.live import Waiting

__all__ = [
    "FORMATS",
    "REASONS",
    "Counts",
    "FileSource",
    "Opening",
    "PipeSource",
    "Source",
    "Waiting",
    "counts_text",
    "is_address",
    "open_source",
    "stream_name",
]


@dataclass(frozen=True)
class Opening:
    """How to open a source.

    Parameters
    ----------
    format
        ``csv`` or ``jsonl``; None: the first line says it.
    reconnect
        Seconds for which a port or broker that went is waited for, also at the beginning; 0: not at
        all. None: a broker is waited for without end once it was reached, a port is not.
    out
        The run folder, in which a port or topic keeps what came until a checkpoint holds it.
    fresh
        Whether a new run begins there: what a broker kept for an earlier one is thrown away.
    labels
        Whether it gives the labels of another source, whose client must have another name.
    say
        Tells people a line.
    topic_as
        Name under which each JSON object of a topic gets the topic that it came on; None: it does
        not.
    """

    format: str | None = None
    reconnect: float | None = None
    out: Path | None = None
    fresh: bool = True
    labels: bool = False
    say: Callable[[str], object] = lambda _: None
    topic_as: str | None = None


def open_source(
    stream: str | Path,
    opening: Opening = Opening(),
    stdin: IO[Any] | None = None,
) -> Source:
    """Return the source that a text names; it is opened by the first who reads it.

    Parameters
    ----------
    stream
        A file, plain or gzip; ``-`` for standard input; ``serial:PORT@BAUD``;
        ``mqtt://HOST[:PORT]/TOPIC``, or ``mqtts://`` with TLS.
    opening
        How.
    stdin
        What to read for ``-``; `sys.stdin` if None.

    Raises
    ------
    DataNotFoundError, StreamFormatError
        There is no such file, or it cannot be read.
    ConfigError
        The address or the format is wrong, or the package that it needs is not installed.
    """
    if opening.format not in (None, *FORMATS):
        raise ConfigError(f"format {opening.format!r} is not one of {', '.join(FORMATS)}")
    text, keeps = str(stream), opening.out is not None
    if text.startswith(serial_port.SCHEME):
        waiting = Waiting(opening.reconnect or 0.0, bool(opening.reconnect))
        return serial_port.SerialSource(text, opening.format, waiting, keeps, opening.say)
    if text.startswith(tuple(mqtt_address.SCHEMES)):
        seconds = float("inf") if opening.reconnect is None else opening.reconnect
        waiting = Waiting(seconds, bool(opening.reconnect))
        folder = None if opening.out is None else str(opening.out.resolve())
        return mqtt.MqttSource(
            text, opening.format, waiting, keeps, opening.say, folder, opening.fresh,
            "-labels" if opening.labels else "", topic_as=opening.topic_as,
        )  # fmt: skip
    if text == STDIN:
        return PipeSource(stdin, opening.format)
    scheme, found, _ = text.partition("://")
    if found and scheme.isalnum() and not Path(text).exists():
        raise ConfigError(
            f"{scheme}:// is no source; expected a file, -, serial:PORT@BAUD, or "
            "mqtt://HOST[:PORT]/TOPIC (mqtts:// with TLS)"
        )
    return FileSource(stream, opening.format)


def is_address(stream: str) -> bool:
    """Return whether a text names a port or a topic, and no file."""
    return stream.startswith((serial_port.SCHEME, *mqtt_address.SCHEMES))


def stream_name(stream: str) -> str:
    """Return how a manifest and a checkpoint name a stream: a path is made absolute.

    Raises
    ------
    ConfigError
        The address is wrong, or holds a password.
    """
    if stream.startswith(serial_port.SCHEME):
        port, baud = serial_port.parse(stream)
        return f"{serial_port.SCHEME}{port}@{baud}"
    if stream.startswith(tuple(mqtt_address.SCHEMES)):
        return str(mqtt_address.parse(stream))
    return stream if stream == STDIN else str(Path(stream).absolute())
