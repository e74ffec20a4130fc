"""Many lines of a CSV become rows at once; every line that is not plain goes the exact way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, LabelError, StreamFormatError, StreamlearnError
from streamlearn.streams.csv_cells import Cells, cut, no_cells
from streamlearn.streams.csv_header import Header
from streamlearn.streams.csv_lines import LineReader, Lines
from streamlearn.streams.csv_numbers import parse_decimals
from streamlearn.streams.csv_row import fit, parse_row
from streamlearn.streams.csv_text import MISSING, split_record, to_seconds

NOTHING, ROW, BAD = 0, 1, 2
#: The class index of a row that has no label; the target is then NaN.
NO_LABEL = -1
#: Fewer lines are parsed one by one: that is faster.
FEW = 6
#: Cells that are parsed at once: they and what is computed of them stay in the cache.
_CELLS = 20_000
_MISSING = frozenset(word.encode() for word in MISSING)


class Values(Protocol):
    """What the label column means: a class index, or a number."""

    dtype: type[Any]
    decimal: str

    def one(self, text: str, where: str) -> float:
        """Return the value of a cell; raise LabelError or InputValueError."""

    def many(self, cells: Cells, index: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the values of a column, and for which cells they are good."""


@dataclass(eq=False)
class Parsed:
    """What lines mean. Every array has one entry per line.

    Attributes
    ----------
    lines : Lines
    kinds : uint8[n]
        NOTHING (a blank line, a comment), ROW or BAD.
    x : float32[n, n_features]
        NaN: missing.
    y : int64[n] or float32[n]
    missing : bool[n, n_feature_columns]
        Columns without a value: those of numbers, then those of words.
    times : float64[n]
        Seconds since 1970, NaN without a time column.
    keys : list of str
        Empty without a key column.
    errors : dict
        What is wrong with the bad lines, by their place.
    left_out : set of int
        The bad lines that do not stop a stream.
    """

    lines: Lines
    kinds: NDArray[np.uint8]
    x: NDArray[np.float32]
    y: NDArray[Any]
    missing: NDArray[np.bool_]
    times: NDArray[np.float64]
    keys: list[str]
    errors: dict[int, StreamlearnError] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)


