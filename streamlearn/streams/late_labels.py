"""Labels that come later, in a file or from a topic, found by a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from streamlearn.errors import InputValueError, LabelError, StreamFormatError
from streamlearn.sources import Source, open_source
from streamlearn.streams.csv_blocks import Values
from streamlearn.streams.csv_labels import ClassValues
from streamlearn.streams.csv_lines import LineReader
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import split_record
from streamlearn.streams.csv_top import Top, read_top

#: Labels whose rows have not come yet; the oldest is dropped for one more.
MOST_LABELS = 10_000


class LateLabels:
    """Keys and labels of CSV or JSON lines, line by line.

    Parameters
    ----------
    source
        Where they come from.
    key, label
        Names of its columns.
    values
        What the labels mean.

    Attributes
    ----------
    bad : int
        Lines that are no record, or have no known label.
    message : str
        What was wrong with the first of them.
    """

    #: Whether more may come at any time.
    live = False

    def __init__(self, source: Source, key: str, label: str, values: Values) -> None:
        self._source, self.name, self._values = source, source.name, values
        self._names = key, label
        self._top: Top | None = None
        self._reader = LineReader(source, self.name)
        self.bad, self.message = 0, ""

    @property
    def place(self) -> tuple[int, int]:
        """Number of the latest line that was read, and the CRC-32 of all lines until then."""
        return self._reader.line_number, self._reader.crc32

    def begin(self, before: tuple[int, int] | None = None) -> bool:
        """Open it; go on behind the lines that were read in an earlier sitting.

        Parameters
        ----------
        before
            What :attr:`place` was then; None: there was none.

        Returns
        -------
        bool
            Whether it goes on; otherwise it is another source, and begins at its beginning.

        Raises
        ------
        DataNotFoundError, StreamFormatError
            It cannot be read, or lacks a column.
        SourceError
            It cannot be reached.
        """
        raise NotImplementedError

    def _find_top(self) -> bool:
        """Read the header, if it has come."""
        raise NotImplementedError

    def _columns(self, top: Top) -> Top:
        for name in self._names:
            if name not in top.cells:
                raise StreamFormatError(
                    f"{self.name}: no column {name!r}; the columns are "
                    f"{', '.join(map(repr, top.cells))}"
                )
        return top

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Yield keys and labels, until nothing more is there."""
        while (found := self.next()) is not None:
            yield found

    def next(self) -> tuple[str, float] | None:
        """Return the next key and label, or None if nothing more is there.

        Raises
        ------
        SourceError
            If it broke off.
        """
        if self._top is None and not self._find_top():
            return None
        top = self._top
        assert top is not None
        key, label = map(top.cells.index, self._names)
        while True:
            lines = self._reader.take(1)
            if lines is None:
                return None
            where = f"{self.name} line {self._reader.line_number}"
            try:
                text = self._reader.text_of(lines.data, self._reader.line_number)
                cells = split_record(text, where, top.delimiter)
                if not any(cells) or text.startswith("#"):
                    continue
                if len(cells) < len(top.cells):
                    raise StreamFormatError(
                        f"{where}: expected {len(top.cells)} values, got {len(cells)}"
                    )
                value = self._values.one(cells[label], where)
            except (StreamFormatError, LabelError, InputValueError) as error:
                self._bad(error)
                continue
            return cells[key], value

    def _bad(self, error: Exception) -> None:
        self.bad += 1
        self.message = self.message or str(error)

    def ends(self) -> None:
        """Say that no more is written: a last line without an end counts too."""

    def kept(self, line: int) -> None:
        """Say that a checkpoint holds everything until this line."""

    def close(self) -> None:
        """Let go of it."""
        self._source.close()


class LabelFile(LateLabels):
    """Labels of a file; lines that are added later are read then."""

    def begin(self, before: tuple[int, int] | None = None) -> bool:
        """Open it; see :class:`LateLabels`."""
        try:
            self._find_top()
            if before is None:
                return True
            self._reader.skip_to(before[0])
            if before == self.place:
                return True
            self._source.close()
            self._find_top()
            return False
        except BaseException:
            self.close()
            raise

    def _find_top(self) -> bool:
        self._source.open()
        self._reader = LineReader(self._source, self.name, format=self._source.format)
        self._top = self._columns(read_top(self._reader, self.name, self._names[1], ReadOptions()))
        self._reader.head_ends()
        self._reader.follows = True
        return True

    def ends(self) -> None:
        """Say that no more is written; see :class:`LateLabels`."""
        self._reader.follows = False


def labels_in(file: str, key: str, label: str) -> tuple[str, ...]:
    """Return all labels of a file, in the order of the text.

    Raises
    ------
    DataNotFoundError, StreamFormatError
        As a :class:`LabelFile`; or it is a topic, whose labels nobody knows beforehand.
    """
    found: dict[str, Any] = {}

    class _Any(ClassValues):
        def one(self, text: str, where: str) -> int:
            if not text:
                return super().one(text, where)
            found[text] = None
            return 0

    source = open_source(file)
    if not source.rereadable:
        raise StreamFormatError(
            f"{source.name} can be read only once, so the classes cannot be found beforehand; give "
            "them with --classes"
        )
    with closing(LabelFile(source, key, label, _Any(label, (), "bad"))) as labels:
        labels.begin()
        labels.ends()
        for _ in labels:
            pass
    return tuple(sorted(found))
