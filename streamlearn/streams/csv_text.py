"""Single cells and records: cutting a line, and what counts as missing, yes, or a time."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from datetime import datetime, timezone

from streamlearn.errors import StreamFormatError

#: Cells that say that there is no value, in small letters.
MISSING = frozenset(
    {"", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "-nan(ind)", "null", "none"}
)
#: A text column may have "none" as a value.
MISSING_TEXT = MISSING - {"none"}
#: Pairs of words that are one feature, 0 or 1.
FLAGS = (
    ("false", "true"), ("no", "yes"), ("off", "on"), ("f", "t"), ("n", "y"),
    ("closed", "open"), ("low", "high"), ("nein", "ja"), ("falsch", "wahr"), ("non", "oui"),
)  # fmt: skip
_FRACTION = re.compile(r"\.(\d+)")


def split_record(text: str, where: str, delimiter: str = ",") -> list[str]:
    """Split one line into its cells, without the blanks around them.

    Parameters
    ----------
    text
        One line without its end. Quotes follow RFC 4180, but a record must end on its line: a
        quote that is never closed then costs one line, not the rest of the stream.
    where
        Source and line, for the message.
    delimiter
        One character; a blank stands for any run of blanks and tabs.

    Returns
    -------
    list of str
        The cells; an empty list for a blank line.

    Raises
    ------
    StreamFormatError
        Bad quoting, or a cell longer than the csv module's limit.
    """
    if not text.strip():
        return []
    blanks = delimiter == " "
    if blanks:
        text = text.replace("\t", " ").strip(" ")
        if '"' not in text:
            return text.split()
    try:
        rows: Iterator[list[str]] = csv.reader(
            [text], strict=True, skipinitialspace=not blanks, delimiter=delimiter
        )
        cells = [cell.strip() for cell in next(rows)]
    except csv.Error as error:
        raise StreamFormatError(
            f"{where}: not a CSV record ({error}); quotes must be closed on the same line"
        ) from None
    return [cell for cell in cells if cell] if blanks else cells


def is_number(text: str, decimal: str = ".") -> bool:
    """Return whether a cell is a number, finite or not."""
    try:
        to_number(text, decimal)
    except ValueError:
        return False
    return True


def to_number(text: str, decimal: str = ".") -> float:
    """Return a cell's number: `float`, without Python's own spelling ``1_000``.

    Raises
    ------
    ValueError
        It is none.
    """
    if "_" in text:
        raise ValueError(text)
    if decimal == ",":
        if "." in text:
            raise ValueError(text)
        text = text.replace(",", ".")
    return float(text)


def names_nothing(text: str) -> bool:
    """Return whether a label says that there is none, or is infinity or NaN in some spelling.

    No class is named so, unless whoever reads the stream names it among the classes.
    """
    if text.casefold() in MISSING:
        return True
    return is_number(text) and not math.isfinite(to_number(text))


def to_seconds(text: str) -> float:
    """Return the time of a cell: a number as it is, ISO 8601 text as seconds since 1970 (UTC).

    Raises
    ------
    ValueError
        It is neither.
    """
    try:
        return to_number(text)
    except ValueError:
        return to_date(text).timestamp()


def to_date(text: str) -> datetime:
    """Return the moment that ISO 8601 text names; without a zone it is UTC.

    Raises
    ------
    ValueError
        It names none.
    """
    if not text[:4].isdigit() or text[4:5] != "-":
        raise ValueError(text)
    text = text[:-1] + "+00:00" if text[-1:] in "Zz" else text
    # Python 3.10 reads three or six digits behind the point only.
    text = _FRACTION.sub(lambda found: f".{found[1][:6]:0<6}", text)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def is_date(text: str) -> bool:
    """Return whether a cell is ISO 8601 text."""
    try:
        to_date(text)
    except ValueError:
        return False
    return True


def flag_pair(values: set[str]) -> tuple[str, str] | None:
    """Return the pair of words that a column's values are, as (0, 1), or None."""
    folded = {value.casefold() for value in values}
    return next((pair for pair in FLAGS if folded and folded <= set(pair)), None)
