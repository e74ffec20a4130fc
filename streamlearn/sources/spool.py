"""What came from a port or a topic, on the disk until a checkpoint holds it.

A sensor sends a line once, and a broker forgets a message that was acknowledged. So that a kill
loses nothing, every line is written here first. ``--resume`` learns the lines behind the checkpoint
from here, then what comes.

A segment ``source-<first line>.log`` (``labels-…`` of a topic of labels) begins with a line of
JSON: the number of its first line, the CRC-32 of all lines before it, and the head of the stream
(the lines until the header). Each line after that is one of the stream, behind its own CRC-32. What
a power cut left half written ends the segment.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from quant.durable import sync, sync_folder

#: Of its files, unless its owner has several.
NAME, _SUFFIX = "source", ".log"
_FORMAT, _VERSION = "streamlearn-source", 1
#: A segment is ended at a checkpoint once it has so many bytes.
_SEGMENT_BYTES = 1 << 14


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
    """

    head: list[bytes]
    lines: list[bytes]
    place: tuple[int, int]


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
    at, crc, anchored = -1, 0, False
    for file in _files(folder, name):
        segment = _read(file)
        if segment is None:
            continue
        head, first, crc_before, lines = segment
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
    return found if anchored else None


class Spool:
    """Appends lines to segments, and removes segments that two checkpoints hold.

    One thread appends while another says what is kept.

    Parameters
    ----------
    folder
        Of the checkpoints.
    head
        The first lines of the stream.
    line, crc32
        Number of the latest line before the next one, and the CRC-32 of all lines until then.
    waiting
        Lines behind that which are not learned yet.
    goes_on
        Whether the folder holds an earlier part of the same stream.
    name
        With which its files begin.
    """

    def __init__(
        self,
        folder: Path,
        head: Sequence[bytes],
        line: int,
        crc32: int,
        waiting: Sequence[bytes],
        goes_on: bool,
        name: str = NAME,
    ) -> None:
        self._folder, self._head, self._name = folder, list(head), name
        self._lock = threading.Lock()
        self._line, self._crc32 = line, crc32
        self._kept = [line, line]
        self._file: IO[bytes] | None = None
        self._size = 0
        if not goes_on:
            self._remove(_files(folder, name))
        self._begin(waiting)
        self._remove(file for file in _files(folder, name) if _first_of(file) > line + 1)

    def append(self, lines: Sequence[bytes], durable: bool = True) -> None:
        """Write lines behind those that are there.

        Parameters
        ----------
        lines
            Each with its end.
        durable
            Whether they must be on the disk when this returns; otherwise a power cut may take them.

        Raises
        ------
        OSError
            If they cannot be written: then none of them counts.
        """
        if not lines:
            return
        with self._lock:
            if self._file is None:
                raise ValueError("the spool is closed")
            data = _encoded(lines)
            try:
                _write_all(self._file, data)
                if durable:
                    sync(self._file.fileno())
            except OSError:
                self._file.truncate(self._size)
                self._file.seek(self._size)
                raise
            self._size += len(data)
            self._count(lines)

    def kept(self, line: int) -> None:
        """Say that a checkpoint holds everything until this line; the one before holds less."""
        with self._lock:
            if line > self._kept[1]:
                self._kept = [self._kept[1], line]
            if self._file is None or self._size < _SEGMENT_BYTES:
                return
            try:
                self._begin()
            except OSError:  # a full disk: the segment goes on
                return
            files = _files(self._folder, self._name)
            self._remove(
                file for file, after in pairwise(files) if _first_of(after) <= self._kept[0] + 1
            )

    def close(self) -> None:
        """Close the segment."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    @staticmethod
    def _remove(files: Iterable[Path]) -> None:
        for file in files:
            file.unlink(missing_ok=True)

    def _count(self, lines: Sequence[bytes]) -> None:
        self._line += len(lines)
        for raw in lines:
            self._crc32 = zlib.crc32(raw, self._crc32)

    def _begin(self, lines: Sequence[bytes] = ()) -> None:
        """Begin a segment behind the latest line, with these lines in it."""
        if self._file is not None:
            sync(self._file.fileno())  # no line may be missing before those of the new one
        path = self._folder / f"{self._name}-{self._line + 1:012d}{_SUFFIX}"
        start = {
            "format": _FORMAT,
            "version": _VERSION,
            "first": self._line + 1,
            "crc32": self._crc32,
            "head": [raw.decode("latin-1") for raw in self._head],
        }
        text = json.dumps(start).encode() + b"\n" + _encoded(lines)
        new = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
        file = new.open("xb", buffering=0)
        try:
            _write_all(file, text)
            sync(file.fileno())
            new.replace(path)
            sync_folder(self._folder)
        except BaseException:
            file.close()
            new.unlink(missing_ok=True)
            raise
        if self._file is not None:
            self._file.close()
        self._file, self._size = file, len(text)
        self._count(lines)


def _encoded(lines: Sequence[bytes]) -> bytes:
    return b"".join([b"%08x " % zlib.crc32(raw) + raw for raw in lines])


def _write_all(file: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}-*{_SUFFIX}"))


def _first_of(file: Path) -> int:
    return int(file.name.rpartition("-")[2][: -len(_SUFFIX)])


def _read(file: Path) -> tuple[list[bytes], int, int, list[bytes]] | None:
    """Return head, number of the first line, CRC-32 before it, and the lines that are whole."""
    text, _, rest = file.read_bytes().partition(b"\n")
    try:
        start = json.loads(text)
        if (start["format"], start["version"]) != (_FORMAT, _VERSION):
            return None
        head = [str(raw).encode("latin-1") for raw in start["head"]]
        first, crc32 = int(start["first"]), int(start["crc32"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    lines = []
    for entry in _split(rest):
        check, _, raw = entry.partition(b" ")
        if not raw.endswith(b"\n") or b"%08x" % zlib.crc32(raw) != check:
            break
        lines.append(raw)
    return head, first, crc32, lines


def _split(data: bytes) -> list[bytes]:
    """Return lines that end in LF alone; CR may be in them."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
