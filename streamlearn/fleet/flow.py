"""A fleet on Bytewax: one learner per key, and states that outlive a process exactly once.

The dataflow is: rows of a file, in blocks, grouped by key; a learner per key; predictions to a CSV
and, where the stream ends, images to SQLite. Bytewax keeps an image per key and the place in the
file, of one and the same moment, in its recovery store. A run that was killed goes on from the last
such moment: rows behind it are learned again from the states before them, and what the predictions
had beyond it is cut off.

More machines: ``python -m bytewax.run "streamlearn.fleet.flow:flow('FOLDER')"`` with Bytewax' own
options for its recovery store and for addresses (docs/fleet.md).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic

from streamlearn.errors import StreamFormatError, StreamlearnError
from streamlearn.fleet.arriving import END, Arriving
from streamlearn.fleet.folder import (
    PREDICTIONS_FILE,
    START_FILE,
    FleetPlan,
    read_plan,
)
from streamlearn.fleet.held import Bench, Held
from streamlearn.fleet.kafka_address import is_kafka
from streamlearn.fleet.keyed_rows import Rows, by_key, open_rows
from streamlearn.fleet.outputs import ImagesSink, Learned, Predicted, PredictionsSink
from streamlearn.sources import is_address

#: Rows that are read at a time, so that many keys have several rows in a block.
BLOCK_ROWS = 1 << 16


class _Stream(StatefulSourcePartition[tuple[str, Rows], Any]):
    """The rows of a file; its state is the place behind the last row that was given out."""

    def __init__(self, plan: FleetPlan, block_rows: int, place: Any) -> None:
        self._rows, self._block_rows = open_rows(plan), block_rows
        self._place = place
        self._error: StreamlearnError | None = None
        if place is not None:
            line, crc32, memory = place
            if not self._rows.start_after(line, crc32):
                raise StreamFormatError(
                    f"{plan.stream}: its first {line} lines are not those that the fleet has "
                    "learned; give the file back as it was, or begin another fleet"
                )
            self._rows.may_be_empty = True
            self._rows.recall(memory)
        self._blocks: Iterator[Any] = iter(self._rows.blocks(block_rows))

    def next_batch(self) -> list[tuple[str, Rows]]:
        if self._error is not None:
            raise self._error
        keys: list[str] = []
        parts: list[Any] = []
        while len(keys) < self._block_rows:
            try:
                parts.append(next(self._blocks))
            except StopIteration:
                if not parts:
                    raise
                break
            except StreamlearnError as error:  # behind the rows before it
                self._error = error
                if not parts:
                    raise
                break
            keys += self._rows.keys
            self._place = *self._rows.position, self._rows.memory()
        x, y, lines = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return by_key(keys, x, y, lines, self._rows.name)

    def snapshot(self) -> Any:
        return self._place

    def close(self) -> None:
        self._rows.close()
        skipped = self._rows.skipped
        if skipped.count:
            warnings.warn(
                f"{skipped.count} rows skipped in this run, first: {skipped.messages[0]}",
                stacklevel=2,
            )


class _Source(FixedPartitionedSource[tuple[str, Rows], Any]):
    def __init__(
        self, plan: FleetPlan, folder: Path, block_rows: int, quiet_s: float | None
    ) -> None:
        self._plan, self._folder = plan, folder
        self._block_rows, self._quiet_s = block_rows, quiet_s

    def list_parts(self) -> list[str]:
        return ["stream"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _Stream | Arriving:
        del step_id, for_part
        if is_address(self._plan.stream):
            return Arriving(self._plan, self._folder, self._block_rows, self._quiet_s, resume_state)
        return _Stream(self._plan, self._block_rows, resume_state)


class _Worker(threading.local):
    """What the keys of a worker, which is a thread, share."""

    def __init__(self) -> None:
        self._benches: dict[bytes, Bench] = {}

    def bench(self, start: bytes) -> Bench:
        """Return the bench of a fleet."""
        found = self._benches.get(start)
        if found is None:
            self._benches.clear()  # of a fleet that ran before
            found = self._benches[start] = Bench(start)
        return found


_WORKER = _Worker()


class _Key(StatefulBatchLogic[Rows, Predicted | Learned, Learned]):
    """The learner of a key, from the image that it was kept as, or that all start from."""

    def __init__(self, names: Sequence[str] | None, start: bytes, kept: Learned | None) -> None:
        self._names, self._start, self._kept = names, start, kept
        self._held: Held | None = None

    def on_batch(self, values: list[Rows]) -> tuple[list[Predicted | Learned], bool]:
        key, x, y, lines = values[0]
        if len(values) > 1:
            x, y, lines = (
                np.concatenate([getattr(rows, name) for rows in values])
                for name in ("x", "y", "lines")
            )
        held = self._held or self._open(key)
        labels = y.tolist()
        try:
            said = held.learn(x, y, -1 not in labels)
        except StreamlearnError as error:
            raise type(error)(f"key {key!r}, lines {lines[0]} to {lines[-1]}: {error}") from error
        self._kept = None
        names = self._names
        if names is not None:
            said, labels = [names[i] for i in said], [names[i] for i in labels]
        return [Predicted(key, lines, said, labels)], False

    def _open(self, key: str) -> Held:
        self._key = key
        image, n = (self._start, 0) if self._kept is None else (self._kept.image, self._kept[1])
        held = Held(_WORKER.bench(self._start), image, n, f"key {key!r}")
        self._held = held
        return held

    def on_eof(self) -> tuple[list[Predicted | Learned], bool]:
        return [self.snapshot()], False

    def snapshot(self) -> Learned:
        if self._kept is None:
            assert self._held is not None, "a key is made by its first rows"
            self._kept = Learned(self._key, self._held.n_samples, self._held.image)
        return self._kept


def endless(plan: FleetPlan) -> bool:
    """Return whether a fleet's stream has no end of its own: topics."""
    return is_address(plan.stream) or is_kafka(plan.stream)


