"""Settings of the binary rules on permuted tasks at this width, chosen on validation images.

Permuted tasks of the first 50,000 training images; accuracies on the last 10,000. The best on the
newest five tasks is in :mod:`experiments.bimu.learners`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from experiments.bimu.learners import (
    LAYERS,
    PermutedLearner,
    RuleLearner,
    StandardLearner,
    network_of,
)
from experiments.bimu.runs import NEWEST
from experiments.data import Digits, Permutations, load_digits, split_for_validation
from experiments.loop.runs import Setting
from experiments.metaplastic.settings import RECIPES
from experiments.needs import load_with
from experiments.options import add_seeds, add_some, count, seeds_of
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from streamlearn.errors import DivergedError

#: m and both learning rates of the library's rule; m of the published one.
Q8 = [(m, lr) for m in (0.3, 0.6, 1.14, 1.7) for lr in (1.0, 1.5, 2.0)]
RECIPES_TRIED = ("m0", "m0.5", "m1", "m1.35", "m2.5", "m4")
#: Memory window, settle and learning rate of BiMU in a byte; the paper's are the first.
BYTE = [
    (81_000.0, 0.0, 1.818),
    (231_000.0, 1.0, 1.818),
    (231_000.0, 1.0, 1.3),
    (350_000.0, 1.5, 1.818),
    (231_000.0, 1.0, 0.9),
    (231_000.0, 1.5, 0.9),
    (160_000.0, 1.0, 0.9),
    (231_000.0, 1.25, 0.65),
]
Candidates = Iterator[tuple[str, Callable[[int], PermutedLearner]]]


def _bimu() -> Candidates:
    for window, settle, lr in BYTE:
        more = {"memory_window": window, "settle": settle, "lr": lr}
        given = network_of(Setting("bimu", LAYERS), **more)
        yield f"window {window:,.0f}, settle {settle:g}, lr {lr:g}", partial(StandardLearner, given)


def _metaplastic() -> Candidates:
    for m, lr in Q8:
        given = network_of(Setting("metaplastic", LAYERS), metaplasticity=m, lr=lr, lr_output=lr)
        yield f"m {m:g}, lr {lr:g}", partial(RuleLearner, given)


def _published() -> Candidates:
    module = load_with("torch", "experiments.bimu.published", "the published binary rule")
    for name in RECIPES_TRIED:
        m = RECIPES[name].metaplasticity
        yield f"m {m:g}", partial(module.PublishedLearner, LAYERS, name)


#: By algorithm what is tried, and what makes a learner of a seed.
CANDIDATES: dict[str, Callable[[], Candidates]] = {
    "metaplastic": _metaplastic,
    "metaplastic-published": _published,
    "bimu": _bimu,
}


def validate(learner: PermutedLearner, seed: int, digits: Digits, n_tasks: int) -> list[float]:
    """Return the accuracy on the newest tasks after the last, in %."""
    orders = Permutations(seed, LAYERS[0])
    for task in range(n_tasks):
        learner.learn(np.take(digits.train, orders[task], axis=1), digits.train_labels, task)
    found = []
    for task in range(max(n_tasks - NEWEST, 0), n_tasks):
        images = np.take(digits.test, orders[task], axis=1)
        right = learner.classify(images, (seed, n_tasks, task)) == digits.test_labels
        found.append(100 * float(np.mean(right)))
    return found


def measure(options: argparse.Namespace) -> Record:
    """Measure every candidate of some algorithms; the others stay as recorded."""
    digits = split_for_validation(load_digits())
    seeds, rows = seeds_of(options), []
    if {*options.of} != {*CANDIDATES}:
        recorded = read_record(options.results / STUDY.name)["rows"]
        rows = [row for row in recorded if row["algorithm"] not in options.of]
    for algorithm in options.of:
        for name, make in CANDIDATES[algorithm]():
            say(f"{algorithm}, {name}")
            row: Record = {"algorithm": algorithm, "candidate": name, "newest": None}
            row |= {"tasks": options.tasks, "seeds": list(seeds)}
            try:
                runs = [validate(make(seed), seed, digits, options.tasks) for seed in seeds]
                row["newest"] = [[round(value, 2) for value in run] for run in runs]
            except DivergedError:
                say("diverges")
            rows.append(row)
    order = list(CANDIDATES)
    return {"rows": sorted(rows, key=lambda row: order.index(row["algorithm"]))}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: accuracy on the last task and on the newest five, in %."""
    rows = []
    for row in record["rows"]:
        cells = ["diverges", "–"]
        if row["newest"] is not None:
            cells = [cell([run[-1] for run in row["newest"]])]
            cells.append(cell([float(np.mean(run)) for run in row["newest"]]))
        size = f"{row['tasks']} × {len(row['seeds'])}"
        rows.append([row["algorithm"], row["candidate"], size, *cells])
    head = ["", "", "tasks × seeds", "last task %", f"last {NEWEST} %"]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--tasks", type=count(1), default=20, metavar="N", help="permuted tasks; 20 if none"
    )
    add_some(parser, "--of", CANDIDATES, "whose settings to measure")
    add_seeds(parser, 1)


STUDY = Study("bimu-tune", measure, tables, add_options)
