"""Tunes the float network and MESU for the streaming comparison, on training images alone.

Permuted tasks of the first 50,000 training images; accuracies on the last 10,000. The outcome is in
:mod:`experiments.streaming.settings`, which takes the best average accuracy over ten tasks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.data import Digits, Permutations, load_digits, split_for_validation
from experiments.options import add_seeds, count, names, numbers, seeds_of
from experiments.streaming.learners import LEARNERS
from experiments.streaming.settings import (
    MESU_DRAWS,
    MESU_SHARE,
    MESU_WINDOW,
    MLP_LR,
    N_CLASSES,
    N_FEATURES,
    WIDTHS,
    StreamingSetting,
)
from experiments.study import Record, Study, read_record, say
from experiments.tables import markdown
from streamlearn.errors import ConfigError, DivergedError

RATES = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02)
#: λ and γ of online EWC, c of SI.
PENALTIES: dict[str, list[tuple[float, float]]] = {
    "ewc-online": [(8, 1.0), (32, 1.0), (128, 1.0), (512, 1.0), (128, 0.5)],
    "si": [(strength, 0.0) for strength in (0.03, 0.1, 0.3, 1, 3)],
}
#: What a row is of.
NAMED = ("algorithm", "width", "candidate")
WINDOWS = (3e5, 6e5, 1.2e6, 2.4e6, 1e15)


def candidates(algorithm: str, width: int) -> Iterator[tuple[str, StreamingSetting]]:
    """Yield what is tried, with its name."""
    hidden = width // MESU_SHARE if algorithm == "mesu-q16" else width
    layers = (N_FEATURES, hidden, N_CLASSES)
    if algorithm == "mlp":
        for lr in RATES:
            yield f"lr {lr:g}", StreamingSetting("mlp", layers, width=width, lr=lr)
    elif algorithm == "mesu-q16":
        for window in WINDOWS:
            setting = StreamingSetting(algorithm, layers, window, MESU_DRAWS, width)
            yield f"N {window:g}", setting
    elif algorithm in PENALTIES:
        for strength, decay in PENALTIES[algorithm]:
            setting = StreamingSetting(
                algorithm, layers, width=width, lr=MLP_LR[width], strength=strength, decay=decay
            )
            yield f"strength {strength:g}, decay {decay:g}", setting
    else:
        lr, window = MLP_LR[width], MESU_WINDOW[width]
        yield "as it is", StreamingSetting(algorithm, layers, window, MESU_DRAWS, width, lr)


def validate(setting: StreamingSetting, seed: int, digits: Digits, n_tasks: int) -> list[float]:
    """Return the accuracy on every task after the last, in %."""
    learner, orders = LEARNERS[setting.algorithm](setting, seed), Permutations(seed, N_FEATURES)
    for task in range(n_tasks):
        learner.learn(np.take(digits.train, orders[task], axis=1), digits.train_labels)
    found = []
    for task in range(n_tasks):
        images = np.take(digits.test, orders[task], axis=1)
        right = learner.classify(images, (seed, 3, n_tasks)) == digits.test_labels
        found.append(100 * float(np.mean(right)))
    return found


def _recorded(options: argparse.Namespace, seeds: Sequence[int]) -> list[Record]:
    """Return the rows that were measured before."""
    before = read_record(options.results / STUDY.name)
    if (before["tasks"], before["seeds"]) != (options.tasks, list(seeds)):
        raise ConfigError(
            f"--more goes on with {before['tasks']} tasks and seeds {before['seeds']}, as "
            f"recorded: not with {options.tasks} and {list(seeds)}"
        )
    return list(before["rows"])


def measure(options: argparse.Namespace) -> Record:
    """Measure every candidate.

    Raises
    ------
    ConfigError
        If an algorithm is unknown, or what is recorded is of other tasks or seeds.
    """
    if unknown := [name for name in options.algorithms if name not in LEARNERS]:
        raise ConfigError(f"algorithm {unknown[0]!r}: there are {', '.join(LEARNERS)}")
    digits = split_for_validation(load_digits())
    seeds = seeds_of(options)
    rows = _recorded(options, seeds) if options.more else []
    there = {tuple(row[key] for key in NAMED) for row in rows}
    for algorithm in options.algorithms:
        for width in options.widths:
            for name, setting in candidates(algorithm, width):
                if (algorithm, width, name) in there:
                    continue
                say(f"{algorithm}, {width} units, {name}")
                row: Record = dict(zip(NAMED, (algorithm, width, name), strict=True))
                try:
                    runs = [validate(setting, seed, digits, options.tasks) for seed in seeds]
                    row |= {"mean": float(np.mean(runs)), "last": float(np.mean(runs, 0)[-1])}
                except DivergedError:
                    row["mean"] = None
                rows.append(row)
    return {"tasks": options.tasks, "seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: average accuracy of all tasks and last-task accuracy, in %."""
    rows = []
    for row in sorted(record["rows"], key=lambda row: (row["algorithm"], row["width"])):
        cells = ["diverges", "–"]
        if row["mean"] is not None:
            cells = [f"{row['mean']:.2f}", f"{row['last']:.2f}"]
        seeds = str(len(record["seeds"]))
        rows.append([row["algorithm"], str(row["width"]), row["candidate"], seeds, *cells])
    return {"table": markdown(["", "width", "", "seeds", "mean %", "last %"], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--algorithms",
        type=names,
        default=("mlp", "mesu-q16"),
        metavar="A,B",
        help=f"of {','.join(LEARNERS)}; mlp,mesu-q16 if none",
    )
    parser.add_argument(
        "--widths", type=numbers, default=WIDTHS, metavar="H,…", help="hidden units; all if none"
    )
    parser.add_argument(
        "--tasks", type=count(1), default=10, metavar="N", help="permuted tasks; 10 if none"
    )
    parser.add_argument(
        "--more", action="store_true", help="measure what the recorded result has not"
    )
    add_seeds(parser, 1)


STUDY = Study("streaming-tune", measure, tables, add_options)
