"""The layout of a state: one description for NumPy, C and the documents.

A layout is an ordered list of fields. From it come the NumPy dtype, the C struct with an assertion
for the place of each member, and the table of docs/state-format.md; nothing else says where a byte
lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

#: One state: a structured array of one element.
State = npt.NDArray[Any]

#: How a real number is kept, by kind of numbers.
REAL = {"float32": "<f4", "float64": "<f8"}

C_TYPES = {
    "<u4": "uint32_t",
    "<i4": "int32_t",
    "<u2": "uint16_t",
    "<i2": "int16_t",
    "i1": "int8_t",
    "u1": "uint8_t",
    "<f4": "float",
    "<f8": "double",
}
#: Words first, so that every member lies at a multiple of its size.
_ORDER = {4: 0, 8: 1, 2: 2, 1: 3}
#: Bytes begin at a word too: rows of weights are read word by word.
_ALIGNMENT = {8: 8, 4: 4, 2: 2, 1: 4}


@dataclass(frozen=True)
class Field:
    """One member of a state.

    Attributes
    ----------
    name : str
    dtype : str
        A key of :data:`C_TYPES`: little endian.
    meaning : str
        What it holds, with its unit or Q format.
    shape : tuple of int
        ``()`` for one number, ``(n,)`` for n.
    start : int
        What it holds before the first sample, if the rule does not say otherwise.
    least, most : int, optional
        What its numbers lie within in every state that a learner can reach, if that is less than
        its type holds.
    """

    name: str
    dtype: str
    meaning: str
    shape: tuple[int, ...] = ()
    start: int = 0
    least: int | None = None
    most: int | None = None

    @property
    def item_bytes(self) -> int:
        """Bytes of one number."""
        return np.dtype(self.dtype).itemsize

    @property
    def n_bytes(self) -> int:
        """Bytes of the whole field."""
        return self.item_bytes * int(np.prod(self.shape, dtype=np.int64))

    @property
    def c_member(self) -> str:
        """The member of the C struct, without the semicolon."""
        return f"{C_TYPES[self.dtype]} {self.name}" + "".join(f"[{n}]" for n in self.shape)


@dataclass(frozen=True)
class Range:
    """What numbers of a field may be, in every state that a learner can reach.

    Attributes
    ----------
    field : str
    first, count : int
        Which of its numbers.
    low, high : int
        The least and the largest value.
    """

    field: str
    first: int
    count: int
    low: int
    high: int


class Layout(tuple[Field, ...]):
    """The fields of a state in the order of their bytes, no gap between them.

    Build one with :meth:`of`, which orders the fields and names the padding.
    """

    @classmethod
    def of(cls, header: Iterable[Field], fields: Iterable[Field]) -> Layout:
        """Order fields so that each lies at a multiple of its size; gaps become named padding.

        Parameters
        ----------
        header : iterable of Field
            Three words, which stay in front.
        fields : iterable of Field
            The rest. Single words come first, then arrays of words, doubles, halves and bytes, each
            in the order given.

        Raises
        ------
        ValueError
            If two fields have one name.
        """
        front, rest = list(header), sorted(fields, key=_place)
        if not rest or rest[0].item_bytes != 4 or rest[0].shape:
            front.append(Field("reserved", "<u4", "0", most=0))
        placed: list[Field] = []
        at = gaps = 0
        end = 8 if any(field.item_bytes == 8 for field in rest) else 4
        for field in (*front, *rest, None):
            missing = -at % (end if field is None else _ALIGNMENT[field.item_bytes])
            if missing:
                gaps += 1
                placed.append(_padding(f"padding_{gaps}" if gaps > 1 else "padding", missing))
            if field is not None:
                placed.append(field)
                at += missing + field.n_bytes
        layout = cls(placed)
        names = _names(layout)
        if len(set(names)) != len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two fields of a state are called {double!r}: give each its own name")
        return layout

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Where each field begins, in bytes."""
        found, at = {}, 0
        for field in self:
            found[field.name] = at
            at += field.n_bytes
        return found

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of one state."""
        return np.dtype(
            [(f.name, f.dtype, f.shape) if f.shape else (f.name, f.dtype) for f in self]
        )

    @property
    def n_words(self) -> int:
        """How many single words a state begins with."""
        return len(list(takewhile(lambda f: f.item_bytes == 4 and not f.shape, self)))

    @property
    def n_bytes(self) -> int:
        """Bytes of one state."""
        return self.dtype.itemsize

    def c_struct(self, name: str = "sl_state_t") -> str:
        """The C struct, and an assertion for the place of every member and for the size."""
        members = "".join(f"    {f.c_member}; /* {f.meaning} */\n" for f in self)
        asserts = "".join(
            f'SL_STATIC_ASSERT(offsetof({name}, {f}) == {at}, "{f} is at byte {at}");\n'
            for f, at in self.offsets.items()
        )
        size = f'SL_STATIC_ASSERT(sizeof({name}) == {self.n_bytes}, "{self.n_bytes} bytes");\n'
        return f"typedef struct {{\n{members}}} {name};\n\n{asserts}{size}"

    def table(self) -> str:
        """Rows of a markdown table: byte, field, type, how many, meaning."""
        rows = ["| byte | field | type | count | meaning |", "|---:|---|---|---:|---|"]
        for field in self:
            count = int(np.prod(field.shape, dtype=np.int64))
            kind = C_TYPES[field.dtype]
            rows.append(
                f"| {self.offsets[field.name]} | `{field.name}` | {kind} | {count:,} "
                f"| {field.meaning} |"
            )
        return "\n".join(rows) + "\n"


def _place(field: Field) -> tuple[int, bool]:
    return _ORDER[field.item_bytes], field.item_bytes == 4 and bool(field.shape)


def _names(fields: Iterable[Field]) -> list[str]:
    return [field.name for field in fields]


def _padding(name: str, missing: int) -> Field:
    if missing == 2:
        return Field(name, "<u2", "0", most=0)
    return Field(name, "u1", "0", (missing,), most=0)
