"""Parsed lines are given out as rows, and it is known at every row what was given out."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, StreamlearnError
from streamlearn.streams.csv_blocks import BAD, ROW, Parsed
from streamlearn.streams.csv_fill import Filling
from streamlearn.streams.csv_header import Header
from streamlearn.streams.csv_options import ReadOptions


class Slice(NamedTuple):
    """Rows that follow one another.

    Attributes
    ----------
    x : float32[n, n_features]
    y : int64[n] or float32[n]
    lines : int64[n]
    times : float64[n]
    keys : list of str
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    lines: NDArray[np.int64]
    times: NDArray[np.float64]
    keys: list[str]


class Owner(Protocol):
    """The stream."""

    name: str
    options: ReadOptions
    missing: dict[str, int]
    _header: Header

    def bad(self, error: StreamlearnError, left_out: bool) -> None:
        """Raise an error, or note it."""


class Given:
    """What a stream has given out so far.

    Parameters
    ----------
    owner
        The stream.
    line, crc32
        Number of the line before the first, and the checksum of all lines until then.
    filling
        What fills missing values.
    """

    def __init__(self, owner: Owner, line: int, crc32: int, filling: Filling) -> None:
        self._owner, self._filling = owner, filling
        self._line, self._crc32 = line, crc32
        self._parsed: Parsed | None = None
        self._upto = self._at = 0  # lines of the block that were given out, and their bytes
        self._before = copy.deepcopy(filling)
        self._original: NDArray[np.float32] | None = None
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        header = owner._header
        names = [header.columns[index] for index in header.numbers]
        self._names = [*names, *(text.name for text in header.texts)]

    @property
    def position(self) -> tuple[int, int]:
        """Number of the latest line that was given out, and the CRC-32 of all lines until then."""
        if self._parsed is not None and self._upto:
            lines = self._parsed.lines
            end = int(lines.ends[self._upto - 1])
            if end > self._at:
                self._crc32 = zlib.crc32(memoryview(lines.data)[self._at : end], self._crc32)
                self._at = end
        return self._line + self._upto, self._crc32

    def memory(self) -> dict[str, Any]:
        """Return what later rows depend on, at :attr:`position`."""
        found: dict[str, Any] = (
            {"missing": dict(self._owner.missing)} if self._owner.missing else {}
        )
        filling = self._filling
        if filling.learns and self._original is not None:
            filling = copy.deepcopy(self._before)
            filling.fill(self._original[: np.searchsorted(self._rows, self._upto)].copy())
        if filling.learns:
            found["filling"] = filling.to_dict()
        return found

    def out(self, parsed: Parsed, at_most: Callable[[], int]) -> Iterator[Slice]:
        """Give out the rows of some lines, in slices.

        Parameters
        ----------
        parsed
            The lines.
        at_most
            Asked before each slice how many rows it may have.

        Raises
        ------
        StreamlearnError
            A bad row, after the rows before it were given out.
        """
        self._line, self._crc32 = self.position
        self._parsed, self._upto, self._at = parsed, 0, 0
        self._fill(parsed)
        rows, bad = np.flatnonzero(parsed.kinds == ROW), sorted(parsed.errors)
        at = n_bad = 0
        while at < len(rows):
            end = min(at + max(1, at_most()), len(rows))
            while n_bad < len(bad) and bad[n_bad] < rows[end - 1]:
                before = int(np.searchsorted(rows, bad[n_bad]))
                if before > at and bad[n_bad] not in parsed.left_out and self._stops:
                    end = before  # what stands before it is given out first
                    break
                self._bad(parsed, bad[n_bad])
                n_bad += 1
            which = rows[at:end]
            self._pass(parsed, int(which[-1]) + 1)
            whole = len(which) == len(parsed.kinds)
            yield Slice(
                parsed.x if whole else parsed.x[which],
                parsed.y if whole else parsed.y[which],
                which + (parsed.lines.before + 1),
                parsed.times[which],
                [parsed.keys[row] for row in which] if parsed.keys else [],
            )
            at = end
        for row in bad[n_bad:]:
            self._bad(parsed, row)
        self._pass(parsed, len(parsed.kinds))

    @property
    def _stops(self) -> bool:
        return getattr(self._owner, "on_bad", "stop") == "stop"

    def _bad(self, parsed: Parsed, row: int) -> None:
        if row >= self._upto:
            self._pass(parsed, row + 1)
        self._owner.bad(parsed.errors[row], row in parsed.left_out)

    def _pass(self, parsed: Parsed, upto: int) -> None:
        """Say that these lines were given out or passed over."""
        if parsed.missing.any():
            counts = parsed.missing[self._upto : upto].sum(0).tolist()
            for name, count in zip(self._names, counts, strict=True):
                if count:
                    self._owner.missing[name] = self._owner.missing.get(name, 0) + count
        self._upto = upto

    def _fill(self, parsed: Parsed) -> None:
        """Fill what is missing; a row that cannot be filled is left out."""
        self._original, self._rows = None, np.flatnonzero(parsed.kinds == ROW)
        gaps = parsed.missing.any()
        if not gaps and not self._filling.learns:
            return
        x = parsed.x[self._rows]
        if self._filling.learns:
            self._before = copy.deepcopy(self._filling)
            self._original = x.copy()
        whole = self._filling.fill(x)
        parsed.x[self._rows] = x
        owner = self._owner
        for row in self._rows[~whole].tolist():
            name = self._names[int(np.flatnonzero(parsed.missing[row])[0])]
            why = {"hold": "no earlier value to hold", "mean": "no earlier value for a mean"}
            how = why.get(owner.options.missing, f"--missing {owner.options.missing}")
            parsed.kinds[row] = BAD
            parsed.left_out.add(row)
            parsed.errors[row] = InputValueError(
                f"{owner.name} line {parsed.lines.before + row + 1}, column {name!r}: the value is "
                f"missing; the row is left out ({how})"
            )
