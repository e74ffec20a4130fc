"""Labelled rows of any CSV with a header, from a file or from standard input."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.sources import Source
from streamlearn.streams.csv_labels import (
    ClassValues,
    Unlabelled,
    is_regression,
    look_alikes,
    regression_question,
)
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.csv_text import names_nothing

#: Predictions are recorded as uint16.
MAX_CLASSES = 1 << 16

Row = tuple[NDArray[np.float32], int, int]
RowBlock = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]


class CsvStream(CsvRows):
    """Rows of a CSV file or pipe; iterating yields ``(x, y, line_number)``.

    ``x`` is float32 ``[n_features]``, ``y`` the index of the label in `classes` (-1: no label),
    ``line_number`` counts every line of the input from 1. A row is delivered as soon as its
    line is complete. :meth:`blocks` yields many rows at once. A regular file can be iterated
    again; a pipe only once.

    Parameters
    ----------
    path_or_dash
        A file, plain or gzip, of CSV or JSON lines; ``"-"`` for standard input; the address of a
        port or topic, or a source (:func:`streamlearn.sources.open_source`).
    label_column
        Name of the column that holds the label, a text without line breaks; every other
        column is a feature, unless `options` says otherwise. None: labels come from elsewhere.
    classes
        The labels, in the order of their indices. None: every label that stands in a good row of
        the file, in the order of the text. The file is looked through once for its words; no
        number is parsed for that, but those of one row per word.
    on_bad
        What a bad row does: ``"stop"`` raises, ``"skip"`` leaves it out and notes it in
        `skipped`.
    stdin
        What to read for ``"-"``, binary or text; `sys.stdin` if None.
    options
        How the file is to be read; what they do not say is guessed from the first lines.
    unlabelled
        What a row without a label is: ``"bad"``, or ``"predict"``: its ``y`` is -1.
    late
        Name of the label where it comes from elsewhere: a column of this name is no feature.

    Attributes
    ----------
    guessed : str
        What was guessed, in one line.
    skipped : Skipped
        Rows that were left out.
    missing : dict
        How often a value was missing, by the column's name.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    StreamFormatError
        The file cannot be opened or read as CSV, is empty, has no usable header, has no
        rows or fewer than two classes; or a bad row, see `on_bad`. Or `classes` is None and
        the input is a pipe, or the labels look like a number to predict.
    InputValueError, LabelError
        A bad value or label in a row, see `on_bad`.
    ConfigError
        `classes` has fewer than two names or a name twice, or an unknown `on_bad`.

    Warns
    -----
    UserWarning
        Labels look alike, such as 0 and 0.0.

    Notes
    -----
    Blank lines, lines of empty cells and lines that begin with ``#`` are ignored; blanks around a
    cell are dropped; LF or CRLF, quotes as in RFC 4180 except that a record ends with its line.

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
        label_column: str | None,
        classes: Sequence[str] | None = None,
        on_bad: Literal["stop", "skip"] = "stop",
        stdin: IO[Any] | None = None,
        options: ReadOptions | None = None,
        unlabelled: Unlabelled = "bad",
        late: str | None = None,
    ) -> None:
        super().__init__(path_or_dash, label_column, on_bad, stdin, options, unlabelled, late)
        if classes is None and not self.rereadable:
            raise StreamFormatError(
                f"{self.name} can be read only once, so the classes cannot be found beforehand; "
                "give them with --classes (or classes=...)"
            )
        given = None if classes is None else _checked_classes(classes)
        self._open_stream()
        self._classes = self._find_classes(given)
        for group in look_alikes(self._classes):
            warnings.warn(
                f"{self.name}: the labels {', '.join(map(repr, group))} in column "
                f"{label_column!r} look alike, and each is a class of its own; if they are one, "
                "write them in one way",
                stacklevel=2,
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of their indices."""
        return self._classes

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self._classes)

    def __iter__(self) -> Iterator[Row]:
        for part in self._slices(lambda: 1):
            yield part.x[0], int(part.y[0]), int(part.lines[0])

    def blocks(self, max_rows: int | Callable[[], int]) -> Iterator[RowBlock]:
        """Yield rows that are there already, many at once.

        Parameters
        ----------
        max_rows
            How many rows a block may have; or a function that is asked before each block.

        Yields
        ------
        tuple
            ``x`` float32 ``[n, n_features]``, ``y`` int64 ``[n]``, ``lines`` int64 ``[n]``; n is
            at least 1. :attr:`position` and `skipped` are then those at the last row of the block.

        Raises
        ------
        StreamlearnError
            A bad row with ``on_bad="stop"``, after the rows before it were yielded; or the source
            broke off.
        """
        at_most = max_rows if callable(max_rows) else lambda: max_rows
        for part in self._slices(at_most):
            yield part.x, part.y, part.lines

    def label_values(self, column: str) -> ClassValues:
        """Return what the cells of a column of labels mean."""
        return ClassValues(column, self._classes, "bad")

    def _values(self) -> ClassValues:
        return ClassValues(self.label_column or "", self._classes, self._unlabelled)

    def _find_classes(self, given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Find labels and words, whatever is not known yet."""
        columns = [*self._unknown]
        label = self._header.label_index
        if given is None:
            columns.append(label)
        if not columns:
            return given or ()

        def check(column: int, words: Collection[str], line: int) -> None:
            if column != label:
                self._few(column, words, line)
            elif len(words) > MAX_CLASSES:
                raise StreamFormatError(
                    f"{self.name} line {line}: more than {MAX_CLASSES} different labels "
                    f"in column {self.label_column!r}; is it a class?"
                )
            elif len(words) in (21, 201):
                self._ask(words, line, so_far=True)

        words = self._scan(columns, check)
        if not words.n_rows and words.first_error is None:
            raise StreamFormatError(f"{self.name}: a header but no rows under it")
        self._take_words(words)
        if given is not None:
            return given
        found = sorted(word for word in words.found[label] if not names_nothing(word))
        self._ask(found, words.n_rows)
        if len(found) < 2:
            if words.first_error is not None and self.on_bad == "stop":
                raise words.first_error
            only = f"only {found[0]!r}" if found else "none in a good row"
            raise StreamFormatError(
                f"{self.name}: expected at least 2 classes in column {self.label_column!r}, "
                f"found {only}"
            )
        return tuple(found)

    def _ask(self, labels: Collection[str], n_rows: int, so_far: bool = False) -> None:
        found = [label for label in labels if not names_nothing(label)]
        if is_regression(found, None if so_far else n_rows):
            raise StreamFormatError(
                regression_question(self.name, str(self.label_column), found, n_rows)
            )


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
