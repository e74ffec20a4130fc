"""A window as a file: JSON; everything in it is checked."""

from __future__ import annotations

import hashlib
import json

from quant.errors import ConfigError, StateFormatError
from quant.window import Window

FORMAT, VERSION = "streamlearn-window", 1
#: Bytes; no window's description has so many.
FILE_MAX = 1 << 20


def to_bytes(window: Window) -> bytes:
    """Return the text of a file; the same window is always the same bytes."""
    values = {"format": FORMAT, "version": VERSION, **window.to_json()}
    return (json.dumps(values, indent=1) + "\n").encode()


def sha256(window: Window) -> str:
    """Return what tells one window from another, in hexadecimal."""
    return hashlib.sha256(to_bytes(window)).hexdigest()


def from_bytes(data: bytes, name: str = "window") -> Window:
    """Invert :func:`to_bytes`.

    Raises
    ------
    StateFormatError
        If the bytes are no window of this version; ``name`` is what the message calls the file.
    """
    if len(data) > FILE_MAX:
        raise StateFormatError(f"{name}: {len(data)} bytes, a window has at most {FILE_MAX}")
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StateFormatError(f"{name}: no window, for it is no JSON: {error}") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise StateFormatError(f"{name}: no window: expected a file that an export wrote")
    version = values.pop("version", None)
    if version != VERSION:
        raise StateFormatError(f"{name}: a window of version {version!r}, this one reads {VERSION}")
    try:
        return Window.from_json(values)
    except ConfigError as error:
        raise StateFormatError(f"{name}: {error}") from None
