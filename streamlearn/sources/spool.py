"""What came from a port or a topic, on the disk until a checkpoint holds it.

A sensor sends a line once, and a broker forgets a message that was acknowledged. So that a kill
loses nothing, every line is written here first. ``--resume`` learns the lines behind the checkpoint
from here, then what comes.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

from quant.durable import sync, sync_folder
from streamlearn.sources.segments import (
    FORMAT,
    MOST_MARKS,
    NAME,
    SUFFIX,
    VERSIONS,
    encoded,
    encoded_marks,
    files,
    first_of,
)

#: A segment is ended at a checkpoint once it has so many bytes.
_SEGMENT_BYTES = 1 << 14


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
    marks
        Of the latest messages that came before.
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
        marks: Sequence[bytes] = (),
    ) -> None:
        self._folder, self._head, self._name = folder, list(head), name
        self._lock = threading.Lock()
        self._marks = deque(marks, maxlen=MOST_MARKS)
        self._line, self._crc32 = line, crc32
        self._kept = [line, line]
        self._file: IO[bytes] | None = None
        self._size = 0
        if not goes_on:
            self._remove(files(folder, name))
        self._begin(waiting)
        self._remove(file for file in files(folder, name) if first_of(file) > line + 1)

    def append(
        self, lines: Sequence[bytes], durable: bool = True, marks: Sequence[bytes] = ()
    ) -> None:
        """Write lines behind those that are there.

        Parameters
        ----------
        lines
            Each with its end.
        durable
            Whether they must be on the disk when this returns; otherwise a power cut may take them.
        marks
            Of the messages that they came in. A message that comes again can be known by it, also
            after a kill.

        Raises
        ------
        OSError
            If they cannot be written: then none of them counts.
        """
        if not lines and not marks:
            return
        with self._lock:
            if self._file is None:
                raise ValueError("the spool is closed")
            data = encoded(lines) + encoded_marks(marks)
            try:
                _write_all(self._file, data)
                if durable:
                    sync(self._file.fileno())
            except OSError:
                self._file.truncate(self._size)
                self._file.seek(self._size)
                raise
            self._size += len(data)
            self._marks.extend(marks)
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
            pairs = pairwise(files(self._folder, self._name))
            self._remove(file for file, after in pairs if first_of(after) <= self._kept[0] + 1)

    def close(self) -> None:
        """Close the segment."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    @staticmethod
    def _remove(these: Iterable[Path]) -> None:
        for file in these:
            file.unlink(missing_ok=True)

    def _count(self, lines: Sequence[bytes]) -> None:
        self._line += len(lines)
        for raw in lines:
            self._crc32 = zlib.crc32(raw, self._crc32)

    def _begin(self, lines: Sequence[bytes] = ()) -> None:
        """Begin a segment behind the latest line, with these lines in it."""
        if self._file is not None:
            sync(self._file.fileno())  # no line may be missing before those of the new one
        path = self._folder / f"{self._name}-{self._line + 1:012d}{SUFFIX}"
        start = {
            "format": FORMAT,
            "version": VERSIONS[-1],
            "first": self._line + 1,
            "crc32": self._crc32,
            "head": [raw.decode("latin-1") for raw in self._head],
        }
        text = json.dumps(start).encode() + b"\n" + encoded(lines) + encoded_marks(self._marks)
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


def _write_all(file: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]
