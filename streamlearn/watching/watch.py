"""What a run looked like over its stream, baselines beside it, in memory that does not grow."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quant.front_end.hold import blind_features
from streamlearn.baselines.online import OnlineBaselines, Predicted
from streamlearn.errors import DivergedError, StateFormatError
from streamlearn.evaluation.timeline import Timeline
from streamlearn.learners.classifier import StreamClassifier

#: One sample in so many is asked how unsure the learner is: more often at the beginning.
EVERY_FIRST, EVERY, FIRST = 16, 128, 4096
#: What a sample that is looked at adds to the timeline.
LOOKS = ("novelty", "predictive", "epistemic", "step", "blind", "saturations")
#: The learner's own column; those of the baselines follow.
RIGHT = "learner"
BASELINES = Predicted._fields

_N_LOOKS = len(LOOKS)


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
    def labels(self) -> NDArray[np.int64]:
        """Class indices; -1: none."""
        ...

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Class indices."""
        ...


class Watch:
    """Adds every block of a run to a timeline; runs the baselines along.

    Looking costs no second prediction per sample: one in 128 (of the first 4,096 one in 16) is
    asked how novel it is and how unsure the learner, directly after its block was learned.

    Parameters
    ----------
    learner
        It is asked, and never taught.
    baselines
        Whether they run along.
    first
        Samples that the run has learned already.

    Attributes
    ----------
    timeline : Timeline
        Columns: `RIGHT` and those of `BASELINES`, 1 or 0 per labelled sample, and `LOOKS`.
    since : int
        Samples before it began to look: 0, unless the run went on without what was seen before.
    """

    def __init__(self, learner: StreamClassifier, baselines: bool = True, first: int = 0) -> None:
        self._learner = learner
        self.since = first
        self.timeline = Timeline((RIGHT, *BASELINES, *LOOKS))
        state_bytes = learner.state.nbytes
        self.baselines = OnlineBaselines(learner.spec.layers, state_bytes) if baselines else None
        self._saturations = self._count_saturations()

    def see(self, block: Seen) -> None:
        """Add a block, and let the baselines predict and learn it."""
        labels, n = block.labels, len(block.labels)
        known = labels >= 0
        values = np.full((n, len(self.timeline.names)), np.nan)
        values[known, 0] = block.predictions[known] == labels[known]
        if self.baselines is not None:
            for i, predicted in enumerate(self.baselines.see(block.x, labels), 1):
                values[known, i] = predicted[known] == labels[known]
        every = EVERY_FIRST if block.first < FIRST else EVERY
        for row in range(-block.first % every, n, every):
            values[row, -_N_LOOKS:] = self._look(block.x[row])
        self.timeline.add(block.first, values)

    def _look(self, x: NDArray[np.float32]) -> tuple[float, ...]:
        learner, nan = self._learner, float("nan")
        try:
            novelty, unsure = learner.novelty_one(x), learner.predict_uncertainty_one(x)
        except DivergedError:  # learning says so itself
            return nan, nan, nan, nan, nan, nan
        levels, before = learner.levels, self._saturations
        self._saturations = self._count_saturations()
        epistemic = unsure[2] if len(unsure) > 2 else nan
        more = max(0, self._saturations - before)
        return novelty, unsure.predictive, epistemic, levels.step, levels.blind, more

    def _count_saturations(self) -> int:
        return sum(vars(self._learner.saturations).values())

    def accuracies(self) -> dict[str, float | None]:
        """Return the share of right predictions of each baseline since :attr:`since`."""
        if self.baselines is None:
            return {}
        totals = {name: self.timeline.total(name) for name in BASELINES}
        return {name: right / n if n else None for name, (right, n) in totals.items()}

    def to_parts(self) -> tuple[dict[str, Any], bytes]:
        """Return what is JSON, and the bytes of the baselines, for a checkpoint."""
        description = {
            "since": self.since,
            "baselines": self.baselines is not None,
            "timeline": self.timeline.to_dict(),
        }
        return description, b"" if self.baselines is None else self.baselines.to_bytes()

    def go_on(self, description: dict[str, Any], data: bytes) -> None:
        """Take over what :meth:`to_parts` returned.

        Raises
        ------
        StateFormatError
            If it does not fit.
        """
        try:
            timeline, since = Timeline.from_dict(description["timeline"]), int(description["since"])
            had = bool(description["baselines"])
        except (LookupError, TypeError, ValueError) as error:
            raise StateFormatError(f"what was seen of the run does not fit: {error}") from error
        if timeline.names != self.timeline.names:
            raise StateFormatError(f"what was seen of the run has other columns: {timeline.names}")
        if self.baselines is not None and had:
            self.baselines.go_on(data)
        self.timeline, self.since = timeline, since


def blind_names(learner: StreamClassifier, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features that the network does not see now."""
    state = learner.state
    if "streak" not in (state.dtype.names or ()):
        return ()
    found = np.flatnonzero(blind_features(state)).tolist()
    return tuple(names[i] if i < len(names) else str(i) for i in found)
