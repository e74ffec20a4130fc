"""What a run has done so far: what its checkpoints hold, and what its figures are made from.

Its size does not depend on the length of the stream.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from streamlearn.cli.checkpoints import Checkpoint
from streamlearn.cli.observers import Block
from streamlearn.cli.weights import WeightWatch
from streamlearn.evaluation import ClassificationMetrics, Curve, Fingerprint
from streamlearn.learners.base import StreamLearner
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.csv_skipped import N_MESSAGES

LEARNER, NO_CHANGE, MAJORITY = "learner", "no change", "majority"


@dataclass(frozen=True, eq=False)
class RunResult:
    """A whole run, in figures.

    Parameters
    ----------
    figures
        Of all samples that were learned.
    curves
        How accuracy went: the learner's, and that of two trivial baselines, by their names.
    seconds
        Time spent inside the learner.
    predictions_sha256
        Of all predictions (:class:`streamlearn.evaluation.Fingerprint`).
    interrupted
        Whether a signal ended it.
    """

    figures: ClassificationMetrics
    curves: dict[str, Curve]
    seconds: float
    predictions_sha256: str
    interrupted: bool

    @property
    def n_samples(self) -> int:
        """Number of samples that were tested and learned."""
        return self.figures.n_samples

    @property
    def accuracy(self) -> float:
        """Share of right predictions in [0, 1]; NaN without samples."""
        return self.figures.accuracy

    @property
    def samples_per_s(self) -> float:
        """Samples per second of the learner's own time; NaN without samples."""
        return self.n_samples / self.seconds if self.seconds > 0 else float("nan")

    def metrics(self) -> ClassificationMetrics:
        """Return the figures."""
        return self.figures


def delay_of(start: Checkpoint) -> int:
    """Return how many rows later a label comes: guesses know it no sooner than the learner."""
    return int(start.place.reading.get("delay", 0))


class RunRecord:
    """What happened in a run of a classifier: figures, times, rows left out.

    :class:`streamlearn.cli.target_run.TargetRecord` is that of a regressor.

    Parameters
    ----------
    learner
        In the state after ``start.n_samples`` samples.
    rows
        The stream.
    start
        What the run goes on from.

    Attributes
    ----------
    n_samples : int
        Samples that were learned, since the run was begun.
    n_rows : int
        Those, and the rows without a label.
    metrics : ClassificationMetrics
        The figures of all samples, and of the latest ones.
    curves : dict
        How accuracy went.
    lock : threading.RLock
        Held while a block is learned and added, so that who looks sees whole samples.
    """

    metrics: Any

    def __init__(self, learner: StreamLearner, rows: CsvRows, start: Checkpoint) -> None:
        self.lock = threading.RLock()
        self.watch = WeightWatch(learner)
        if start.weights:
            self.watch.go_on(start.weights)
        self._learner, self._rows, self._start = learner, rows, start
        self.n_samples, self.n_rows = start.n_samples, start.n_rows
        self._begin(learner, start)
        self._hash = Fingerprint(bytes.fromhex(start.chain), start.part)
        #: Returns where the run's record of samples ends; replaced by who has one.
        self.recorded: Callable[[], dict[str, Any]] = dict
        self.memory: dict[str, Any] = start.columns  # of the columns, at `place`
        self.waiting: Callable[[], dict[str, Any]] = dict
        self.asking: Callable[[], dict[str, Any]] = dict
        self.labels_kept: Callable[[dict[str, Any]], object] = lambda _: None
        self.seconds = start.seconds
        self.place = start.place
        self._skipped = 0

    def _begin(self, learner: StreamLearner, start: Checkpoint) -> None:
        """Make the figures, or take over those of a checkpoint."""
        self.metrics = (
            ClassificationMetrics.from_dict(start.metrics)
            if start.metrics
            else ClassificationMetrics(range(len(learner.labels)), label_delay=delay_of(start))
        )
        self.curves = {
            name: Curve.from_dict(start.curves[name]) if start.curves else Curve()
            for name in (LEARNER, NO_CHANGE, MAJORITY)
        }

    def _count(self, block: Block) -> int:
        """Put a block into the figures; return how many of it were learned."""
        known = block.labels >= 0
        labels, predictions = block.labels[known], block.predictions[known]
        majority, no_change = self.metrics.update_block(labels, predictions)
        self.curves[LEARNER].add(predictions == labels)
        self.curves[NO_CHANGE].add(no_change)
        self.curves[MAJORITY].add(majority)
        return len(labels)

    def add(self, block: Block, position: tuple[int, int], skipped: int) -> None:
        """Note a block that was learned.

        Parameters
        ----------
        block
        position
            In the stream, of its last row: its line, and the CRC-32 of all lines until then.
        skipped
            Rows of this stream that were left out until then.
        """
        self.n_samples += self._count(block)
        if not block.again:
            self._hash.add(block.predictions)
            self.n_rows += len(block)
        self.seconds += block.seconds
        line, crc32 = position
        self.place = replace(self.place, line=line, crc32=crc32)
        self._skipped = skipped
        self.watch(self.n_samples)

    def result(self, interrupted: bool) -> Any:
        """Return the whole run as one evaluation."""
        return RunResult(
            self.metrics, self.curves, self.seconds, self._hash.hexdigest(), interrupted
        )

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

    def kept(self, made: Checkpoint) -> None:
        """Say that a checkpoint is on the disk."""
        self._rows.source.kept(made.place.line)
        self.labels_kept(made.waiting)

    def checkpoint(self) -> Checkpoint:
        """Return this moment. A file will be read again from here on, and so will its bad rows."""
        skipped, messages = self.skipped(self._skipped if self._rows.goes_back else None)
        return Checkpoint(
            n_samples=self.n_samples,
            n_rows=self.n_rows,
            seconds=self.seconds,
            place=self.place,
            earlier=self._start.earlier,
            skipped=skipped,
            skipped_messages=messages,
            saturations=self.saturations(),
            weights=self.watch.to_json(),
            metrics=self.metrics.to_dict(),
            curves={name: curve.to_dict() for name, curve in self.curves.items()},
            record=self.recorded(),
            columns=self.memory,
            waiting=self.waiting(),
            asking=self.asking(),
            chain=self._hash.chain.hex(),
            source=self.source_counts(),
            image=self._learner.to_bytes(),
            part=self._hash.part,
        )
