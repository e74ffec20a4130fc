"""Means, intervals, best settings and ranks of recorded rows: what tables and pictures share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import mean, stdev

from experiments.streams import disturbances
from experiments.streams.contender import Contender
from experiments.streams.contenders import contenders
from experiments.streams.rules import WINDOW_FAMILY
from experiments.streams.sources import SOURCES
from experiments.tables import NOTHING, Record

#: Student's t, 97.5 %, by the number of values; more than ten count as ten.
T95 = {
    2: 12.706,
    3: 4.303,
    4: 3.182,
    5: 2.776,
    6: 2.571,
    7: 2.447,
    8: 2.365,
    9: 2.306,
    10: 2.262,
}
#: Studentised range, 95 %, over √2, by the number of learners from 2 (Nemenyi; Demšar, JMLR 2006).
NEMENYI = (
    1.960,
    2.344,
    2.569,
    2.728,
    2.850,
    2.948,
    3.031,
    3.102,
    3.164,
    3.219,
    3.268,
    3.313,
    3.354,
    3.391,
    3.426,
    3.458,
    3.489,
    3.517,
    3.544,
)
#: Streams where the accuracy along the way counts.
ALONG = tuple(name for name, source in SOURCES.items() if source.kind != "memory")
#: Streams where the accuracy at the end counts.
AT_THE_END = tuple(name for name, source in SOURCES.items() if source.held_out is not None)
Value = Callable[[Record], float]


@dataclass(frozen=True)
class Line:
    """A line of the tables: a learner, or the best setting of a family.

    Attributes
    ----------
    title, setting : str
    contender : Contender
    """

    title: str
    setting: str
    contender: Contender

    @property
    def name(self) -> str:
        """The contender's name."""
        return self.contender.name


def interval(values: Sequence[float], decimals: int = 1, sign: str = "") -> str:
    """Return the mean ± half the 95 % confidence interval, the mean alone for one value."""
    if not values:
        return NOTHING
    text = f"{mean(values):{sign}.{decimals}f}"
    return text if len(values) < 2 else f"{text} ± {half_width(values):.{decimals}f}"


def half_width(values: Sequence[float]) -> float:
    """Return half the 95 % confidence interval of the mean of two values or more."""
    n = len(values)
    return T95[min(n, 10)] * stdev(values) / sqrt(n)


class Results:
    """The rows of a record.

    Parameters
    ----------
    rows : list of dict
    """

    def __init__(self, rows: Iterable[Record]) -> None:
        self._rows: dict[tuple[str, str], dict[int, Record]] = defaultdict(dict)
        for row in rows:
            self._rows[row["learner"], row["stream"]][row["seed"]] = row

    def of(self, learner: str, stream: str) -> dict[int, Record]:
        """Return the rows of a learner on a stream, by seed."""
        return self._rows.get((learner, stream), {})

    def values(self, learner: str, stream: str, what: str | Value = "accuracy") -> list[float]:
        """Return a figure of each seed; rows that lack it are left out."""
        rows = self.of(learner, stream).values()
        if callable(what):
            return [what(row) for row in rows]
        return [row[what] for row in rows if what in row]

    def mean(self, learner: str, stream: str, what: str | Value = "accuracy") -> float | None:
        """Return the mean over the seeds, None if there is none."""
        found = self.values(learner, stream, what)
        return mean(found) if found else None

    def over(
        self, learner: str, streams: Iterable[str], what: str | Value = "accuracy"
    ) -> float | None:
        """Return the mean over streams of the means over seeds; None if a stream is missing."""
        found = [self.mean(learner, stream, what) for stream in streams]
        there = [value for value in found if value is not None]
        return mean(there) if there and len(there) == len(found) else None

    def differences(self, one: str, other: str, stream: str) -> list[float]:
        """Return the difference in accuracy, seed by seed that both have."""
        mine, theirs = self.of(one, stream), self.of(other, stream)
        return [
            mine[seed]["accuracy"] - theirs[seed]["accuracy"] for seed in mine if seed in theirs
        ]

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """Streams of :data:`ALONG` that anything was measured on."""
        there = {stream for _, stream in self._rows}
        return tuple(name for name in ALONG if name in there)

    def best(self, family: str, streams: Iterable[str], what: str | Value) -> Contender | None:
        """Return the setting of a family with the best mean over the streams that all have."""
        members = [one for one in contenders().values() if one.family == family]
        members = [one for one in members if any(self.of(one.name, s) for s in streams)]
        common = [s for s in streams if all(self.values(m.name, s, what) for m in members)]
        if not members or not common:
            return None
        return max(members, key=lambda one: self.over(one.name, common, what) or 0.0)

    def lines(
        self, streams: Sequence[str] | None = None, what: str | Value = "accuracy"
    ) -> list[Line]:
        """Return the lines of a table: learners that were measured, families by their best."""
        where = self.streams if streams is None else streams
        found, done = [], {WINDOW_FAMILY}
        for one in contenders().values():
            measured = any(self.of(one.name, stream) for stream in where)
            if not one.family and measured:
                found.append(Line(one.title, "", one))
            if one.family and one.family not in done:
                done.add(one.family)
                if (best := self.best(one.family, where, what)) is not None:
                    found.append(Line(family_title(best), best.setting, best))
        return found

    def best_window(self, stream: str) -> tuple[str, str] | None:
        """Return the name and the window of the reference with the best mean on a stream."""
        best = self.best(WINDOW_FAMILY, [stream], "accuracy")
        return None if best is None else (best.name, best.setting)

    def disturbed(self, learner: str) -> list[Record]:
        """Return what bad rows did to a learner, seed by seed."""
        return [row["disturbances"] for row in self.of(learner, disturbances.NAME).values()]

    def ranks(self) -> dict[str, float]:
        """Return the mean rank over all streams of each line that ran on all of them, 1 the best.

        Learners that never look at the features are left out.
        """
        lines = [
            line
            for line in self.lines()
            if line.name not in ("majority", "no-change")
            and self.over(line.name, self.streams) is not None
        ]
        places: dict[str, list[float]] = defaultdict(list)
        for stream in self.streams:
            means = [self.mean(line.name, stream) or 0.0 for line in lines]
            for line, value in zip(lines, means, strict=True):
                above = sum(other > value for other in means)
                equal = sum(other == value for other in means)
                places[line.title].append(above + (equal + 1) / 2)
        return {title: mean(found) for title, found in places.items()}

    def critical_difference(self, n_learners: int) -> float:
        """Return the difference in mean rank that chance gives once in twenty (Nemenyi)."""
        q = NEMENYI[min(n_learners, len(NEMENYI) + 1) - 2]
        return q * sqrt(n_learners * (n_learners + 1) / (6 * len(self.streams)))


def family_title(one: Contender) -> str:
    """Return the title of a family, of one of its settings."""
    return one.title.removesuffix(f", {one.setting}")


def kept(row: Record) -> float:
    """Return the mean accuracy of the regimes at the end."""
    return float(mean(row["kept"]))


def recalled(row: Record) -> float:
    """Return the same of the memory alone."""
    return float(mean(row["recalled"]))
