"""Streams that are no signals, as events: gas sensors, and permuted digits.

q16, three seeds, what a new learner has. What a sample is in time is said by
:mod:`experiments.spiking.gas` and :mod:`experiments.spiking.permuted`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.catalogue import Runnable
from experiments.options import seeds_of, seeds_or_part_again
from experiments.spiking import gas, permuted
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown


def measure(options: argparse.Namespace) -> Record:
    """Run both."""
    seeds = tuple(seeds_of(options))
    if options.sgd_again:
        before = read_record(options.results / STUDY.name)
        gases, mesu = before["gas"], before["digits"]
    else:
        gases = [gas.measured(seed) for seed in seeds]
        say(f"gas: {gases}")
        mesu = permuted.ours(seeds)
    sgd, tried = permuted.by_sgd(seeds)
    return {"seeds": list(seeds), "gas": gases, "digits": mesu, "sgd": sgd, "tried": tried}


def tables(record: Record) -> Mapping[str, str]:
    """Return a table of each stream, and SGD's rates."""
    gases, rows = record["gas"], [*record["digits"], *record["sgd"]]
    orders = list(gases[0][next(iter(gases[0]))])
    measured = [
        [
            way,
            *(cell([one[way][order]["accuracy"] for one in gases], 1) for order in orders),
            *(_mean([one[way][orders[0]] for one in gases], k) for k in ("events", "operations")),
        ]
        for way in gases[0]
    ]
    learned = [
        [
            row["learner"],
            cell([float(np.mean(one["tasks"])) for one in row["figures"]], 1),
            cell([one["tasks"][0] for one in row["figures"]], 1),
            cell([one["tasks"][-1] for one in row["figures"]], 1),
            *(_mean(row["figures"], k) for k in ("events", "operations")),
        ]
        for row in rows
    ]
    tried = [[f"{one['rate']:g}", f"{one['score']:.1f}"] for one in record["tried"]]
    counted = ["events", "weights met"]
    return {
        "gas": markdown(["learner", *orders, *counted], measured),
        "digits": markdown(
            ["learner", "average accuracy", "first task", "last task", *counted], learned
        ),
        "rates": markdown(["rate of SGD", "average accuracy"], tried),
    }


def _mean(figures: list[dict[str, Any]], key: str) -> str:
    return f"{np.mean([one[key] for one in figures]):,.0f}" if key in figures[0] else ""


STUDY = Study("spiking-streams", measure, tables, seeds_or_part_again("SGD"))
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
