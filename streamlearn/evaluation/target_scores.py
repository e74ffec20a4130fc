"""The figures of predicted numbers, from sums alone: nothing is kept of a single sample."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Intervals that are counted: the central 5, 10, … 100 % of a predicted Gaussian.
N_LEVELS = 20
#: Half widths of all but the last of them, in standard deviations.
HALF_WIDTHS = np.array([NormalDist().inv_cdf(0.5 + i / N_LEVELS / 2) for i in range(1, N_LEVELS)])
#: A variance below this share of the squared distance from the first target is rounding.
ROUNDING = 1e-12

#: What is summed of each scored sample. The target counts from the first target that came.
COLUMNS = (
    "y", "y²", "error", "|error|", "error²", "|mean's|", "mean's²", "|no change's|",
    "no change's²", "has σ", "log-likelihood", "σ",
)  # fmt: skip
_Y, _YY, _E, _ABS, _SQ, _ABS_MEAN, _SQ_MEAN, _ABS_SAME, _SQ_SAME, _HAS_SD, _LOG, _SD = range(12)


def added(sums: Floats, rows: Floats) -> Floats:
    """Return sums ``[k]`` with rows ``[n, k]`` added one after the other.

    The bits do not depend on how a stream is cut into blocks; those of ``rows.sum(0)`` do.
    """
    found: Floats = np.add.accumulate(np.vstack([sums, rows]))[-1]
    return found


class TargetScores:
    """Errors, comparisons with trivial guesses, and the worth of σ, over a set of predictions.

    :class:`RegressionMetrics` makes them: over all samples, and over the latest ones. Errors are
    *prediction minus target*, in the target's unit.

    Attributes
    ----------
    n_samples : int
        How many samples came.
    n_scored : int
        How many of them are in the figures: all but those before the first target was known, of
        which neither the learner nor a guess could say anything.

    Notes
    -----
    NaN stands for what is not defined: figures of no sample, R² of a constant target, figures of σ
    where no prediction had one.
    """

    def __init__(self) -> None:
        self.n_samples = self.n_scored = 0
        self._sums: Floats = np.zeros(len(COLUMNS))
        self._levels: Ints = np.zeros(N_LEVELS, np.int64)

    def _count(self, n: int, rows: Floats, levels: Ints) -> None:
        """Count ``n`` samples, of which the last ones are scored.

        Parameters
        ----------
        n
            How many came.
        rows
            float64 ``[m, 12]``, the columns of :data:`COLUMNS`.
        levels
            int64 ``[m]``: the narrowest interval that holds the target; -1 without σ.
        """
        self.n_samples += n
        self.n_scored += len(rows)
        self._sums = added(self._sums, rows)
        self._levels = self._levels + np.bincount(levels[levels >= 0], minlength=N_LEVELS)

    def _mean(self, column: int) -> float:
        return _ratio(float(self._sums[column]), self.n_scored)

    @property
    def mae(self) -> float:
        """Mean absolute error, in the target's unit."""
        return self._mean(_ABS)

    @property
    def rmse(self) -> float:
        """Root mean square error, in the target's unit: large errors count more."""
        return math.sqrt(self._mean(_SQ))

    @property
    def bias(self) -> float:
        """Mean error, in the target's unit: above 0, predictions are too high."""
        return self._mean(_E)

    @property
    def r2(self) -> float:
        """R² = 1 - Σ error² / Σ (y - ȳ)², with ȳ the mean of these very targets.

        1 is perfect; 0 is no better than one number that is known only afterwards.
        """
        n, y, yy = self.n_scored, float(self._sums[_Y]), float(self._sums[_YY])
        spread = yy - y * y / n if n else 0.0
        return 1 - _ratio(float(self._sums[_SQ]), spread) if spread > ROUNDING * yy else math.nan

    @property
    def mae_mean(self) -> float:
        """Mean absolute error of the guess "the mean so far"."""
        return self._mean(_ABS_MEAN)

    @property
    def rmse_mean(self) -> float:
        """Root mean square error of the guess "the mean so far"."""
        return math.sqrt(self._mean(_SQ_MEAN))

    @property
    def mae_no_change(self) -> float:
        """Mean absolute error of the guess "the target before"."""
        return self._mean(_ABS_SAME)

    @property
    def rmse_no_change(self) -> float:
        """Root mean square error of the guess "the target before"."""
        return math.sqrt(self._mean(_SQ_SAME))

    @property
    def skill_mean(self) -> float:
        """1 - MAE / MAE of the mean so far: 1 is perfect, below 0 is worse than the guess."""
        return 1 - _ratio(float(self._sums[_ABS]), float(self._sums[_ABS_MEAN]))

    @property
    def skill_no_change(self) -> float:
        """1 - MAE / MAE of the target before: 1 is perfect, below 0 is worse than the guess.

        1 minus the mean absolute scaled error.

        References
        ----------
        Hyndman and Koehler, Another look at measures of forecast accuracy, International Journal of
        Forecasting 22, 2006.
        """
        return 1 - _ratio(float(self._sums[_ABS]), float(self._sums[_ABS_SAME]))

    @property
    def n_with_sd(self) -> int:
        """How many of the scored predictions had a finite standard deviation above 0."""
        return int(self._sums[_HAS_SD])

    @property
    def mean_sd(self) -> float:
        """Mean of the predicted standard deviations, in the target's unit."""
        return _ratio(float(self._sums[_SD]), self.n_with_sd)

    @property
    def log_likelihood(self) -> float:
        """Mean of log N(y; mean, σ²), in nats: higher is better, also in what σ is worth.

        It depends on the target's unit: compare it on one stream only.
        """
        return _ratio(float(self._sums[_LOG]), self.n_with_sd)

    def coverage(self, level: float) -> float:
        """Return the share of targets inside the central interval of a predicted Gaussian.

        Parameters
        ----------
        level
            What the interval promises to hold, a multiple of 0.05 in (0, 1), such as 0.95.

        Returns
        -------
        float
            In [0, 1], near ``level`` if σ is right; NaN if no prediction had one.
        """
        inside = int(self._levels[: round(level * N_LEVELS)].sum())
        return _ratio(inside, self.n_with_sd)

    @property
    def coverages(self) -> dict[float, float]:
        """Coverage of the 5, 10, … 95 % intervals, by level."""
        levels = [i / N_LEVELS for i in range(1, N_LEVELS)]
        return {level: self.coverage(level) for level in levels}

    def _sums_to_dict(self) -> dict[str, Any]:
        return {
            "n_samples": self.n_samples,
            "n_scored": self.n_scored,
            "sums": self._sums.tolist(),
            "levels": self._levels.tolist(),
        }

    def _take_sums(self, state: dict[str, Any]) -> None:
        self.n_samples, self.n_scored = state["n_samples"], state["n_scored"]
        self._sums = np.array(state["sums"], np.float64)
        self._levels = np.array(state["levels"], np.int64)


