"""Who looks on while a run learns: recorders, live views, files of predictions.

An observer sees every block of samples after it was learned, and never changes what is learned. Its
files belong to the run: what it has seen is on the disk before a checkpoint says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: The label of a sample that has none: it is predicted only.
NO_LABEL = -1
PROBABILITIES = "probabilities"


@dataclass(frozen=True, eq=False)
class Block:
    """Samples that were predicted and then learned, one after the other.

    Parameters
    ----------
    first
        Samples before them, since the run was begun.
    x
        float32 ``[n, n_features]``, in the learner's order of features.
    labels
        int64 ``[n]``, class indices; -1: without a label, predicted only. Of a regression float32
        ``[n]``, targets; NaN: without one.
    predictions
        int64 ``[n]``, class indices, predicted before the sample was learned. Of a regression
        float ``[n, 3]``: mean, aleatoric and epistemic standard deviation.
    lines
        int64 ``[n]``, numbers of their lines in the stream.
    seconds
        Time spent inside the learner.
    probabilities
        float64 ``[n, n_classes]``, before the sample was learned; 0 for a class that was never
        taught. None unless an observer wants them.
    times
        float64 ``[n]``, seconds since 1970 UTC, NaN of a row without; None if the stream has none.
    again
        Whether these rows were shown before, without a label: now their labels have come, and they
        were learned. The predictions are those of then.
    """

    first: int
    x: NDArray[np.float32]
    labels: NDArray[Any]
    predictions: NDArray[Any]
    lines: NDArray[np.int64]
    seconds: float
    probabilities: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None
    again: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bool ``[n]``: which samples have a label, and were learned."""
        found: NDArray[np.bool_] = (
            ~np.isnan(self.labels) if self.labels.dtype.kind == "f" else self.labels >= 0
        )
        return found


class Observer(Protocol):
    """Looks on. The run calls one verb at a time, from one thread or another.

    What it needs beside predictions it says in an attribute ``wants``: a frozenset that may hold
    "probabilities". It costs time: such samples are predicted and learned one by one.
    """

    def see(self, block: Block) -> None:
        """Look at a block that was learned and is in the run's record.

        Raises
        ------
        WriteError
            Ends the run; what was learned is kept.
        """

    def checkpoint(self) -> None:
        """Bring to the disk what was seen so far: a checkpoint is about to count on it.

        Raises
        ------
        WriteError
            Then the checkpoint is not written. It is tried again in its time.
        """

    def end(self) -> None:
        """Close what is open; the last call, also after an error."""


class Observers(list[Observer]):
    """Several observers, called one after the other."""

    @property
    def wants(self) -> frozenset[str]:
        """What any of them needs beside predictions."""
        nothing: frozenset[str] = frozenset()
        return nothing.union(*(getattr(observer, "wants", nothing) for observer in self))

    def see(self, block: Block) -> None:
        """Show a block to all."""
        for observer in self:
            observer.see(block)

    def checkpoint(self) -> None:
        """Have all bring theirs to the disk."""
        for observer in self:
            observer.checkpoint()

    def end(self) -> None:
        """End all, whatever one of them raises; the first error is raised at the end."""
        first: Exception | None = None
        for observer in self:
            try:
                observer.end()
            except Exception as error:  # noqa: BLE001 - raised below, after all have ended
                first = first or error
        if first is not None:
            raise first


@contextmanager
def ending(observers: Observers) -> Iterator[None]:
    """End observers when the block does; an error of the block goes before one of theirs."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            observers.end()
        raise
    observers.end()
