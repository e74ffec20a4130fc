"""Prequential evaluation: every sample is first predicted and then learned."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.baselines.base import FloatRow, OnlineClassifier
from streamlearn.baselines.trivial import MajorityClassifier
from streamlearn.errors import ConfigError, LabelError
from streamlearn.evaluation.fingerprint import Fingerprint
from streamlearn.evaluation.metrics import WINDOW, ClassificationMetrics

Sample = tuple[FloatRow, int] | tuple[FloatRow, int, int]
MAX_CLASS = (1 << 16) - 1


@dataclass(frozen=True, eq=False)
class PrequentialResult:
    """What a learner predicted of each sample before it learned it.

    Parameters
    ----------
    predictions
        int64 ``[n_samples]``, class indices.
    labels
        int64 ``[n_samples]``, class indices.
    seconds
        Time spent inside the learner (predicting and learning), without waiting for the stream.
    interrupted
        Whether it ended before the stream did: Ctrl-C, or `should_stop`.
    label_delay
        How many samples later each label was known.
    """

    predictions: NDArray[np.int64]
    labels: NDArray[np.int64]
    seconds: float
    interrupted: bool = False
    label_delay: int = 0

    @property
    def n_samples(self) -> int:
        """Number of samples that were tested and learned."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of right predictions in [0, 1]; NaN without samples."""
        return _mean(self.predictions == self.labels)

    def metrics(self, window: int = WINDOW) -> ClassificationMetrics:
        """Return κ, κ_M, κ_T, recall, precision, confusion, drifts: all figures of the result.

        Parameters
        ----------
        window
            Samples of the sliding window, at least 1.

        Raises
        ------
        ConfigError
            `window` is below 1.
        """
        k = int(max(self.labels.max(), self.predictions.max())) + 1 if self.n_samples else 0
        found = ClassificationMetrics(range(k), window=window, label_delay=self.label_delay)
        return found.update_many(self.labels, self.predictions)

    @property
    def samples_per_s(self) -> float:
        """Samples per second of the learner's own time; NaN without samples."""
        return self.n_samples / self.seconds if self.seconds > 0 else float("nan")

    @property
    def predictions_sha256(self) -> str:
        """SHA-256, in hexadecimal, of the predictions as little-endian uint16."""
        return hash_of_predictions(self.predictions)

    def accuracy_over_time(self, window: int) -> NDArray[np.float64]:
        """Return the accuracy over the latest `window` samples, after each sample.

        Parameters
        ----------
        window
            Number of samples, at least 1.

        Returns
        -------
        numpy.ndarray
            float64 ``[n_samples]`` in [0, 1]; element i is over samples
            ``max(0, i - window + 1) .. i``, fewer than `window` at the start.

        Raises
        ------
        ConfigError
            `window` is below 1.
        """
        if window < 1:
            raise ConfigError(f"window must be 1 or more, got {window}")
        right = np.concatenate([[0], np.cumsum(self.predictions == self.labels)])
        last = np.arange(1, len(right))
        first = np.maximum(last - window, 0)
        return np.asarray((right[last] - right[first]) / (last - first), np.float64)


