"""Recording what a learner learns: the verbs of the learner, and each sample in a file."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from streamlearn.errors import ConfigError, StateFormatError
from streamlearn.learners.base import Features, StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.labels import read_label, read_labels, read_target, read_targets
from streamlearn.recorder.record import Record
from streamlearn.recorder.writer import SNAPSHOT_EVERY, RecordWriter

if TYPE_CHECKING:
    from typing_extensions import Self


class Recorder:
    """A learner whose samples go to a record, in the order in which they are learned.

    As a context it brings all to the disk at its end. Several threads may use it. Ask the learner
    itself for predictions; they change nothing, and are not recorded.

    Parameters
    ----------
    learner
        Learns; do not teach it in another way meanwhile.
    path
        A new file; or, with ``go_on``, a record that ends with the learner's state.
    go_on
        Go on with a record.
    snapshot_every
        Samples between states that are kept in the record, so that :meth:`Record.state_at` need not
        learn all; None: none.

    Raises
    ------
    ConfigError
        If the file is there already, or another process writes it.
    StateFormatError
        With ``go_on``: if it is no record, or does not end with the learner's state.
    WriteError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from streamlearn import MesuClassifier
    >>> from streamlearn.recorder import Record, Recorder
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pump.slr"
    >>> learner = MesuClassifier((2, 8, 2), classes=["ok", "worn"])
    >>> with Recorder(learner, path) as recorder:
    ...     _ = recorder.learn_one([20.5, 1.25], "ok")
    ...     _ = recorder.learn_many([[21.0, 3.5], [20.0, 1.0]], ["worn", "ok"])
    >>> record = Record.open(path)
    >>> [(sample.x.tolist(), sample.y) for sample in record][:2]
    [([20.5, 1.25], 'ok'), ([21.0, 3.5], 'worn')]
    >>> record.state_at(3).state_sha256 == learner.state_sha256
    True
    """

    def __init__(
        self,
        learner: StreamLearner,
        path: str | Path,
        *,
        go_on: bool = False,
        snapshot_every: int | None = SNAPSHOT_EVERY,
    ) -> None:
        if snapshot_every is not None and snapshot_every < 1:
            raise ConfigError(f"snapshot_every={snapshot_every}: expected a number above 0")
        self.learner = learner
        if go_on:
            _check_end(Record(path), learner)
            self._writer = RecordWriter.go_on(path, snapshot_every=snapshot_every)
        else:
            self._writer = RecordWriter.create(path, learner, snapshot_every=snapshot_every)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def learn_one(self, x: Features, y: Any, time: datetime | None = None) -> Self:
        """Learn one sample and record it; ``time`` is now if not given, UTC if without a zone.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As the learner; then nothing is recorded.
        WriteError
            If a block cannot be written; the samples are kept, and tried again with the next.
        """
        self.test_then_learn_one(x, y, time)
        return self

    def test_then_learn_one(
        self, x: Features, y: Hashable | float, time: datetime | None = None
    ) -> Any:
        """Predict, then learn and record; parameters and errors are those of :meth:`learn_one`."""
        learner: Any = self.learner
        with learner._lock:
            predicted = learner.test_then_learn_one(x, y)
            values = learner._read(x)[None]
            if isinstance(learner, StreamClassifier):
                targets = np.array([learner._index[read_label(y)]], np.int64)
            else:
                targets = np.array([read_target(y)], np.float32)
            self._note(values, targets, time)
        return predicted

    def learn_many(self, X: Any, y: Any, time: datetime | None = None) -> Self:
        """Learn a block of samples and record it; the errors are those of :meth:`learn_one`."""
        learner: Any = self.learner
        with learner._lock:
            learner.learn_many(X, y)
            values = learner._read_many(X)
            if isinstance(learner, StreamClassifier):
                labels = read_labels(y, len(values))
                targets = np.array([learner._index[label] for label in labels], np.int64)
            else:
                targets = read_targets(y, len(values)).astype(np.float32)
            self._note(values, targets, time)
        return self

    def flush(self) -> None:
        """Bring all samples to the disk.

        Raises
        ------
        WriteError
            If that fails; they are kept, and tried again with the next.
        """
        self._writer.flush()

    def close(self) -> None:
        """Bring all samples to the disk and close the file; errors are those of :meth:`flush`."""
        self._writer.close()

    def _note(self, values: Any, targets: Any, time: datetime | None) -> None:
        self._writer.names(self.learner._features, self.learner.labels)
        self._writer.add(values, targets, microseconds(time))
        self._writer.snapshot_if_due(self.learner)


def microseconds(time: datetime | None) -> int:
    """Return microseconds since 1970 UTC; of now if None. A time without a zone is in UTC."""
    if time is None:
        return time_ns() // 1000
    from datetime import timezone

    aware = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
    return round(aware.timestamp() * 1e6)


def _check_end(record: Record, learner: StreamLearner) -> None:
    """Refuse to go on with a record that does not end with the learner's state."""
    if record.state_at().to_bytes() != learner.to_bytes():
        raise StateFormatError(
            f"{record.path} does not end with this learner's state: what it learns now does not "
            "follow on the record. Give a new file, or the learner of record.state_at()"
        )
