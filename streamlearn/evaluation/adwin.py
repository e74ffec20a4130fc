"""Where does a stream of numbers change its mean? ADWIN, the adaptive window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.errors import ConfigError, InputValueError
from streamlearn.evaluation import adwin_kernel

#: Buckets of one size, at most; one more, and the oldest two become one of twice the size.
MAX_BUCKETS = 5
#: Samples on either side of a cut, at least.
MIN_SIDE = 5
#: Samples between two looks for a cut.
CLOCK = 32

#: So many values at a time, or more, are added in C.
QUICK = 64

#: Sum of the values of a bucket, and of their squared distances from its mean.
Bucket = tuple[float, float]


class Change(NamedTuple):
    """Where the mean changed: the cut that tells old from new most clearly.

    Attributes
    ----------
    at : int
        How many values came before it, as exactly as the buckets have it.
    mean_before, mean_after : float
        Means of the two sides.
    limit : float
        ε, which their difference exceeds.
    """

    at: int
    mean_before: float
    mean_after: float
    limit: float


class Drift(NamedTuple):
    """A place where the accuracy fell.

    Attributes
    ----------
    at : int
        After so many samples it fell, as exactly as the adaptive window can tell.
    seen : int
        After so many samples that was certain.
    accuracy_before, accuracy_after : float
        Accuracy before the fall, since the window began, and from there to ``seen``; in [0, 1].
    """

    at: int
    seen: int
    accuracy_before: float
    accuracy_after: float


class Adwin:
    """A window over the latest values that grows while their mean stays, and is cut if it changes.

    The window W is cut in two, W0 (older) and W1, wherever their means differ by more than ::

        ε = √(2/m · s² · ln(2 ln|W| / δ)) + 2/(3m) · ln(2 ln|W| / δ),  1/m = 1/|W0| + 1/|W1|

    with s² the variance of W; then the oldest values are dropped until no cut is left. Values are
    kept in buckets of 1, 2, 4, ... of them, so that memory and time per value grow with the
    logarithm of the window, and not with the stream.

    Parameters
    ----------
    delta
        Confidence δ in (0, 1): the smaller, the fewer false alarms and the later the true ones.

    Attributes
    ----------
    n_values : int
        How many values came.
    n_changes : int
        How often the window was cut.
    width : int
        Number of values in the window.
    mean : float
        Mean of the window; NaN before the first value.
    latest : Change or None
        The latest change.

    Raises
    ------
    ConfigError
        If ``delta`` is not between 0 and 1.

    Notes
    -----
    Looks for a cut every 32nd value, with 5 values or more on either side. After a change the next
    value begins a new window (the paper goes on with the rest, and finds one change several
    times). Constants and results are those of River's ``ADWIN``, which a test compares value by
    value. Written anew, so that a checkpoint can hold it, and marks do not depend on whether River
    is installed.

    References
    ----------
    Bifet and Gavaldà, Learning from time-changing data with adaptive windowing, SDM 2007:
    section 4 (ADWIN2), with the bound for ε of its equation 3.2.

    Examples
    --------
    >>> adwin = Adwin()
    >>> changes = [i for i in range(2000) if adwin.update(float(i >= 1000))]
    >>> changes, adwin.latest.at, adwin.latest.mean_before, adwin.latest.mean_after
    ([1023], 1000, 0.0, 1.0)
    """

    def __init__(self, delta: float = 0.002) -> None:
        if not 0 < delta < 1:
            raise ConfigError(f"delta={delta}: expected a number between 0 and 1, such as 0.002")
        self.delta = delta
        self.n_values = self.n_changes = 0
        self.latest: Change | None = None
        self._begin()

    def _begin(self) -> None:
        self._changed, self._n = False, 0  # whether it was cut; values of this window, cut or not
        self._rows: list[list[Bucket]] = [[]]  # row r: buckets of 2^r values, the oldest first
        self._width = 0
        self._total = self._variance = 0.0

    @property
    def width(self) -> int:
        """Number of values in the window."""
        return self._width

    @property
    def mean(self) -> float:
        """Mean of the window; NaN before the first value."""
        return self._total / self._width if self._width else math.nan

    def update(self, value: float) -> bool:
        """Add a value; return whether the window was cut.

        Raises
        ------
        InputValueError
            If the value is not finite.
        """
        if not math.isfinite(value):
            raise InputValueError(f"ADWIN takes finite numbers, got {value}")
        if self._changed:
            self._begin()
        if self._width:
            apart = value - self._total / self._width
            self._variance += self._width * apart * apart / (self._width + 1)
        self._width += 1
        self._total += value
        self._rows[0].append((value, 0.0))
        self._compress()
        self.n_values += 1
        self._n += 1
        self._changed = self._n % CLOCK == 0 and self._cut()
        return self._changed

    def update_many(self, values: ArrayLike) -> list[tuple[int, Change]]:
        """Add finite values ``[n]``, with the bits of :meth:`update`.

        Returns
        -------
        list
            After how many of the values the window was cut, and the change.
        """
        given = np.ascontiguousarray(values, np.float64)
        found, done = [], 0
        quick = len(given) >= QUICK and adwin_kernel.is_there()
        while done < len(given):
            if self._changed:
                self._begin()
            before = done
            done += self._fill_fast(given[done:]) if quick else self._fill(given[done:])
            self.n_values += done - before
            self._changed = self._n % CLOCK == 0 and self._cut()
            if self._changed and self.latest is not None:
                found.append((done, self.latest))
        return found

    def _fill(self, values: NDArray[np.float64]) -> int:
        """Add values until somebody looks for a cut; return how many."""
        width, total, variance, first = self._width, self._total, self._variance, self._rows[0]
        some = values[: CLOCK - self._n % CLOCK].tolist()
        for value in some:
            if width:
                apart = value - total / width
                variance += width * apart * apart / (width + 1)
            width += 1
            total += value
            first.append((value, 0.0))
            if len(first) > MAX_BUCKETS:
                self._compress()
        self._width, self._total, self._variance = width, total, variance
        self._n += len(some)
        return len(some)

    def _fill_fast(self, values: NDArray[np.float64]) -> int:
        """Add values until there may be a cut, in C; return how many."""
        window = adwin_kernel.Window(
            self.delta, self._n, self._width, self._total, self._variance, self._rows
        )
        done = window.add(values)
        self._n, self._width, self._total, self._variance, self._rows = window.held
        return done

    def to_dict(self) -> dict[str, Any]:
        """Return everything that the window is, as JSON can hold it."""
        return {
            "delta": self.delta,
            "n_values": self.n_values,
            "n_changes": self.n_changes,
            "latest": self.latest and [*self.latest],
            "changed": self._changed,
            "n": self._n,
            "rows": [[list(bucket) for bucket in row] for row in self._rows],
            "width": self._width,
            "total": self._total,
            "variance": self._variance,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Adwin:
        """Invert :meth:`to_dict`: it goes on with the same bits."""
        self = cls(state["delta"])
        self.n_values, self.n_changes = state["n_values"], state["n_changes"]
        self.latest = state["latest"] and Change(*state["latest"])
        self._changed, self._n = state["changed"], state["n"]
        self._rows = [[(total, variance) for total, variance in row] for row in state["rows"]]
        self._width = state["width"]
        self._total, self._variance = state["total"], state["variance"]
        return self

    def _compress(self) -> None:
        for r, row in enumerate(self._rows):
            if len(row) <= MAX_BUCKETS:
                return
            (total0, variance0), (total1, variance1) = row[:2]
            size = 1 << r
            apart = total0 / size - total1 / size
            merged = size * size * apart * apart / (2 * size)
            if r + 1 == len(self._rows):
                self._rows.append([])
            self._rows[r + 1].append((total0 + total1, variance0 + variance1 + merged))
            del row[:2]

    def _cut(self) -> bool:
        """Drop the oldest bucket for as long as some cut tells old from new."""
        cuts = [*self._cuts()]
        if not cuts:
            return False
        self.n_changes += 1
        self.latest = max(cuts, key=lambda cut: abs(cut.mean_after - cut.mean_before) / cut.limit)
        while cuts:
            self._drop_oldest()
            cuts = [*islice(self._cuts(), 1)]
        return True

    def _cuts(self) -> Iterator[Change]:
        """Yield the cuts whose two sides differ by more than ε, from the oldest."""
        if self._width <= 2 * MIN_SIDE:
            return
        n0, u0 = 0, 0.0
        log = math.log(2 * math.log(self._width) / self.delta)
        spread = 2 * self._variance / self._width * log
        for r in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[r]:
                n0, u0 = n0 + (1 << r), u0 + total
                n1 = self._width - n0
                if n1 < MIN_SIDE:
                    return
                if n0 < MIN_SIDE:
                    continue
                inverse = 1 / (n0 - MIN_SIDE + 1) + 1 / (n1 - MIN_SIDE + 1)
                limit = math.sqrt(spread * inverse) + 2 / 3 * log * inverse
                before, after = u0 / n0, (self._total - u0) / n1
                if abs(before - after) > limit:
                    yield Change(self.n_values - n1, before, after, limit)

    def _drop_oldest(self) -> None:
        size = 1 << (len(self._rows) - 1)
        total, variance = self._rows[-1].pop(0)
        self._width -= size
        self._total -= total
        apart = total / size - self._total / self._width
        self._variance -= variance + size * self._width * apart * apart / (size + self._width)
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
