"""The header row of a CSV stream: which column is the label, and what the features are called."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass

from streamlearn.errors import StreamFormatError
from streamlearn.sources.limits import MAX_COLUMNS


@dataclass(frozen=True)
class Header:
    """Column names of a stream.

    Parameters
    ----------
    columns
        Every column, in file order.
    label_index
        Position of the label column.
    """

    columns: tuple[str, ...]
    label_index: int

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Every column but the label, in file order."""
        return self.columns[: self.label_index] + self.columns[self.label_index + 1 :]


def parse_header(cells: list[str], label_column: str, where: str) -> Header:
    """Check the cells of the header row.

    Parameters
    ----------
    cells
        The cells of the first line that is not blank.
    label_column
        Name of the label column.
    where
        Source and line, for the message.

    Returns
    -------
    Header
        The checked columns.

    Raises
    ------
    StreamFormatError
        There are too many columns, one has no name or the name of another, the label column is
        missing, or there is no other column.
    """
    if len(cells) > MAX_COLUMNS:
        raise StreamFormatError(f"{where}: {len(cells)} columns; at most {MAX_COLUMNS} are read")
    for position, name in enumerate(cells, 1):
        if not name:
            raise StreamFormatError(f"{where}: column {position} of the header has no name")
    doubles = sorted(name for name, count in Counter(cells).items() if count > 1)
    if label_column not in cells:
        raise StreamFormatError(f"{where}: {_no_label(cells, label_column)}")
    if doubles:
        raise StreamFormatError(
            f"{where}: duplicate column name(s) {', '.join(map(repr, doubles))}; "
            "give each column its own name"
        )
    if len(cells) < 2:
        raise StreamFormatError(
            f"{where}: the only column is the label {label_column!r}; expected features beside "
            "it, separated by commas"
        )
    return Header(tuple(cells), cells.index(label_column))


def _no_label(cells: list[str], label_column: str) -> str:
    if any(_is_number(cell) for cell in cells):
        return (
            f"no header row with a column {label_column!r}: the first row looks like data "
            f"({', '.join(cells[:4])}...); put the column names above it"
        )
    message = f"no label column {label_column!r}; the columns are {_listed(cells)}"
    if len(cells) == 1 and any(mark in cells[0] for mark in ";\t|"):
        return f"{message}; cells must be separated by commas"
    folded = {cell.casefold(): cell for cell in cells}
    close = difflib.get_close_matches(label_column.strip().casefold(), folded, n=1)
    return f"{message}. Did you mean {folded[close[0]]!r}?" if close else message


def _listed(names: list[str], at_most: int = 20) -> str:
    shown = ", ".join(map(repr, names[:at_most]))
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