def evaluate(
    learner: OnlineClassifier,
    samples: Iterable[Sample],
    *,
    label_delay: int = 0,
    on_progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PrequentialResult:
    """Test, then train, on every sample of a stream.

    Parameters
    ----------
    learner
        Predicts and learns one sample at a time; if it has ``test_then_learn_one(x, y)``,
        that one call does both.
    samples
        Yields ``(x, y)`` or ``(x, y, line_number)``, as the streams of `streamlearn.streams`
        do. Read no further than the current sample.
    label_delay
        A label is known, and its sample is learned, after so many more samples were predicted
        (verification latency; MOA's and CapyMOA's count, River's ``delay`` is one more); 0: before
        the next one. At the end of the stream the labels still unknown come all together.
    on_progress
        Called after each sample with the number of samples and the number that were right.
    should_stop
        Asked before each sample is requested; True ends the evaluation.

    Returns
    -------
    PrequentialResult
        The samples that were both predicted and learned. After KeyboardInterrupt or `should_stop`
        it holds what was done until then; the learner may have begun one sample more.

    Raises
    ------
    LabelError
        A label or a prediction is no class index, ``0 .. 65535``.
    ConfigError
        `label_delay` is below 0.

    Examples
    --------
    >>> from streamlearn.baselines import NoChangeClassifier
    >>> stream = [([0.5], 1), ([0.6], 1), ([0.1], 0)]
    >>> result = evaluate(NoChangeClassifier(), stream)
    >>> result.predictions.tolist(), result.n_samples
    ([0, 1, 1], 3)
    >>> evaluate(NoChangeClassifier(), stream, label_delay=1).predictions.tolist()
    [0, 0, 1]
    """
    if label_delay < 0:
        raise ConfigError(f"label_delay must be 0 or more, got {label_delay}")
    test_then_learn = getattr(learner, "test_then_learn_one", None) or _separately(learner)
    done = _Done(on_progress)
    unknown: deque[tuple[FloatRow, int, int]] = deque()
    interrupted = False
    try:
        iterator = iter(samples)
        while True:
            if should_stop is not None and should_stop():
                interrupted = True
                break
            sample = next(iterator, None)
            if sample is None:
                break
            x, y = sample[0], _checked(sample[1], "label")
            if not label_delay:
                done.add(y, done.timed(test_then_learn, x, y))
                continue
            unknown.append((copy(x), y, done.timed(learner.predict_one, x)))
            if len(unknown) > label_delay:
                done.learn(learner, *unknown.popleft())
        while unknown and not interrupted:
            done.learn(learner, *unknown.popleft())
    except KeyboardInterrupt:
        interrupted = True
    return done.result(interrupted, label_delay)


class _Done:
    """The samples that were predicted and learned."""

    def __init__(self, on_progress: Callable[[int, int], object] | None) -> None:
        self._on_progress = on_progress
        self._predictions, self._labels = array("H"), array("H")
        self._seconds, self._n_right = 0.0, 0

    def timed(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        start = perf_counter()
        found = verb(*arguments)
        self._seconds += perf_counter() - start
        return found

    def learn(self, learner: OnlineClassifier, x: FloatRow, y: int, prediction: int) -> None:
        self.timed(learner.learn_one, x, y)
        self.add(y, prediction)

    def add(self, y: int, prediction: int) -> None:
        self._predictions.append(_checked(prediction, "prediction"))
        self._labels.append(y)
        self._n_right += prediction == y
        if self._on_progress is not None:
            self._on_progress(len(self._labels), self._n_right)

    def result(self, interrupted: bool, label_delay: int) -> PrequentialResult:
        n = min(len(self._predictions), len(self._labels))
        return PrequentialResult(
            predictions=np.array(self._predictions[:n], np.int64),
            labels=np.array(self._labels[:n], np.int64),
            seconds=self._seconds,
            interrupted=interrupted,
            label_delay=label_delay,
        )


def _separately(learner: OnlineClassifier) -> Callable[[FloatRow, int], int]:
    def test_then_learn(x: FloatRow, y: int) -> int:
        prediction = learner.predict_one(x)
        learner.learn_one(x, y)
        return prediction

    return test_then_learn


def no_change_predictions(labels: ArrayLike) -> NDArray[np.int64]:
    """Return int64 ``[n]``: the previous label of each sample, class 0 for the first."""
    y = np.asarray(labels, np.int64)
    return np.concatenate([np.zeros(min(1, len(y)), np.int64), y[:-1]])


def majority_predictions(labels: ArrayLike) -> NDArray[np.int64]:
    """Return int64 ``[n]``: the most frequent label before each sample, class 0 for the first.

    The lowest index among equals.
    """
    y = np.asarray(labels, np.int64)
    learner, nothing = MajorityClassifier(), np.empty(0, np.float32)
    found = np.zeros(len(y), np.int64)
    for i, label in enumerate(y.tolist()):
        found[i] = learner.predict_one(nothing)
        learner.learn_one(nothing, label)
    return found


def no_change_accuracy(labels: ArrayLike) -> float:
    """Return the accuracy of :func:`no_change_predictions` in [0, 1]; NaN without labels."""
    return _mean(no_change_predictions(labels) == np.asarray(labels, np.int64))


def majority_accuracy(labels: ArrayLike) -> float:
    """Return the accuracy of :func:`majority_predictions` in [0, 1]; NaN without labels."""
    return _mean(majority_predictions(labels) == np.asarray(labels, np.int64))


def hash_of_predictions(predictions: NDArray[Any]) -> str:
    """Return the SHA-256, in hexadecimal, of class indices as uint16 or of numbers as float32.

    Both are little endian. Of more than 32 KiB see :class:`Fingerprint`.
    """
    found = Fingerprint()
    found.add(predictions)
    return found.hexdigest()


def _mean(right: NDArray[np.bool_]) -> float:
    return float(np.mean(right)) if right.size else float("nan")


def _checked(index: Any, what: str) -> int:
    try:
        known = 0 <= index <= MAX_CLASS and int(index) == index
    except (TypeError, ValueError):  # text, None, a number's distribution
        known = False
    if not known:
        raise LabelError(
            f"a {what} must be a class index in 0..{MAX_CLASS}, got {index}: "
            "for labels of another kind, wrap the classifier in streamlearn.by_index.ByIndex"
        )
    return int(index)
