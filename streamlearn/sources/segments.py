"""Segments on the disk: what came from a port or a topic, and how it is found again.

A segment ``source-<first line>.log`` (``labels-…`` of a topic of labels) begins with a line of
JSON: the number of its first line, the CRC-32 of all lines before it, and the head of the stream
(the lines until the header). Each line after that is one of the stream, behind its own CRC-32; or,
behind a CRC-32 and ``!``, the mark of the message whose lines were the ones before it. What a power
cut left half written ends the segment.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

#: Of its files, unless its owner has several.
NAME, SUFFIX = "source", ".log"
FORMAT, VERSIONS = "streamlearn-source", (1, 2)
#: Marks that are remembered: more messages than brokers send ahead of an acknowledgement.
MOST_MARKS = 128


@dataclass
class Stored:
    """Lines that an earlier sitting left.

    Parameters
    ----------
    head
        The first lines of the stream, the header included.
    lines
        The lines behind the checkpoint.
    place
        Number of the line before these, and the CRC-32 of all lines until then.
    marks
        Of the latest messages, whether or not their lines are behind the checkpoint.
    """

    head: list[bytes]
    lines: list[bytes]
    place: tuple[int, int]
    marks: list[bytes] = field(default_factory=list)


def stored(folder: Path, line: int, crc32: int, name: str = NAME) -> Stored | None:
    """Return what was kept behind a line, or None if it is not from the same stream.

    Parameters
    ----------
    folder
        Where segments are.
    line, crc32
        Number of the line, and the CRC-32 of all lines until then; line 0: behind the head.
    name
        With which its files begin.
    """
    found: Stored | None = None
    marks: deque[bytes] = deque(maxlen=MOST_MARKS)
    at, crc, anchored = -1, 0, False
    for file in files(folder, name):
        segment = _read(file)
        if segment is None:
            continue
        head, first, crc_before, lines, of_messages = segment
        marks.extend(of_messages)
        if not line:
            line, crc32 = len(head), zlib.crc32(b"".join(head))
        if found is None or first > at:  # the first one, or a gap: what is before it is older
            found, at, crc, anchored = Stored(head, [], (line, crc32)), first, crc_before, False
        anchored = anchored or (at == line + 1 and crc == crc32)
        for number, raw in enumerate(lines, first):
            if number < at:
                continue
            crc, at = zlib.crc32(raw, crc), number + 1
            anchored = anchored or (number == line and crc == crc32)
            if number > line:
                found.lines.append(raw)
    if found is None or not anchored:
        return None
    found.marks = list(marks)
    return found


def encoded(lines: Sequence[bytes]) -> bytes:
    """Return lines as a segment holds them."""
    return b"".join([b"%08x " % zlib.crc32(raw) + raw for raw in lines])


def encoded_marks(marks: Iterable[bytes]) -> bytes:
    """Return marks as a segment holds them."""
    return b"".join([b"%08x!%s\n" % (zlib.crc32(mark), mark.hex().encode()) for mark in marks])


def files(folder: Path, name: str) -> list[Path]:
    """Return the segments, the oldest first."""
    return sorted(folder.glob(f"{name}-*{SUFFIX}"))


def first_of(file: Path) -> int:
    """Return the number of the first line."""
    return int(file.name.rpartition("-")[2][: -len(SUFFIX)])


class _Segment(NamedTuple):
    """What a file holds: the head, the place of its first line, lines that are whole, and marks."""

    head: list[bytes]
    first: int
    crc32: int
    lines: list[bytes]
    marks: list[bytes]


def _read(file: Path) -> _Segment | None:
    text, _, rest = file.read_bytes().partition(b"\n")
    try:
        start = json.loads(text)
        if start["format"] != FORMAT or start["version"] not in VERSIONS:
            return None
        head = [str(raw).encode("latin-1") for raw in start["head"]]
        first, crc32 = int(start["first"]), int(start["crc32"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    lines, marks = [], []
    for entry in _split(rest):
        check, kind, raw = entry[:8], entry[8:9], entry[9:]
        if kind == b"!":
            mark = _mark(raw)
            if mark is None or b"%08x" % zlib.crc32(mark) != check:
                break
            marks.append(mark)
            continue
        if not raw.endswith(b"\n") or kind != b" " or b"%08x" % zlib.crc32(raw) != check:
            break
        lines.append(raw)
    return _Segment(head, first, crc32, lines, marks)


def _mark(raw: bytes) -> bytes | None:
    try:
        return bytes.fromhex(raw.removesuffix(b"\n").decode()) if raw.endswith(b"\n") else None
    except ValueError:  # a UnicodeDecodeError is one
        return None


def _split(data: bytes) -> list[bytes]:
    """Return lines that end in LF alone; CR may be in them."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
