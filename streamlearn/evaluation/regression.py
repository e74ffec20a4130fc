"""All figures of a regressor at work, sample by sample, in memory that does not grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from streamlearn.errors import ConfigError, InputValueError, ShapeError
from streamlearn.evaluation.adwin import Adwin, Change
from streamlearn.evaluation.metrics import MAX_DRIFTS, WINDOW
from streamlearn.evaluation.target_history import TargetHistory
from streamlearn.evaluation.target_scores import (
    COLUMNS,
    N_LEVELS,
    ROUNDING,
    Floats,
    Ints,
    TargetScores,
    columns_of,
    scored,
)

#: ADWIN looks at absolute errors in units of so many standard deviations of the target, 1 at most.
DRIFT_UNIT = 4.0
#: Different values that are remembered, to tell a column of class numbers from one of measurements.
MAX_VALUES = 10


class ErrorDrift(NamedTuple):
    """A place where the error rose.

    Attributes
    ----------
    at : int
        After so many samples it rose, as exactly as the adaptive window can tell.
    seen : int
        After so many samples that was certain.
    mae_before, mae_after : float
        About the mean absolute error before the rise, since the window began, and from there to
        ``seen``; in the target's unit. Errors beyond four standard deviations of the target count
        as four.
    """

    at: int
    seen: int
    mae_before: float
    mae_after: float


class RegressionMetrics(TargetScores):
    """Figures of predicted numbers that are tested before they are learned.

    Its own figures are over all samples; those of :attr:`latest` are over the latest ``window``
    ones. Memory does not grow with the stream. The learner and two guesses are told the same: the
    guess "the mean so far" and the guess "no change", which repeats the target before.

    Parameters
    ----------
    window
        Samples of the sliding window, 1 or more.
    label_delay
        So many samples later a target is known, 0 or more: the guesses know it no earlier than the
        learner.
    delta
        Confidence of the search for drifts (:class:`streamlearn.evaluation.Adwin`).

    Attributes
    ----------
    history : TargetHistory
        How it went over the stream, in a bounded number of points.
    n_drifts : int
        How often the error rose, as ADWIN sees it.

    Raises
    ------
    ConfigError
        If a number is out of range.

    Notes
    -----
    What a stream gives does not depend on how it is cut into blocks, bit for bit. Samples before
    the first known target are counted and not scored: of them nobody could know the scale.

    Examples
    --------
    >>> metrics = RegressionMetrics()
    >>> for y, predicted in zip([1.0, 2.0, 3.0, 4.0], [0.0, 1.5, 3.0, 4.5]):
    ...     metrics.update(y, predicted)
    >>> round(metrics.mae, 3), metrics.mae_no_change, round(metrics.skill_no_change, 3)
    (0.333, 1.0, 0.667)
    """

    def __init__(self, *, window: int = WINDOW, label_delay: int = 0, delta: float = 0.002) -> None:
        if window < 1:
            raise ConfigError(f"window must be 1 or more, got {window}")
        if label_delay < 0:
            raise ConfigError(f"label_delay must be 0 or more, got {label_delay}")
        super().__init__()
        self.history = TargetHistory()
        self.n_drifts = 0
        self._drifts: deque[ErrorDrift] = deque(maxlen=MAX_DRIFTS)
        self._window, self._delay = window, label_delay
        self._rows: Floats = np.zeros((0, len(COLUMNS)))  # of the window
        self._row_levels: Ints = np.zeros(0, np.int64)
        self._offset: float | None = None  # the first target
        self._unknown: Floats = np.zeros(0)  # targets that no guess knows yet
        self._known: Floats = np.zeros(3)  # number of known ones; sums of them, from the first on
        self._values: list[float] | None = []  # None: too many, or no integers
        self._adwin = Adwin(delta)

    def update(self, y: float, predicted: Any) -> None:
        """Count a sample; see :meth:`update_many`.

        Parameters
        ----------
        y
            Its target.
        predicted
            What was predicted before it was learned: a number, or mean, aleatoric and epistemic
            standard deviation, as ``predict_distribution_one`` returns them.

        Raises
        ------
        ShapeError, InputValueError
            As :meth:`update_many`.
        """
        self.update_many([y], np.asarray(predicted, np.float64)[np.newaxis])

    def update_many(self, y: Any, predicted: Any) -> RegressionMetrics:
        """Count samples one after the other; return itself.

        Parameters
        ----------
        y
            Targets ``[n]``.
        predicted
            Predictions ``[n]``, or ``[n, 3]`` with mean, aleatoric and epistemic standard
            deviation; infinite where they are not known.

        Raises
        ------
        ShapeError
            If there are not as many of each, or of another shape.
        InputValueError
            If a target or a predicted mean is NaN or infinite.
        """
        targets = np.asarray(y, np.float64)
        found = np.asarray(predicted, np.float64)
        n = len(targets) if targets.ndim == 1 else -1
        if found.shape not in ((n,), (n, 3)):
            raise ShapeError(
                f"targets of shape {targets.shape} and predictions of shape {found.shape}: "
                "expected [n] targets, and [n] or [n, 3] predictions"
            )
        mean, sd = columns_of(found)
        for what, values in (("target", targets), ("prediction", mean)):
            if not np.isfinite(values).all():
                at = int(np.flatnonzero(~np.isfinite(values))[0])
                raise InputValueError(
                    f"{what} {values[at]} (sample {at} of {n}): expected finite numbers; leave out "
                    "samples without a target"
                )
        if n:
            self._add(targets, mean, sd)
        return self

    def _add(self, y: Floats, mean: Floats, sd: Floats) -> None:
        if self._offset is None:
            self._offset = float(y[0])
        self._look_at_values(y)
        guesses, scale = self._guesses(y)
        first = len(y) - len(scale)  # before it no target is known
        y, mean, sd = y[first:], mean[first:], sd[first:]
        with np.errstate(over="ignore"):  # of floats that diverge: the figures are infinite then
            rows, levels = scored(y, self._offset, mean, sd, guesses)
        before = self.n_samples
        self._count(first + len(y), rows, levels)
        self._rows = np.concatenate([self._rows, rows])[-self._window :]
        self._row_levels = np.concatenate([self._row_levels, levels])[-self._window :]
        of_history = [COLUMNS.index(name) for name in ("|error|", "|mean's|", "|no change's|")]
        has_sd = rows[:, COLUMNS.index("has σ")]
        inside = [has_sd * (levels < level * N_LEVELS) for level in (0.5, 0.95)]
        self.history.add(
            np.column_stack([np.ones(len(y)), rows[:, of_history], has_sd, *inside]),
            np.column_stack([y, mean, sd]),
        )
        self._look_for_drifts(np.abs(mean - y), scale, before + first)

    def _guesses(self, y: Floats) -> tuple[tuple[Floats, Floats], Floats]:
        """Return the mean so far and the target before, and the scale, of each scored sample.

        Each has one value for each sample with a known target: the last ones of the block.
        """
        assert self._offset is not None
        waiting = np.concatenate([self._unknown, y])
        n_known = max(len(waiting) - self._delay - 1, 0)
        known, self._unknown = waiting[:n_known], waiting[n_known:]
        d = known - self._offset
        steps = np.column_stack([np.ones(n_known), d, d * d])
        n, total, squares = np.add.accumulate(np.vstack([self._known, steps]))[1:].T
        if n_known:
            self._known = np.array([n[-1], total[-1], squares[-1]])
        mean = total / n
        variance = squares / n - mean * mean
        variance[variance <= ROUNDING * squares / n] = 0.0
        return (self._offset + mean, known), np.sqrt(variance)

    def _look_for_drifts(self, errors: Floats, scale: Floats, before: int) -> None:
        """Show ADWIN the errors in units of the target's own spread: it is made for [0, 1]."""
        unit = DRIFT_UNIT * scale
        shares = np.divide(errors, unit, out=np.zeros(len(errors)), where=unit > 0)
        skipped = before - self._adwin.n_values  # samples that were not scored
        for i, share in enumerate(np.minimum(shares, 1.0).tolist()):
            if self._adwin.update(share):
                self._note(self._adwin.latest, skipped, before + i + 1, float(unit[i]))

    def _note(self, change: Change | None, skipped: int, seen: int, unit: float) -> None:
        if change is not None and change.mean_after > change.mean_before:
            self.n_drifts += 1
            means = (unit * change.mean_before, unit * change.mean_after)
            self._drifts.append(ErrorDrift(change.at + skipped, seen, *means))

    def _look_at_values(self, y: Floats) -> None:
        if self._values is None:
            return
        found = {*self._values, *np.unique(y)[: MAX_VALUES + 1].tolist()}
        few = len(found) <= MAX_VALUES and all(value.is_integer() for value in found)
        self._values = sorted(found) if few else None

    @property
    def window(self) -> int:
        """Samples of the sliding window."""
        return self._window

    @property
    def latest(self) -> TargetScores:
        """The same figures over the latest scored samples."""
        found = TargetScores()
        found._count(len(self._rows), self._rows, self._row_levels)
        return found

    @property
    def drifts(self) -> list[ErrorDrift]:
        """The latest places where the error rose, 100 at most."""
        return [*self._drifts]

    @property
    def few_values(self) -> tuple[int, ...]:
        """The targets' values if all are integers and there are 10 at most; else empty."""
        return tuple(int(value) for value in self._values or ())

    def to_dict(self) -> dict[str, Any]:
        """Return everything that it knows, as JSON can hold it.

        What :meth:`from_dict` makes of it goes on with the same bits.
        """
        return {
            **self._sums_to_dict(),
            "window": self._window,
            "label_delay": self._delay,
            "rows": self._rows.tolist(),
            "row_levels": self._row_levels.tolist(),
            "offset": self._offset,
            "unknown": self._unknown.tolist(),
            "known": self._known.tolist(),
            "values": self._values,
            "adwin": self._adwin.to_dict(),
            "n_drifts": self.n_drifts,
            "drifts": [[*drift] for drift in self._drifts],
            "history": self.history.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> RegressionMetrics:
        """Invert :meth:`to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not what :meth:`to_dict` returned.
        """
        self = cls(window=state["window"], label_delay=state["label_delay"])
        self._take_sums(dict(state))
        self._rows = np.array(state["rows"], np.float64).reshape(-1, len(COLUMNS))
        self._row_levels = np.array(state["row_levels"], np.int64)
        self._offset = state["offset"]
        self._unknown = np.array(state["unknown"], np.float64)
        self._known = np.array(state["known"], np.float64)
        self._values = state["values"] and [*state["values"]]
        self._adwin = Adwin.from_dict(state["adwin"])
        self.n_drifts = state["n_drifts"]
        self._drifts.extend(ErrorDrift(*drift) for drift in state["drifts"])
        self.history = TargetHistory.from_dict(state["history"])
        return self
