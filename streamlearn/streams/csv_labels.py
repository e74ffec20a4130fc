"""What the cells of the label column mean: a class, a number, or nothing yet."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quant.labels import shown
from streamlearn.errors import LabelError
from streamlearn.streams.csv_cells import Cells
from streamlearn.streams.csv_row import parse_float32
from streamlearn.streams.csv_text import is_number, names_nothing, to_number

#: The label of a row that has none: it is predicted only.
NO_LABEL = -1
Unlabelled = Literal["bad", "predict"]
#: More spellings of labels than these are not remembered.
_SPELLINGS = 1 << 12


class ClassValues:
    """Class indices of labels.

    Parameters
    ----------
    column
        Name of the label column.
    classes
        The labels, in the order of their indices.
    unlabelled
        What an empty cell is: a bad row, or a row that is predicted only.
    """

    dtype = np.int64
    decimal = "."

    def __init__(self, column: str, classes: Sequence[str], unlabelled: Unlabelled) -> None:
        self._column, self._classes, self._unlabelled = column, tuple(classes), unlabelled
        self._index = {label: index for index, label in enumerate(classes)}
        self._known: dict[bytes, int] = {}

    def one(self, text: str, where: str) -> int:
        """Return the index of a label, -1 if there is none.

        Raises
        ------
        LabelError
            It is not one of the classes, or there must be one.
        """
        index = self._index.get(text)
        if index is not None:
            return index
        if not text and self._unlabelled == "predict":
            return NO_LABEL
        at = f"{where}, column {self._column!r}"
        if not text:
            raise LabelError(f"{at}: no label")
        if names_nothing(text):
            raise LabelError(
                f"{at}: the label is {text!r}, which names no class; leave the cell empty to have "
                "the row predicted only, or name it among the classes (--classes) if it is one"
            )
        known = ", ".join(map(shown, self._classes[:20]))
        more = f" and {len(self._classes) - 20} more" if len(self._classes) > 20 else ""
        alike = [c for c in self._classes if folded(c) == folded(text)]
        close = alike or difflib.get_close_matches(text, self._classes, n=1)
        hint = f". Did you mean {shown(close[0])}?" if close else ""
        raise LabelError(f"{at}: unknown label {shown(text)}; the classes are {known}{more}{hint}")

    def many(self, cells: Cells, index: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return class indices, and for which cells they are good."""
        column = cells.column(index)
        known = self._known
        for cell in set(column) - known.keys():
            try:
                value = self.one(cell.decode().strip(), "")
            except (LabelError, UnicodeDecodeError):
                continue
            if len(known) < _SPELLINGS:
                known[cell] = value
        found = np.array([known.get(cell, -2) for cell in column], np.int64)
        return found, found != -2


class TargetValues:
    """Numbers to predict, float32; NaN: there is none.

    Parameters
    ----------
    column
        Name of the column.
    decimal
        The decimal point, or comma.
    unlabelled
        As for :class:`ClassValues`.
    """

    dtype = np.float32

    def __init__(self, column: str, decimal: str, unlabelled: Unlabelled) -> None:
        self._column, self._unlabelled = column, unlabelled
        self.decimal = decimal

    def one(self, text: str, where: str) -> float:
        """Return the number.

        Raises
        ------
        LabelError
            There must be one.
        InputValueError
            It is no finite float32.
        """
        if not text:
            if self._unlabelled == "predict":
                return float("nan")
            raise LabelError(f"{where}, column {self._column!r}: no label")
        return parse_float32(text, self._column, where, self.decimal)

    def many(self, cells: Cells, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the numbers, and for which cells they are good."""
        values = []
        for cell in cells.column(index):
            try:
                values.append(to_number(cell.decode(), self.decimal) if cell else np.inf)
            except ValueError:
                values.append(np.inf)
        with np.errstate(over="ignore"):
            found = np.array(values, np.float64).astype(np.float32)
        return found, np.isfinite(found)


def folded(label: str) -> Any:
    """Return what labels that look alike have in common: a number, or letters without case."""
    if is_number(label):
        number = to_number(label)
        return number if number == number else "nan"
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def look_alikes(labels: Collection[str]) -> list[tuple[str, ...]]:
    """Return the groups of labels that look alike, such as 0 and 0.0, or idle and Idle."""
    groups: dict[Any, list[str]] = {}
    for label in labels:
        groups.setdefault(folded(label), []).append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def is_regression(labels: Collection[str], n_rows: int | None) -> bool:
    """Return whether labels look like a number to predict, not like classes.

    All are numbers, and there are many: more than 20 of which some are no whole numbers, more than
    200 whole numbers, or more than 10 that hardly ever repeat in all rows, if these are known.
    """
    n = len(labels)
    if n <= 10 or not all(map(is_number, labels)):
        return False
    whole = all(to_number(label).is_integer() for label in labels)
    return n > (200 if whole else 20) or (n_rows is not None and 2 * n > n_rows)


def regression_question(name: str, column: str, labels: Collection[str], n_rows: int) -> str:
    """Return the question whether a number is to be predicted."""
    some = ", ".join(sorted(labels, key=to_number)[:: max(1, len(labels) // 4)][:5])
    return (
        f"{name}: column {column!r} holds {len(labels)} different numbers in {n_rows} "
        f"rows, such as {some}. Is it a number to predict? Then give --task regression. If each "
        "number is a class, name the classes with --classes"
    )
