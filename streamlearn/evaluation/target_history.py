"""How a regressor went over a stream of any length, in a bounded number of points."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn.evaluation.target_scores import Floats, Ints, added

#: Stretches of the stream, and single samples, at most; at half of it the next finer ones were.
MAX_STRETCHES = 200
MAX_POINTS = 600
#: What is summed of each stretch.
STRETCH = ("samples", "|error|", "|mean's|", "|no change's|", "has σ", "in 50 %", "in 95 %")


class Stretches(NamedTuple):
    """Figures of consecutive stretches of a stream.

    Attributes
    ----------
    end : int64[k]
        After how many scored samples each ends.
    mae, mae_mean, mae_no_change : float64[k]
        Mean absolute errors in each: of the learner, of the mean so far, of the target before.
    within_50, within_95 : float64[k]
        Share of targets inside the 50 and 95 % intervals; NaN where no prediction had a σ.
    """

    end: Ints
    mae: Floats
    mae_mean: Floats
    mae_no_change: Floats
    within_50: Floats
    within_95: Floats

    def after(self, n: int) -> Stretches:
        """Return those that end behind ``n`` scored samples."""
        late = self.end > n
        return Stretches(
            self.end[late],
            self.mae[late],
            self.mae_mean[late],
            self.mae_no_change[late],
            self.within_50[late],
            self.within_95[late],
        )


class Points(NamedTuple):
    """Single samples, evenly spread over the stream.

    Attributes
    ----------
    at : int64[k]
        Which scored sample each is, from 0.
    y, mean, sd : float64[k]
        Target, prediction and its standard deviation.
    """

    at: Ints
    y: Floats
    mean: Floats
    sd: Floats


class TargetHistory:
    """Errors and coverage stretch by stretch, and single predictions beside their targets.

    When there is no more room, two neighbours become one, and every second point goes. What is
    kept depends on the samples alone, not on how they came in blocks.
    """

    def __init__(self) -> None:
        self._n = 0
        self._length = self._stride = 1
        self._stretches: list[Floats] = []
        self._points: list[list[float]] = []

    def add(self, rows: Floats, points: Floats) -> None:
        """Add samples.

        Parameters
        ----------
        rows
            float64 ``[m, 7]``, the columns of :data:`STRETCH`.
        points
            float64 ``[m, 3]``: target, prediction, standard deviation.
        """
        done = 0
        while done < len(rows):
            within = self._n % self._length
            if not within:
                self._stretches.append(np.zeros(len(STRETCH)))
            take = min(self._length - within, len(rows) - done)
            part = slice(done, done + take)
            self._stretches[-1] = added(self._stretches[-1], rows[part])
            for i, point in enumerate(points[part].tolist(), self._n):
                if i % self._stride == 0 and np.isfinite(point[2]):
                    self._points.append([i, *point])
            self._n += take
            done += take
            if len(self._stretches) == MAX_STRETCHES and self._n % self._length == 0:
                pairs = zip(self._stretches[::2], self._stretches[1::2], strict=True)
                self._stretches = [a + b for a, b in pairs]
                self._length *= 2
            while len(self._points) >= MAX_POINTS:
                self._stride *= 2
                self._points = [point for point in self._points if point[0] % self._stride == 0]

    @property
    def stretches(self) -> Stretches:
        """Every stretch, the last one unfinished."""
        return self.over_time(1)

    def over_time(self, window: int) -> Stretches:
        """Return the figures over about the latest ``window`` samples, at the end of each stretch.

        Parameters
        ----------
        window
            Samples, 1 or more; a stretch at least.
        """
        table = np.array(self._stretches, np.float64).reshape(-1, len(STRETCH))
        until = np.vstack([np.zeros(len(STRETCH)), np.cumsum(table, axis=0)])
        last = np.arange(1, len(until))
        first = np.maximum(last - max(window // self._length, 1), 0)
        n, error, mean, same, has_sd, in_50, in_95 = (until[last] - until[first]).T
        known = np.where(has_sd > 0, has_sd, np.nan)
        return Stretches(
            until[last, 0].astype(np.int64),
            error / n, mean / n, same / n, in_50 / known, in_95 / known,
        )  # fmt: skip

    @property
    def points(self) -> Points:
        """The samples that were kept."""
        table = np.array(self._points, np.float64).reshape(-1, 4).T
        return Points(table[0].astype(np.int64), *table[1:])

    def to_dict(self) -> dict[str, Any]:
        """Return everything that it knows, as JSON can hold it."""
        return {
            "n": self._n,
            "length": self._length,
            "stride": self._stride,
            "stretches": [one.tolist() for one in self._stretches],
            "points": self._points,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> TargetHistory:
        """Invert :meth:`to_dict`: it goes on with the same bits."""
        self = cls()
        self._n, self._length, self._stride = state["n"], state["length"], state["stride"]
        self._stretches = [np.array(one, np.float64) for one in state["stretches"]]
        self._points = [[*point] for point in state["points"]]
        return self