def _source(
    plan: FleetPlan, folder: Path, block_rows: int, quiet_s: float | None
) -> FixedPartitionedSource[tuple[str, Rows], Any]:
    if not is_kafka(plan.stream):
        return _Source(plan, folder, block_rows, quiet_s)
    from streamlearn.fleet import kafka  # only who has Kafka needs its client

    return kafka.Topic(plan, block_rows, quiet_s, END)


def flow(
    folder: str | Path, block_rows: int = BLOCK_ROWS, quiet_s: float | None = None
) -> Dataflow:
    """Return the dataflow of a fleet's folder, for Bytewax to run.

    Parameters
    ----------
    folder : path
        Made by :func:`streamlearn.fleet.folder.make_folder`.
    block_rows : int
        Rows that are read and grouped by key at a time.
    quiet_s : float, optional
        End when topics brought nothing for so many seconds; never, if not given.

    Raises
    ------
    StateFormatError
        If the folder holds no fleet.
    """
    at = Path(folder)
    plan, start = read_plan(at), (at / START_FILE).read_bytes()

    names = None if plan.classes is None else [*plan.classes, ""]  # the last for -1: no label

    def learner(resume: Learned | None) -> _Key:
        return _Key(names, start, resume)

    made = Dataflow("fleet")
    rows = op.input("rows", made, _source(plan, at, block_rows, quiet_s))
    out = op.stateful_batch("learn", rows, learner)
    which: Any = op.branch("which", out, lambda item: type(item[1]) is Predicted)
    said, ended = which.trues, which.falses
    op.output("predictions", said, PredictionsSink(at / PREDICTIONS_FILE))
    if plan.predictions is not None:
        from streamlearn.fleet import kafka

        op.output("topic", op.flat_map("messages", said, kafka.said), kafka.predictions(plan))
    op.output("images", ended, ImagesSink(at))
    return made
