"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ShapeError
from streamlearn.evaluation.curve import Curve
from streamlearn.evaluation.error_curve import ErrorCurve
from streamlearn.evaluation.regression import RegressionMetrics
from streamlearn.evaluation.timeline import Timeline

#: The percentiles in the last axis of `LayerHistory.percentiles`.
PERCENTILES = (5, 25, 50, 75, 95)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Predicting:
    """What has predictions that count: each of them, or how their accuracy went."""

    predictions: Ints | None
    curve: Curve | None

    @property
    def n_samples(self) -> int:
        """Number of samples whose prediction is known."""
        if self.curve is not None:
            return self.curve.n_samples
        return 0 if self.predictions is None else len(self.predictions)


@dataclass(frozen=True, eq=False)
class Engine(Predicting):
    """One implementation of the learner, and what it left.

    Parameters
    ----------
    name
        What tables and legends call it.
    rule, head, arithmetic
        What it computes, and in which arithmetic.
    backend
        Where it runs: "numpy", "c" (the kernel on this computer) or "device" (the firmware).
    exact
        Whether it computes in integers. Every exact engine must have the bits of the golden
        model, which is the exact engine of the backend "numpy".
    predictions
        int64 ``[m]``, class indices, before learning; fewer than the labels after an interruption.
        None if they were not kept.
    samples_per_s
        Speed, or None.
    state_sha256, predictions_sha256
        Hashes in hexadecimal, or None.
    curve
        How its accuracy went; None: ``predictions`` tell.
    """

    name: str
    rule: str
    head: str
    arithmetic: str
    backend: Literal["numpy", "c", "device"]
    exact: bool
    predictions: Ints | None = None
    samples_per_s: float | None = None
    state_sha256: str | None = None
    predictions_sha256: str | None = None
    curve: Curve | None = None


@dataclass(frozen=True, eq=False)
class Baseline(Predicting):
    """What the learner is compared with.

    Parameters
    ----------
    name
        What tables and legends call it.
    predictions
        As for an engine; None if only the accuracy is known.
    accuracy
        Share of right predictions in [0, 1], if there are no predictions to count.
    trivial
        Whether it looks at labels alone: drawn in grey.
    curve
        As for an engine.
    """

    name: str
    predictions: Ints | None = None
    accuracy: float | None = None
    trivial: bool = False
    curve: Curve | None = None


@dataclass(frozen=True, eq=False)
class LayerHistory:
    """How one quantity of the weights went, layer by layer.

    Parameters
    ----------
    quantity
        A word or letter for it, such as "σ".
    meaning
        A sentence that says what a small and a large value mean.
    at
        int64 ``[k]``, rising: after how many samples it was looked at.
    percentiles
        float64 ``[k, n_layers, 5]``: percentiles 5, 25, 50, 75, 95 in each layer.

    Raises
    ------
    ShapeError
        If the two arrays do not belong together.
    """

    quantity: str
    meaning: str
    at: Ints
    percentiles: Floats

    def __post_init__(self) -> None:
        k, shape = len(self.at), self.percentiles.shape
        if k and (len(shape) != 3 or shape[0] != k or shape[2] != len(PERCENTILES)):
            raise ShapeError(
                f"percentiles must be [{k}, n_layers, {len(PERCENTILES)}] for {k} elements of at, "
                f"got {list(shape)}"
            )


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that a page shows; what a run did not reach may be missing.

    Parameters
    ----------
    title
        Heading of the page.
    labels
        int64 ``[n]``, class indices; empty if they were not kept (``n_stream``, ``confusion``, and
        curves take their place).
    classes
        Names of the classes, by index.
    engines
        Implementations of the learner. The first in floating point is the reference that integers
        are compared with.
    baselines
        What they are compared with.
    metrics
        The run's JSON. A missing key leaves out what it would have shown; with ``fidelity`` the
        page begins with a verdict on the engines' bits.
    batch
        int64 ``[n]``, number of the recording batch of each sample; None if there is none.
    history
        How the weights went; None if nobody looked.
    memory
        ``{"flash": {"bytes_available": int, "parts": {name: bytes}}, "ram": ...}``, or empty.
    instructions
        int64 ``[m]``, instructions to learn each sample; None if they were not counted.
    saturations
        How many values reached the end of their format, by the name of the place; None if there
        are no formats to reach the end of.
    n_stream, confusion
        What is known instead of labels that were not kept: how many samples came, and int64
        ``[n_classes, n_classes]``, samples of class i (row) predicted as j.
    timeline
        How figures went that :class:`streamlearn.watching.Watch` collects; None if nobody looked.
    targets
        The figures of a regression; None: the page is about classes.
    errors
        How the errors of a regression's baselines went, by their names.

    Raises
    ------
    ShapeError
        Arrays whose lengths do not go together.
    """

    title: str
    classes: tuple[str, ...]
    engines: tuple[Engine, ...]
    labels: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    baselines: tuple[Baseline, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    batch: Ints | None = None
    history: LayerHistory | None = None
    memory: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    instructions: Ints | None = None
    saturations: Mapping[str, int] | None = None
    n_stream: int | None = None
    confusion: Ints | None = None
    timeline: Timeline | None = None
    targets: RegressionMetrics | None = None
    errors: Mapping[str, ErrorCurve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = self.n
        if self.batch is not None and len(self.batch) != n:
            raise ShapeError(
                f"batch must have one number for each of the {n} labels, got {len(self.batch)}"
            )
        for one in self.everyone:
            if one.n_samples > n:
                raise ShapeError(
                    f"the predictions of {one.name!r} have {one.n_samples} elements for {n} "
                    "labels; pass the labels of every sample that was predicted"
                )

    @property
    def n(self) -> int:
        """Number of samples in the stream, as far as it is known."""
        return len(self.labels) if self.n_stream is None else self.n_stream

    @property
    def everyone(self) -> tuple[Engine | Baseline, ...]:
        """Engines, then baselines."""
        return (*self.engines, *self.baselines)

    @property
    def compares(self) -> bool:
        """Whether the run was made to compare engines: the page then begins with a verdict."""
        return "fidelity" in self.metrics

    @property
    def n_done(self) -> int:
        """Number of samples that the run got through: of its longest predictions."""
        known = 0 if self.targets is None else self.targets.n_samples
        return max((one.n_samples for one in self.everyone), default=0) or known

    def accuracy(self, one: Engine | Baseline) -> float:
        """Return the share of right predictions in [0, 1]; NaN if it is not known."""
        if one.curve is not None:
            return one.curve.accuracy
        if one.predictions is None or not len(one.predictions):
            known = one.accuracy if isinstance(one, Baseline) else None
            return float("nan") if known is None else known
        return float(np.mean(one.predictions == self.labels[: len(one.predictions)]))


def agreement(a: Ints | None, b: Ints | None) -> float:
    """Return the share of equal predictions in [0, 1], over the samples that both did, or NaN."""
    if a is None or b is None:
        return float("nan")
    m = min(len(a), len(b))
    return float(np.mean(a[:m] == b[:m])) if m else float("nan")
