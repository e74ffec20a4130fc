"""Rows of a numeric CSV with a header, one at a time, from a file or from standard input."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    StreamFormatError,
    StreamlearnError,
)
from streamlearn.sources import Source, open_source
from streamlearn.streams.csv_header import Header, parse_header
from streamlearn.streams.csv_lines import LineReader, split_record
from streamlearn.streams.csv_row import parse_row

N_MESSAGES = 10


@dataclass
class Skipped:
    """Rows that were left out.

    Parameters
    ----------
    count
        How many.
    messages
        What was wrong with the first ten.
    """

    count: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, message: str) -> None:
        """Count one row, and keep its message if there is room."""
        self.count += 1
        if len(self.messages) < N_MESSAGES:
            self.messages.append(message)


class CsvRows:
    """What every stream out of a CSV shares: opening, header, lines, and what a bad row does.

    A subclass calls :meth:`_open_stream` once it has checked its own parameters. Parameters and
    errors are those of :class:`streamlearn.streams.csv_stream.CsvStream`.
    """

    def __init__(
        self,
        path_or_dash: str | Path | Source,
        label_column: str,
        on_bad: Literal["stop", "skip"],
        stdin: IO[Any] | None = None,
    ) -> None:
        if on_bad not in ("stop", "skip"):
            raise ConfigError(f"on_bad must be 'stop' or 'skip', got {on_bad!r}")
        self.label_column = label_column
        self.on_bad = on_bad
        self.skipped = Skipped()
        given = path_or_dash
        self.source = given if isinstance(given, Source) else open_source(given, stdin=stdin)
        self.name = self.source.name
        self._after = 0
        self._reader: LineReader | None = None

    def _open_stream(self) -> None:
        """Read the header: of a regular file, or of what can be read only once."""
        self._once: LineReader | None = None
        if self.rereadable:
            with self._lines() as lines:
                self._header = self._read_header(lines)
                self.source.format = lines.format
            return
        self.source.open()
        self._once = self._reader_of(self.source)
        try:
            self._header = self._read_header(self._once)
        except BaseException:  # also Ctrl-C: a port is let go
            self.close()
            raise
        self.source.format = self._once.format
        header = self._once.raw if self._once.format == "csv" else None
        self.source.began(header.encode() if isinstance(header, str) else header)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the feature columns, in file order."""
        return self._header.feature_names

    @property
    def n_features(self) -> int:
        """Number of feature columns."""
        return len(self._header.columns) - 1

    @property
    def rereadable(self) -> bool:
        """Whether it is a regular file, which can be read again."""
        return self.source.rereadable

    @property
    def goes_back(self) -> bool:
        """Whether a run that goes on reads the lines behind its latest checkpoint once more."""
        return self.source.rereadable or self.source.live

    @property
    def position(self) -> tuple[int, int]:
        """Number of the latest line that was read, and the CRC-32 of all lines until then."""
        return (0, 0) if self._reader is None else (self._reader.line_number, self._reader.crc32)

    def start_after(self, line_number: int, crc32: int) -> bool:
        """Begin behind a line from now on, if the lines until there are those that were read once.

        Parameters
        ----------
        line_number, crc32
            What :attr:`position` was.

        Returns
        -------
        bool
            Whether they are: a regular file with these lines, or a port or topic of which this
            run kept what came since. Otherwise nothing is changed.
        """
        if self._once is not None and self.source.resumed == (line_number, crc32):
            self._once.go_on(line_number, crc32)
            return True
        if not self.rereadable:
            return False
        with self._lines() as lines:
            lines.skip_to(line_number)
            if (lines.line_number, lines.crc32) != (line_number, crc32):
                return False
        self._after = line_number
        return True

    def _labelled_rows(self) -> Generator[tuple[NDArray[np.float32], str, int], None, None]:
        """Every good row with its label's text; bad rows go to `_bad`."""
        with self._lines() as lines:
            if self.rereadable and self._read_header(lines) != self._header:
                raise StreamFormatError(f"{self.name}: the header changed since it was opened")
            lines.skip_to(self._after)
            empty = not self._after
            while True:
                try:
                    text = lines.read()
                    if text is None:
                        break
                    where = f"{self.name} line {lines.line_number}"
                    cells = split_record(text, where)
                    if not cells:
                        continue
                    empty = False
                    row = parse_row(cells, self._header, where)
                except (StreamFormatError, InputValueError, LabelError) as error:
                    empty = False
                    if lines.cut and not self.rereadable:
                        error = type(error)(f"{error} (the stream ended within this line)")
                    self._bad(error)
                    continue
                yield *row, lines.line_number
            if empty:
                raise StreamFormatError(f"{self.name}: a header but no rows under it")

    def _bad(self, error: StreamlearnError) -> None:
        if self.on_bad == "stop":
            raise error
        self.skipped.add(str(error))

    def _read_header(self, lines: LineReader) -> Header:
        while (text := lines.read()) is not None:
            where = f"{self.name} line {lines.line_number}"
            if cells := split_record(text, where):
                return parse_header(cells, self.label_column, where)
        raise StreamFormatError(f"{self.name} is empty; expected a header row with column names")

    @contextmanager
    def _lines(self) -> Generator[LineReader, None, None]:
        """A fresh reader of a regular file, or the one reader of a pipe, past its header."""
        if self.rereadable:
            source = self.source.again()
            try:
                self._reader = self._reader_of(source)
                yield self._reader
            finally:
                source.close()
        elif self._once is None:
            raise StreamFormatError(f"{self.name} was read already and cannot be read again")
        else:
            once, self._once = self._once, None
            self._reader = once
            try:
                yield once
            finally:
                self.close()

    def _reader_of(self, source: Source) -> LineReader:
        return LineReader(source, self.name, source.endless, source.format)

    def close(self) -> None:
        """Let go of the source; more than once does no harm."""
        self.source.close()
