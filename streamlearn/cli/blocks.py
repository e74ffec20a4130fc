"""The rows of a stream in blocks: what is there already is learned in one call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import StreamlearnError
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets
from streamlearn.streams.recordings import Recordings

#: Samples of the first block, and of the largest.
FIRST, MOST = 32, 4096
#: A block is this long at least, if the stream is fast, and not much longer: signals wait for it.
WANTED_S = 0.02


class Rows(NamedTuple):
    """Samples as they came.

    Attributes
    ----------
    x : float32[n, n_features]
    y : int64[n], or float32[n] of a regression
        Class indices; -1: no label. Or targets; NaN: none.
    lines : int64[n]
    times : float64[n] or None
        Seconds since 1970 UTC, NaN of a row without; None: the stream has no times.
    keys : sequence of str
        By which later labels find their row, or the recording that a row belongs to; may be empty.
    begins : collection of int
        Rows with which a recording begins, to a spiking learner.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    lines: NDArray[np.int64]
    times: NDArray[np.float64] | None = None
    keys: Sequence[str] = ()
    begins: Collection[int] = ()


class BlockSize:
    """How many samples the next block may have: so many as are learned in some milliseconds."""

    def __init__(self) -> None:
        self.most = FIRST

    def learned(self, n: int, seconds: float) -> None:
        """Take note of how long a block took."""
        if seconds > 2 * WANTED_S:
            self.most = max(1, self.most // 2)
        elif n == self.most and seconds < WANTED_S / 2:
            self.most = min(MOST, 2 * self.most)


class RowBlocks:
    """The rows of a stream, block by block; a bad row ends it, and what came before is kept.

    Parameters
    ----------
    rows
        The stream.
    order
        Positions of the learner's features in the stream's; None: the same.

    Attributes
    ----------
    error : StreamlearnError or None
        What was wrong with the bad row.
    position : tuple
        :attr:`CsvStream.position` of the last row of the latest block.
    skipped : int
        Rows left out until then.
    memory : dict
        :meth:`CsvStream.memory` then, and the recording of the last row.
    recordings : Recordings or None
        Says which rows begin a recording, if that matters; set it before the first block.
    """

    def __init__(self, rows: CsvStream | CsvTargets, order: NDArray[np.intp] | None = None) -> None:
        self._rows, self._order = rows, order
        self.error: StreamlearnError | None = None
        self.position, self.skipped = rows.position, 0
        self.memory: dict[str, Any] = {}
        self.recordings: Recordings | None = None

    def blocks(self, at_most: Callable[[], int]) -> Iterator[Rows]:
        """Yield blocks of the rows that are there: of a pipe one by one, as they come.

        Parameters
        ----------
        at_most
            Asked before each block how many rows it may have.
        """
        try:
            for x, y, lines in self._rows.blocks(at_most):
                self.position, self.skipped = self._rows.position, self._rows.skipped.count
                self.memory = self._rows.memory()
                x = x if self._order is None else x[:, self._order]
                keys, begins = self._rows.keys, set[int]()
                if self.recordings is not None:
                    begins = self.recordings.begin(keys)
                    self.memory = {**self.memory, "recording": self.recordings.of}
                yield Rows(x, y, lines, self._rows.times, keys, begins)
        except StreamlearnError as error:
            self.error = error
