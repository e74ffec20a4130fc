"""Bytes become lines here: one by one, or as many as are there."""

from __future__ import annotations

import errno
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import SourceError, StreamFormatError
from streamlearn.sources.base import Source
from streamlearn.sources.files import GZIP_MAGIC
from streamlearn.sources.json_rows import JsonRows, guessed_format
from streamlearn.sources.limits import MAX_LINE_BYTES
from streamlearn.streams.csv_encoding import decoder_of, guess_encoding

#: Bytes that are asked for at once.
CHUNK = 1 << 18
_LF = 10


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines as they came.

    Parameters
    ----------
    data
        Their bytes in UTF-8; every line ends in LF, but for the last of a source, perhaps.
    ends
        int64 ``[n]``: where each line ends in `data`, its LF included.
    before
        Number of the line before them.
    crc32
        Of the bytes of all lines before them.
    """

    data: bytes
    ends: NDArray[np.int64]
    before: int
    crc32: int

    def __len__(self) -> int:
        return len(self.ends)

    def raw(self, index: int) -> bytes:
        """Return one line with its end."""
        return self.data[self.ends[index - 1] if index else 0 : self.ends[index]]


class LineReader:
    """Numbered lines of a file, a pipe or a port, read no further than what is there.

    Parameters
    ----------
    source
        A file open for reading, binary or text, or a :class:`streamlearn.sources.Source`.
    name
        What messages call the source.
    endless
        Whether the source has no end of its own, as a serial port: then its end is a failure.
    format
        ``csv`` or ``jsonl``, whose objects become lines of a CSV, header included; None: the first
        line that is not blank says it.
    encoding
        Of the bytes; a byte order mark is dropped. None: it is guessed from what comes first.

    Attributes
    ----------
    line_number : int
        Number of the latest line that was given out, from 1.
    crc32 : int
        Of the bytes of all lines until then, in UTF-8.
    cut : bool
        Whether the latest line has no end: the source ended within it.
    encoding : str
        Of the bytes; known once something was read.
    raw : bytes
        The latest line of :meth:`read` as it came, in UTF-8.
    format : str or None
        As given, or as guessed.
    follows : bool
        Whether the end is not the end: more may be written, and the beginning of a line waits.
    """

    def __init__(
        self,
        source: Any,
        name: str,
        endless: bool = False,
        format: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._source, self._name, self._endless = source, name, endless
        self._guess, self._decoder = encoding is None, decoder_of(encoding or "utf-8")
        self.encoding = encoding or "utf-8"
        self.format, self.raw = format, b""
        self._json: JsonRows | None = None
        self._in_head = isinstance(source, Source) and source.live
        self.line_number = 0
        self.crc32 = 0
        self.cut = self.follows = False
        self._data = b""  # what was read and not given out: complete lines, and a beginning
        self._ends: NDArray[np.int64] = np.zeros(0, np.int64)
        self._at = self._given = 0  # bytes and lines of `_data` that were given out
        self._begun = self._ended = False

    def take(self, at_most: int) -> Lines | None:
        """Return the lines that are there; wait if there is none, until one is complete.

        Parameters
        ----------
        at_most
            Number of lines, at least 1.

        Returns
        -------
        Lines or None
            None after the last.

        Raises
        ------
        SourceError
            The source broke off: a port that was unplugged, a disk that cannot be read.
        StreamFormatError
            The bytes are not of the encoding. UTF-8 is not looked at here: see :meth:`text_of`.
        """
        while self._given == len(self._ends) and not self._ended:
            rest = len(self._data) - self._at
            if rest >= MAX_LINE_BYTES:
                return self._give(np.array([MAX_LINE_BYTES], np.int64), partial=True)
            more = self._more()
            if not more and self.follows:
                self._ended = False
                return None
            self._data = self._data[self._at :] + more
            self._ends = np.flatnonzero(np.frombuffer(self._data, np.uint8) == _LF) + 1
            self._at = self._given = 0
            if not more and rest:
                self._ends = np.array([rest], np.int64)
        ends = self._ends[self._given : self._given + at_most] - self._at
        if not len(ends):
            return None
        long = np.flatnonzero(np.diff(ends, prepend=0) >= MAX_LINE_BYTES)
        if len(long) and not long[0]:
            return self._give(np.array([MAX_LINE_BYTES], np.int64), ends[0] > MAX_LINE_BYTES)
        return self._give(ends[: long[0]] if len(long) else ends)

    def _give(self, ends: NDArray[np.int64], partial: bool = False) -> Lines:
        data = self._data[self._at : self._at + int(ends[-1])]
        found = Lines(data, ends, self.line_number, self.crc32)
        self._at += len(data)
        self._given += 0 if partial else len(ends)
        self.line_number += len(ends)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.cut = data[-1] != _LF
        return found

    def read(self) -> str | None:
        """Return the next line without its end, or None after the last.

        Returns
        -------
        str or None
            The text; lines end in LF or CRLF. `line_number` is then the number of this line,
            from 1.

        Raises
        ------
        StreamFormatError, SourceError
            As :meth:`take` and :meth:`text_of`. Reading may go on with the next line.
        """
        lines = self.take(1)
        if lines is None:
            return None
        self.raw = lines.data
        text = self.text_of(lines.data, self.line_number)
        if self.format is None and text.strip():
            self.format = guessed_format(text)
        if self.format != "jsonl" or self._json is not None or not text.strip():
            return text
        where = f"{self._name} line {self.line_number}"
        found = JsonRows()
        header, _ = found.first(text, where)
        self._json = found
        self._give_back(lines)
        return header

    def _give_back(self, lines: Lines) -> None:
        """Take the latest line back: it will be given once more."""
        self._at -= len(lines.data)
        self._given -= 1
        self.line_number, self.crc32 = lines.before, lines.crc32

    def head_ends(self) -> None:
        """Say that rows come now: all that is there may be read at once."""
        self._in_head = False

    def go_on(self, line_number: int, crc32: int) -> None:
        """Count on from here: the source goes on behind this line."""
        self._data, self._ends = b"", np.zeros(0, np.int64)
        self._at = self._given = 0
        self.line_number, self.crc32 = line_number, crc32

    def text_of(self, raw: bytes, line_number: int) -> str:
        """Return the text of one line without its end.

        Raises
        ------
        StreamFormatError
            The line is not UTF-8 text, holds NUL bytes or a lone carriage return, or is longer
            than 16 MiB.
        """
        where = f"{self._name} line {line_number}"
        if len(raw) == MAX_LINE_BYTES:
            raise StreamFormatError(
                f"{where}: no line end within {MAX_LINE_BYTES} characters; expected CSV text"
            )
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise StreamFormatError(
                f"{where}: byte {raw[error.start]:#04x} at position {error.start + 1} is not "
                "UTF-8; expected CSV text in UTF-8, not a binary file. If it is text in another "
                "encoding, name it with --encoding, such as latin-1 or cp1252"
            ) from None
        if line_number == 1:
            text = text.removeprefix("\ufeff")
        text = text.removesuffix("\n").removesuffix("\r")
        if "\0" in text:
            raise StreamFormatError(f"{where}: a NUL byte; expected CSV text, not a binary file")
        if "\r" in text:
            raise StreamFormatError(
                f"{where}: a carriage return inside the line; lines must end in LF or CRLF"
            )
        return text if self._json is None or not text.strip() else self._json.row(text, where)

    def skip_to(self, line_number: int) -> None:
        """Pass over the lines until this one, whatever they hold; stop at the source's end."""
        while self.line_number < line_number and self.take(line_number - self.line_number):
            pass

    def _more(self) -> bytes:
        """Return what is there, after waiting for something; nothing at the end of the source."""
        raw = self._raw()
        if not self._begun:
            self._begun = True
            self._look_at(raw)
        if self._decoder is not None:
            try:
                text = self._decoder.decode(raw, not raw)
                while raw and not text:
                    raw = self._raw()
                    text = self._decoder.decode(raw, not raw)
            except UnicodeDecodeError as error:
                raise StreamFormatError(
                    f"{self._name}: after line {self.line_number + len(self._ends) - self._given}: "
                    f"not {self.encoding} text ({error.reason}); name another one with --encoding"
                ) from None
            raw = text.encode("utf-8", "surrogatepass")
        if not raw:
            self._ended = True
            if self._endless:
                within = ", in the middle of the next" if len(self._data) > self._at else ""
                raise SourceError(
                    errno.ENODEV,
                    f"{self._name}: the port is gone after line {self.line_number}{within}",
                )
        return raw

    def _raw(self) -> bytes:
        source = self._source
        try:
            if isinstance(source, Source):
                found = source.read_line() if self._in_head else source.read_some(CHUNK)
                found = found or b""
            elif hasattr(source, "read1"):
                found = source.read1(CHUNK)
            else:
                found = source.readline(MAX_LINE_BYTES)
        except OSError as error:
            raise SourceError(
                error.errno,
                f"{self._name}: reading failed after line {self.line_number}: {error.strerror}",
            ) from error
        return found.encode() if isinstance(found, str) else bytes(found)

    def _look_at(self, raw: bytes) -> None:
        """Find out from the first bytes what no option has to say."""
        if raw.startswith(GZIP_MAGIC):
            raise StreamFormatError(
                f"{self._name} line 1: gzip data; unpack it first, for example `gzip -dc FILE |` "
                "and read standard input"
            )
        if self._guess:
            self.encoding = guess_encoding(raw)
            self._decoder = decoder_of(self.encoding)
