"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ShapeError

#: The percentiles of σ in the last axis of `ReportData.sigma`.
PERCENTILES = (5, 25, 50, 75, 95)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that a page shows; what a run did not reach may be missing.

    Parameters
    ----------
    title
        Heading of the page.
    metrics
        The demo's JSON. A missing key leaves out what it would have shown.
    labels
        int64 ``[n]``, class indices.
    batch
        int64 ``[n]``, number of the recording batch of each sample; None where there is none.
    predictions
        By display name, int64 ``[m]`` with ``m <= n``: shorter after an interruption. Names
        that begin with "float", "q16" or "device" are engines, others are baselines.
    sigma_at
        int64 ``[k]``, rising: after how many samples σ was looked at.
    sigma
        float64 ``[k, n_layers, 5]``: percentiles 5, 25, 50, 75, 95 of σ in each layer.
    memory
        ``{"flash": {"bytes_available": int, "parts": {name: bytes}}, "ram": ...}``, or empty.
    instructions
        ``{"learn": int64[m]}``, instructions to learn each sample; None or no key if not
        counted.
    classes
        Names of the classes, by index.
    saturations
        How many values met the end of their format, by the name of the place.

    Raises
    ------
    ShapeError
        Arrays whose lengths do not go together.
    """

    title: str
    metrics: Mapping[str, Any]
    labels: Ints
    batch: Ints | None
    predictions: Mapping[str, Ints]
    sigma_at: Ints
    sigma: Floats
    memory: Mapping[str, Mapping[str, Any]]
    instructions: Mapping[str, Ints | None]
    classes: tuple[str, ...]
    saturations: Mapping[str, int]

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.batch is not None and len(self.batch) != n:
            raise ShapeError(
                f"batch must have one number for each of the {n} labels, got {len(self.batch)}"
            )
        for name, predicted in self.predictions.items():
            if len(predicted) > n:
                raise ShapeError(
                    f"predictions[{name!r}] has {len(predicted)} elements for {n} labels; "
                    "pass the labels of every sample that was predicted"
                )
        k = len(self.sigma_at)
        if k and (
            self.sigma.ndim != 3
            or self.sigma.shape[0] != k
            or self.sigma.shape[2] != len(PERCENTILES)
        ):
            raise ShapeError(
                f"sigma must be [{k}, n_layers, {len(PERCENTILES)}] for {k} elements of "
                f"sigma_at, got {list(self.sigma.shape)}"
            )

    @property
    def n_done(self) -> int:
        """Number of samples that the run got through: of its longest predictions."""
        return max((len(p) for p in self.predictions.values()), default=0)

    def accuracy(self, name: str) -> float:
        """Return the share of right predictions of `name` in [0, 1]; NaN without samples."""
        predicted = self.predictions[name]
        if not len(predicted):
            return float("nan")
        return float(np.mean(predicted == self.labels[: len(predicted)]))

    def agreement(self, name: str, other: str) -> float:
        """Return the share of equal predictions in [0, 1], over the samples that both did."""
        a, b = self.predictions[name], self.predictions[other]
        m = min(len(a), len(b))
        return float(np.mean(a[:m] == b[:m])) if m else float("nan")
