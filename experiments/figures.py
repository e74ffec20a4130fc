"""Figures in documents that a recorded result writes: ``python -m experiments figures``.

A figure stands between two comments::

    <!-- figure: SOURCE -->anything<!-- /figure -->

The command replaces what stands between them by what the recorded results say. ``--check`` writes
nothing, and fails where a document says something else; a test runs it over all documents. Nothing
is measured again: an experiment writes its result below ``experiments/results/``, and the document
repeats it.

SOURCE is one of

* ``mesu-pmnist/table.md``: a whole file below ``experiments/results/``, on lines of its own.
* ``size/table.md#rp2040; q16 :: code``: a cell of a table in that file. Before ``::`` stand cells
  of its row, separated by ``;``, as many as name one row; behind it stands the column's head.
* ``instructions/result.json#learners/MESU, q16/state``: a value in a JSON file; its keys and
  places in lists, separated by ``/``.

Behind a cell or a value may stand

* ``{,.0f}``: a format of Python's, for the number; of a cell, for the first number in it.
  ``{.1f/1000}`` divides the number first.
* ``over SOURCE {…}``: the ratio of the two numbers, such as
  ``a/table.md#x :: y over a/table.md#z :: y {.0%}``, which writes "57 %".

Without a format a cell is repeated as it is, and a whole number has its thousands separated. A
comment right behind a backtick is an example, and is left alone.

From Python: :func:`filled` returns a document with its figures, :func:`figure` one figure.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from functools import cache
from pathlib import Path
from typing import Any

from streamlearn.errors import StreamlearnError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"

_OPENING = re.compile(r"(?<!`)<!-- figure: (?P<source>.+?) -->")
_CLOSING = "<!-- /figure -->"
_FORMAT = re.compile(r"^(?P<source>.*?)\s*\{(?P<spec>[^{}/]*)(?:/(?P<divisor>[\d.]+))?\}$")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
OVER = " over "


class FigureError(StreamlearnError):
    """A figure that no recorded result has, or a document that says something else."""


def documents(root: Path = ROOT) -> list[Path]:
    """Return the documents that may have figures: Markdown at the root and below ``docs/``."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def filled(text: str, where: str = "the document", results: Path = RESULTS) -> str:
    """Return a document with every figure as the results have it.

    Parameters
    ----------
    text : str
    where : str
        Names the document in errors.
    results : Path
        Folder of the recorded results.

    Raises
    ------
    FigureError
        If a comment is not closed, or a source names nothing.
    """
    parts, end = [], 0
    for opening in _OPENING.finditer(text):
        line = text.count("\n", 0, opening.start()) + 1
        if opening.start() < end:
            raise FigureError(f"{where}, line {line}: a figure inside another, or one not closed")
        closing = text.find(_CLOSING, opening.end())
        if closing < 0:
            raise FigureError(f"{where}, line {line}: {opening[0]} is closed by no {_CLOSING}")
        try:
            new = figure(opening["source"], results)
        except FigureError as error:
            raise FigureError(f"{where}, line {line}: {error}") from error
        parts += [text[end : opening.end()], new]
        end = closing
    return "".join([*parts, text[end:]])


def figure(source: str, results: Path = RESULTS) -> str:
    """Return what stands between the comments of a source.

    Raises
    ------
    FigureError
        If the source is not of the form above, or names nothing.
    """
    if "#" not in source:
        return f"\n\n{_read(results, source.strip()).strip()}\n\n"
    found = _FORMAT.match(source)
    named = found["source"] if found else source
    terms = [_value(results, term.strip()) for term in named.split(OVER)]
    if len(terms) > 2 or (len(terms) == 2 and not found):
        raise FigureError(f"{source!r}: expected SOURCE, or SOURCE over SOURCE and a {{format}}")
    if not found:
        return f"{terms[0]:,}" if isinstance(terms[0], int) else str(terms[0])
    numbers = [_number(term, source) for term in terms]
    value = numbers[0] / (numbers[1] if len(numbers) > 1 else float(found["divisor"] or 1))
    try:
        text = format(int(value) if found["spec"].endswith("d") else value, found["spec"])
    except ValueError as error:
        raise FigureError(f"{source!r}: {error}") from error
    return text.replace("%", " %")


def _value(results: Path, term: str) -> Any:
    name, _, place = term.partition("#")
    if name.endswith(".json"):
        return _json_value(_read(results, name), term, place)
    row, separator, column = place.partition("::")
    if not separator:
        raise FigureError(f"{term!r}: expected FILE.md#CELL; CELL :: COLUMN")
    cells = [cell.strip() for cell in row.split(";")]
    return _cell(_read(results, name), term, cells, column.strip())


def _json_value(text: str, term: str, place: str) -> Any:
    value = json.loads(text)
    for key in place.split("/"):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (LookupError, ValueError, TypeError):
            there = list(value) if isinstance(value, dict) else type(value).__name__
            raise FigureError(f"{term!r}: there is no {key!r} in {there}") from None
    if isinstance(value, (dict, list)):
        raise FigureError(f"{term!r}: names {type(value).__name__}, not one value")
    return value


def _cell(text: str, term: str, cells: Sequence[str], column: str) -> str:
    found = [
        row[head.index(column)]
        for head, rows in _tables(text)
        if column in head
        for row in rows
        if set(cells) <= set(row)
    ]
    if len(found) != 1:
        heads = sorted({name for head, _ in _tables(text) for name in head if name})
        raise FigureError(
            f"{term!r}: {len(found)} rows have the cells {', '.join(cells)} in a table with the "
            f"column {column!r}; expected one. There are the columns {', '.join(heads)}"
        )
    return found[0]


def _tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        if len(lines) > 2:
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            yield rows[0], rows[2:]


def _number(value: Any, source: str) -> float:
    found = _NUMBER.search(str(value))
    if not found:
        raise FigureError(f"{source!r}: {value!r} has no number")
    return float(found[0].replace(",", ""))


def _read(results: Path, name: str) -> str:
    path = results / name
    if not path.is_file():
        raise FigureError(
            f"no recorded result {name!r} below {results}: an experiment writes it "
            "(python -m experiments list)"
        )
    return _text(path, path.stat().st_mtime_ns)


@cache
def _text(path: Path, mtime: int) -> str:
    del mtime
    return path.read_text("utf-8")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("documents", nargs="*", type=Path, help="all of the project if none")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")


def run(options: argparse.Namespace) -> None:
    """Write the figures of documents, or check them.

    Raises
    ------
    FigureError
        If a source names nothing; with ``--check`` also where a document says something else.
    """
    stale = []
    for path in options.documents or documents():
        old = path.read_text("utf-8")
        new = filled(old, str(path), options.results)
        if new == old:
            continue
        stale.append(str(path))
        print("\n".join(unified_diff(old.splitlines(), new.splitlines(), str(path), "", n=0)))
        if not options.check:
            path.write_text(new, "utf-8")
    if options.check and stale:
        raise FigureError(
            f"{', '.join(stale)}: figures differ from the recorded results; "
            "run python -m experiments figures"
        )
