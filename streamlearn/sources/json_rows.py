"""JSON lines as rows of a CSV: the same cells, so that every option for columns works for both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from quant.labels import is_text
from streamlearn.errors import StreamFormatError
from streamlearn.sources.limits import MAX_JSON_DEPTH, MAX_JSON_KEYS

FORMATS = ("csv", "jsonl")


class _Number(str):
    """The text of a number as it was written: not a digit is lost on the way."""


class JsonRows:
    """Turns one flat JSON object per line into the text of a CSV record.

    The keys of the first object are the header. Later objects may have them in another order.
    Numbers stay as they were written, true and false become text, null becomes an empty cell: a
    missing value.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()

    def first(self, text: str, where: str) -> tuple[str, str]:
        """Return the header and the first record.

        Parameters
        ----------
        text
            The first line.
        where
            Source and line, for the message.

        Raises
        ------
        StreamFormatError
            If it is no flat object, has no keys, or more than the limit.
        """
        if text.lstrip().startswith("["):
            raise StreamFormatError(
                f"{where}: a JSON array; expected one object per line, such as from "
                "`jq -c '.[]' FILE`"
            )
        found = _flat(text, where)
        if not found:
            raise StreamFormatError(f"{where}: an object without keys; the keys are the columns")
        self._names, self._known = tuple(found), frozenset(found)
        return ",".join(map(quoted, self._names)), self._record(found)

    def row(self, text: str, where: str) -> str:
        """Return a later line as a record; parameters and errors as :meth:`first`."""
        found = _flat(text, where)
        if found.keys() != self._known:
            missing = [name for name in self._names if name not in found]
            more = [name for name in found if name not in self._known]
            raise StreamFormatError(
                f"{where}: other keys than in the first object; missing: "
                f"{_listed(missing)}, unknown: {_listed(more)}"
            )
        return self._record(found)

    def _record(self, found: dict[str, str]) -> str:
        return ",".join([found[name] for name in self._names])


def guessed_format(text: str) -> str:
    """Return what the first line that is not blank looks like: ``jsonl`` or ``csv``."""
    text = text.lstrip()
    return "jsonl" if text.startswith("{") or text.startswith(("[{", "[[")) else "csv"


def with_value(line: bytes, name: str, text: str) -> bytes:
    """Return a JSON object with one more text, as its first value; other lines as they are."""
    if not line.lstrip().startswith(b"{"):
        return line
    rest = line.lstrip()[1:].lstrip()
    comma = "" if rest.startswith(b"}") else ", "
    return f"{{{json.dumps(name)}: {json.dumps(text)}{comma}".encode() + rest


def picked(text: str, needed: Sequence[str], optional: Sequence[str], where: str) -> list[str]:
    """Return the cells of some keys of a JSON object, whatever else is in it.

    Parameters
    ----------
    text
        The object.
    needed, optional
        Names of keys; where an optional one is not there, its cell is empty.
    where
        Source and place, for the message.

    Raises
    ------
    StreamFormatError
        If it is no flat object, or a needed key is not there.
    """
    found = _flat(text, where)
    for name in needed:
        if name not in found:
            raise StreamFormatError(f"{where}: no {name!r}; it has {_listed([*found])}")
    return [found.get(name, "") for name in (*needed, *optional)]


def _flat(text: str, where: str) -> dict[str, str]:
    """Return the cells of one object by their keys, each as a CSV has it."""
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise StreamFormatError(f"{where}: JSON that is nested too deeply; {_EXPECTED}") from None
    except ValueError as error:
        raise StreamFormatError(f"{where}: not a JSON object ({error}); {_EXPECTED}") from None
    if type(found) is not _Pairs:
        raise StreamFormatError(f"{where}: {_kind(found)}; {_EXPECTED}")
    if len(found) > MAX_JSON_KEYS:
        raise StreamFormatError(
            f"{where}: {len(found)} keys; at most {MAX_JSON_KEYS} columns are read"
        )
    cells: dict[str, str] = {}
    for name, value in found:
        if name in cells:
            raise StreamFormatError(f"{where}: the key {name[:40]!r} comes twice")
        if not is_text(name):
            raise StreamFormatError(f"{where}: the key {name[:40]!r} has half of a surrogate pair")
        cells[name] = _cell(name, value, where)
    return cells


class _Pairs(list[tuple[str, Any]]):
    """Keys and values of an object, in order, also those that come twice."""


_EXPECTED = "expected one flat object per line: numbers, texts, true, false and null"
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number, parse_constant=_Number
)


def _cell(name: str, value: Any, where: str) -> str:
    if type(value) is _Number:
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is str:
        if "\n" in value or "\r" in value or "\0" in value:
            raise StreamFormatError(
                f"{where}, column {name[:40]!r}: a text with a line break or NUL in it"
            )
        if not is_text(value):
            raise StreamFormatError(
                f"{where}, column {name[:40]!r}: {value[:40]!r} has half of a surrogate pair, "
                "which is no character"
            )
        return quoted(value)
    raise StreamFormatError(f"{where}, column {name[:40]!r}: {_kind(value)}; {_EXPECTED}")


def quoted(text: str) -> str:
    """Return a text in quotes: then no comma, no # and no blank in it means anything."""
    return '"' + text.replace('"', '""') + '"' if text else ""


def _kind(value: Any) -> str:
    if isinstance(value, _Pairs):
        return f"an object within the object, where at most {MAX_JSON_DEPTH} deep is read"
    if isinstance(value, list):
        return "an array"
    return f"a value alone, {str(value)[:40]!r}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:10])
    return (shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more") or "none"
