"""A chain of stages as a file: JSON; everything in it is checked."""

from __future__ import annotations

import hashlib
import json

from quant.errors import ConfigError, StateFormatError
from quant.json_file import JsonFile
from quant.stages import Stages

FILE = JsonFile("chain", "an export wrote", format="streamlearn-stages", version=1, most=1 << 20)


def to_bytes(stages: Stages) -> bytes:
    """Return the text of a file; the same chain is always the same bytes."""
    values = {"format": FILE.format, "version": FILE.version, "stages": stages.to_json()}
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
    values = FILE.read(data, name)
    if values.keys() != {"format", "version", "stages"}:
        raise StateFormatError(f"{name}: {sorted(values)}: expected format, version and stages")
    try:
        return Stages.from_json(values["stages"])
    except ConfigError as error:
        raise StateFormatError(f"{name}: {error}") from None