class BlockParser:
    """Parses lines of one stream.

    Parameters
    ----------
    name
        What messages call the stream.
    header
        Its columns.
    delimiter, decimal
        As for :class:`streamlearn.streams.csv_options.ReadOptions`.
    fills
        Whether a missing value is NaN and not an error.
    values
        What the label column means; None: it is not looked at.
    reader
        What gives the lines.
    note
        What a message says of a last line that has no end.
    """

    def __init__(
        self,
        name: str,
        header: Header,
        delimiter: str,
        decimal: str,
        fills: bool,
        values: Values | None,
        reader: LineReader,
        note: str = "",
    ) -> None:
        self.name, self.header = name, header
        self.delimiter, self.decimal, self.fills = delimiter, decimal, fills
        self._values, self._reader, self._note = values, reader, note
        self.use_decimal(decimal)
        self._words: list[dict[bytes, list[float]]] = [{} for _ in header.texts]
        self.at_most = max(1, min(1024, _CELLS // len(header.columns)))

    def use_decimal(self, decimal: str) -> None:
        """Read numbers with this decimal mark from now on."""
        self.decimal, self._point = decimal, ord(decimal)
        if self._values is not None:
            self._values.decimal = decimal

    def parse(self, lines: Lines) -> Parsed:
        """Parse lines; nothing is raised, but noted."""
        n, header = len(lines), self.header
        found = Parsed(
            lines,
            np.zeros(n, np.uint8),
            np.empty((n, len(header.feature_names)), np.float32),
            np.zeros(n, np.int64 if self._values is None else self._values.dtype),
            np.zeros((n, len(header.numbers) + len(header.texts)), np.bool_),
            np.full(n, np.nan),
            [""] * n if header.key_index >= 0 else [],
        )
        other = np.arange(n)
        if n >= FEW:
            cells = self.cut(lines)
            other = cells.other
            if len(cells.plain):
                good = self._plain(cells, found)
                other = np.concatenate((other, cells.plain[~good]))
        for index in np.sort(other).tolist():
            self._line(index, found)
        return found

    def cut(self, lines: Lines) -> Cells:
        """Find the cells of all plain lines; JSON has none."""
        if self._reader.format == "jsonl":
            return no_cells(lines)
        return cut(lines, len(self.header.columns), self.delimiter)

    def cells_of(self, index: int, lines: Lines) -> list[str]:
        """Return the cells of one line, none if it is blank or a comment.

        Raises
        ------
        StreamFormatError
            The line is no record, or has more or fewer cells than the header.
        """
        number = lines.before + index + 1
        text = self._reader.text_of(lines.raw(index), number)
        if (text.lstrip() if self.delimiter == " " else text).startswith("#"):
            return []
        where = f"{self.name} line {number}"
        cells = split_record(text, where, self.delimiter)
        return list(fit(cells, self.header, where)) if any(cells) else []

    def _line(self, index: int, found: Parsed) -> None:
        header, where = self.header, f"{self.name} line {found.lines.before + index + 1}"
        try:
            cells = self.cells_of(index, found.lines)
            if not cells:
                return
            row = parse_row(cells, header, where, self.decimal, self.fills)
            if self._values is not None and header.label_index >= 0:
                found.y[index] = self._values.one(row.label, where)
            elif self._values is not None:
                found.y[index] = NO_LABEL if self._values.dtype is np.int64 else np.nan
            if header.time_index >= 0:
                found.times[index] = self._time(cells[header.time_index], where)
            if header.key_index >= 0:
                found.keys[index] = cells[header.key_index]
        except (StreamFormatError, InputValueError, LabelError) as error:
            if self._note and index == len(found.lines) - 1 and found.lines.data[-1:] != b"\n":
                error = type(error)(f"{error} ({self._note})")
            found.kinds[index], found.errors[index] = BAD, error
            return
        found.kinds[index], found.x[index] = ROW, row.x
        if row.missing:
            names = [header.columns[i] for i in header.numbers] + [t.name for t in header.texts]
            found.missing[index] = [name in row.missing for name in names]

    def _time(self, text: str, where: str) -> float:
        try:
            return to_seconds(text)
        except ValueError:
            raise InputValueError(
                f"{where}, column {self.header.columns[self.header.time_index]!r}: expected a "
                f"time, a number or such as 2024-05-01 10:00:00, got {text[:40]!r}"
            ) from None

    def _plain(self, cells: Cells, found: Parsed) -> NDArray[np.bool_]:
        """Parse the plain lines; return which of them are good."""
        header, rows = self.header, cells.plain
        good = np.ones(len(rows), np.bool_)
        x = np.empty((len(rows), found.x.shape[1]), np.float32)
        missing = np.zeros((len(rows), found.missing.shape[1]), np.bool_)
        if header.numbers:
            columns = np.array(header.numbers)
            x[:, header.number_places] = self._numbers(
                cells, columns, good, missing[:, : len(columns)]
            )
        for place, text in enumerate(header.texts):
            at = len(header.numbers) + place
            first, size = header.places[at]
            known, unknown = self._words[place], [np.nan] * size
            words = [known.get(cell) for cell in cells.column(text.index)]
            x[:, first : first + size] = [unknown if word is None else word for word in words]
            for row in [row for row, word in enumerate(words) if word is None]:
                good[row] = False
                self._note_word(place, cells, row)
        if header.label_index >= 0 and self._values is not None:
            y, fine = self._values.many(cells, header.label_index)
            found.y[rows] = y
            good &= fine
        elif self._values is not None:
            found.y[rows] = NO_LABEL if self._values.dtype is np.int64 else np.nan
        if header.time_index >= 0:
            for row, cell in enumerate(cells.column(header.time_index)):
                try:
                    found.times[rows[row]] = to_seconds(cell.decode().strip())
                except ValueError:
                    good[row] = False
        if header.key_index >= 0:
            for row, cell in enumerate(cells.column(header.key_index)):
                found.keys[rows[row]] = cell.decode().strip() if good[row] else ""
        found.x[rows], found.missing[rows] = x, missing & good[:, np.newaxis]
        found.kinds[rows[good]] = ROW
        return good

    def _note_word(self, place: int, cells: Cells, row: int) -> None:
        """Remember a word of the set in the spelling that the file has; others go the slow way."""
        text = self.header.texts[place]
        cell = cells.data[cells.starts[row, text.index] : cells.ends[row, text.index]]
        if len(self._words[place]) < 4 * len(text.values) and cell:
            try:
                self._words[place][cell] = text.encode(cell.decode().strip(), "")
            except (InputValueError, UnicodeDecodeError):
                return

    def _numbers(
        self,
        cells: Cells,
        columns: NDArray[np.int64],
        good: NDArray[np.bool_],
        missing: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Return float32 ``[n, n_numbers]``; note which rows are not good, and what is missing."""
        starts, ends = cells.starts[:, columns].ravel(), cells.ends[:, columns].ravel()
        data = np.frombuffer(cells.data, np.uint8)
        value, plain = parse_decimals(data, starts, ends, self._point)
        hard = np.flatnonzero(~plain)
        for at, start, end in zip(
            hard.tolist(), starts[hard].tolist(), ends[hard].tolist(), strict=True
        ):
            cell = cells.data[start:end].strip()
            row, column = divmod(at, len(columns))
            if self.fills and cell.lower() in _MISSING:
                missing[row, column], value[at] = True, np.nan
                continue
            try:
                value[at] = self._number(cell)
            except ValueError:
                good[row] = False
        with np.errstate(over="ignore"):
            rounded = value.astype(np.float32).reshape(len(good), len(columns))
        if len(hard):
            good &= (np.isfinite(rounded) | missing).all(1)
        return rounded

    def _number(self, cell: bytes) -> float:
        if b"_" in cell:
            raise ValueError(cell)
        if self._point == ord(","):
            if b"." in cell:
                raise ValueError(cell)
            cell = cell.replace(b",", b".")
        return float(cell)
