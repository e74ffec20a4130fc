"""How a state is made from its seed: what is drawn, what is a copy, and runs of one number.

A rule says what it draws and copies; the runs of the rest are found. A board makes the state at its
first boot by that, instead of keeping it in flash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant.layout import Layout, State
from quant.noise import SAMPLE_INIT, sample_key, words


@dataclass(frozen=True)
class Place:
    """A matrix inside a field: row i begins at number ``first + i·stride``.

    Attributes
    ----------
    field : str
    first, rows, columns, stride : int
    """

    field: str
    first: int
    rows: int
    columns: int
    stride: int

    def numbers(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """Return the indices of its numbers, ``int64[rows, columns]``."""
        rows = self.first + self.stride * np.arange(self.rows, dtype=np.int64)
        found: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = rows[:, None] + np.arange(
            self.columns, dtype=np.int64
        )
        return found


@dataclass(frozen=True)
class Draw:
    """Whole numbers, uniform: ``(word·span >> 32) + low``, word ``i·columns + j`` of a stream.

    Attributes
    ----------
    at : Place
    stream, span, low : int
    """

    at: Place
    stream: int
    span: int
    low: int


@dataclass(frozen=True)
class Copy:
    """Numbers of another place, of the same shape and stride.

    Attributes
    ----------
    at : Place
    field : str
        Of the other place.
    first : int
        Where that begins.
    sign : int
        0: as they are. Above 0: this number, below zero its negative.
    """

    at: Place
    field: str
    first: int
    sign: int = 0


@dataclass(frozen=True)
class Run:
    """One number, over and over, other than 0.

    Attributes
    ----------
    field : str
    first, count, value : int
    """

    field: str
    first: int
    count: int
    value: int


def drawn(parts: Sequence[Draw | Copy], state: State) -> None:
    """Write what is drawn, then what is copied, into a state, in place; its seed is set."""
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for part in parts:
        target, at = state[part.at.field][0], part.at.numbers()
        if isinstance(part, Draw):
            word = words(key, part.stream, at.size).reshape(at.shape).astype(np.uint64)
            scaled = (word * np.uint64(part.span) >> np.uint64(32)).astype(np.int64) + part.low
        else:
            scaled = state[part.field][0][at - part.at.first + part.first].astype(np.int64)
            if part.sign:
                scaled = np.where(scaled < 0, -part.sign, part.sign)
        target[at] = scaled


def runs(layout: Layout, parts: Sequence[Draw | Copy], state: State) -> list[Run]:
    """Return what else a state holds, but for zeros: runs of one number, field after field."""
    found = []
    for field in layout:
        numbers = state[field.name][0].reshape(-1).astype(np.int64)
        left = np.ones(len(numbers), np.bool_)
        for part in parts:
            if part.at.field == field.name:
                left[part.at.numbers()] = False
        numbers[~left] = 0
        edges = np.flatnonzero(np.diff(numbers)) + 1
        for first, end in zip([0, *edges], [*edges, len(numbers)], strict=True):
            if end > first and numbers[first]:  # a field may have none
                found.append(Run(field.name, int(first), int(end - first), int(numbers[first])))
    return found
