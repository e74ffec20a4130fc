"""The state image: one file that holds a learner, described so that it can be read alone.

Layout (docs/state-format.md): a header of 24 bytes, a JSON description, padding to 8 bytes, and
the state's bytes as they lie in a device's memory; CRC-32 over all that follows the header.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quant.description import from_json, to_json
from quant.errors import ShapeError, StateFormatError
from quant.hyperparameters import is_whole
from quant.labels import check_label, is_text
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config, arithmetic_of
from quant.state import state_from_bytes, state_to_bytes
from quant.state_check import check_finite

MAGIC = b"SLST"
FORMAT_VERSION = 2
#: How an image of an older version becomes one of the next: ``(description, payload)`` to the same.
#: Before the next version is written, its migration stands here, and tests/golden/images has images
#: of the old one. No version before 2 was released.
MIGRATIONS: dict[int, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {}
#: Samples are counted in 64 bits, 32 of which the state has.
EPOCHS_END = 1 << 32
_HEADER = struct.Struct("<4sHHIIII")


@dataclass(frozen=True)
class Image:
    """What a state image holds.

    Attributes
    ----------
    spec : NetworkSpec
    config : the rule's configuration
    arithmetic : str
    state : State
    labels : tuple
        The label of each class index, JSON scalars; shorter than the classes where not all
        have been seen.
    features : tuple of str or None
        Names of the features, in order.
    epochs : int
        How often the state's counter of samples has passed 2^32.
    """

    spec: NetworkSpec
    config: Config
    arithmetic: str
    state: State
    labels: tuple[Any, ...]
    features: tuple[str, ...] | None
    epochs: int = 0


def encode_image(image: Image) -> bytes:
    """Return the bytes of a state image."""
    return pack(describe(image), state_to_bytes(image.state))


def describe(image: Image) -> bytes:
    """Return an image's description, padded: all that it says but for the state."""
    description = {
        **to_json(image.spec, image.config),
        "arithmetic": image.arithmetic,
        "labels": list(image.labels),
        "features": None if image.features is None else list(image.features),
        **({"epochs": image.epochs} if image.epochs else {}),
    }
    text = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def pack(text: bytes, payload: bytes | bytearray) -> bytes:
    """Return the bytes of a state image, from its description and its state's bytes."""
    crc = zlib.crc32(payload, zlib.crc32(text))
    header = _HEADER.pack(MAGIC, FORMAT_VERSION, _HEADER.size, len(text), len(payload), crc, 0)
    return b"".join((header, text, payload))


def unpack(data: bytes, source: str = "state image") -> tuple[bytes, bytes]:
    """Invert :func:`pack`: an image's description and its state's bytes, not looked into.

    Raises
    ------
    StateFormatError
        If the bytes are foreign, truncated, damaged or of another version.
    """
    size, body = _body_of(data, source)
    return body[:size], body[size:]


def decode_image(data: bytes, source: str = "state image") -> Image:
    """Invert :func:`encode_image`, refusing whatever is not whole and of this version.

    Parameters
    ----------
    data : bytes
    source : str
        What to call it in messages, usually a file's name.

    Raises
    ------
    StateFormatError
        If the bytes are foreign, truncated, damaged or of another version.
    """
    size, body = _body_of(data, source)
    text, payload = body[:size], body[size:]
    for version in range(_HEADER.unpack_from(data)[1], FORMAT_VERSION):
        text, payload = MIGRATIONS[version](text, payload)
    return _describe(text, payload, source)


def _body_of(data: bytes, source: str) -> tuple[int, bytes]:
    """Return how long the description is, and description and state of a whole image."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise StateFormatError(f"{source}: {type(data).__name__}, a state image is bytes")
    data = bytes(data)
    if len(data) < _HEADER.size:
        raise StateFormatError(
            f"{source}: {len(data)} bytes, a state image has at least {_HEADER.size}; "
            "the file is truncated or not a state image"
        )
    magic, version, header_size, text_size, payload_size, crc, reserved = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise StateFormatError(
            f"{source}: begins with {magic!r}, a state image begins with {MAGIC!r}; "
            "this is another kind of file"
        )
    known = version == FORMAT_VERSION or version in MIGRATIONS
    if not known or header_size != _HEADER.size:
        raise StateFormatError(
            f"{source}: state format version {version}, this streamlearn reads version "
            f"{FORMAT_VERSION}; use the streamlearn that wrote it"
        )
    if reserved != 0:
        raise StateFormatError(
            f"{source}: reserved word of the header is {reserved:#x}, expected 0; "
            "the header is damaged; take it from the device or backup again"
        )
    expected = header_size + text_size + payload_size
    if len(data) != expected:
        raise StateFormatError(
            f"{source}: {len(data)} bytes, its header announces {expected}; "
            "the file was cut or something was added; take it from the device or backup again"
        )
    body = data[header_size:]
    if zlib.crc32(body) != crc:
        raise StateFormatError(
            f"{source}: CRC-32 is {zlib.crc32(body):08x}, the header says {crc:08x}; "
            "the contents are damaged; take it from the device or backup again"
        )
    return text_size, body


def _describe(text: bytes, payload: bytes, source: str) -> Image:
    try:
        description = json.loads(text, parse_constant=_no_number)
        spec, config = from_json(description)
        arithmetic = description["arithmetic"]
        kind = arithmetic_of(spec, config, arithmetic)
        if kind.golden is not None:
            kind.golden.plan(spec, config)  # refuses what fixed point cannot hold
        labels, features = _names(spec, description["labels"], description["features"])
        state = state_from_bytes(spec, config, arithmetic, payload)
        check_finite(state)
        return Image(
            spec=spec,
            config=config,
            arithmetic=arithmetic,
            state=state,
            labels=labels,
            features=features,
            epochs=_epochs(description.get("epochs", 0)),
        )
    except RecursionError as error:
        raise StateFormatError(f"{source}: its description is nested too deep to read") from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise StateFormatError(f"{source}: its description does not fit: {error}") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _epochs(epochs: Any) -> int:
    if is_whole(epochs) and 0 <= epochs < EPOCHS_END:
        return int(epochs)
    raise ShapeError(f"epochs={epochs!r}: expected a whole number from 0, below {EPOCHS_END}")


def _names(
    spec: NetworkSpec, labels: Any, features: Any
) -> tuple[tuple[Any, ...], tuple[str, ...] | None]:
    """Return the labels and the features of a description; ShapeError if they are not such."""
    if not isinstance(labels, list):
        raise ShapeError(f"labels={labels!r}: expected a list of text, numbers or truth values")
    for label in labels:
        check_label(label)
    if len(labels) > spec.n_classes or len(set(labels)) != len(labels):
        raise ShapeError(
            f"labels={labels!r}: expected different ones, at most {spec.n_classes}, one per class"
        )
    if features is None:
        return tuple(labels), None
    given = features if isinstance(features, list) else ()
    if len(given) != spec.n_features or not all(isinstance(v, str | int | float) for v in given):
        raise ShapeError(
            f"features={features!r}: expected null or a list of {spec.n_features} names"
        )
    names = tuple(map(str, features))
    check_names(names)
    return tuple(labels), names


def check_names(names: tuple[str, ...] | None) -> None:
    """Refuse names of features of which two are the same: a dict could not tell them apart.

    Raises
    ------
    ShapeError
        Then, or if a name is no text of Unicode characters; it names one of them.
    """
    for name in names or ():
        if not is_text(name):
            raise ShapeError(f"a feature is called {name!r}: expected text that UTF-8 can hold")
    if names is not None and len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise ShapeError(f"two features are called {double!r}: give each its own name")
