"""One row of a CSV stream: text cells in, float32 features and a label out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, LabelError, StreamFormatError
from streamlearn.streams.csv_header import Header


def parse_row(cells: list[str], header: Header, where: str) -> tuple[NDArray[np.float32], str]:
    """Convert the cells of one row.

    Parameters
    ----------
    cells
        The row's cells, blanks removed.
    header
        The stream's columns.
    where
        Source and line, for the message.

    Returns
    -------
    tuple
        float32 ``[n_features]``, each the float32 nearest to the float64 nearest to the
        decimal; and the label's text.

    Raises
    ------
    StreamFormatError
        The row has more or fewer cells than the header.
    InputValueError
        A value is missing, not a number, NaN, infinite or beyond float32.
    LabelError
        The label is empty.
    """
    if len(cells) != len(header.columns):
        raise StreamFormatError(
            f"{where}: expected {len(header.columns)} values as in the header, got {len(cells)}"
            + _first_missing(cells, header)
        )
    label = cells[header.label_index]
    if not label:
        raise LabelError(f"{where}, column {header.columns[header.label_index]!r}: no label")
    values = cells[: header.label_index] + cells[header.label_index + 1 :]
    try:
        exact = np.array([_number(value) for value in values], np.float64)
    except ValueError:
        exact = np.full(len(values), np.nan)
    with np.errstate(over="ignore"):
        x = exact.astype(np.float32)
    if not np.isfinite(x).all():
        for name, text in zip(header.feature_names, values, strict=True):
            parse_float32(text, name, where)  # the slow path: it names the first bad value
        raise AssertionError("a row of good values was refused")
    return x, label


def _number(text: str) -> float:
    """`float`, without Python's own spelling ``1_000``."""
    if "_" in text:
        raise ValueError(text)
    return float(text)


def parse_float32(text: str, name: str, where: str) -> float:
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
        value = _number(text)
    except ValueError:
        raise InputValueError(f"{at}: expected a number, got {text[:40]!r}") from None
    if not np.isfinite(value):
        raise InputValueError(f"{at}: expected a finite number, got {text[:40]!r}")
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if not np.isfinite(rounded):
        raise InputValueError(
            f"{at}: {text[:40]!r} is outside the range of float32 (about +-3.4e38)"
        )
    return float(rounded)


def _first_missing(cells: list[str], header: Header) -> str:
    if len(cells) < len(header.columns):
        return f"; the first column without a value is {header.columns[len(cells)]!r}"
    return f"; the first value too many is {cells[len(header.columns)][:40]!r}"
