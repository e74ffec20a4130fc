"""Settings of the binary rule on permuted tasks at this width, chosen on validation images.

Permuted tasks of the first 50,000 training images; accuracies on the last 10,000. The best on the
newest five tasks is in :mod:`experiments.bimu.learners`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from experiments.bimu.learners import LAYERS, PermutedLearner, RuleLearner, network_of
from experiments.bimu.runs import NEWEST
from experiments.data import Digits, Permutations, load_digits, split_for_validation
from experiments.loop.runs import Setting
from experiments.metaplastic.settings import RECIPES
from experiments.needs import load_with
from experiments.options import add_seeds, count, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn.errors import DivergedError

#: m and both learning rates of the library's rule; m of the published one.
Q8 = [(m, lr) for m in (0.3, 0.6, 1.14, 1.7) for lr in (1.0, 1.5, 2.0)]
RECIPES_TRIED = ("m0", "m0.5", "m1", "m1.35", "m2.5", "m4")


def candidates() -> Iterator[tuple[str, str, Callable[[int], PermutedLearner]]]:
    """Yield the algorithm, what is tried, and what makes a learner of a seed."""
    for m, lr in Q8:
        given = network_of(Setting("metaplastic", LAYERS), metaplasticity=m, lr=lr, lr_output=lr)
        yield "metaplastic", f"m {m:g}, lr {lr:g}", partial(RuleLearner, given)
    module = load_with("torch", "experiments.bimu.published", "the published binary rule")
    for name in RECIPES_TRIED:
        m = RECIPES[name].metaplasticity
        yield "metaplastic-published", f"m {m:g}", partial(module.PublishedLearner, LAYERS, name)


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
    """Measure every candidate."""
    digits = split_for_validation(load_digits())
    seeds, rows = seeds_of(options), []
    for algorithm, name, make in candidates():
        say(f"{algorithm}, {name}")
        row: Record = {"algorithm": algorithm, "candidate": name, "newest": None}
        try:
            runs = [validate(make(seed), seed, digits, options.tasks) for seed in seeds]
            row["newest"] = [[round(value, 2) for value in run] for run in runs]
        except DivergedError:
            say("diverges")
        rows.append(row)
    return {"tasks": options.tasks, "seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: accuracy on the last task and on the newest five, in %."""
    rows = []
    for row in record["rows"]:
        cells = ["diverges", "–"]
        if row["newest"] is not None:
            cells = [cell([run[-1] for run in row["newest"]])]
            cells.append(cell([float(np.mean(run)) for run in row["newest"]]))
        rows.append([row["algorithm"], row["candidate"], str(len(record["seeds"])), *cells])
    head = ["", f"{record['tasks']} tasks", "seeds", "last task %", f"last {NEWEST} %"]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--tasks", type=count(1), default=20, metavar="N", help="permuted tasks; 20 if none"
    )
    add_seeds(parser, 1)


STUDY = Study("bimu-tune", measure, tables, add_options)
