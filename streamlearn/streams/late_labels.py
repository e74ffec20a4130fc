"""Labels that come later, in a file of their own, found by a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from streamlearn.errors import InputValueError, LabelError, StreamFormatError
from streamlearn.sources import Source, open_source
from streamlearn.streams.csv_blocks import Values
from streamlearn.streams.csv_labels import ClassValues
from streamlearn.streams.csv_lines import LineReader
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import split_record
from streamlearn.streams.csv_top import read_top

#: Labels whose rows have not come yet; the oldest is dropped for one more.
MOST_LABELS = 10_000


class LabelFile:
    """Keys and labels of a CSV, line by line; lines that are added later are read then.

    Parameters
    ----------
    file
        The file, or a source.
    key, label
        Names of its columns.
    values
        What the labels mean.

    Attributes
    ----------
    line : int
        Number of the latest line that was read.
    bad : int
        Lines that are no record, or have no known label.
    message : str
        What was wrong with the first of them.

    Raises
    ------
    DataNotFoundError, StreamFormatError
        The file cannot be read, or lacks a column.
    """

    def __init__(self, file: str | Path | Source, key: str, label: str, values: Values) -> None:
        self._source = file if isinstance(file, Source) else open_source(file)
        self.name = self._source.name
        self._values = values
        self._source.open()
        self._reader = LineReader(self._source, self.name)
        try:
            self._top = read_top(self._reader, self.name, label, ReadOptions())
            for name in (key, label):
                if name not in self._top.cells:
                    raise StreamFormatError(
                        f"{self.name}: no column {name!r}; the columns are "
                        f"{', '.join(map(repr, self._top.cells))}"
                    )
        except BaseException:
            self.close()
            raise
        self._reader.head_ends()
        self._reader.follows = True
        self._key, self._label = self._top.cells.index(key), self._top.cells.index(label)
        self.bad, self.message = 0, ""

    @property
    def line(self) -> int:
        """Number of the latest line that was read."""
        return self._reader.line_number

    def go_on(self, line: int) -> None:
        """Pass over the lines that were read in an earlier sitting."""
        self._reader.skip_to(line)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Yield keys and labels, until nothing more is there."""
        while (found := self.next()) is not None:
            yield found

    def next(self) -> tuple[str, float] | None:
        """Return the next key and label, or None if nothing more is there."""
        while True:
            lines = self._reader.take(1)
            if lines is None:
                return None
            where = f"{self.name} line {self._reader.line_number}"
            try:
                text = self._reader.text_of(lines.data, self._reader.line_number)
                cells = split_record(text, where, self._top.delimiter)
                if not any(cells) or text.startswith("#"):
                    continue
                if len(cells) < len(self._top.cells):
                    raise StreamFormatError(
                        f"{where}: expected {len(self._top.cells)} values, got {len(cells)}"
                    )
                value = self._values.one(cells[self._label], where)
            except (StreamFormatError, LabelError, InputValueError) as error:
                self.bad += 1
                self.message = self.message or str(error)
                continue
            return cells[self._key], value

    def ends(self) -> None:
        """Say that no more is written: a last line without an end counts too."""
        self._reader.follows = False

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def labels_in(file: str, key: str, label: str) -> tuple[str, ...]:
    """Return all labels of a file, in the order of the text.

    Raises
    ------
    DataNotFoundError, StreamFormatError
        As a :class:`LabelFile`.
    """
    found: dict[str, Any] = {}

    class _Any(ClassValues):
        def one(self, text: str, where: str) -> int:
            if not text:
                return super().one(text, where)
            found[text] = None
            return 0

    with closing(LabelFile(file, key, label, _Any(label, (), "bad"))) as labels:
        labels.ends()
        for _ in labels:
            pass
    return tuple(sorted(found))
