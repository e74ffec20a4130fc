"""What a run looked like over its stream, baselines beside it, in memory that does not grow."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quant.durable import write_durably
from quant.front_end.hold import blind_features
from streamlearn.baselines.online import OnlineBaselines
from streamlearn.errors import DivergedError, StateFormatError
from streamlearn.evaluation.curve import Curve
from streamlearn.evaluation.timeline import Timeline
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier

#: One sample in so many is asked how unsure the learner is: more often at the beginning.
EVERY_FIRST, EVERY, FIRST = 16, 128, 4096
#: What a sample that is looked at adds to the timeline.
LOOKS = ("novelty", "predictive", "epistemic", "step", "blind", "saturations")
#: Baselines that learn from features, by the names of their curves.
LEARNING = ("SGD", "nearest neighbour")
FORMAT_VERSION = 1
_UNKNOWN = (float("nan"),) * len(LOOKS)


class Seen(Protocol):
    """What it needs of :class:`streamlearn.cli.observers.Block`."""

    @property
    def first(self) -> int:
        """Samples before the block."""
        ...

    @property
    def x(self) -> NDArray[np.float32]:
        """Float32 ``[n, n_features]``."""
        ...

    @property
    def labels(self) -> NDArray[Any]:
        """Class indices; -1: none. Or targets; NaN: none."""
        ...

    @property
    def again(self) -> bool:
        """Whether its rows were shown before, without a label."""
        ...

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which samples have one."""
        ...


class Watch:
    """Looks at a run now and then, and lets the baselines run along.

    Looking costs no second prediction per sample: one in 128 (of the first 4,096 one in 16) is
    asked how novel it is and how unsure the learner, directly after its block was learned.

    Parameters
    ----------
    learner
        It is asked, and never taught. A regressor has no novelty and no entropy, and baselines
        only in its figures (:class:`streamlearn.evaluation.RegressionMetrics`).
    baselines
        Whether they run along.
    n_samples
        Labelled samples that the run has learned already.

    Attributes
    ----------
    timeline : Timeline
        Columns: `LOOKS`. It counts all rows, also those without a label.
    curves : dict
        How the accuracy of the baselines went, by `LEARNING`; empty without baselines.
    since : int
        Samples before the baselines began: 0, unless a run went on without what they knew.
    latest : tuple
        What was found at the latest look.
    """

    def __init__(self, learner: StreamLearner, baselines: bool = True, n_samples: int = 0) -> None:
        self._learner, self._n = learner, n_samples
        baselines = baselines and isinstance(learner, StreamClassifier)
        self.since = n_samples
        self.timeline, self.latest = Timeline(LOOKS), _UNKNOWN
        size = learner.state.nbytes
        self.baselines = OnlineBaselines(learner.spec.layers, size) if baselines else None
        self.curves = {name: Curve() for name in LEARNING} if baselines else {}
        self._saturations = self._count_saturations()

    def see(self, block: Seen) -> None:
        """Look at some samples of a block, and let the baselines predict and learn it."""
        known = block.known
        if self.baselines is not None:
            found = self.baselines.see(block.x, block.labels)
            for name, predicted in zip(LEARNING, (found.sgd, found.nearest), strict=True):
                self.curves[name].add(predicted[known] == block.labels[known])
        every = EVERY_FIRST if block.first < FIRST else EVERY
        rows = range(-block.first % every, len(known), every)
        if rows and not block.again:  # they were looked at when they came
            levels = self._levels()
            for row in rows:
                self.latest = (*self._unsure(block.x[row]), *levels)
                self.timeline.add(block.first + row, self.latest)
                levels = (*levels[:2], 0.0)
        self._n += int(np.count_nonzero(known))

    def _unsure(self, x: NDArray[np.float32]) -> tuple[float, float, float]:
        learner, nan = self._learner, float("nan")
        if not isinstance(learner, StreamClassifier):
            return nan, nan, nan
        try:
            novelty, unsure = learner.look_one(x)
        except DivergedError:  # learning says so itself
            return nan, nan, nan
        return novelty, unsure.predictive, unsure[2] if len(unsure) > 2 else nan

    def _levels(self) -> tuple[float, float, float]:
        levels, before = self._learner.levels, self._saturations
        self._saturations = self._count_saturations()
        return levels.step, float(levels.blind), float(max(0, self._saturations - before))

    def _count_saturations(self) -> int:
        return sum(vars(self._learner.saturations).values())

    def to_bytes(self) -> bytes:
        """Return everything that it knows, for a checkpoint: JSON, a line's end, and bytes."""
        description = {
            "format_version": FORMAT_VERSION,
            "n_samples": self._n,
            "since": self.since,
            "timeline": self.timeline.to_dict(),
            "curves": {name: curve.to_dict() for name, curve in self.curves.items()},
        }
        beside = b"" if self.baselines is None else self.baselines.to_bytes()
        return json.dumps(description).encode() + b"\n" + beside

    def go_on(self, data: bytes) -> None:
        """Take over what :meth:`to_bytes` returned.

        Raises
        ------
        StateFormatError
            If it is of another version, or of another moment or learner.
        """
        text, _, rest = data.partition(b"\n")
        try:
            read = json.loads(text)
            if read["format_version"] != FORMAT_VERSION or read["n_samples"] != self._n:
                raise StateFormatError("what was seen of the run is of another version or moment")
            timeline, since = Timeline.from_dict(read["timeline"]), int(read["since"])
            curves = {name: Curve.from_dict(curve) for name, curve in read["curves"].items()}
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise StateFormatError(f"what was seen of the run does not fit: {error}") from error
        if timeline.names == LOOKS:
            self.timeline = timeline
        if self.baselines is not None and set(curves) == set(self.curves):
            self.baselines.go_on(rest)
            self.curves, self.since = curves, since


