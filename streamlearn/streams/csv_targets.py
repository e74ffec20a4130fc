"""Rows of a CSV with a number to predict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.sources import Source
from streamlearn.streams.csv_labels import TargetValues, Unlabelled
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_rows import CsvRows

TargetRow = tuple[NDArray[np.float32], float, int]
TargetBlock = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


class CsvTargets(CsvRows):
    """Rows of a CSV file or pipe; iterating yields ``(x, target, line_number)``.

    As :class:`streamlearn.streams.csv_stream.CsvStream`, but the column ``target_column`` holds a
    number, which is rounded to float32.

    Parameters
    ----------
    path_or_dash, on_bad, stdin, options
        As for a CsvStream.
    target_column
        Name of the column that holds the target. None: targets come from elsewhere.
    unlabelled
        What a row without a target is: ``"bad"``, or ``"predict"``: its target is NaN.
    late
        Name of the target where it comes from elsewhere: a column of this name is no feature.

    Raises
    ------
    DataNotFoundError, StreamFormatError, InputValueError, LabelError, ConfigError
        As a CsvStream; a target that is no finite float32 is a bad row.

    Examples
    --------
    >>> import io
    >>> text = io.StringIO("t,load\\n20.5,1.5\\n90.0,7\\n")
    >>> [(x.tolist(), y, line) for x, y, line in CsvTargets("-", "load", stdin=text)]
    [([20.5], 1.5, 2), ([90.0], 7.0, 3)]
    """

    def __init__(
        self,
        path_or_dash: str | Path | Source,
        target_column: str | None,
        on_bad: Literal["stop", "skip"] = "stop",
        stdin: IO[Any] | None = None,
        options: ReadOptions | None = None,
        unlabelled: Unlabelled = "bad",
        late: str | None = None,
    ) -> None:
        super().__init__(path_or_dash, target_column, on_bad, stdin, options, unlabelled, late)
        self._open_stream()
        self._take_words(self._scan(self._unknown, self._few) if self._unknown else None)

    def __iter__(self) -> Iterator[TargetRow]:
        for part in self._slices(lambda: 1):
            yield part.x[0], float(part.y[0]), int(part.lines[0])

    def blocks(self, max_rows: int | Callable[[], int]) -> Iterator[TargetBlock]:
        """Yield rows that are there already, many at once.

        Parameters
        ----------
        max_rows
            How many rows a block may have; or a function that is asked before each block.

        Yields
        ------
        tuple
            As a CsvStream, but the targets are float32 ``[n]``.
        """
        at_most = max_rows if callable(max_rows) else lambda: max_rows
        for part in self._slices(at_most):
            yield part.x, part.y, part.lines

    def label_values(self, column: str) -> TargetValues:
        """Return what the cells of a column of targets mean."""
        return TargetValues(column, ".", "bad")

    def _values(self) -> TargetValues:
        return TargetValues(self.label_column or "", self._guess.decimal or ".", self._unlabelled)
