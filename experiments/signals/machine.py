"""A machine's temperature, one reading in five minutes: alarms before its four marked failures.

A regressor behind windows of 12 hours, q16, forecasts the temperature three hours ahead each
hour, and learns what came. Two numbers are watched: by how much it was wrong, and how unsure it is
of such a window because it has not learned the like (its epistemic deviation). An alarm is a
number that none of the last week reached. A stream without events has one such record a week, so
the rule needs no threshold and no marked failure. An alarm that comes less than a day after another
one belongs to it. The first week gives none. The z-scores are those of a reading by the mean and
the deviation of the hours before, with the same rule.

There is one machine: the lengths of the windows and how often one ends were chosen on it, and so
was the best z-score.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.options import add_seeds, seeds_of
from experiments.pictures import svg
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuRegressor
from streamlearn.chain import Chain, Window
from streamlearn.report import colours
from streamlearn.report import svg as style
from streamlearn.streams.locate import data_files

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
#: In readings.
HOUR, DAY, WEEK = 12, 288, 2016
LENGTH, HOP, AHEAD, HIDDEN = 12 * HOUR, HOUR, 3 * HOUR, 16
FEATURES = ("mean", "sd", "min", "max", "range")
Z_HOURS = (3, 12, 24, 168)


@dataclass(frozen=True, eq=False)
class Machine:
    """Readings, and where failures are marked.

    Attributes
    ----------
    temperature : float32[n]
        In degrees Fahrenheit.
    failures : list of (int, int)
        First reading of each window, and the one behind it.
    """

    temperature: npt.NDArray[np.float32]
    failures: list[tuple[int, int]]

    def score(self, alarms: list[int]) -> tuple[list[bool], float]:
        """Return which failures have an alarm, and false alarms a week."""
        hits = [any(a <= t < b for t in alarms) for a, b in self.failures]
        inside = [t for a, b in self.failures for t in alarms if a <= t < b]
        quiet = len(self.temperature) - WEEK - sum(b - a for a, b in self.failures)
        return hits, (len(alarms) - len(inside)) * WEEK / quiet


def load() -> Machine:
    """Return the readings.

    Raises
    ------
    DataNotFoundError
        If the file is not there.
    """
    (path,) = data_files("machine", ["temperature.csv.gz"], "Numenta Anomaly Benchmark")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    inside = np.array([0, *(int(row["in_failure_window"]) for row in rows), 0])
    edges = np.flatnonzero(np.diff(inside)).reshape(-1, 2)
    readings = np.array([float(row["temperature_f"]) for row in rows], np.float32)
    return Machine(readings, [(int(a), int(b)) for a, b in edges])


def records(at: Integers, value: Floats) -> list[int]:
    """Return when a number was larger than in all the week before, from the second week on."""
    found = []
    for i, t in enumerate(at.tolist()):
        if t >= WEEK:
            first = int(np.searchsorted(at, t - WEEK))
            if value[i] > value[first:i].max(initial=0):
                found.append(t)
    return found


def alarms(*which: list[int]) -> list[int]:
    """Return the alarms of some records: the first of those less than a day apart."""
    found, last = [], -DAY
    for t in sorted(t for one in which for t in one):
        if t - last > DAY:
            found.append(t)
        last = t
    return found


def watched(machine: Machine, seed: int) -> tuple[Integers, Floats, Floats]:
    """Return readings that were forecast, by how much the forecast was wrong, and how unsure."""
    window = Window(LENGTH, HOP, 1, FEATURES)
    learner = MesuRegressor((window.n_features, HIDDEN, 1), seed=seed)
    chain = Chain(learner, window)
    waiting: list[tuple[int, Any]] = []
    found: list[tuple[int, float, float]] = []
    for t, reading in enumerate(machine.temperature.tolist()):
        if waiting and waiting[0][0] == t:
            said = learner.test_then_learn_one(waiting.pop(0)[1], reading)
            found.append((t, abs(reading - said.mean), min(said.epistemic, 1e6)))
        features = chain.features_one([reading])
        chain.step([reading])
        if features is not None:
            waiting.append((t + AHEAD, features))
    at, wrong, unsure = (np.array(each) for each in zip(*found, strict=True))
    return at, wrong, unsure


def z_score(machine: Machine, hours: int) -> tuple[Integers, Floats]:
    """Return by how many deviations a reading differs from the hours before it."""
    n, x = hours * HOUR, machine.temperature.astype(np.float64)
    at = np.arange(n, len(x))
    total, square = (np.cumsum(np.concatenate([[0.0], x**k])) for k in (1, 2))
    mean = (total[at] - total[at - n]) / n
    variance = (square[at] - square[at - n]) / n - mean**2
    found: Floats = np.abs(x[at] - mean) / np.sqrt(np.maximum(variance, 1e-9))
    return at, found


def measure(options: argparse.Namespace) -> Record:
    """Watch the machine with each detector."""
    machine = load()
    rows: dict[str, list[dict[str, Any]]] = {}

    def note(name: str, found: list[int]) -> None:
        hits, false = machine.score(found)
        one = {"hits": sum(hits), "which": hits, "false": false, "alarms": found}
        rows.setdefault(name, []).append(one)
        say(f"{name}: {hits}, {false:.2f} false alarms a week")

    curves: dict[str, Any] = {}
    for seed in seeds_of(options):
        at, wrong, unsure = watched(machine, seed)
        kinds = records(at, wrong), records(at, unsure)
        note("forecast by MESU, q16: wrong or unsure", alarms(*kinds))
        note("only wrong", alarms(kinds[0]))
        note("only unsure", alarms(kinds[1]))
        curves = curves or {
            "at": at[::8].tolist(),
            "unsure": [round(float(v), 2) for v in unsure[::8]],
            "temperature": [round(float(machine.temperature[t]), 1) for t in at[::8]],
        }
    of_hours = {hours: records(*z_score(machine, hours)) for hours in Z_HOURS}
    for hours, found in of_hours.items():
        note(f"z-score of {hours} hours", alarms(found))
    note("z-scores of 3 and 12 hours together", alarms(of_hours[3], of_hours[12]))
    return {"seeds": list(seeds_of(options)), "rows": rows, "curves": curves,
            "failures": machine.failures}  # fmt: skip


def tables(record: Record) -> Mapping[str, str]:
    """Return failures with an alarm and false alarms a week, by detector."""
    lines = [
        [
            name,
            cell([float(one["hits"]) for one in each], 1),
            ", ".join(str(one["hits"]) for one in each),
            cell([one["false"] for one in each], 2),
        ]
        for name, each in record["rows"].items()
    ]
    return {
        "table": markdown(
            ["detector", "failures of 4", "by seed", "false alarms per week"],
            lines,
        )
    }


def picture(record: Record) -> str:
    """Draw temperature, uncertainty, failures and the first seed's alarms."""
    curves = record["curves"]
    days = np.array(curves["at"]) / DAY
    first = next(iter(record["rows"].values()))[0]
    with style.drawing():
        figure = style.new_figure(4.6)
        above, below = figure.subplots(2, 1, sharex=True)
        for ax, name, label in (
            (above, "temperature", "temperature, °F"),
            (below, "unsure", "epistemic deviation, °F"),
        ):
            ax.plot(days, curves[name], color=colours.BLUE, linewidth=0.8)
            ax.set_ylabel(label)
            for a, b in record["failures"]:
                ax.axvspan(a / DAY, b / DAY, color=colours.GREY, alpha=0.4, linewidth=0)
            for t in first["alarms"]:
                ax.axvline(t / DAY, color=colours.VERMILLION, linewidth=0.9, linestyle="--")
        below.set_ylim(0, float(np.quantile(curves["unsure"][len(days) // 10 :], 0.999)) * 1.2)
        below.set_xlabel("days")
        return svg(figure)


def pictures(record: Record) -> Mapping[str, str]:
    """Return the course of one run."""
    return {"course": picture(record)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 10)


STUDY = Study("machine", measure, tables, add_options, pictures)
