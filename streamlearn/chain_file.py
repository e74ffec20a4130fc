"""A chain as bytes: a line of JSON with its stages and their state, then the learner's image."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from quant.errors import StateFormatError
from quant.layout import State
from quant.stages import Stages
from quant.stages.file import from_bytes as stages_from_bytes
from quant.stages.file import to_bytes as stages_to_bytes

FORMAT, VERSION = "streamlearn-chain", 1


class Kept(NamedTuple):
    """What a file of a chain holds.

    Attributes
    ----------
    stages : Stages
    state : bytes
        Of the stages; not checked yet.
    learn_every, passed : int
        Of the chain; not checked yet.
    image : bytes
        The learner's.
    """

    stages: Stages
    state: bytes
    learn_every: Any
    passed: Any
    image: bytes


def to_bytes(stages: Stages, state: State, learn_every: int, passed: int, image: bytes) -> bytes:
    """Return the contents of a file."""
    head: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "stages": stages_to_bytes(stages).decode(),
        "learn_every": learn_every,
        "passed": passed,
        "state": base64.b64encode(state.tobytes()).decode(),
    }
    head["sha256"] = _digest(head, image)
    return json.dumps(head).encode() + b"\n" + image


def from_bytes(data: bytes, source: str) -> Kept:
    """Invert :func:`to_bytes`.

    Raises
    ------
    StateFormatError
        If the bytes are foreign, damaged, cut or of another version.
    """
    text, _, image = data.partition(b"\n")
    try:
        head = json.loads(text)
        known = head["format"] == FORMAT and head["version"] == VERSION
        whole_file = head.pop("sha256") == _digest(head, image)
        state = base64.b64decode(head["state"], validate=True)
        stages = stages_from_bytes(head["stages"].encode(), source)
        every, passed = head["learn_every"], head["passed"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StateFormatError(f"{source}: no chain of this version") from error
    if not known or not whole_file:
        raise StateFormatError(
            f"{source}: another version, or its contents are damaged; take it from the backup"
        )
    return Kept(stages, state, every, passed, image)


def _digest(head: Mapping[str, Any], image: bytes) -> str:
    """Return a checksum of everything in a file."""
    return hashlib.sha256(json.dumps(head).encode() + b"\n" + image).hexdigest()
