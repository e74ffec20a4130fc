"""What a run looked like over its stream, baselines beside it, in memory that does not grow."""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quant.front_end.hold import blind_features
from streamlearn.baselines.online import OnlineBaselines
from streamlearn.baselines.online_targets import OnlineTargets
from streamlearn.errors import DivergedError, StateFormatError
from streamlearn.evaluation.curve import Curve
from streamlearn.evaluation.error_curve import ErrorCurve
from streamlearn.evaluation.timeline import Timeline
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.watching.late_rows import LateRows, Rows

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
        It is asked, and never taught. A regressor has no novelty and no entropy.
    baselines
        Whether they run along.
    n_samples
        Labelled samples that the run has learned already.
    label_delay
        So many labelled samples later a label comes: the baselines know it no sooner than the
        learner.

    Attributes
    ----------
    timeline : Timeline
        Columns: `LOOKS`. It counts all rows, also those without a label.
    curves : dict
        How the accuracy, or the error, of the baselines went, by `LEARNING`; empty without them.
    since : int
        Samples before the baselines began: 0, unless a run went on without what they knew.
    latest : tuple
        What was found at the latest look.
    """

    def __init__(
        self,
        learner: StreamLearner,
        baselines: bool = True,
        n_samples: int = 0,
        label_delay: int = 0,
    ) -> None:
        self._learner, self._n = learner, n_samples
        self.since = n_samples
        self.timeline, self.latest = Timeline(LOOKS), _UNKNOWN
        size = learner.state.nbytes
        layers = (learner.spec.n_features, *learner.spec.layers[1:])
        self.baselines: OnlineBaselines | None = None
        self.curves: dict[str, Curve | ErrorCurve] = {}
        if baselines and isinstance(learner, StreamClassifier):
            self.baselines = OnlineBaselines(layers, size)
            self.curves = {name: Curve() for name in LEARNING}
        elif baselines:
            self.baselines = OnlineTargets((*layers[:-1], 1), size)
            self.curves = {name: ErrorCurve() for name in LEARNING}
        self._late = LateRows(label_delay, layers[0])
        self._saturations = self._count_saturations()

    def see(self, block: Seen) -> None:
        """Look at some samples of a block, and let the baselines predict and learn it."""
        known = block.known
        if self.baselines is not None:
            self._compare(self.baselines, block.x[known], block.labels[known])
        every = EVERY_FIRST if block.first < FIRST else EVERY
        rows = range(-block.first % every, len(known), every)
        if rows and not block.again:  # they were looked at when they came
            step, blind, saturations = self._levels()
            levels = step, blind, saturations / len(rows)  # counted for the block, not for each
            for row in rows:
                self.latest = (*self._unsure(block.x[row]), *levels)
                self.timeline.add(block.first + row, self.latest)
        self._n += int(np.count_nonzero(known))

    def _compare(self, baselines: OnlineBaselines, x: Rows, labels: NDArray[Any]) -> None:
        """Let the baselines predict labelled samples, and learn them when their time has come."""
        rows, given, asked = self._late.put(x, labels)
        found = baselines.see(rows, given)
        for name, predicted in zip(LEARNING, (found.sgd, found.nearest), strict=True):
            curve = self.curves[name]
            if isinstance(curve, Curve):
                curve.add(predicted[asked] == labels)
            else:
                nothing = np.isnan(found.nearest[asked])  # no target was known
                errors = predicted[asked].astype(np.float64) - labels
                curve.add(errors[~nothing])

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
            "late": self._late.to_dict(),
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
            curves = {
                name: type(curve).from_dict(read["curves"][name])
                for name, curve in self.curves.items()
                if name in read["curves"]
            }
            late = self._late.again(read.get("late", {}))
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise StateFormatError(f"what was seen of the run does not fit: {error}") from error
        if timeline.names == LOOKS:
            self.timeline = timeline
        if self.baselines is not None and curves and set(curves) == set(self.curves):
            self.baselines.go_on(rest)
            self.curves, self.since, self._late = curves, since, late


def blind_names(learner: StreamLearner, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features that the network does not see now."""
    state = learner.state
    if "streak" not in (state.dtype.names or ()):
        return ()
    found = np.flatnonzero(blind_features(state)).tolist()
    return tuple(names[i] if i < len(names) else str(i) for i in found)
