"""Prequential evaluation: every sample is first predicted and then learned."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.baselines.base import FloatRow, OnlineClassifier
from streamlearn.baselines.trivial import MajorityClassifier
from streamlearn.errors import ConfigError, LabelError

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
    """

    predictions: NDArray[np.int64]
    labels: NDArray[np.int64]
    seconds: float
    interrupted: bool = False

    @property
    def n_samples(self) -> int:
        """Number of samples that were tested and learned."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of right predictions in [0, 1]; NaN without samples."""
        return _mean(self.predictions == self.labels)

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
    on_progress
        Called after each sample with the number of samples and the number that were right.
    should_stop
        Asked before each sample is requested; True ends the evaluation.

    Returns
    -------
    PrequentialResult
        The samples that were both predicted and learned. After KeyboardInterrupt it holds what
        was done until then; the learner may have begun one sample more.

    Raises
    ------
    LabelError
        A label or a prediction is no class index, ``0 .. 65535``.

    Examples
    --------
    >>> from streamlearn.baselines import NoChangeClassifier
    >>> result = evaluate(NoChangeClassifier(), [([0.5], 1), ([0.6], 1), ([0.1], 0)])
    >>> result.predictions.tolist(), result.n_samples
    ([0, 1, 1], 3)
    """
    test_then_learn = getattr(learner, "test_then_learn_one", None) or _separately(learner)
    predictions, labels = array("H"), array("H")
    seconds = 0.0
    n_right = 0
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
            start = perf_counter()
            prediction = test_then_learn(x, y)
            took = perf_counter() - start
            predictions.append(_checked(prediction, "prediction"))
            labels.append(y)
            seconds += took
            n_right += prediction == y
            if on_progress is not None:
                on_progress(len(labels), n_right)
    except KeyboardInterrupt:
        interrupted = True
    n = min(len(predictions), len(labels))
    return PrequentialResult(
        predictions=np.array(predictions[:n], np.int64),
        labels=np.array(labels[:n], np.int64),
        seconds=seconds,
        interrupted=interrupted,
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

    Both are little endian.
    """
    dtype = "<f4" if predictions.dtype.kind == "f" else "<u2"
    return hashlib.sha256(predictions.astype(dtype).tobytes()).hexdigest()


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
