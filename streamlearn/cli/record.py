"""What a run has done so far: what its checkpoints hold, and what its figures are made from."""

from __future__ import annotations

import hashlib
import sys
import threading
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamlearn.cli.checkpoints import CHECKPOINT_DIR, PREDICTIONS_FILE, Checkpoint, Place
from streamlearn.cli.weights import WeightWatch
from streamlearn.errors import StateFormatError
from streamlearn.evaluation import ClassificationMetrics, PrequentialResult
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.streams.csv_rows import N_MESSAGES, CsvRows

#: Bytes of a prediction and its label.
PAIR_BYTES = 4


class RunRecord:
    """What happened in a run: predictions and labels, times, rows left out.

    Parameters
    ----------
    learner
        In the state after ``start.n_samples`` samples.
    rows
        The stream.
    start
        What the run goes on from.
    pairs
        Predictions and labels until then.

    Attributes
    ----------
    metrics : ClassificationMetrics
        The figures of all samples, and of the latest ones.
    lock : threading.RLock
        Held while a sample is learned and added, so that who looks sees whole samples.
    """

    def __init__(
        self,
        learner: StreamClassifier,
        rows: CsvRows,
        start: Checkpoint,
        pairs: bytes = b"",
    ) -> None:
        self.lock = threading.RLock()
        self.watch = WeightWatch(learner)
        if start.weights:
            self.watch.go_on(start.weights)
        self._learner, self._rows, self._start = learner, rows, start
        self._pairs = array("H")
        self._pairs.frombytes(pairs)
        if sys.byteorder == "big":
            self._pairs.byteswap()
        self.metrics = self._figures(start, len(learner.labels))
        self.seconds = start.seconds
        self.place = start.place
        self._skipped = 0

    def _figures(self, start: Checkpoint, n_classes: int) -> ClassificationMetrics:
        if start.metrics:
            return ClassificationMetrics.from_dict(start.metrics)
        return ClassificationMetrics(range(n_classes)).update_many(
            self._pairs[1::2], self._pairs[::2]
        )

    @property
    def n_samples(self) -> int:
        """Samples that were learned, since the run was begun."""
        return len(self._pairs) // 2

    def add(self, prediction: int, label: int, seconds: float) -> None:
        """Note a sample that was learned; it is the latest that the stream gave."""
        self._pairs.append(prediction)
        self._pairs.append(label)
        self.metrics.update(label, prediction)
        self.seconds += seconds
        line, crc32 = self._rows.position
        self.place = replace(self.place, line=line, crc32=crc32)
        self._skipped = self._rows.skipped.count
        self.watch(self.n_samples)

    def pairs(self, first: int = 0) -> bytes:
        """Return predictions and labels from sample ``first`` on, little endian."""
        found = self._pairs[2 * first :]
        if sys.byteorder == "big":
            found.byteswap()
        return found.tobytes()

    def result(self, interrupted: bool) -> PrequentialResult:
        """Return the whole run as one evaluation."""
        pairs: NDArray[np.int64] = np.array(self._pairs, np.int64).reshape(-1, 2)
        return PrequentialResult(pairs[:, 0], pairs[:, 1], self.seconds, interrupted)

    def saturations(self) -> dict[str, int]:
        """Return how often values met the end of their format, since the run was begun."""
        before = self._start.saturations
        return {k: v + before.get(k, 0) for k, v in vars(self._learner.saturations).items()}

    def skipped(self, at_most: int | None = None) -> tuple[int, tuple[str, ...]]:
        """Return how many rows were left out, and the first messages; so many of this stream's."""
        count = self._rows.skipped.count if at_most is None else at_most
        messages = (*self._start.skipped_messages, *self._rows.skipped.messages[:count])
        return self._start.skipped + count, messages[:N_MESSAGES]

    def source_counts(self) -> dict[str, int]:
        """Return what the source dropped, and how often it came back, since the run was begun."""
        return self._rows.source.counts.to_json(self._start.source)

    def kept(self, place: Place) -> None:
        """Say that a checkpoint of this place is on the disk."""
        self._rows.source.kept(place.line)

    def checkpoint(self, predictions_sha256: str) -> Checkpoint:
        """Return this moment. A file will be read again from here on, and so will its bad rows."""
        skipped, messages = self.skipped(self._skipped if self._rows.goes_back else None)
        return Checkpoint(
            n_samples=self.n_samples,
            seconds=self.seconds,
            place=self.place,
            earlier=self._start.earlier,
            skipped=skipped,
            skipped_messages=messages,
            saturations=self.saturations(),
            weights=self.watch.to_json(),
            metrics=self.metrics.to_dict(),
            source=self.source_counts(),
            predictions_sha256=predictions_sha256,
            image=self._learner.to_bytes(),
        )


def recorded(run_dir: Path, checkpoint: Checkpoint) -> bytes:
    """Return the predictions and labels that a checkpoint counts on.

    Raises
    ------
    StateFormatError
        If they are not those that it was written with.
    """
    file = run_dir / CHECKPOINT_DIR / PREDICTIONS_FILE
    size = PAIR_BYTES * checkpoint.n_samples
    with file.open("rb") as source:
        found = source.read(size)
    if len(found) != size or hashlib.sha256(found).hexdigest() != checkpoint.predictions_sha256:
        raise StateFormatError(
            f"{file}: not the predictions of the first {checkpoint.n_samples} samples; the file is "
            "damaged. `streamlearn export` still reads the learner"
        )
    return found
