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
from experiments.options import add_seeds, seeds_of
from experiments.spiking import gas, permuted
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown


def measure(options: argparse.Namespace) -> Record:
    """Run both."""
    seeds = seeds_of(options)
    gases = []
    for seed in seeds:
        gases.append(gas.measured(seed))
        say(f"gas, seed {seed}: {gases[-1]}")
    return {"seeds": list(seeds), "gas": gases, "digits": permuted.measured(tuple(seeds))}


def tables(record: Record) -> Mapping[str, str]:
    """Return a table of each stream, and SGD's rates."""
    gases, rows = record["gas"], record["digits"]["rows"]
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
    tried = [[one["code"], f"{one['rate']:g}", f"{one['score']:.1f}"] for one in _tried(record)]
    counted = ["events", "weights met"]
    return {
        "gas": markdown(["learner", *orders, *counted], measured),
        "digits": markdown(
            ["learner", "average accuracy", "first task", "last task", *counted], learned
        ),
        "rates": markdown(["code", "rate of SGD", "average accuracy"], tried),
    }


def _tried(record: Record) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record["digits"]["tried"]
    return found


def _mean(figures: list[dict[str, Any]], key: str) -> str:
    return f"{np.mean([one[key] for one in figures]):,.0f}" if key in figures[0] else ""


STUDY = Study("spiking-streams", measure, tables, lambda parser: add_seeds(parser, 3))
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
