"""What the bench runs: something that predicts and learns blocks of rows, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
#: ``ours``: a rule with an option, one set of defaults for all streams. ``reference``: ours, set
#: for each stream by looking. ``baseline``: the field's. ``scan``: one at one of its settings.
Group = Literal["ours", "reference", "baseline", "scan"]


@dataclass(frozen=True)
class Shape:
    """What a stream asks of a learner.

    Attributes
    ----------
    n_features, n_classes, hidden : int
        ``hidden`` is that of MESU and SGD; a rule with other bytes per synapse has its own.
    front_end : {"standardise", "none"}
    """

    n_features: int
    n_classes: int
    hidden: int
    front_end: str


class Learner(Protocol):
    """A classifier of rows whose labels are ``0 .. k-1``."""

    def learn(self, x: Floats, y: Integers) -> Integers:
        """Test, then learn every row in turn; return what was predicted, -1 for nothing."""

    def predict(self, x: Floats) -> Integers:
        """Return what it says now of every row; learn nothing."""

    def recall(self, x: Floats) -> Integers | None:
        """Return what its memory says of every row, or None if it has none."""

    def state_bytes(self) -> int:
        """Return the bytes of everything that later samples depend on."""


@dataclass(frozen=True)
class Contender:
    """A line of the bench.

    Attributes
    ----------
    name : str
        On the command line and in the result.
    title : str
        In the tables.
    group : {"ours", "reference", "baseline", "scan"}
    make : callable
        From a shape and a seed to a fresh learner.
    n_seeds : int
        At most so many: less for what is slow.
    family : str
        Of a scan: the baseline, or the reference, whose setting is searched.
    setting : str
        Of a scan: the setting.
    packages : tuple of str
    most : float
        It runs only where rows × features is not above this.
    disturbed : bool
        Whether it runs in the part with bad rows.
    bytes_of : str
        What ``state_bytes`` counts: the ``state`` of a board, ``arrays`` of float32 or bytes, or a
        ``pickle``, which is larger than what a program holds.
    options : tuple
        Parameters and values that are not the learner's defaults.
    """

    name: str
    title: str
    group: Group
    make: Callable[[Shape, int], Learner]
    n_seeds: int = 5
    family: str = ""
    setting: str = ""
    packages: tuple[str, ...] = ()
    most: float = float("inf")
    disturbed: bool = True
    bytes_of: str = "arrays"
    options: tuple[tuple[str, Any], ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return what a recorded run must agree with to be this contender's."""
        return {"learner": self.name, "options": dict(self.options)}
