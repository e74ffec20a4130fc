"""What the first lines of a CSV say of it: marks, decimal comma, columns that are no numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamlearn.errors import StreamFormatError
from streamlearn.streams.csv_lines import Lines
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import (
    MISSING,
    flag_pair,
    is_date,
    is_number,
    split_record,
)

MARKS = (",", ";", "\t", "|", " ")
NAMES = {"\t": "tab", " ": "blanks"}
_SEP = re.compile(r'\s*"?sep=(.)"?\s*[,;]*\s*', re.IGNORECASE)
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_INNER_COMMA, _QUOTED_COMMA = re.compile(rb"\d,\d"), re.compile(rb'"[+-]?\d+,\d')
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
#: A number with a unit, a sign of its own, or marks between its digits.
_ADORNED = re.compile(r"[^\w\s]{0,3}\s*[+−–-]?\s*\d[\d.,'’\s]*[^\d\s]{0,5}")
#: Rows that tell a column of such numbers from a few words that begin with a digit.
_TELLING_ROWS = 8


@dataclass
class Guess:
    """What was found out.

    Attributes
    ----------
    cells : list of str
        Of the header; a column that has no name there is empty.
    delimiter : str
    decimal : str or None
        None: nothing in the lines tells.
    left_out : dict
        Why a column is no feature, by its position.
    words : dict
        Columns of words, by position; with the words, if they are known.
    adorned : dict
        Columns that look like numbers and cannot be read, by name; with a cell.
    """

    cells: list[str]
    delimiter: str
    decimal: str | None = None
    left_out: dict[int, str] = field(default_factory=dict)
    words: dict[int, tuple[str, ...]] = field(default_factory=dict)
    adorned: dict[str, str] = field(default_factory=dict)


def sep_line(text: str) -> str | None:
    """Return the mark that a line such as ``sep=;`` names, which Excel writes, or None."""
    found = _SEP.fullmatch(text)
    return found[1] if found else None


def delimiter_of(header: str, wanted: str | None) -> str:
    """Return the mark that cuts a header into most cells, one of which is the wanted one."""
    best, most = ",", (False, 0)
    for mark in MARKS:
        try:
            cells = split_record(header, "", mark)
        except StreamFormatError:
            continue
        size = len(cells)
        rank = (size > 1 and (wanted is None or wanted in cells), size if mark != " " else 1)
        if size > 1 and rank > most and (mark != " " or rank[0]):
            best, most = mark, rank
    return best


def decimal_of(cells: Sequence[str], delimiter: str) -> str | None:
    """Return the decimal mark that some cells show, or None if they show none or both."""
    points = any(_POINT.fullmatch(cell) for cell in cells)
    commas = any(
        _COMMA.fullmatch(cell) and not (delimiter == "," and _THOUSANDS.fullmatch(cell))
        for cell in cells
    )
    if points == commas:
        return "." if points else None
    return "." if points else ","


def telling_lines(lines: Lines, delimiter: str, at_most: int = 64) -> list[int]:
    """Return some lines that may show the decimal mark."""
    comma = _QUOTED_COMMA if delimiter == "," else _INNER_COMMA
    if b"." not in lines.data and not comma.search(lines.data):
        return []
    found = []
    for index in range(len(lines)):
        raw = lines.raw(index)
        if b"." in raw or comma.search(raw):
            found.append(index)
            if len(found) == at_most:
                break
    return found


def look(
    cells: list[str],
    delimiter: str,
    sample: Sequence[Sequence[str]],
    label: str | None,
    options: ReadOptions,
) -> Guess:
    """Look at the header and some rows.

    Parameters
    ----------
    cells
        Of the header.
    delimiter
        What cuts the lines.
    sample
        Cells of some rows; empty for a source that has none yet.
    label
        Name of the label column.
    options
        What the owner says: it is not guessed.
    """
    cells, sample = _same_length(cells, sample)
    guess = Guess(cells, delimiter)
    size = len(cells)
    rows = [row for row in sample if len(row) == size]
    columns: list[tuple[str, ...]] = list(zip(*rows, strict=True)) if rows else [()] * size
    for index in range(size - 1, 0, -1):
        if cells[index] or any(columns[index]):
            break
        guess.left_out[index] = "an empty column at the end"
    if cells[0] in ("", "Unnamed: 0") and cells[0] not in options.features:
        counts = _counts(columns[0]) if rows else not cells[0]
        if counts:
            guess.left_out[0] = "the first column (it counts the rows)"
    for index, name in enumerate(cells):
        if name in options.left_out and name not in options.features:
            guess.left_out[index] = f"{name!r} (as before)"
    no_feature = {label, options.time, options.key, *options.ignore, *dict(options.categories)}
    numbers: list[str] = []
    for index, name in enumerate(cells):
        if index in guess.left_out or name in no_feature:
            continue
        if options.features and name not in options.features:
            continue
        values = [cell for cell in columns[index] if cell.casefold() not in MISSING]
        known = name in options.numbers
        if known or not values or any(is_number(v, ".") or is_number(v, ",") for v in values):
            numbers += values
        elif all(is_date(value) for value in values) and name not in options.features:
            guess.left_out[index] = f"{name!r} (times; --time {name} keeps them)"
        else:
            guess.words[index] = flag_pair({*values}) or ()
            if _is_adorned(values):
                guess.adorned[name] = values[0]
    guess.decimal = options.decimal or decimal_of(numbers, delimiter)
    return guess


def _is_adorned(values: Sequence[str]) -> bool:
    """Return whether nearly every row has another number, with something around it."""
    return (
        len(values) >= _TELLING_ROWS
        and 2 * len({*values}) > len(values)
        and all(_ADORNED.fullmatch(value) for value in values)
    )


def check_plain(guess: Guess, name: str) -> None:
    """Refuse numbers with a unit or marks of their own: as words they would be one input each.

    Raises
    ------
    StreamFormatError
        With the column and a cell.
    """
    for column, cell in guess.adorned.items():
        raise StreamFormatError(
            f"{name}: column {column!r} holds numbers with something around them, such as "
            f"{cell!r}: write plain numbers, without units and marks between thousands; or leave "
            f"it out with --ignore {column}, or name its values with --categories"
        )


def _same_length(
    cells: list[str], sample: Sequence[Sequence[str]]
) -> tuple[list[str], Sequence[Sequence[str]]]:
    """Give the header a cell more, if all rows have one more: row numbers, or a comma too many."""
    rows = [row for row in sample if len(row) == len(cells) + 1]
    if not rows or len(rows) < len(sample):
        return cells, sample
    if not any(row[-1] for row in rows):
        return [*cells, ""], sample
    if _counts([row[0] for row in rows]):
        return ["", *cells], sample
    return cells, sample


def _counts(cells: Sequence[str]) -> bool:
    """Return whether cells are 0, 1, 2… or go on from another whole number."""
    if not all(cell.isascii() and cell.isdigit() for cell in cells):
        return False
    first = int(cells[0])
    return [int(cell) for cell in cells] == list(range(first, first + len(cells)))


def said(
    guess: Guess, options: ReadOptions, encoding: str, name: str, notes: Sequence[str] = ()
) -> str:
    """Return in one line what was guessed, or nothing if nothing had to be."""
    how = []
    if options.delimiter is None and guess.delimiter != ",":
        how.append(f"cells separated by {NAMES.get(guess.delimiter, repr(guess.delimiter))}")
    if options.decimal is None and guess.decimal == ",":
        how.append("decimal comma")
    if options.encoding is None and encoding != "utf-8":
        how.append(f"encoding {encoding}")
    parts = [f"read with {', '.join(how)}"] if how else []
    parts += notes
    if guess.left_out:
        parts.append(f"left out: {', '.join(guess.left_out.values())}")
    words = [
        f"{guess.cells[index]!r} ({', '.join(values[:8])}{', …' if len(values) > 8 else ''})"
        for index, values in guess.words.items()
        if values
    ]
    if words:
        parts.append(f"words: {', '.join(words)}")
    return f"{name}: {'; '.join(parts)}" if parts else ""
