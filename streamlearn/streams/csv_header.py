"""The columns of a CSV stream: which is the label, which are features, and what they are called."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, StreamFormatError
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import FLAGS, MISSING_TEXT, is_number


@dataclass(frozen=True)
class TextColumn:
    """A column of words of a fixed set.

    Parameters
    ----------
    index
        Its place in the file.
    name
        Its name.
    values
        The words. A pair of :data:`streamlearn.streams.csv_text.FLAGS` is one feature, 0 or 1;
        other sets are one feature per word, which is 1 for this word and else 0.
    """

    index: int
    name: str
    values: tuple[str, ...]

    @cached_property
    def flag(self) -> bool:
        """Whether it is one feature, 0 or 1."""
        return tuple(value.casefold() for value in self.values) in FLAGS

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of its features."""
        return (self.name,) if self.flag else tuple(f"{self.name}={v}" for v in self.values)

    def encode(self, text: str, where: str) -> list[float]:
        """Return the features of a word.

        Raises
        ------
        InputValueError
            It is none of the set.
        """
        found = text.casefold() if self.flag else text
        values = [v.casefold() for v in self.values] if self.flag else [*self.values]
        if found not in values:
            raise InputValueError(
                f"{where}, column {self.name!r}: unknown value {text[:40]!r}; the values are "
                f"{_listed(self.values)}"
            )
        if self.flag:
            return [float(values.index(found))]
        return [float(value == found) for value in values]


@dataclass(frozen=True)
class Header:
    """Columns of a stream.

    Parameters
    ----------
    columns
        Every column, in file order.
    label_index
        Position of the label column; -1: there is none.
    numbers
        Positions of the feature columns that hold numbers, in file order.
    texts
        The feature columns that hold words, in file order.
    time_index, key_index
        Positions of the columns with the time and with the key; -1: there is none.
    """

    columns: tuple[str, ...]
    label_index: int
    numbers: tuple[int, ...] = ()
    texts: tuple[TextColumn, ...] = ()
    time_index: int = -1
    key_index: int = -1

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """First feature and number of features of every feature column: numbers, then texts."""
        sizes = dict.fromkeys(self.numbers, 1)
        sizes |= {text.index: len(text.feature_names) for text in self.texts}
        first, found = 0, {}
        for index in sorted(sizes):
            found[index] = (first, sizes[index])
            first += sizes[index]
        return tuple(found[i] for i in (*self.numbers, *(text.index for text in self.texts)))

    @cached_property
    def number_places(self) -> NDArray[np.int64]:
        """Features that are numbers, in the order of `numbers`, int64."""
        return np.array([first for first, _ in self.places[: len(self.numbers)]], np.int64)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in file order."""
        named: dict[int, tuple[str, ...]] = {
            index: (self.columns[index],) for index in self.numbers
        }
        named |= {text.index: text.feature_names for text in self.texts}
        return tuple(name for index in sorted(named) for name in named[index])


def parse_header(
    cells: Sequence[str],
    label_column: str | None,
    where: str,
    options: ReadOptions | None = None,
    texts: Sequence[TextColumn] = (),
    left_out: Collection[int] = (),
    unfinished: bool = False,
) -> Header:
    """Check the cells of the header row.

    Parameters
    ----------
    cells
        The cells of the header.
    label_column
        Name of the label column; None: there need be none.
    where
        Source and line, for the message.
    options
        What the owner says of the columns.
    texts
        The columns that hold words.
    left_out
        Positions of columns that are no features.
    unfinished
        Whether more columns of words may become features: then there may be none yet.

    Returns
    -------
    Header
        The checked columns.

    Raises
    ------
    StreamFormatError
        A column has no name or the name of another, a column that was named is missing, or there
        is no feature.
    """
    options = options or ReadOptions()
    for position, name in enumerate(cells):
        if not name and position not in left_out:
            raise StreamFormatError(f"{where}: column {position + 1} of the header has no name")
    named = [name for position, name in enumerate(cells) if name or position not in left_out]
    doubles = sorted(name for name, count in Counter(named).items() if count > 1)
    if label_column is not None and label_column not in named:
        raise StreamFormatError(f"{where}: {_no_label(named, label_column)}")
    if doubles:
        raise StreamFormatError(
            f"{where}: duplicate column name(s) {', '.join(map(repr, doubles))}; "
            "give each column its own name"
        )
    asked = {
        "--features": options.features,
        "--ignore": options.ignore,
        "--categories": [column for column, _ in options.categories],
        "--time": [options.time] if options.time else [],
        "--key or --segment": [options.key] if options.key else [],
    }
    there = {name: index for index, name in enumerate(cells)}
    for option, names in asked.items():
        for name in names:
            if name not in there:
                raise StreamFormatError(f"{where}: {option}: {_no_column(named, name)}")
    no_feature = {label_column, options.time, options.key, *options.ignore}
    for name in options.features:
        if name in (label_column, options.time, options.key):
            raise StreamFormatError(
                f"{where}: --features: {name!r} is the label, the time or the key; a learner "
                "would be told the answer, or count rows"
            )
    wanted = {*options.features} or {
        name for index, name in enumerate(cells) if index not in left_out
    }
    wanted -= no_feature
    wanted -= {cells[index] for index in left_out}
    if not wanted and not unfinished:
        raise StreamFormatError(
            f"{where}: the only column is the label {label_column!r}; expected features beside it, "
            "separated by commas. If another mark separates them, name it with --delimiter"
        )
    words = tuple(text for text in texts if text.name in wanted)
    header = Header(
        tuple(cells),
        -1 if label_column is None else there[label_column],
        tuple(sorted(there[name] for name in wanted - {text.name for text in words})),
        words,
        -1 if options.time is None else there[options.time],
        -1 if options.key is None else there[options.key],
    )
    same = [name for name, count in Counter(header.feature_names).items() if count > 1]
    if same:
        raise StreamFormatError(f"{where}: two features are called {same[0]!r}; rename a column")
    return header


def text_columns(
    cells: Sequence[str], categories: Sequence[tuple[str, tuple[str, ...]]]
) -> list[TextColumn]:
    """Return the columns whose words are known."""
    known = dict(categories)
    return [TextColumn(i, name, known[name]) for i, name in enumerate(cells) if name in known]


def words_of(cells: Collection[str]) -> set[str]:
    """Return the words of a column, without what says that there is none."""
    return {cell for cell in cells if cell.casefold() not in MISSING_TEXT}


def _no_label(cells: Sequence[str], label_column: str) -> str:
    if any(is_number(cell) for cell in cells):
        return (
            f"no header row with a column {label_column!r}: the first row looks like data "
            f"({', '.join(cells[:4])}...); put the column names above it"
        )
    message = f"no label column {label_column!r}; the columns are {_listed(cells)}"
    if len(cells) == 1:
        message += "; expected cells separated by commas, or by what --delimiter names"
    return message + _meant(cells, label_column)


def _no_column(cells: Sequence[str], name: str) -> str:
    return f"no column {name!r}; the columns are {_listed(cells)}{_meant(cells, name)}"


def _meant(cells: Sequence[str], name: str) -> str:
    folded = {cell.casefold(): cell for cell in cells}
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
    return f". Did you mean {folded[close[0]]!r}?" if close else ""


def _listed(names: Sequence[str], at_most: int = 20) -> str:
    shown = ", ".join(map(repr, names[:at_most]))
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"
