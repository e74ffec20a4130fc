"""All figures of a classifier at work, sample by sample, in memory that does not grow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.hyperparameters import is_whole
from streamlearn.errors import ConfigError, LabelError, ShapeError
from streamlearn.evaluation.adwin import Adwin, Change, Drift
from streamlearn.evaluation.calibration import Calibration, Probabilities, ReliabilityBin
from streamlearn.evaluation.majority import majorities
from streamlearn.evaluation.scores import Counted, Labels, Scores, plain

#: Samples of the sliding window.
WINDOW = 300
#: Drifts that are remembered: the latest ones.
MAX_DRIFTS = 100


class ClassificationMetrics(Scores):
    """Figures of predictions that are tested before they are learned.

    Its own figures are over all samples; those of :attr:`latest` are over the latest ``window``
    ones. Memory grows with the number of classes, not with the stream.

    Parameters
    ----------
    classes
        The labels, in the order of the confusion matrix. Default: as they come. Others are
        appended when they come.
    window
        Samples of the sliding window, 1 or more.
    label_delay
        So many samples later a label is known, 0 or more: the majority and the label before, which
        κ_M and κ_T compare with, know it no earlier than the learner.
    n_bins
        Bins of the calibration.
    delta
        Confidence of the search for drifts (:class:`Adwin`).

    Attributes
    ----------
    latest : Scores
        The same figures over the latest samples.
    n_drifts : int
        How often the accuracy fell, as :class:`Adwin` sees it.
    drifts : list of Drift
        The latest 100 of them.

    Raises
    ------
    ConfigError
        If a number is out of range.

    Examples
    --------
    >>> metrics = ClassificationMetrics()
    >>> for y, predicted in zip("aabbab", "aabbbb"):
    ...     metrics.update(y, predicted)
    >>> round(metrics.accuracy, 3), round(metrics.kappa, 3), metrics.recall
    (0.833, 0.667, {'a': 0.6666666666666666, 'b': 1.0})
    >>> metrics.confusion_matrix.tolist()
    [[2, 1], [0, 3]]
    """

    def __init__(
        self,
        classes: Iterable[Hashable] | None = None,
        *,
        window: int = WINDOW,
        label_delay: int = 0,
        n_bins: int = 15,
        delta: float = 0.002,
    ) -> None:
        for name, value, least in (("window", window, 1), ("label_delay", label_delay, 0)):
            if not is_whole(value) or value < least:
                raise ConfigError(
                    f"{name} must be {least} or more, got {value!r}: expected a whole number"
                )
        super().__init__(Labels(classes or ()))
        self.latest = Scores(self._labels)
        self.n_drifts = 0
        self._drifts: deque[Drift] = deque(maxlen=MAX_DRIFTS)
        self._window, self._delay = window, label_delay
        self._in_window: deque[Counted] = deque()
        self._adwin = Adwin(delta)
        self._calibration = Calibration(n_bins)
        # What the two baselines know. Before any label: the first class, if it is known.
        self._unknown: deque[int] = deque()
        self._seen: Counter[int] = Counter()
        self._majority = self._before = 0 if self._labels.all else -1

    def update(self, y: Hashable, predicted: Hashable, proba: Probabilities | None = None) -> None:
        """Count a sample.

        Parameters
        ----------
        y
            Its label.
        predicted
            The label that was predicted before it was learned.
        proba
            Probabilities by label, or in the order of :attr:`classes`, for the calibration.

        Raises
        ------
        LabelError
            If there is no label or no prediction (None).
        ShapeError
            If ``proba`` says nothing of what was predicted.
        InputValueError
            If a probability is no number in [0, 1].
        """
        if y is None or predicted is None:
            raise LabelError(
                f"label {y!r}, prediction {predicted!r}: None cannot be counted; leave out samples "
                "without a label, and those before the first prediction"
            )
        i, j = self._labels.index(y), self._labels.index(predicted)
        if proba is not None:
            self._calibration.update(Calibration.confidence_in(proba, predicted, j), i == j)
        self._add(i, j)

    def update_block(
        self, y: NDArray[np.int64], predicted: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Count samples, int64 ``[n]`` indices into :attr:`classes`, as :meth:`update` one by one.

        Return bool ``[n]`` each: whether the majority's label was right, and the label before.
        """
        n, right = len(y), y == predicted
        if self._delay:
            counted = [
                self._add(*pair) for pair in zip(y.tolist(), predicted.tolist(), strict=True)
            ]
            flags = np.array(counted, np.int64).reshape(-1, 4)[:, 2:].astype(np.bool_)
            return flags[:, 0], flags[:, 1]
        before = np.concatenate([[self._before], y])[:-1] == y
        guessed = majorities(y, self._seen, self._majority)
        majority = guessed[:-1] == y
        self._seen.update(y.tolist())
        self._majority, self._before = int(guessed[-1]), int(y[-1]) if n else self._before
        for at, change in self._adwin.update_many(right):
            self._note(change, self.n_samples + at)
        self._count_block(y, predicted, majority, before)
        if n >= self._window:
            self.latest._clear()
            self._in_window.clear()
        late = slice(-self._window, None)
        self.latest._count_block(y[late], predicted[late], majority[late], before[late])
        columns = (values[late].tolist() for values in (y, predicted, majority, before))
        self._in_window.extend(zip(*columns, strict=True))
        over = max(0, len(self._in_window) - self._window)
        gone = np.array([self._in_window.popleft() for _ in range(over)], np.int64).reshape(-1, 4)
        flags = gone[:, 2:].astype(np.bool_)
        self.latest._count_block(gone[:, 0], gone[:, 1], flags[:, 0], flags[:, 1], by=-1)
        return majority, before

    def _add(self, i: int, j: int) -> Counted:
        counted = (i, j, i == self._majority, i == self._before)
        self._count(counted)
        self.latest._count(counted)
        self._in_window.append(counted)
        if len(self._in_window) > self._window:
            self.latest._count(self._in_window.popleft(), -1)
        self._unknown.append(i)
        if len(self._unknown) > self._delay:
            self._reveal(self._unknown.popleft())
        if self._adwin.update(float(i == j)):
            self._note(self._adwin.latest, self.n_samples)
        return counted

    def update_many(
        self,
        y: Iterable[Hashable],
        predicted: Iterable[Hashable],
        proba: Iterable[Probabilities] | None = None,
    ) -> ClassificationMetrics:
        """Count samples one after the other; return itself.

        Parameters
        ----------
        y, predicted
            A label and a prediction of each sample.
        proba
            Probabilities of each sample, such as ``float[n, classes]``.

        Raises
        ------
        ShapeError
            If there are not as many of each.
        """
        a, b = plain(y), plain(predicted)
        p = [None] * len(a) if proba is None else [*proba]
        if not len(a) == len(b) == len(p):
            raise ShapeError(
                f"{len(b)} predictions and probabilities of {len(p)} samples for {len(a)} labels: "
                "expected one of each for each label"
            )
        for label, prediction, row in zip(a, b, p, strict=True):
            self.update(label, prediction, row)
        return self

    @property
    def window(self) -> int:
        """Samples of the sliding window."""
        return self._window

    @property
    def drifts(self) -> list[Drift]:
        """The latest places where the accuracy fell, 100 at most."""
        return [*self._drifts]

    @property
    def expected_calibration_error(self) -> float:
        """Mean gap between probability and accuracy: :class:`Calibration`; NaN without `proba`."""
        return self._calibration.expected_calibration_error

    @property
    def reliability(self) -> list[ReliabilityBin]:
        """The bins of the reliability diagram: :attr:`Calibration.bins`."""
        return self._calibration.bins

    def to_dict(self) -> dict[str, Any]:
        """Return everything that it knows, as JSON can hold it if it can hold the labels.

        What :meth:`from_dict` makes of it goes on with the same bits.
        """
        return {
            "classes": [*self._labels.all],
            "pairs": [[i, j, n] for (i, j), n in sorted(self._pairs.items())],
            "right_majority": self._n_right_majority,
            "right_no_change": self._n_right_no_change,
            "window": self._window,
            "in_window": [[i, j, int(m), int(c)] for i, j, m, c in self._in_window],
            "label_delay": self._delay,
            "unknown": [*self._unknown],
            "seen": [[i, n] for i, n in sorted(self._seen.items())],
            "majority": self._majority,
            "before": self._before,
            "adwin": self._adwin.to_dict(),
            "n_drifts": self.n_drifts,
            "drifts": [[*drift] for drift in self._drifts],
            "calibration": self._calibration.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ClassificationMetrics:
        """Invert :meth:`to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not what :meth:`to_dict` returned.
        """
        self = cls(state["classes"], window=state["window"], label_delay=state["label_delay"])
        for i, j, n in state["pairs"]:
            self._count((i, j, False, False), n)
        self.n_samples = sum(self._pairs.values())
        self._n_right_majority = state["right_majority"]
        self._n_right_no_change = state["right_no_change"]
        for i, j, m, c in state["in_window"]:
            self._in_window.append((i, j, bool(m), bool(c)))
            self.latest._count(self._in_window[-1])
        self._unknown.extend(state["unknown"])
        self._seen.update(dict(state["seen"]))
        self._majority, self._before = state["majority"], state["before"]
        self._adwin = Adwin.from_dict(state["adwin"])
        self.n_drifts = state["n_drifts"]
        self._drifts.extend(Drift(*drift) for drift in state["drifts"])
        self._calibration = Calibration.from_dict(state["calibration"])
        return self

    def _note(self, change: Change | None, seen: int) -> None:
        if change is not None and change.mean_after < change.mean_before:
            self.n_drifts += 1
            self._drifts.append(Drift(change.at, seen, *change[1:3]))

    def _reveal(self, i: int) -> None:
        """Tell the two baselines a label."""
        self._before = i
        self._seen[i] += 1
        lead = self._seen[i] - self._seen[self._majority]
        if lead > 0 or (lead == 0 and i < self._majority):
            self._majority = i
