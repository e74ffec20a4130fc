"""How a CSV is to be read, where its owner says so; what is not said is guessed."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from streamlearn.errors import ConfigError

Missing = Literal["stop", "skip", "hold", "mean"]
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|", "\\t": "\t"}


@dataclass(frozen=True)
class ReadOptions:
    """What the owner of a CSV says of it.

    Parameters
    ----------
    features
        Columns to learn from; empty: every column that is nothing else.
    ignore
        Columns to leave out.
    time
        Column with the time of a row, a number (seconds since 1970) or ISO 8601 text. No feature.
    key
        Column by which labels that come later find their row. No feature.
    delimiter
        One character, or one of comma, semicolon, tab, space, pipe. Space: any run of blanks.
    decimal
        ``"."`` or ``","``.
    encoding
        Of the text, such as ``"latin-1"``.
    categories
        Values of text columns, by the columns' names, in the order of their features.
    missing
        What a missing value of a feature does: ``"stop"``: its row is a bad row; ``"skip"``: its
        row is left out; ``"hold"``: the column's latest value is taken; ``"mean"``: the mean of the
        column's values so far.
    left_out, numbers
        Columns that were found to be no features, or to hold numbers, when an earlier part of the
        stream was read: what comes now is not guessed anew. They need not be there.

    Raises
    ------
    ConfigError
        A value that means nothing, or a column that is both wanted and ignored.
    """

    features: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    time: str | None = None
    key: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    missing: Missing = "stop"
    left_out: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", DELIMITERS.get(self.delimiter, self.delimiter))
            if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0#' or self.delimiter.isalnum():
                raise ConfigError(
                    f"delimiter: expected one character, or one of {', '.join(DELIMITERS)}, "
                    f"got {self.delimiter!r}"
                )
        if self.decimal not in (None, ".", ","):
            raise ConfigError(f"decimal: expected '.' or ',', got {self.decimal!r}")
        if self.missing not in get_args(Missing):
            raise ConfigError(
                f"missing: expected one of {', '.join(get_args(Missing))}, got {self.missing!r}"
            )
        if self.encoding is not None:
            object.__setattr__(self, "encoding", encoding_name(self.encoding))
        for column, values in self.categories:
            if len(set(values)) < len(values) or len(values) < 2 or "" in values:
                raise ConfigError(
                    f"categories of {column!r}: expected at least two different texts, "
                    f"got {list(values)}"
                )
        both = sorted({*self.features} & {*self.ignore})
        if both:
            raise ConfigError(f"column(s) {both} are both wanted (features) and left out (ignore)")

    def to_dict(self) -> dict[str, Any]:
        """Return them for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> ReadOptions:
        """Invert :meth:`to_dict`."""
        known = dict(found)
        for name in ("features", "ignore", "left_out", "numbers"):
            known[name] = tuple(known.get(name, ()))
        known["categories"] = tuple(
            (column, tuple(values)) for column, values in known.get("categories", ())
        )
        return cls(**known)


def encoding_name(name: str) -> str:
    """Return Python's name of an encoding of text.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    try:
        found = codecs.lookup(name)
        found.incrementaldecoder("strict").decode(b"", True)
        text = "a".encode(name)
    except (LookupError, TypeError, ValueError, AttributeError):
        text = b""
    if not text or not getattr(found, "_is_text_encoding", True):
        raise ConfigError(
            f"encoding: {name!r} is none that Python knows; try utf-8, latin-1, cp1252"
        )
    return "utf-8" if found.name in ("utf-8", "ascii", "utf-8-sig") else found.name
