"""Where a fleet's predictions and images go: sinks of Bytewax."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from streamlearn.errors import StreamFormatError
from streamlearn.fleet.folder import PREDICTIONS_FILE, Images

HEADER = ("key", "line", "predicted", "label")


class Predicted(NamedTuple):
    """What a key predicted of its rows before it learned them."""

    key: str
    lines: npt.NDArray[Any]
    predicted: Sequence[Any]
    labels: Sequence[Any]


class Learned(NamedTuple):
    """A key's image where the stream ends."""

    key: str
    n_samples: int
    image: bytes


class _PredictionsFile(StatefulSinkPartition[Predicted, int]):
    """A CSV that is cut where the states are that a run goes on from."""

    def __init__(self, path: Path, offset: int | None) -> None:
        self._file = path.open("ab")
        if self._file.tell() < (offset or 0):
            self._file.close()
            raise StreamFormatError(
                f"{path} has {path.stat().st_size} bytes, and {offset} were written; give the file "
                "back as it was, or begin another fleet"
            )
        self._file.truncate(offset or 0)
        if not offset:
            self._write([HEADER])

    def write_batch(self, values: list[Predicted]) -> None:
        self._write(
            (key, line, guess, label)
            for key, lines, predicted, labels in values
            for line, guess, label in zip(lines.tolist(), predicted, labels, strict=True)
        )

    def _write(self, rows: Any) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())

    def snapshot(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


class PredictionsSink(FixedPartitionedSink[Any, int]):
    """The predictions of all keys, in one CSV; takes :class:`Predicted`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def list_parts(self) -> list[str]:
        """Return the one partition: a file has one writer."""
        return [PREDICTIONS_FILE]

    def part_fn(self, item_key: str) -> int:
        """Return its index, whatever the key."""
        del item_key
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        """Open the partition, as it was at the moment that a run goes on from."""
        del step_id, for_part
        return _PredictionsFile(self._path, resume_state)


class _ImagesStore(StatefulSinkPartition[Learned, int]):
    def __init__(self, folder: Path) -> None:
        self._images = Images(folder)

    def write_batch(self, values: list[Learned]) -> None:
        self._images.put(values)

    def snapshot(self) -> int:
        return 0


class ImagesSink(FixedPartitionedSink[Any, int]):
    """The images of all keys, in one store; takes :class:`Learned`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_parts(self) -> list[str]:
        """Return the one partition: a file has one writer."""
        return ["images"]

    def part_fn(self, item_key: str) -> int:
        """Return its index, whatever the key."""
        del item_key
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        """Open the partition, as it was at the moment that a run goes on from."""
        del step_id, for_part, resume_state
        return _ImagesStore(self._folder)
