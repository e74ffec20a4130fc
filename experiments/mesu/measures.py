"""From the logs of runs to the numbers of a table: one value a run, mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from experiments.mesu.runs import NEWEST, WINDOW
from experiments.tables import cell

Record = dict[str, Any]
Measures = dict[str, float]
FIVE = NEWEST - 1
#: Tasks at the end of a run that ``five_late`` averages over.
LATE = 50
#: Tasks at the end of a run whose measured states ``last20_late`` averages over.
LATE_STATES = 100


@dataclass(frozen=True)
class Summary:
    """The runs of one algorithm that got equally far.

    Attributes
    ----------
    tasks : int
        After how many tasks everything is measured.
    seeds : tuple of int
    values : dict
        Of each measure, one value per seed.
    """

    tasks: int
    seeds: tuple[int, ...]
    values: dict[str, list[float]]

    def of(self, name: str) -> list[float]:
        """Return a measure's values, one per seed; none where it was not measured for all."""
        values = self.values.get(name, [])
        return values if len(values) == len(self.seeds) else []

    def cell(self, name: str, decimals: int = 2) -> str:
        """Return mean ± standard deviation for a table; "–" where nothing was measured."""
        return cell(self.of(name), decimals)

    @property
    def extent(self) -> str:
        """How much the numbers rest on."""
        return f"{self.tasks} × {len(self.seeds)}"


def measured_at(record: Record) -> int:
    """Return the last number of tasks at which a run was measured in full, 0 for none."""
    return max(map(int, record["windows"]), default=0)


def measures(record: Record, tasks: int) -> Measures:
    """Return the measures of one run after some tasks; accuracies in %.

    Returns
    -------
    dict
        ``last`` task; mean ``last5`` and ``last20``, where there are as many; ``auc5`` and
        ``auc20``, the AUC averaged over the same tasks; ``plain5`` and ``plain20``, the same of
        images as they are; ``last20_late``, mean ``last20`` of the states measured late; ``ece``
        and each AUC of :func:`experiments.mesu.evaluate.full_measure` on the last task;
        ``five_before``, the authors' curve averaged over time, see :func:`five_before`;
        ``five_over_time``, the same average of the newest five, and ``five_late`` that over the
        last tasks alone, where as many were tested after each; ``train_s``, CPU
        seconds; ``growth``, the median task's seconds among the last 20 over those among the first 20; ``all``, where every task was tested then.
    """
    window = record["windows"][str(tasks)]
    result: Measures = {
        "last": window["accuracy"][-1],
        "ece": window["ece"][-1],
        "auc": window["auc"][-1],
        "aleatoric": window["auc_aleatoric"][-1],
        "auc_plain": window["auc_plain"][-1],
        "auc_unseen": window["auc_unseen"][-1],
        "train_s": sum(record["train_s"][:tasks]),
    }
    if tasks >= 2 * WINDOW:
        early, late = record["train_s"][:WINDOW], record["train_s"][tasks - WINDOW : tasks]
        result["growth"] = median(late) / max(median(early), 1e-9)
    if tasks >= FIVE:
        result["last5"] = mean(window["accuracy"][-FIVE:])
        result["auc5"] = mean(window["auc"][-FIVE:])
        result["plain5"] = mean(window["auc_plain"][-FIVE:])
    if tasks >= WINDOW:
        result["last20"] = mean(window["accuracy"])
        result["auc20"] = mean(window["auc"])
        result["plain20"] = mean(window["auc_plain"])
        late = [w["accuracy"] for n, w in record["windows"].items() if int(n) > tasks - LATE_STATES]
        result["last20_late"] = mean(mean(accuracies) for accuracies in late)
    if tasks > FIVE and len(record["newest"][tasks - 1]) == NEWEST:
        result["five_before"] = mean(five_before(record, tasks))
        newest = record["newest"][FIVE - 1 : tasks]
        result["five_over_time"] = mean(mean(row[-FIVE:]) for row in newest)
        if tasks >= LATE + FIVE:
            result["five_late"] = mean(mean(row[-FIVE:]) for row in newest[-LATE:])
    if str(tasks) in record["all"]:
        result["all"] = mean(record["all"][str(tasks)])
    return result


def five_before(record: Record, tasks: int) -> list[float]:
    """Return the authors' curve for t = 5 to ``tasks``: the five tasks *before* the newest.

    Their row for t is the state after task t + 1, tested on tasks t - 4 to t; at the end, where
    no later state exists, it is the state after the last task, so that only the last point
    includes the last task.
    """
    rows = record["newest"]
    curve = [mean(rows[t][-NEWEST:-1]) for t in range(FIVE, tasks)]
    return [*curve, mean(rows[tasks - 1][-FIVE:])]


def summarise(records: Iterable[Record]) -> Summary | None:
    """Return the summary of the runs of an algorithm that got furthest, None if none did."""
    records = list(records)
    tasks = max(map(measured_at, records), default=0)
    reached = [record for record in records if str(tasks) in record["windows"]]
    if not reached:
        return None
    rows = [measures(record, tasks) for record in reached]
    names: Sequence[str] = list(dict.fromkeys(name for row in rows for name in row))
    return Summary(
        tasks,
        tuple(int(record["identity"]["seed"]) for record in reached),
        {name: [row[name] for row in rows if name in row] for name in names},
    )
