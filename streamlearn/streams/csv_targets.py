"""Rows of a CSV with a number to predict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError
from streamlearn.sources import Source
from streamlearn.streams.csv_row import parse_float32
from streamlearn.streams.csv_rows import CsvRows, Skipped

TargetRow = tuple[NDArray[np.float32], float, int]


class CsvTargets(CsvRows):
    """Rows of a CSV file or pipe; iterating yields ``(x, target, line_number)``.

    As :class:`streamlearn.streams.csv_stream.CsvStream`, but the column ``target_column`` holds a
    number, which is rounded to float32.

    Parameters
    ----------
    path_or_dash, on_bad, stdin
        As for a CsvStream.
    target_column
        Name of the column that holds the target; every other column must be numeric too.

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
        target_column: str,
        on_bad: Literal["stop", "skip"] = "stop",
        stdin: IO[Any] | None = None,
    ) -> None:
        super().__init__(path_or_dash, target_column, on_bad, stdin)
        self._open_stream()

    def __iter__(self) -> Iterator[TargetRow]:
        self.skipped = Skipped()
        for x, text, line_number in self._labelled_rows():
            where = f"{self.name} line {line_number}"
            try:
                target = parse_float32(text, self.label_column, where)
            except InputValueError as error:
                self._bad(error)
            else:
                yield x, target, line_number
