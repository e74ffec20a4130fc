"""What a device's link has to do, and where it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt


class Link(Protocol):
    """A device that answers: ``firmware_sim.Verbs`` has all of this, and says what each does."""

    @property
    def facts(self) -> Any:
        """The sizes of the firmware: ``n_features``, ``n_classes``, ``state_bytes``."""

    def learn(self, x: npt.ArrayLike, label: int) -> int:
        """Learn one sample; return the class index predicted before."""

    def learn_target(self, x: npt.ArrayLike, y: float) -> Any:
        """Learn one target; return mean and two standard deviations predicted before."""

    def predict(self, x: npt.ArrayLike) -> int:
        """Return the class index."""

    def predict_target(self, x: npt.ArrayLike) -> Any:
        """Return mean and two standard deviations."""

    def read_state(self, first: int = 0, size: int | None = None) -> bytes:
        """Return the state, or a part of it."""

    def write_state(self, state: bytes) -> None:
        """Replace the whole state, all of it or nothing."""

    def health(self) -> Any:
        """Return ``blind``, ``step`` and ``saturations``."""


@dataclass(frozen=True)
class Place:
    """Where a device's link is.

    Parameters
    ----------
    open
        Opens it; returns the link, and what closes it.
    gone
        Errors that say that the link is gone, or what is at its other end; it is opened again.
    refused
        Those of them that are the device's own answer: it did not do it, and its state is as
        before.
    """

    open: Callable[[], tuple[Link, Callable[[], object]]]
    gone: tuple[type[Exception], ...] = (OSError,)
    refused: tuple[type[Exception], ...] = ()
