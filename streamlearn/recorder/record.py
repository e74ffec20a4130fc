"""Reading a record: its samples in the order in which they were learned, and every state."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from quant.image import Image, decode_image
from streamlearn.errors import ConfigError, StateFormatError
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import read
from streamlearn.recorder import layout
from streamlearn.recorder.layout import BlockHeader, Samples
from streamlearn.recorder.learning import learn

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Sample(NamedTuple):
    """One sample of a record: ``x`` float32 ``[n_features]``, and its label or number.

    ``y`` is None for a sample that was predicted only. ``time`` is in UTC, ``line`` 0 if the sample
    came from no file.
    """

    x: Any
    y: Any
    time: datetime
    line: int


@dataclass(frozen=True)
class Boundary:
    """A place between two blocks: its offset, the samples before it, and their checksum."""

    at: int
    samples: int
    learned: int
    crc32: int


@dataclass(frozen=True)
class Start:
    """What a record begins with: the learner as it was."""

    image: bytes
    spec: Any
    labels: tuple[Any, ...]
    features: tuple[str, ...] | None
    n_samples: int


class Record:
    """A record, open for reading: a learner's start and all that it learned since.

    Only headers are read when it is opened. A last block that is not whole, as a crash leaves it,
    is left out (:attr:`torn_bytes`). Damage before the last block is an error of who reads that
    far, and says which block it is.

    Parameters
    ----------
    path
        A file that a :class:`streamlearn.recorder.Recorder` or ``streamlearn run --record`` wrote.

    Attributes
    ----------
    n_samples : int
        Samples in whole blocks.
    n_learned : int
        Those of them that were learned; the others were predicted only.
    torn_bytes : int
        What was left out at the end.
    start : Start
        The learner before the first sample.

    Raises
    ------
    OSError
        If the file cannot be read.
    StateFormatError
        If it is no record, of another version, or damaged in its header.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(layout.HEADER.size)
            text, image, _ = layout.header_sizes(head, str(path))
            head += file.read(min(text + image, size))
        self._description, data, crc = layout.decode_header(head, str(path))
        found: Image = decode_image(data, f"{path}, the state at its start")
        count = int(found.state["n_samples"][0])
        self.start = Start(data, found.spec, found.labels, found.features, count)
        self.numbers: bool = self._description["target"] == "number"
        self.blocks: list[BlockHeader] = []
        self.n_samples = self.n_learned = self.torn_bytes = 0
        self._damage: str | None = None
        self._boundaries = [Boundary(len(head), 0, 0, crc)]
        if size > len(head):
            self._scan(len(head), crc)

    @classmethod
    def open(cls, path: str | Path) -> Record:
        """Return the record in a file; parameters and errors are those of the class."""
        return cls(path)

    @property
    def label(self) -> str | None:
        """Name of the column that held the label, if it had one."""
        name = self._description.get("label")
        return None if name is None else str(name)

    @cached_property
    def labels(self) -> tuple[Any, ...]:
        """The label of each class index, as known at the end."""
        return self.names_at(self.n_samples)[1]

    @cached_property
    def features(self) -> tuple[str, ...] | None:
        """Names of the features, in the learner's order, as known at the end."""
        return self.names_at(self.n_samples)[0]

    @property
    def learner(self) -> str:
        """The learner, as Python shows it."""
        return str(self._description.get("learner"))

    def __len__(self) -> int:
        return self.n_samples

    def __iter__(self) -> Iterator[Sample]:
        """Yield every sample, in the order in which they were learned.

        Raises
        ------
        StateFormatError
            At a damaged block.
        """
        labels = self.labels
        for samples in self.samples():
            learned = samples.learned.tolist()
            for row, target in enumerate(samples.targets.tolist()):
                y = None
                if learned[row]:
                    y = target if self.numbers else labels[target]
                time = _EPOCH + timedelta(microseconds=int(samples.times[row]))
                line = int(samples.lines[row])
                yield Sample(samples.x[row], y, time, line)

    def samples(self, first: int = 0, stop: int | None = None) -> Iterator[Samples]:
        """Yield samples ``first`` to ``stop``, in blocks.

        Raises
        ------
        ConfigError
            If there are not so many.
        StateFormatError
            At a damaged block.
        """
        stop = self._stop(stop)
        with self.path.open("rb") as file:
            for block in self.blocks:
                if block.kind != layout.SAMPLES or block.first + block.samples <= first:
                    continue
                if block.first >= stop:
                    return
                raw = self._raw(file, block)
                found = layout.decode_samples(
                    block, raw, self.start.spec.n_features, self.numbers, str(self.path)
                )
                if not layout.sound(found, self.start.spec.n_classes):
                    raise layout.damaged(block, str(self.path), "a value or label cannot be")
                yield found.part(slice(max(first - block.first, 0), stop - block.first))

    def state_at(self, n_samples: int | None = None) -> StreamLearner:
        """Return the learner as it was after so many samples of the record; None: after all.

        From the nearest state that the record holds, the samples behind it are learned again.

        Raises
        ------
        ConfigError
            If there are not so many.
        StateFormatError
            If a block on the way is damaged.
        """
        stop = self._stop(n_samples)
        at, learner = self.snapshot_before(stop)
        for samples in self.samples(at, stop):
            learn(learner, samples, self.names_at(samples.first + len(samples)))
        return learner

    def snapshot_before(self, n_samples: int) -> tuple[int, StreamLearner]:
        """Return the latest whole state in the record after at most so many samples.

        Returns
        -------
        int, StreamLearner
            How many samples it had learned or predicted, and the learner.
        """
        for block in reversed(self.snapshots()):
            if block.first <= n_samples:
                try:
                    return block.first, self.snapshot(block)
                except StateFormatError:  # it can be learned from an earlier one
                    continue
        return 0, self.first_state()

    def first_state(self) -> StreamLearner:
        """Return the learner before the first sample."""
        return read(self.start.image, f"{self.path}, the state at its start")

    def snapshots(self) -> list[BlockHeader]:
        """Return the blocks that hold states."""
        return [block for block in self.blocks if block.kind == layout.SNAPSHOT]

    def snapshot(self, block: BlockHeader) -> StreamLearner:
        """Return the learner in a block of :meth:`snapshots`.

        Raises
        ------
        StateFormatError
            If it is damaged.
        """
        with self.path.open("rb") as file:
            return read(self._raw(file, block), f"{self.path}, {block.where}")

    def names_at(self, n_samples: int) -> tuple[tuple[str, ...] | None, tuple[Any, ...]]:
        """Return the features and labels that were known at the end of a sample's block."""
        features, labels = self.start.features, self.start.labels
        for first, told in self._told:
            if first >= n_samples:
                break
            if "features" in told:
                features = tuple(map(str, told["features"]))
            labels += tuple(told.get("labels", ()))
        return features, labels

    def boundary(self, n_samples: int | None = None, crc32: int | None = None) -> Boundary:
        """Return the end of the block that ends with a sample; None: of the last whole one.

        Parameters
        ----------
        n_samples
            Samples before it.
        crc32
            What the checksum there must be; None: any.

        Raises
        ------
        StateFormatError
            If there is none.
        """
        if n_samples is None:
            return self._boundaries[-1]
        found = [end for end in self._boundaries if end.samples == n_samples]
        if not found and self.n_samples < n_samples:
            raise StateFormatError(
                f"{self.path} holds {self.n_samples} whole samples, {n_samples} were expected: it "
                "was cut, or is damaged. --record with another file begins a new record"
            )
        for end in reversed(found):
            if crc32 in (None, end.crc32):
                return end
        raise StateFormatError(
            f"{self.path} is not the record that was expected: no block with this checksum ends "
            f"with sample {n_samples}. --record with another file begins a new record"
        )

    def _stop(self, n_samples: int | None) -> int:
        """Return where reading ends.

        Raises
        ------
        ConfigError, StateFormatError
            If there are not so many samples; if a damaged block lies before.
        """
        if self._damage is not None and (n_samples is None or n_samples > self.n_samples):
            raise StateFormatError(self._damage)
        if n_samples is None:
            return self.n_samples
        if not 0 <= n_samples <= self.n_samples:
            raise ConfigError(f"{self.path} holds {self.n_samples} samples, not {n_samples}")
        return n_samples

    @cached_property
    def _told(self) -> list[tuple[int, dict[str, Any]]]:
        """What blocks say beside numbers; nothing of a learner that knew its names."""
        if self.start.features is not None and len(self.start.labels) == self.start.spec.n_classes:
            return []
        found = []
        with self.path.open("rb") as file:
            for block in self.blocks:
                if block.kind == layout.SAMPLES:
                    told = layout.told_of(block, self._raw(file, block), str(self.path))
                    if told:
                        found.append((block.first, told))
        return found

    def _raw(self, file: Any, block: BlockHeader) -> bytes:
        file.seek(block.at + layout.BLOCK.size)
        return layout.raw_of(block, file.read(block.payload_bytes), str(self.path))

    def _scan(self, at: int, crc: int) -> None:
        """Read the header of every block."""
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            while at < len(data):
                head = data[at : at + layout.BLOCK.size]
                block = layout.decode_block_header(head, len(self.blocks) + 1, at, crc)
                if block is None or block.first != self.n_samples or block.end > len(data):
                    self._end_at(data, at)
                    return
                if block.end == len(data) and not layout.whole(block, data):
                    self._end_at(data, at)
                    return
                self.blocks.append(block)
                at, crc = block.end, block.crc32
                self.n_samples += block.samples
                self.n_learned += block.learned
                self._boundaries.append(Boundary(at, self.n_samples, self.n_learned, crc))

    def _end_at(self, data: mmap.mmap, at: int) -> None:
        """Note what is no whole block: a torn tail, or damage if whole blocks follow."""
        self.torn_bytes = len(data) - at
        for kind in (layout.SAMPLES, layout.SNAPSHOT):
            later = data.find(kind, at + 1)
            while later >= 0:
                head = data[later : later + layout.BLOCK.size]
                block = layout.decode_block_header(head, 0, later, 0)
                if block is not None and block.first >= self.n_samples:
                    self._damage = (
                        f"{self.path}: block {len(self.blocks) + 1} (from sample "
                        f"{self.n_samples + 1} on) is damaged, and whole blocks follow. The "
                        f"{self.n_samples} samples before it are whole: `streamlearn replay "
                        f"{self.path} --to {self.n_samples}` learns them"
                    )
                    return
                later = data.find(kind, later + 1)