class WatchFile:
    """Keeps a :class:`Watch` beside the checkpoints: one file per checkpoint, of the same moment.

    Parameters
    ----------
    folder
        Of the checkpoints.
    suffix
        Of their names; a watch that belongs to none of them is removed.
    n_rows
        Rows of the stream that the run has learned already.
    """

    SUFFIX = ".watch"

    def __init__(self, folder: Path, suffix: str, n_rows: int) -> None:
        self._folder, self._suffix, self._rows = folder, suffix, n_rows
        self._watch: Watch | None = None
        self._beside: Callable[[], dict[str, Any]] = dict

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Return what stood beside the watch, and the watch's own bytes.

        Raises
        ------
        StateFormatError
            If the file is missing, cut or damaged.
        """
        path = self._path()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StateFormatError(f"{path} cannot be read: {error.strerror}") from error
        crc, _, body = data.partition(b"\n")
        text, _, rest = body.partition(b"\n")
        try:
            if crc != f"{zlib.crc32(body):08x}".encode():
                raise StateFormatError(f"{path} was cut or is damaged")
            beside: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise StateFormatError(f"{path}: {error}") from error
        return beside, rest

    def keep(self, watch: Watch, beside: Callable[[], dict[str, Any]]) -> None:
        """Keep a watch from now on, and what ``beside`` returns at each checkpoint."""
        self._watch, self._beside = watch, beside

    def _path(self) -> Path:
        return self._folder / f"{self._rows:012d}{self.SUFFIX}"

    def see(self, block: Seen) -> None:
        """Let the watch look."""
        if self._watch is not None:
            self._watch.see(block)
        if not block.again:
            self._rows = block.first + len(block.labels)

    def checkpoint(self) -> None:
        """Write what was seen until now.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        path = self._path()
        if self._watch is None:
            return
        body = json.dumps(self._beside()).encode() + b"\n" + self._watch.to_bytes()
        write_durably(path, f"{zlib.crc32(body):08x}\n".encode() + body)
        self._clear(path)

    def end(self) -> None:
        """Remove what belongs to checkpoints that are gone."""
        self._clear(None)

    def _clear(self, new: Path | None) -> None:
        """Keep those of the checkpoints that are there, and the one that belongs to the next."""
        for old in self._folder.glob(f"*{self.SUFFIX}"):
            if old != new and not old.with_suffix(self._suffix).exists():
                old.unlink(missing_ok=True)


def blind_names(learner: StreamLearner, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features that the network does not see now."""
    state = learner.state
    if "streak" not in (state.dtype.names or ()):
        return ()
    found = np.flatnonzero(blind_features(state)).tolist()
    return tuple(names[i] if i < len(names) else str(i) for i in found)
