"""Writing a record: samples are gathered, and go to the end of the file block by block."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from quant.durable import sync, write_durably, write_error
from streamlearn.errors import ConfigError, StateFormatError
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.recorder.layout import (
    MAGIC,
    SAMPLES,
    SNAPSHOT,
    Samples,
    encode_block,
    encode_header,
    encode_samples,
    targets_of,
)
from streamlearn.recorder.record import Boundary, Record
from streamlearn.version import __version__

#: Samples between snapshots of the state: a second of replay, and a few kilobytes.
SNAPSHOT_EVERY = 100_000
_BLOCK_SAMPLES, _BLOCK_BYTES = 4096, 1 << 20


class RecordWriter:
    """Appends to a record; what was flushed stays, whatever becomes of the process.

    Made by :meth:`create` or :meth:`go_on`. Every verb may be called from several threads.

    Attributes
    ----------
    n_samples : int
        Samples of the record, those not yet on the disk included.
    n_learned : int
        Those of them that were learned.
    numbers : bool
        Whether the learner predicts a number: targets are then float32.
    """

    def __init__(
        self,
        path: Path,
        file: IO[bytes],
        record: Record,
        end: Boundary,
        snapshot_every: int | None,
    ) -> None:
        self.path, self._file, self._every = path, file, snapshot_every
        self._lock = threading.RLock()
        self.numbers = record.numbers
        self._features, labels = record.names_at(end.samples)
        self._labels = list(labels)
        self._start = record.start.n_samples
        self._end, self._crc = end.at, end.crc32
        self.n_samples, self.n_learned = end.samples, end.learned
        self._snapshot_at = end.samples
        width = record.start.spec.n_features
        rows = max(1, min(_BLOCK_SAMPLES, _BLOCK_BYTES // (4 * width + 24)))
        self._x = np.empty((rows, width), np.float32)
        self._targets = targets_of(np.zeros(rows), self.numbers)
        self._times, self._lines = np.zeros((2, rows), np.int64)
        self._used = 0
        self._told: dict[str, Any] = {}
        self._waiting: list[bytes] = []

    @classmethod
    def create(
        cls,
        path: str | Path,
        learner: StreamLearner,
        *,
        label: str | None = None,
        snapshot_every: int | None = SNAPSHOT_EVERY,
        force: bool = False,
    ) -> RecordWriter:
        """Begin a record of what a learner learns from here on.

        Parameters
        ----------
        path
            A new file.
        learner
            As it is now: the record's start.
        label
            Name of the column with the label, for expressions.
        snapshot_every
            Samples between states that are kept beside the samples, so that a later state is found
            without learning all; None: none.
        force
            Whether a record that is there is replaced; another file never is.

        Raises
        ------
        ConfigError
            If the file is there, or another process writes it.
        WriteError
            If it cannot be written.
        LabelError
            If a label is not text, a number or a truth value.
        """
        path = Path(path)
        check_place(path, force)
        with learner._lock:
            image = learner.to_bytes()
        description = {
            "target": "class" if isinstance(learner, StreamClassifier) else "number",
            "label": label,
            "learner": str(learner),
            "streamlearn": __version__,
        }
        write_durably(path, encode_header(description, image))
        return cls._opened(path, snapshot_every, 0, None)

    @classmethod
    def go_on(
        cls,
        path: str | Path,
        n_samples: int | None = None,
        crc32: int | None = None,
        *,
        snapshot_every: int | None = SNAPSHOT_EVERY,
    ) -> RecordWriter:
        """Go on with a record behind its first samples; what lies behind them is cut off.

        Parameters
        ----------
        path
            A record.
        n_samples, crc32
            What :meth:`position` was; None: behind the last whole block.

        Raises
        ------
        StateFormatError
            If it is no record, has fewer whole samples, or is another one.
        WriteError
            If it cannot be written.
        """
        return cls._opened(Path(path), snapshot_every, n_samples, crc32)

    @classmethod
    def _opened(
        cls, path: Path, every: int | None, n_samples: int | None, crc32: int | None
    ) -> RecordWriter:
        try:
            file = path.open("r+b", buffering=0)
        except FileNotFoundError:
            raise StateFormatError(
                f"{path} is gone, and what it was to go on with; give another file for a new record"
            ) from None
        except OSError as error:
            raise write_error(path, error) from error
        try:
            _hold(file, path)
            record = Record(path)
            end = record.boundary(n_samples, crc32)
            file.truncate(end.at)
            return cls(path, file, record, end, every)
        except BaseException:
            file.close()
            raise

    def position(self) -> tuple[int, int]:
        """Return how many samples are on the disk, and the checksum of all of them."""
        with self._lock:
            return self.n_samples, self._crc

    def names(self, features: Sequence[str] | None, labels: Sequence[Any]) -> None:
        """Say what the learner knows by now: names of its features, and its labels."""
        with self._lock:
            if features is not None and self._features is None:
                self._gather()
                self._features = tuple(features)
                self._told["features"] = list(features)
            if len(labels) > len(self._labels):
                new = list(labels[len(self._labels) :])
                self._labels += new
                self._told.setdefault("labels", []).extend(new)

    def add(
        self,
        x: NDArray[Any],
        targets: NDArray[Any],
        times: NDArray[np.int64] | int,
        lines: NDArray[np.int64] | int = 0,
    ) -> None:
        """Add samples in the order in which they were learned.

        Parameters
        ----------
        x : float[n, n_features]
            Each value a float32.
        targets : int[n] or float[n]
        times, lines : int[n] or int
            As of :class:`streamlearn.recorder.layout.Samples`.

        Raises
        ------
        WriteError
            If a full block cannot be written. Nothing is lost: it is tried again with the next.
        """
        with self._lock:
            n, at = len(targets), 0
            while at < n:
                size = min(n - at, len(self._x) - self._used)
                here, there = slice(self._used, self._used + size), slice(at, at + size)
                self._x[here], self._targets[here] = x[there], targets[there]
                self._times[here] = times if isinstance(times, int) else times[there]
                self._lines[here] = lines if isinstance(lines, int) else lines[there]
                self._used, at = self._used + size, at + size
                if self._used == len(self._x):
                    self._gather()
            if self._waiting:
                self._write()

    def snapshot_if_due(self, learner: StreamLearner) -> None:
        """Keep the learner's state, if it is time and it is that of the latest sample."""
        if self._every is None or self.n_samples + self._used - self._snapshot_at < self._every:
            return
        with learner._lock, self._lock:
            learned = self.n_learned + int(self._pending().learned.sum())
            if (self._start + learned) % (1 << 32) != learner.n_samples:
                return
            image = learner.to_bytes()
            self._gather()
            self._append(SNAPSHOT, 0, 0, image)
            self._snapshot_at = self.n_samples
            self._write()

    def flush(self) -> None:
        """Bring all samples to the disk.

        Raises
        ------
        WriteError
            If that fails; they are kept in memory, and the next call tries again.
        """
        with self._lock:
            self._gather()
            self._write()
            try:
                sync(self._file.fileno())
            except OSError as error:
                raise write_error(self.path, error) from error

    def close(self) -> None:
        """Bring all to the disk and close the file, also if the disk is full.

        Raises
        ------
        WriteError
            As :meth:`flush`.
        """
        with self._lock:
            if self._file.closed:
                return
            try:
                self.flush()
            finally:
                self._file.close()

    def _pending(self) -> Samples:
        here = slice(0, self._used)
        return Samples(
            self.n_samples,
            self._x[here],
            self._targets[here],
            self._times[here],
            self._lines[here],
        )

    def _gather(self) -> None:
        """Make a block of what is there."""
        if self._used:
            samples = self._pending()
            learned = int(samples.learned.sum())
            self._append(SAMPLES, self._used, learned, encode_samples(samples, self._told))
            self.n_samples += self._used
            self.n_learned += learned
            self._used, self._told = 0, {}

    def _append(self, kind: bytes, samples: int, learned: int, raw: bytes) -> None:
        block, self._crc = encode_block(kind, self.n_samples, samples, learned, raw, self._crc)
        self._waiting.append(block)

    def _write(self) -> None:
        try:
            while self._waiting:
                self._file.seek(self._end)
                rest = memoryview(self._waiting[0])
                while rest:
                    rest = rest[self._file.write(rest) or 0 :]
                self._end += len(self._waiting.pop(0))
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise write_error(self.path, error) from error


def check_place(path: Path, force: bool) -> None:
    """Refuse to write over anything but, if asked, an older record.

    Raises
    ------
    ConfigError
        Then.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise ConfigError(f"{path} is no regular file: a record needs one")
    with path.open("rb") as file:
        begins = file.read(len(MAGIC))
    if begins and begins != MAGIC:
        raise ConfigError(f"{path} holds something else than a record: give a new file")
    if begins and not force:
        raise ConfigError(
            f"{path} is there already: a record is not overwritten. Give another file, go on with "
            "its run (`streamlearn run --resume RUN_DIR`), or lose it: --force"
        )


def _hold(file: IO[bytes], path: Path) -> None:
    """Keep other processes from writing to a record; the hold ends with this process."""
    if os.name == "nt":
        return
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"{path}: another process writes this record; wait for its end") from None
    except OSError:
        return  # a file system without locks
