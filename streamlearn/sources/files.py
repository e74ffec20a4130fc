"""Files, plain or gzip, and pipes."""

from __future__ import annotations

import errno
import gzip
import io
import stat
import sys
import zlib
from pathlib import Path
from typing import IO, Any, cast

from streamlearn.errors import SourceError, StreamFormatError
from streamlearn.sources.base import Source
from streamlearn.sources.limits import MAX_LINE_BYTES

GZIP_MAGIC = b"\x1f\x8b"
STDIN = "-"


class DataNotFoundError(StreamFormatError, FileNotFoundError):
    """A file or data set that is not where it was looked for."""


class FileSource(Source):
    """A file, or what looks like one: a named pipe, a terminal's device.

    A regular file that begins as gzip does is unpacked while it is read, whatever its name.

    Parameters
    ----------
    path
        Of the file.
    format
        See :class:`Source`.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    StreamFormatError
        It is a folder, or may not be read.
    """

    def __init__(self, path: str | Path, format: str | None = None) -> None:
        super().__init__(str(path), str(Path(path).absolute()), format)
        self._path = Path(path)
        self._regular = _is_regular(self._path)
        self._file: IO[bytes] | None = None
        self._packed: IO[bytes] | None = None

    @property
    def rereadable(self) -> bool:
        """Whether it is a regular file."""
        return self._regular

    def open(self) -> None:
        """Open it."""
        if self._file is not None:
            return
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise StreamFormatError(f"cannot open {self.name!r}: {error.strerror}") from None
        if not self._regular:
            self.endless = file.isatty()
        elif file.peek(2)[:2] == GZIP_MAGIC:
            self._packed = file
            self._file = cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb"))
            return
        self._file = file

    def read_line(self) -> bytes | None:
        """Return the next line; see :class:`Source`."""
        raw = self._read(MAX_LINE_BYTES)
        self._n_lines += bool(raw)
        return raw or None

    def read_available(self, max_bytes: int) -> bytes:
        """Return the next lines of a regular file; nothing of a pipe."""
        if not self._regular or self._file is None:
            return b""
        raw = self._read(max_bytes, block=True)
        if raw and not raw.endswith(b"\n"):
            raw += self._read(MAX_LINE_BYTES)
        self._n_lines += raw.count(b"\n")
        return raw

    def read_some(self, max_bytes: int) -> bytes:
        """Return what is there; see :class:`Source`."""
        plain = self._regular and self._packed is None  # what is unpacked comes before its error
        raw = self._read(max_bytes, block=plain, some=not plain)
        self._n_lines += raw.count(b"\n")
        return raw

    def _read(self, size: int, block: bool = False, some: bool = False) -> bytes:
        assert self._file is not None, "open it first"
        try:
            if some:
                return cast(io.BufferedReader, self._file).read1(size)
            return self._file.read(size) if block else self._file.readline(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                errno.EIO, f"the gzip data is cut or damaged ({error}); `gzip -t` says the same"
            ) from error

    def again(self) -> FileSource:
        """Return the same file at its beginning."""
        fresh = FileSource(self._path, self.format)
        fresh.counts = self.counts
        fresh.open()
        return fresh

    def close(self) -> None:
        """Close it."""
        for file in (self._file, self._packed):
            if file is not None:
                file.close()
        self._file = self._packed = None


class PipeSource(Source):
    """What another program writes to standard input.

    Parameters
    ----------
    stdin
        What to read, binary or text; `sys.stdin` if None. It is left open.
    format
        See :class:`Source`.
    """

    def __init__(self, stdin: IO[Any] | None = None, format: str | None = None) -> None:
        super().__init__("standard input", STDIN, format)
        self._pipe: IO[Any] = getattr(sys.stdin, "buffer", sys.stdin) if stdin is None else stdin

    @property
    def rereadable(self) -> bool:
        """Never."""
        return False

    def open(self) -> None:
        """Do nothing: it is open."""

    def read_line(self) -> bytes | None:
        """Return the next line; see :class:`Source`."""
        raw = self._pipe.readline(MAX_LINE_BYTES)
        self._n_lines += bool(raw)
        return (raw.encode() if isinstance(raw, str) else raw) or None

    def read_some(self, max_bytes: int) -> bytes:
        """Return what is there; see :class:`Source`."""
        if not hasattr(self._pipe, "read1"):  # a text, or a file without a buffer
            return self.read_line() or b""
        raw: bytes = self._pipe.read1(max_bytes)
        self._n_lines += raw.count(b"\n")
        return raw

    def close(self) -> None:
        """Leave it open: it is not ours."""


def _is_regular(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataNotFoundError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise StreamFormatError(f"cannot open {str(path)!r}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise StreamFormatError(f"{str(path)!r} is a folder; expected a CSV file")
    return stat.S_ISREG(mode)
