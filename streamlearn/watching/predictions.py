"""A file of predictions that grows with a run: CSV, or one JSON object per line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quant.durable import sync, sync_folder, write_error
from streamlearn.errors import ConfigError, StateFormatError, WriteError

COLUMNS = ("sample", "line", "prediction", "label", "probability")
CSV_HEADER = (",".join(COLUMNS) + "\n").encode()
#: Of a regression: mean, and the two standard deviations.
NUMBER_COLUMNS = ("sample", "line", "prediction", "target", "aleatoric", "epistemic")
HEADERS = tuple((",".join(names) + "\n").encode() for names in (COLUMNS, NUMBER_COLUMNS))
JSON_START = b'{"sample":'
CSV_NAMES, JSON_NAMES = (".csv",), (".jsonl", ".ndjson", ".json")
#: What may wait in memory while the disk is full.
MOST_WAITING = 1 << 22


class Predicted(Protocol):
    """What it needs of :class:`streamlearn.cli.observers.Block`."""

    @property
    def first(self) -> int:
        """Samples before the block."""
        ...

    @property
    def labels(self) -> NDArray[Any]:
        """Class indices; -1: none."""
        ...

    @property
    def predictions(self) -> NDArray[Any]:
        """Class indices."""
        ...

    @property
    def lines(self) -> NDArray[np.int64]:
        """Line numbers."""
        ...

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """Float64 ``[n, n_classes]``."""
        ...


def checked(path: Path) -> Path:
    """Return a path that a file of predictions may have; refuse what would be overwritten.

    Raises
    ------
    ConfigError
        If its ending says neither CSV nor JSON lines, or it holds something else.
    """
    if path.suffix.lower() not in CSV_NAMES + JSON_NAMES:
        raise ConfigError(
            f"{path}: expected a name that ends in .csv, or in .jsonl for one JSON object per line"
        )
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: expected a file for the predictions")
    if path.is_file():
        with path.open("rb") as file:
            begin = file.read(max(map(len, HEADERS)))
        if begin and not begin.startswith((*HEADERS, JSON_START)):
            raise ConfigError(
                f"{path} exists and holds no predictions of an earlier run, which a new run would "
                "replace; give a new file"
            )
    return path


class PredictionsFile:
    """Writes a row for every sample: number, line, prediction, label if any, probability.

    Each block is written when it comes, and brought to the disk before a checkpoint counts on it.
    While the disk is full, rows wait in memory.

    Parameters
    ----------
    path
        Ends in .csv, or in .jsonl, .ndjson or .json for JSON lines.
    names
        Of the classes, by index.
    size
        Bytes of it that the checkpoint counts on, from which a run goes on; None: a new file.

    Raises
    ------
    ConfigError
        See :func:`checked`.
    StateFormatError
        If it has fewer bytes than the checkpoint counts on.
    WriteError
        If it cannot be opened.
    """

    wants = frozenset({"probabilities"})
    columns: tuple[str, ...] = COLUMNS

    def __init__(self, path: Path, names: Sequence[str], size: int | None = None) -> None:
        self.path, self.size = checked(path), size or 0
        self._names, self._csv = [*names], path.suffix.lower() in CSV_NAMES
        self._waiting = b""
        if size is not None:
            self._check(size)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("r+b" if path.exists() else "x+b", buffering=0)
            self._file.truncate(self.size)
            sync_folder(path.parent)
        except OSError as error:
            raise write_error(path, error) from error
        if self._csv and not self.size:
            self._waiting = (",".join(self.columns) + "\n").encode()
        self._write()

    def _check(self, size: int) -> None:
        there = self.path.stat().st_size if self.path.is_file() else 0
        if there < size:
            raise StateFormatError(
                f"{self.path} has {there} bytes, the checkpoint counts on {size}: it was cut, "
                "moved or replaced. Bring it back, or give --predictions with a new name"
            )

    def see(self, block: Predicted) -> None:
        """Write a block.

        Raises
        ------
        WriteError
            If it could not be written for so long that too much waits in memory.
        """
        self._waiting += self._text(self._table(block)).encode()
        try:
            self._write()
        except WriteError:
            if len(self._waiting) > MOST_WAITING:
                raise

    def _table(self, block: Predicted) -> Any:
        """Return the rows of a block."""
        n = len(block.predictions)
        shares: list[Any] = [None] * n
        if block.probabilities is not None:
            picked = block.probabilities[np.arange(n), block.predictions]
            shares = np.round(picked, 6).tolist()
        return zip(
            range(block.first + 1, block.first + n + 1),
            block.lines.tolist(),
            map(self._name, block.predictions.tolist()),
            map(self._name, block.labels.tolist()),
            shares,
            strict=True,
        )

    def _name(self, index: int) -> str | None:
        if index < 0:
            return None
        return self._names[index] if index < len(self._names) else str(index)

    def _text(self, rows: Any) -> str:
        out = io.StringIO()
        if self._csv:
            csv.writer(out, lineterminator="\n").writerows(rows)
            return out.getvalue()
        for row in rows:
            out.write(json.dumps(dict(zip(self.columns, row, strict=True)), separators=(",", ":")))
            out.write("\n")
        return out.getvalue()

    def _write(self) -> None:
        try:
            self._file.seek(self.size)
            while self._waiting:
                done = self._file.write(self._waiting) or 0
                self.size += done
                self._waiting = self._waiting[done:]
        except OSError as error:
            raise write_error(self.path, error) from error

    def checkpoint(self) -> None:
        """Bring everything to the disk.

        Raises
        ------
        WriteError
            If that fails; the next checkpoint tries again.
        """
        self._write()
        try:
            sync(self._file.fileno())
        except OSError as error:
            raise write_error(self.path, error) from error

    def end(self) -> None:
        """Close the file.

        Raises
        ------
        WriteError
            If rows that wait in memory cannot be written.
        """
        try:
            self._write()
        finally:
            self._file.close()

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs of it."""
        return {"path": str(self.path.absolute()), "size": self.size}

    @classmethod
    def again(
        cls, state: Mapping[str, Any], path: Path | None, names: Sequence[str]
    ) -> PredictionsFile:
        """Go on with what :meth:`to_dict` knew, or begin a new file if another path is given.

        Raises
        ------
        ConfigError, StateFormatError, WriteError
            As the constructor.
        """
        before = Path(state["path"])
        if path is None or path.absolute() == before:
            return cls(before if path is None else path, names, int(state["size"]))
        return cls(path, names)
