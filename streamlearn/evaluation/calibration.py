"""Does it know how sure it is? Reliability bins and their error, as a stream goes on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.hyperparameters import is_whole
from streamlearn.errors import ConfigError, InputValueError, ShapeError

Probabilities = Mapping[Any, float] | Sequence[float] | NDArray[np.floating[Any]]

#: A probability may be so far outside [0, 1]: what binary32 rounds.
ROUNDING = 1e-6


class ReliabilityBin(NamedTuple):
    """The samples whose prediction had a probability in (lower, upper].

    Attributes
    ----------
    lower, upper : float
        Bounds of the bin; the first has 0 too.
    n_samples : int
        How many samples it has.
    confidence : float
        Mean probability of what was predicted, in [0, 1]; NaN if the bin is empty.
    accuracy : float
        Share that was right, in [0, 1]: equal to the confidence if it is calibrated.
    """

    lower: float
    upper: float
    n_samples: int
    confidence: float
    accuracy: float


class Calibration:
    """Compares the probability of each prediction with how often such predictions are right.

    The running form of :func:`streamlearn.uncertainty.expected_calibration_error`: three numbers
    per bin, whatever the length of the stream.

    Parameters
    ----------
    n_bins
        Bins of equal width in [0, 1]; 1 or more.

    Raises
    ------
    ConfigError
        If ``n_bins`` is below 1.

    Examples
    --------
    >>> calibration = Calibration(n_bins=10)
    >>> for right in (True, True, True, False):
    ...     calibration.update(0.95, right)
    >>> round(calibration.expected_calibration_error, 6)
    0.2
    """

    def __init__(self, n_bins: int = 15) -> None:
        if not is_whole(n_bins) or n_bins < 1:
            raise ConfigError(f"n_bins={n_bins!r}: expected 1 or more, a whole number")
        self._counts = [0] * n_bins
        self._right = [0] * n_bins
        self._sums = [0.0] * n_bins

    @property
    def n_samples(self) -> int:
        """How many samples had a probability."""
        return sum(self._counts)

    def update(self, confidence: float, right: bool) -> None:
        """Count a prediction.

        Parameters
        ----------
        confidence
            Probability that was given to the predicted class, in [0, 1].
        right
            Whether it was right.

        Raises
        ------
        InputValueError
            If the probability is no number in [0, 1].
        """
        if not -ROUNDING <= confidence <= 1 + ROUNDING:
            raise InputValueError(f"a probability must be in 0..1, got {confidence}")
        confidence = min(max(float(confidence), 0.0), 1.0)
        n_bins = len(self._counts)
        at = max(math.ceil(confidence * n_bins) - 1, 0)
        self._counts[at] += 1
        self._right[at] += bool(right)
        self._sums[at] += confidence

    @property
    def expected_calibration_error(self) -> float:
        """ECE = Σ_b n_b/n · |accuracy_b - confidence_b|, in [0, 1]; NaN without samples.

        References
        ----------
        Guo et al., On calibration of modern neural networks, arXiv 1706.04599, equation 3.
        """
        n = self.n_samples
        gaps = [abs(r - s) for r, s in zip(self._right, self._sums, strict=True)]
        return math.fsum(gaps) / n if n else math.nan

    @property
    def bins(self) -> list[ReliabilityBin]:
        """The bins of a reliability diagram, from unsure to sure."""
        n_bins = len(self._counts)
        return [
            ReliabilityBin(
                i / n_bins,
                (i + 1) / n_bins,
                n,
                self._sums[i] / n if n else math.nan,
                self._right[i] / n if n else math.nan,
            )
            for i, n in enumerate(self._counts)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return its numbers, as JSON can hold them."""
        return {"counts": self._counts[:], "right": self._right[:], "sums": self._sums[:]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Calibration:
        """Invert :meth:`to_dict`."""
        self = cls(len(state["counts"]))
        self._counts, self._right = [*state["counts"]], [*state["right"]]
        self._sums = [*state["sums"]]
        return self

    @staticmethod
    def confidence_in(proba: Probabilities, predicted: Hashable, index: int) -> float:
        """Return the probability of what was predicted.

        Parameters
        ----------
        proba
            By label, or in the order of the classes' indices.
        predicted, index
            The predicted label, and its index.

        Raises
        ------
        ShapeError
            If there is none.
        """
        try:
            found = proba[predicted] if isinstance(proba, Mapping) else proba[index]
            return float(found)
        except (LookupError, TypeError, ValueError):
            raise ShapeError(
                f"proba has no number for the predicted class {predicted!r}: expected a "
                "probability by label, or one for each of classes= in their order"
            ) from None