def scored(
    y: Floats, offset: float, mean: Floats, sd: Floats, guesses: tuple[Floats, Floats]
) -> tuple[Floats, Ints]:
    """Return the rows and levels that :class:`TargetScores` counts.

    Parameters
    ----------
    y, mean, sd
        float64 ``[m]``: targets, predictions, and their standard deviations (infinite or 0 where
        nothing is known of them).
    offset
        The first target that came.
    guesses
        float64 ``[m]`` each: the mean so far, and the target before.
    """
    error, of_mean, of_same = mean - y, guesses[0] - y, guesses[1] - y
    known = np.isfinite(sd) & (sd > 0)
    width = np.where(known, sd, 1.0)
    z = np.abs(error) / width
    # Logarithms one by one: a vectorised one may round otherwise in another place of a block.
    logs = np.array([math.log(one) for one in width.tolist()], np.float64)
    d = y - offset
    rows = np.stack(
        [
            d, d * d, error, np.abs(error), error * error,
            np.abs(of_mean), of_mean * of_mean, np.abs(of_same), of_same * of_same,
            known.astype(np.float64),
            np.where(known, -0.5 * z * z - logs - 0.5 * math.log(2 * math.pi), 0.0),
            np.where(known, sd, 0.0),
        ],
        axis=1,
    )  # fmt: skip
    levels = np.where(known, np.searchsorted(HALF_WIDTHS, z), -1)
    return rows, levels.astype(np.int64)


def columns_of(found: Floats) -> tuple[Floats, Floats]:
    """Return means and standard deviations ``[n]`` of predictions ``[n]`` or ``[n, 3]``."""
    if found.ndim == 1:
        return found, np.full(len(found), np.inf)
    # An infinite part makes an infinite whole, without a warning.
    return found[:, 0], np.hypot(found[:, 1], found[:, 2])


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan
