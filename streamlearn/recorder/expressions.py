"""Which samples: conditions on columns, such as ``temperature > 80 and state == 'worn'``.

    or      = and { "or" and }
    and     = not { "and" not }
    not     = "not" not | "(" or ")" | operand op operand { op operand }
    operand = column | [any column] | number | 'text'
    op      = <  <=  >  >=  ==  =  !=

Nothing of it is evaluated by Python.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError

MAX_CHARACTERS, MAX_DEPTH = 2000, 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
    r"|(?P<name>[^\W\d][\w.]*)|\[(?P<column>[^\]]+)\]|'(?P<text>[^']*)'|\"(?P<text2>[^\"]*)\""
    r"|(?P<op><=|>=|==|!=|<|>|=)|(?P<bracket>[()]))"
)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_WORDS = ("and", "or", "not")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Column:
    """A column as conditions see it.

    Parameters
    ----------
    values
        One number per sample; of labels their class indices.
    read
        Returns what a number or text of a condition is in this column, given as text.
    ordered
        Whether more and less have a meaning.
    """

    values: NDArray[Any]
    read: Callable[[str], Any]
    ordered: bool = True


Columns = Mapping[str, Column]
Condition = Callable[[Columns], Mask]


@dataclass(frozen=True)
class _Operand:
    kind: str  # "name", "number" or "text"
    text: str


def condition_of(text: str) -> Condition:
    """Return the condition that a text says.

    Raises
    ------
    ConfigError
        If it cannot be read. The condition raises it too, if there is no such column, or it holds
        something else.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"a condition of {len(text)} characters: at most {MAX_CHARACTERS}")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._at, self._depth = text, _tokens(text), 0, 0

    def whole(self) -> Condition:
        found = self._or()
        if self._at < len(self._tokens):
            raise self._wrong("expected and, or, or the end")
        return found

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._take("word", "or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda c: np.any([p(c) for p in parts], axis=0)

    def _and(self) -> Condition:
        parts = [self._not()]
        while self._take("word", "and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda c: np.all([p(c) for p in parts], axis=0)

    def _not(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"nested deeper than {MAX_DEPTH}")
        if self._take("word", "not"):
            inner = self._not()
            found: Condition = lambda c: ~inner(c)  # noqa: E731 - one of three
        elif self._take("bracket", "("):
            found = self._or()
            if not self._take("bracket", ")"):
                raise self._wrong("expected )")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        left, chain = self._operand(), []
        while self._kind() == "op":
            op = self._next()[1]
            right = self._operand()
            chain.append((left, op, right))
            left = right
        if not chain:
            raise self._wrong("expected a comparison, such as > 80")
        for one, _, other in chain:
            if "name" not in (one.kind, other.kind):
                raise ConfigError(f"{self._text!r} compares {one.text} and {other.text}: no column")
        return lambda c: np.all([_compared(c, *step) for step in chain], axis=0)

    def _operand(self) -> _Operand:
        kind = self._kind()
        if kind not in ("name", "number", "text"):
            raise self._wrong("expected a column, a number or a 'text'")
        return _Operand(*self._next())

    def _kind(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == (kind, text)
        self._at += found
        return found

    def _wrong(self, why: str) -> ConfigError:
        came = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
        return ConfigError(
            f"{self._text!r}: {why}, got {came}. A condition is such as: temperature > 80 and not "
            "[flow rate] <= 1.5"
        )


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConfigError(
                f"{text!r}: cannot be read from {text[at:].strip()[:20]!r} on; a column with other "
                "characters than letters, digits and _ stands in [brackets]"
            )
        kind = str(match.lastgroup)
        word = match[kind]
        kind = {"column": "name", "text2": "text"}.get(kind, kind)
        is_word = match.lastgroup == "name" and word in _WORDS
        found.append(("word" if is_word else kind, word))
        at = match.end()
    return found


def _compared(columns: Columns, left: _Operand, op: str, right: _Operand) -> Mask:
    one = _column(columns, left) if left.kind == "name" else None
    other = _column(columns, right) if right.kind == "name" else None
    for column, name in ((one, left), (other, right)):
        if column is not None and not column.ordered and op not in ("==", "=", "!="):
            raise ConfigError(f"{name.text} {op} ...: it holds names; compare with == or !=")
    a = one.values if one is not None else _literal(other, left)
    b = other.values if other is not None else _literal(one, right)
    found: Mask = np.asarray(_OPERATORS[op](a, b), np.bool_)
    return found


def _column(columns: Columns, operand: _Operand) -> Column:
    column = columns.get(operand.text)
    if column is None:
        close = difflib.get_close_matches(operand.text, columns, 1)
        hint = f". Did you mean {close[0]}?" if close else ""
        known = ", ".join(list(columns)[:30])
        raise ConfigError(f"no column {operand.text!r} in the record; it has {known}{hint}")
    return column


def _literal(column: Column | None, operand: _Operand) -> Any:
    assert column is not None  # the parser saw to it
    try:
        return column.read(operand.text)
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError(f"{operand.text!r} is not what the column beside it holds") from None


def number(text: str) -> np.float32:
    """Return a number as a column of float32 holds it.

    Raises
    ------
    ValueError
        If it is none.
    """
    with np.errstate(over="ignore"):
        found: np.float32 = np.float32(float(text))
        return found


def moment(text: str) -> int:
    """Return microseconds since 1970 of a date or time in ISO 8601, UTC if without a zone.

    Raises
    ------
    ValueError
        If it is none.
    """
    from streamlearn.recorder.recorder import microseconds

    return microseconds(datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text)))
