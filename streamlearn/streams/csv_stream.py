"""Labelled rows of any numeric CSV with a header, from a file or from standard input."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError, LabelError, StreamFormatError
from streamlearn.sources import Source
from streamlearn.streams.csv_rows import CsvRows, Skipped

#: Predictions are recorded as uint16.
MAX_CLASSES = 1 << 16

Row = tuple[NDArray[np.float32], int, int]


class CsvStream(CsvRows):
    """Rows of a CSV file or pipe; iterating yields ``(x, y, line_number)``.

    ``x`` is float32 ``[n_features]``, ``y`` the index of the label in `classes`,
    ``line_number`` counts every line of the input from 1. A row is delivered as soon as its
    line is complete, and nothing but the current line is kept. A regular file can be iterated
    again; a pipe only once.

    Parameters
    ----------
    path_or_dash
        A file, plain or gzip, of CSV or JSON lines; ``"-"`` for standard input; the address of a
        port or topic, or a source (:func:`streamlearn.sources.open_source`).
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
        path_or_dash: str | Path | Source,
        label_column: str,
        classes: Sequence[str] | None = None,
        on_bad: Literal["stop", "skip"] = "stop",
        stdin: IO[Any] | None = None,
    ) -> None:
        super().__init__(path_or_dash, label_column, on_bad, stdin)
        if classes is None and not self.rereadable:
            raise StreamFormatError(
                f"{self.name} can be read only once, so the classes cannot be found beforehand; "
                "give them with --classes (or classes=...)"
            )
        given = None if classes is None else _checked_classes(classes)
        self._open_stream()
        self._classes = given if given is not None else self._find_classes()
        self._index = {label: index for index, label in enumerate(self._classes)}

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
