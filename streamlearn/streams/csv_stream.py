"""Any numeric CSV with a header, one row at a time, from a file or from standard input."""

from __future__ import annotations

import difflib
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
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
from streamlearn.streams.csv_header import Header, parse_header
from streamlearn.streams.csv_lines import LineReader, split_record
from streamlearn.streams.csv_row import parse_row
from streamlearn.streams.locate import DataNotFoundError

STDIN = "-"
N_MESSAGES = 10
#: Predictions are recorded as uint16.
MAX_CLASSES = 1 << 16

Row = tuple[NDArray[np.float32], int, int]


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


class CsvStream:
    """Rows of a CSV file or pipe; iterating yields ``(x, y, line_number)``.

    ``x`` is float32 ``[n_features]``, ``y`` the index of the label in `classes`,
    ``line_number`` counts every line of the input from 1. A row is delivered as soon as its
    line is complete, and nothing but the current line is kept. A regular file can be iterated
    again; a pipe only once.

    Parameters
    ----------
    path_or_dash
        A file, or ``"-"`` for standard input.
    label_column
        Name of the column that holds the label, a text without line breaks; every other
        column must be numeric.
    classes
        The labels, in the order of their indices. None: every label of the file in the order
        of the text, found by reading the whole file once beforehand (so that with
        ``on_bad="stop"`` a bad row is reported before anything is learned).
    on_bad
        What a bad row does: ``"stop"`` raises, ``"skip"`` leaves it out and notes it in
        `skipped`.
    stdin
        What to read for ``"-"``, binary or text; `sys.stdin` if None.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    StreamFormatError
        The file cannot be opened or read as UTF-8 CSV, is empty, has no usable header, has no
        rows or fewer than two classes; or a bad row, see `on_bad`. Or `classes` is None and
        the input is a pipe.
    InputValueError, LabelError
        A bad value or label in a row, see `on_bad`.
    ConfigError
        `classes` has fewer than two names or a name twice, or an unknown `on_bad`.

    Notes
    -----
    Blank lines are ignored; blanks around a cell are dropped; UTF-8 with or without a byte
    order mark, LF or CRLF, quotes as in RFC 4180 except that a record ends with its line.

    Examples
    --------
    >>> import io
    >>> text = io.StringIO("t,state\\n20.5,ok\\n90.0,hot\\n")
    >>> stream = CsvStream("-", "state", classes=["ok", "hot"], stdin=text)
    >>> [(x.tolist(), y, line) for x, y, line in stream]
    [([20.5], 0, 2), ([90.0], 1, 3)]
    """

    def __init__(
        self,
        path_or_dash: str | Path,
        label_column: str,
        classes: Sequence[str] | None = None,
        on_bad: Literal["stop", "skip"] = "stop",
        stdin: IO[Any] | None = None,
    ) -> None:
        if on_bad not in ("stop", "skip"):
            raise ConfigError(f"on_bad must be 'stop' or 'skip', got {on_bad!r}")
        self.label_column = label_column
        self.on_bad = on_bad
        self.skipped = Skipped()
        self._path = None if str(path_or_dash) == STDIN else Path(path_or_dash)
        self.name = "standard input" if self._path is None else str(self._path)
        self._rereadable = self._path is not None and _is_regular(self._path)
        if classes is None and not self._rereadable:
            raise StreamFormatError(
                f"{self.name} can be read only once, so the classes cannot be found beforehand; "
                "give them with --classes (or classes=...)"
            )
        given = None if classes is None else _checked_classes(classes)
        self._once: LineReader | None = None
        if self._rereadable:
            with self._lines() as lines:
                self._header = self._read_header(lines)
        else:
            self._once = LineReader(self._open_once(stdin), self.name)
            try:
                self._header = self._read_header(self._once)
            except StreamlearnError:
                self._close_once()
                raise
        self._classes = given if given is not None else self._find_classes()
        self._index = {label: index for index, label in enumerate(self._classes)}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the feature columns, in file order."""
        return self._header.feature_names

    @property
    def n_features(self) -> int:
        """Number of feature columns."""
        return len(self._header.columns) - 1

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of their indices."""
        return self._classes

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self._classes)

    def __iter__(self) -> Iterator[Row]:
        self.skipped = Skipped()
        for x, label, line_number in self._labelled_rows():
            index = self._index.get(label)
            if index is None:
                self._bad(LabelError(self._unknown(label, line_number)))
            else:
                yield x, index, line_number

    def _labelled_rows(self) -> Generator[tuple[NDArray[np.float32], str, int], None, None]:
        """Every good row with its label's text; bad rows go to `_bad`."""
        with self._lines() as lines:
            if self._rereadable and self._read_header(lines) != self._header:
                raise StreamFormatError(f"{self.name}: the header changed since it was opened")
            empty = True
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
                    self._bad(error)
                    continue
                yield *row, lines.line_number
            if empty:
                raise StreamFormatError(f"{self.name}: a header but no rows under it")

    def _bad(self, error: StreamlearnError) -> None:
        if self.on_bad == "stop":
            raise error
        self.skipped.add(str(error))

    def _unknown(self, label: str, line_number: int) -> str:
        known = ", ".join(map(repr, self._classes[:20]))
        more = f" and {self.n_classes - 20} more" if self.n_classes > 20 else ""
        close = difflib.get_close_matches(label, self._classes, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        return (
            f"{self.name} line {line_number}, column {self.label_column!r}: unknown label "
            f"{label[:40]!r}; the classes are {known}{more}{hint}"
        )

    def _find_classes(self) -> tuple[str, ...]:
        found: set[str] = set()
        for _, label, line_number in self._labelled_rows():
            found.add(label)
            if len(found) > MAX_CLASSES:
                raise StreamFormatError(
                    f"{self.name} line {line_number}: more than {MAX_CLASSES} different labels "
                    f"in column {self.label_column!r}; is it a class?"
                )
        if len(found) < 2:
            only = f"only {found.pop()!r}" if found else "none in a good row"
            raise StreamFormatError(
                f"{self.name}: expected at least 2 classes in column {self.label_column!r}, "
                f"found {only}"
            )
        self.skipped = Skipped()
        return tuple(sorted(found))

    def _read_header(self, lines: LineReader) -> Header:
        while (text := lines.read()) is not None:
            where = f"{self.name} line {lines.line_number}"
            if cells := split_record(text, where):
                return parse_header(cells, self.label_column, where)
        raise StreamFormatError(f"{self.name} is empty; expected a header row with column names")

    @contextmanager
    def _lines(self) -> Generator[LineReader, None, None]:
        """A fresh reader of a regular file, or the one reader of a pipe, past its header."""
        if self._rereadable and self._path is not None:
            with _open(self._path) as source:
                yield LineReader(source, self.name)
        elif self._once is None:
            raise StreamFormatError(f"{self.name} was read already and cannot be read again")
        else:
            once, self._once = self._once, None
            try:
                yield once
            finally:
                self._close_once()

    def _open_once(self, stdin: IO[Any] | None) -> IO[Any]:
        if self._path is not None:
            self._pipe: IO[Any] | None = _open(self._path)
            return self._pipe
        self._pipe = None
        if stdin is not None:
            return stdin
        return getattr(sys.stdin, "buffer", sys.stdin)

    def _close_once(self) -> None:
        if self._pipe is not None:
            self._pipe.close()


def _checked_classes(classes: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in classes)
    if len(names) < 2:
        raise ConfigError(f"expected at least 2 classes, got {list(names)}")
    if len(names) > MAX_CLASSES:
        raise ConfigError(f"expected at most {MAX_CLASSES} classes, got {len(names)}")
    if "" in names:
        raise ConfigError(f"a class without a name in {list(names)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"a class is named twice in {list(names)}")
    return names


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


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise StreamFormatError(f"cannot open {str(path)!r}: {error.strerror}") from None
