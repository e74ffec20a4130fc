"""One row of a CSV stream: text cells in, features and a label out. The exact, slow way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, StreamFormatError
from streamlearn.streams.csv_header import Header
from streamlearn.streams.csv_text import MISSING, MISSING_TEXT, to_number


class ParsedRow(NamedTuple):
    """What the cells of a row mean.

    Attributes
    ----------
    x : float32[n_features]
        NaN: the value is missing.
    label : str
        Empty if there is none.
    missing : tuple of str
        Names of the columns without a value.
    """

    x: NDArray[np.float32]
    label: str
    missing: tuple[str, ...]


def fit(cells: Sequence[str], header: Header, where: str) -> Sequence[str]:
    """Return as many cells as the header has: a comma too many at the end is nothing.

    Raises
    ------
    StreamFormatError
        The row has more or fewer cells.
    """
    size = len(header.columns)
    if len(cells) == size + 1 and not cells[-1]:
        return cells[:-1]
    if len(cells) == size:
        return cells
    if len(cells) < size:
        at = f"; the first column without a value is {header.columns[len(cells)]!r}"
    else:
        at = f"; the first value too many is {cells[size][:40]!r}"
    raise StreamFormatError(
        f"{where}: expected {size} values as in the header, got {len(cells)}{at}"
    )


def parse_row(
    cells: Sequence[str], header: Header, where: str, decimal: str = ".", fills: bool = False
) -> ParsedRow:
    """Convert the cells of one row, as many as the header has.

    Parameters
    ----------
    cells
        The row's cells, blanks removed.
    header
        The stream's columns.
    where
        Source and line, for the message.
    decimal
        The decimal point, or comma.
    fills
        Whether a missing value is NaN and not an error.

    Returns
    -------
    ParsedRow
        Each number is the float32 nearest to the float64 nearest to the decimal.

    Raises
    ------
    InputValueError
        A value is missing, not a number, NaN, infinite, beyond float32 or an unknown word.
    """
    x = np.full(len(header.feature_names), np.nan, np.float32)
    missing: list[str] = []
    exact = _all_numbers(cells, header, decimal)
    if exact is not None:
        x[header.number_places] = exact
    for place, index in enumerate(header.numbers if exact is None else ()):
        text, name = cells[index], header.columns[index]
        if fills and text.casefold() in MISSING:
            missing.append(name)
        else:
            x[header.places[place][0]] = parse_float32(text, name, where, decimal)
    for place, column in enumerate(header.texts, len(header.numbers)):
        text = cells[column.index]
        if text.casefold() in MISSING_TEXT and text not in column.values:
            if not fills:
                at = f"{where}, column {column.name!r}"
                raise InputValueError(f"{at}: the value is missing; expected a word")
            missing.append(column.name)
        else:
            first, size = header.places[place]
            x[first : first + size] = column.encode(text, where)
    return ParsedRow(x, cells[header.label_index] if header.label_index >= 0 else "", (*missing,))


def _all_numbers(cells: Sequence[str], header: Header, decimal: str) -> NDArray[np.float32] | None:
    """Return the numbers of a row that has nothing but good ones."""
    try:
        exact = np.array([to_number(cells[index], decimal) for index in header.numbers])
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    return rounded if np.isfinite(rounded).all() else None


def parse_float32(text: str, name: str, where: str, decimal: str = ".") -> float:
    """Return the float32 nearest to a cell's number.

    Raises
    ------
    InputValueError
        If it is missing, not a number, NaN, infinite or beyond float32.
    """
    at = f"{where}, column {name!r}"
    if not text:
        raise InputValueError(f"{at}: the value is missing; expected a number")
    try:
        value = to_number(text, decimal)
    except ValueError:
        raise InputValueError(
            f"{at}: expected a number, got {text[:40]!r}{_hint(text, decimal)}"
        ) from None
    if not np.isfinite(value):
        raise InputValueError(f"{at}: expected a finite number, got {text[:40]!r}")
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if not np.isfinite(rounded):
        raise InputValueError(
            f"{at}: {text[:40]!r} is outside the range of float32 (about +-3.4e38)"
        )
    return float(rounded)


def _hint(text: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    mark = {",": "comma", ".": "point"}
    try:
        to_number(text, other)
    except ValueError:
        return ""
    return f"; the decimal {mark[decimal]} is expected, --decimal {other} reads it"
