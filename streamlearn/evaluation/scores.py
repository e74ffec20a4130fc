"""The figures of a set of predictions, from counts alone: nothing is kept of a single sample."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

#: How a sample is counted: index of its class, index predicted, whether the majority's label and
#: the label before were right.
Counted = tuple[int, int, bool, bool]


class Labels:
    """Labels in the order of their indices; a new one is appended.

    Parameters
    ----------
    known
        The labels that are known beforehand.
    """

    def __init__(self, known: Iterable[Hashable] = ()) -> None:
        self.all: list[Hashable] = []
        self._index: dict[Hashable, int] = {}
        for label in known:
            self.index(label)

    def index(self, label: Hashable) -> int:
        """Return the index of a label."""
        found = self._index.get(label)
        if found is None:
            found = self._index[label] = len(self.all)
            self.all.append(label.item() if isinstance(label, np.generic) else label)
        return found


class Scores:
    """Accuracy, κ, recall and precision of predictions.

    :class:`ClassificationMetrics` makes them: over all samples, and over the latest ones.

    Attributes
    ----------
    n_samples : int
        How many samples are counted.

    Notes
    -----
    NaN stands for what is not defined: an accuracy of no samples, the recall of a class that never
    came, the precision of a class that was never predicted, a κ whose comparison is always right.
    scikit-learn has 0 or NaN there, with a warning.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self.n_samples = 0
        self._n_right = self._n_right_majority = self._n_right_no_change = 0
        self._pairs: Counter[tuple[int, int]] = Counter()

    @property
    def classes(self) -> tuple[Hashable, ...]:
        """The labels, in the order of the confusion matrix."""
        return tuple(self._labels.all)

    @property
    def accuracy(self) -> float:
        """Share of right predictions, in [0, 1]."""
        return _ratio(self._n_right, self.n_samples)

    @property
    def accuracy_majority(self) -> float:
        """Accuracy of the most frequent label until then, in [0, 1]."""
        return _ratio(self._n_right_majority, self.n_samples)

    @property
    def accuracy_no_change(self) -> float:
        """Accuracy of the label before, in [0, 1]."""
        return _ratio(self._n_right_no_change, self.n_samples)

    @property
    def kappa(self) -> float:
        """Cohen's κ = (p₀ - pₑ) / (1 - pₑ): how far the accuracy p₀ is above chance.

        pₑ = Σ_i P(true = i) · P(predicted = i) is the accuracy of guesses that are drawn with the
        predictions' own frequencies. 1 is perfect, 0 is chance, below 0 is worse than chance.

        References
        ----------
        Cohen, A coefficient of agreement for nominal scales, 1960.
        """
        n = self.n_samples
        predicted = self._sums(1)
        chance = sum(count * predicted[i] for i, count in self._sums(0).items())
        return _ratio(n * self._n_right - chance, n * n - chance)

    @property
    def kappa_m(self) -> float:
        """κ_M = (p₀ - p_m) / (1 - p_m): against the majority, the most frequent label so far.

        Below 0: it would be better always to say the most frequent label.

        References
        ----------
        Bifet, de Francisci Morales, Read, Holmes and Pfahringer, Efficient online evaluation of
        big data stream classifiers, KDD 2015, section 3.
        """
        best = self._n_right_majority
        return _ratio(self._n_right - best, self.n_samples - best)

    @property
    def kappa_t(self) -> float:
        """κ_T = (p₀ - p_t) / (1 - p_t): against no change, the label before.

        Where labels repeat, accuracy and κ are high for a learner that has learned nothing but
        that; κ_T is not. Below 0: it would be better to say the label before.

        References
        ----------
        Žliobaitė, Bifet, Read, Pfahringer and Holmes, Evaluation methods and decision theory for
        classification of streaming data with temporal dependence, Machine Learning 98, 2015:
        κ_per, its equation 3.
        """
        best = self._n_right_no_change
        return _ratio(self._n_right - best, self.n_samples - best)

    @property
    def support(self) -> dict[Hashable, int]:
        """How many samples each class has."""
        true = self._sums(0)
        return {label: true[i] for i, label in enumerate(self._labels.all)}

    @property
    def recall(self) -> dict[Hashable, float]:
        """Of the samples of a class, the share that was found, in [0, 1]."""
        return self._right_of(self._sums(0))

    @property
    def precision(self) -> dict[Hashable, float]:
        """Of the samples for which a class was predicted, the share that was right, in [0, 1]."""
        return self._right_of(self._sums(1))

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls of the classes that came, in [0, 1]: rare classes count as much."""
        found = [self._pairs[i, i] / count for i, count in self._sums(0).items()]
        return _ratio(math.fsum(found), len(found))

    @property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """``int64[k, k]``: samples of class i (row) for which class j (column) was predicted."""
        k = len(self._labels.all)
        matrix = np.zeros((k, k), np.int64)
        for pair, count in self._pairs.items():
            matrix[pair] = count
        return matrix

    def _count(self, sample: Counted, by: int = 1) -> None:
        """Add a sample, or take it back."""
        y, predicted, majority, no_change = sample
        self.n_samples += by
        self._n_right += by * (y == predicted)
        self._n_right_majority += by * majority
        self._n_right_no_change += by * no_change
        self._pairs[y, predicted] += by
        if by < 0 and not self._pairs[y, predicted]:
            del self._pairs[y, predicted]

    def _count_block(
        self,
        y: NDArray[np.int64],
        predicted: NDArray[np.int64],
        majority: NDArray[np.bool_],
        no_change: NDArray[np.bool_],
        by: int = 1,
    ) -> None:
        """Add samples, or take them back; given as :data:`Counted` of each, column by column."""
        self.n_samples += by * len(y)
        self._n_right += by * int(np.count_nonzero(y == predicted))
        self._n_right_majority += by * int(np.count_nonzero(majority))
        self._n_right_no_change += by * int(np.count_nonzero(no_change))
        for value, count in Counter((y << 32 | predicted).tolist()).items():
            pair = value >> 32, value & 0xFFFFFFFF
            self._pairs[pair] += by * count
            if by < 0 and not self._pairs[pair]:
                del self._pairs[pair]

    def _clear(self) -> None:
        """Take back all samples."""
        self.n_samples = 0
        self._n_right = self._n_right_majority = self._n_right_no_change = 0
        self._pairs.clear()

    def _sums(self, axis: int) -> Counter[int]:
        """Count the samples of each class that came (axis 0), or was predicted (axis 1)."""
        found: Counter[int] = Counter()
        for pair, count in self._pairs.items():
            found[pair[axis]] += count
        return found

    def _right_of(self, counts: Counter[int]) -> dict[Hashable, float]:
        return {
            label: _ratio(self._pairs[i, i], counts[i]) for i, label in enumerate(self._labels.all)
        }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def plain(values: Iterable[Hashable]) -> list[Hashable]:
    """Return labels as a list; those of an array as Python's own."""
    return values.tolist() if isinstance(values, np.ndarray) else [*values]
