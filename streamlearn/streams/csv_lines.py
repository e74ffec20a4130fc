"""Lines and records of a CSV text that may still be growing: one line in, one record out."""

from __future__ import annotations

import codecs
import csv
import errno
import zlib
from collections.abc import Iterator
from typing import IO, Any

from streamlearn.errors import SourceError, StreamFormatError
from streamlearn.sources.base import Source
from streamlearn.sources.json_rows import JsonRows, guessed_format
from streamlearn.sources.limits import MAX_LINE_BYTES

_GZIP_MAGIC = b"\x1f\x8b"


class LineReader:
    """Numbered lines of a binary or text file, read no further than asked.

    Parameters
    ----------
    source
        A file open for reading; bytes are decoded as UTF-8, a byte order mark is dropped.
    name
        What messages call the source.
    endless
        Whether the source has no end of its own, as a serial port: then its end is a failure.
    format
        ``csv`` or ``jsonl``, whose objects become lines of a CSV, header included; None: the first
        line that is not blank says it.

    Attributes
    ----------
    line_number : int
        Number of the latest line, from 1.
    crc32 : int
        Of the bytes of all lines until then.
    cut : bool
        Whether the latest line has no end: the source ended within it.
    raw : bytes or str
        The latest line as it came.
    format : str or None
        As given, or as guessed.
    """

    def __init__(
        self, source: IO[Any] | Source, name: str, endless: bool = False, format: str | None = None
    ) -> None:
        self._source, self._name, self._endless = source, name, endless
        self.format = format
        self._json: JsonRows | None = None
        self._pending: str | None = None
        self.raw: bytes | str = b""
        self.line_number = 0
        self.crc32 = 0
        self.cut = False

    def read(self) -> str | None:
        """Return the next line without its end, or None after the last.

        Returns
        -------
        str or None
            The text; lines end in LF or CRLF. `line_number` is then the number of this line,
            from 1.

        Raises
        ------
        StreamFormatError
            The line is not UTF-8 text, holds NUL bytes or a lone carriage return, or is longer
            than 16 MiB. Reading may go on with the next line.
        SourceError
            The source broke off: a port that was unplugged, a disk that cannot be read.
        """
        if self._pending is not None:
            text, self._pending = self._pending, None
            return text
        found = self._text()
        if not found or not found.strip():
            return found
        if self.format is None:
            self.format = guessed_format(found)
        if self.format != "jsonl":
            return found
        where = f"{self._name} line {self.line_number}"
        if self._json is not None:
            return self._json.row(found, where)
        self._json = JsonRows()
        header, self._pending = self._json.first(found, where)
        return header

    def _text(self) -> str | None:
        raw = self._raw()
        if not raw:
            return None
        where = f"{self._name} line {self.line_number}"
        if len(raw) == MAX_LINE_BYTES:
            raise StreamFormatError(
                f"{where}: no line end within {MAX_LINE_BYTES} characters; expected CSV text"
            )
        text = self._decode(raw, where) if isinstance(raw, bytes) else raw
        if self.line_number == 1:
            text = text.removeprefix("\ufeff")
        text = text.removesuffix("\n").removesuffix("\r")
        if "\0" in text:
            raise StreamFormatError(f"{where}: a NUL byte; expected CSV text, not a binary file")
        if "\r" in text:
            raise StreamFormatError(
                f"{where}: a carriage return inside the line; lines must end in LF or CRLF"
            )
        return text

    def skip_to(self, line_number: int) -> None:
        """Pass over the lines until this one, whatever they hold; stop at the source's end."""
        if line_number >= self.line_number:
            self._pending = None
        while self.line_number < line_number and self._raw():
            pass

    def go_on(self, line_number: int, crc32: int) -> None:
        """Count on from here: the source goes on behind this line."""
        self._pending = None
        self.line_number, self.crc32 = line_number, crc32

    def _raw(self) -> bytes | str:
        try:
            raw: bytes | str = self._source.readline(MAX_LINE_BYTES)
        except OSError as error:
            raise SourceError(
                error.errno,
                f"{self._name}: reading failed after line {self.line_number}: {error.strerror}",
            ) from error
        self.cut = raw[-1:] != ("\n" if isinstance(raw, str) else b"\n")
        if self._endless and self.cut and len(raw) < MAX_LINE_BYTES:
            within = ", in the middle of the next" if raw else ""
            raise SourceError(
                errno.ENODEV,
                f"{self._name}: the port is gone after line {self.line_number}{within}",
            )
        self.raw = raw
        if raw:
            self.line_number += 1
            self.crc32 = zlib.crc32(raw if isinstance(raw, bytes) else raw.encode(), self.crc32)
        return raw

    def _decode(self, raw: bytes, where: str) -> str:
        if self.line_number == 1:
            if raw.startswith(_GZIP_MAGIC):
                raise StreamFormatError(
                    f"{where}: gzip data; unpack it first, for example `gzip -dc FILE |` and "
                    "read standard input"
                )
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise StreamFormatError(f"{where}: UTF-16 text; save the file as UTF-8")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise StreamFormatError(
                f"{where}: byte {raw[error.start]:#04x} at position {error.start + 1} is not "
                "UTF-8; expected CSV text in UTF-8, not a binary file"
            ) from None


def split_record(text: str, where: str) -> list[str]:
    """Split one line into its cells, without the blanks around them.

    Parameters
    ----------
    text
        One line without its end. Quotes follow RFC 4180, but a record must end on its line: a
        quote that is never closed then costs one line, not the rest of the stream.
    where
        Source and line, for the message.

    Returns
    -------
    list of str
        The cells; an empty list for a blank line.

    Raises
    ------
    StreamFormatError
        Bad quoting, or a cell longer than the csv module's limit.
    """
    if not text.strip():
        return []
    try:
        rows: Iterator[list[str]] = csv.reader([text], strict=True, skipinitialspace=True)
        return [cell.strip() for cell in next(rows)]
    except csv.Error as error:
        raise StreamFormatError(
            f"{where}: not a CSV record ({error}); quotes must be closed on the same line"
        ) from None
