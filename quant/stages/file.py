"""A chain of stages as a file: JSON; everything in it is checked."""

from __future__ import annotations

import hashlib
import json

from quant.errors import ConfigError, StateFormatError
from quant.stages import Stages

FORMAT, VERSION = "streamlearn-stages", 1
#: Bytes; no chain's description has so many.
FILE_MAX = 1 << 20


def to_bytes(stages: Stages) -> bytes:
    """Return the text of a file; the same chain is always the same bytes."""
    values = {"format": FORMAT, "version": VERSION, "stages": stages.to_json()}
    return (json.dumps(values, indent=1) + "\n").encode()


def sha256(stages: Stages) -> str:
    """Return what tells one chain from another, in hexadecimal."""
    return hashlib.sha256(to_bytes(stages)).hexdigest()


def from_bytes(data: bytes, name: str = "stages") -> Stages:
    """Invert :func:`to_bytes`.

    Raises
    ------
    StateFormatError
        If the bytes are no chain of this version; ``name`` is what the message calls the file.
    """
    if len(data) > FILE_MAX:
        raise StateFormatError(f"{name}: {len(data)} bytes, a chain has at most {FILE_MAX}")
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StateFormatError(f"{name}: no chain, for it is no JSON: {error}") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise StateFormatError(f"{name}: no chain: expected a file that an export wrote")
    if values.get("version") != VERSION:
        raise StateFormatError(
            f"{name}: a chain of version {values.get('version')!r}, this one reads {VERSION}"
        )
    if values.keys() != {"format", "version", "stages"}:
        raise StateFormatError(f"{name}: {sorted(values)}: expected format, version and stages")
    try:
        return Stages.from_json(values["stages"])
    except ConfigError as error:
        raise StateFormatError(f"{name}: {error}") from None
