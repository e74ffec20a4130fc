"""The learner on the desk beside a device, and its record: what the device has to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamlearn.errors import InputValueError
from streamlearn.fleet.devices.links import Link
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.labels import read_label
from streamlearn.recorder.record import Record
from streamlearn.recorder.writer import RecordWriter

#: Samples between states that are kept in a record: what a start learns again at most.
_SNAPSHOT_EVERY = 10_000


@dataclass(frozen=True)
class Pending:
    """A sample that is in the record, and of which the registry does not know yet.

    Parameters
    ----------
    number
    x
        float32 ``[n_features]``.
    target
        Class index, or a number.
    before
        The state's bytes before it was learned.
    predicted
        Before learning: a label, or a number.
    score
        1 if that was right, else 0; of a number, by how much it was off.
    novelty
        NaN of a learner of numbers.
    """

    number: int
    x: npt.NDArray[np.float32]
    target: int | float
    before: bytes
    predicted: Any
    score: float
    novelty: float


class Twin:
    """A learner, its record, and the sample that its device may not have learned yet.

    Parameters
    ----------
    path
        The record; it is gone on with.
    number
        Of the latest sample that the registry knows to be learned.
    clock
        Returns seconds since 1970 UTC.

    Attributes
    ----------
    learner : StreamLearner
        In the state that the device has to have.
    pending : Pending or None
    """

    def __init__(self, path: Path, number: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.path, self.pending = path, None
        self._writer = RecordWriter.go_on(path, snapshot_every=_SNAPSHOT_EVERY)
        record = Record(path)
        last = next(iter(record.samples(record.n_samples - 1))) if record.n_samples else None
        if last is None or int(last.lines[0]) <= number:
            self.learner: StreamLearner = record.state_at()
        else:  # the process ended between record and registry
            self.learner = record.state_at(record.n_samples - 1)
            target = last.targets[0].item()
            self.pending = self._learned(
                int(last.lines[0]), last.x[0], target if record.numbers else record.labels[target]
            )

    def close(self) -> None:
        """Close the record."""
        self._writer.close()

    @property
    def numbers(self) -> bool:
        """Whether it predicts numbers."""
        return not self.learner.spec.n_classes

    def read(self, sample: str) -> tuple[npt.NDArray[np.float32], Any]:
        """Return features and label of a sample's JSON; a label of None is not known.

        Raises
        ------
        StreamlearnError
            If no learner of this kind can learn it.
        """
        body = json.loads(sample)
        if "x" not in body:
            raise InputValueError('a sample without features: expected {"n": 1, "x": [...]}')
        learner: Any = self.learner
        with np.errstate(over="ignore"):
            x, y = learner._read(body["x"]).astype(np.float32), body.get("y")
        if not np.isfinite(x).all():
            raise InputValueError("a feature is beyond what float32 holds")
        if y is not None and not self.numbers:
            known = read_label(y) in learner._index
            if not known and len(learner.labels) == self.learner.spec.n_classes:
                labels = ", ".join(map(repr, learner.labels))
                raise InputValueError(f"label {y!r} is none of {labels}")
        if y is not None and self.numbers and not _is_number(y):
            raise InputValueError(f"target {y!r}: expected a finite number of float32's range")
        return x, y

    def learn(self, number: int, x: npt.NDArray[np.float32], y: Any) -> Pending:
        """Learn a sample; it is in the record, on the disk, when this returns.

        Raises
        ------
        StreamlearnError
            As the learner's verbs; then nothing is recorded.
        WriteError
            If it cannot be recorded: this object is of no use any more.
        """
        self.pending = pending = self._learned(number, x, y)
        learner: Any = self.learner
        self._writer.names(learner._features, learner.labels)
        targets = np.array([pending.target], np.float32 if self.numbers else np.int64)
        self._writer.add(x[np.newaxis], targets, round(self._clock() * 1e6), number)
        self._writer.flush()
        self._writer.snapshot_if_due(learner)
        return pending

    def _learned(self, number: int, x: npt.NDArray[np.float32], y: Any) -> Pending:
        learner: Any = self.learner
        before, novelty = learner.state.tobytes(), float("nan")
        if not self.numbers:
            novelty = learner.novelty_one(x)
        predicted = learner.test_then_learn_one(x, y)
        if self.numbers:
            mean, target = float(predicted.mean), float(np.float32(y))
            return Pending(number, x, target, before, mean, abs(mean - target), novelty)
        target, label = learner._index[read_label(y)], read_label(y)
        return Pending(number, x, target, before, predicted, predicted == label, novelty)

    def taught(self, link: Link) -> bool:
        """Let the device learn what is pending; say if it predicted the same."""
        one = self.pending
        assert one is not None
        if self.numbers:
            said = link.learn_target(one.x, one.target)
            return bool(np.float32(said[0]) == np.float32(one.predicted))
        return bool(self.label(link.learn(one.x, int(one.target))) == one.predicted)

    def counts_alike(self, link: Link) -> bool:
        """Say if the device has learned as many samples: one that was reset has not."""
        dtype, at = self.learner.state.dtype.fields["n_samples"][:2]  # type: ignore[index]
        wanted = self.learner.state["n_samples"].tobytes()
        return link.read_state(at, dtype.itemsize) == wanted

    def asked(self, link: Link, x: npt.NDArray[np.float32]) -> Any:
        """Let the device predict, and return a label or a number."""
        return float(link.predict_target(x)[0]) if self.numbers else self.label(link.predict(x))

    def label(self, index: int) -> Any:
        """Return a class's label; None if it has none."""
        return self.learner.labels[index] if index < len(self.learner.labels) else None


def _is_number(y: object) -> bool:
    if isinstance(y, bool) or not isinstance(y, int | float):
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.float32(y)))


def predicts_alike(learner: StreamLearner, link: Link, x: npt.NDArray[np.float32]) -> bool:
    """Say if a device predicts as a learner does, and change neither."""
    ours: Any = learner
    if not learner.spec.n_classes:
        found = ours.predict_distribution_one(x)
        return bool(np.float32(link.predict_target(x)[0]) == np.float32(found.mean))
    index = link.predict(x)
    labels = ours.labels
    return bool((labels[index] if index < len(labels) else None) == ours.predict_one(x))
