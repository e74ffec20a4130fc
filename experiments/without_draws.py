"""A prediction with the mean weights beside the drawn one: accuracy and calibration.

Learners in q16, everything at its defaults. The gas stream: both predictions of each sample before
it is learned. Handwritten digits: 784-50-10, one pass over the training images, then the test
images. The calibration error is that of 15 bins. A stream that is learned is the same with either
prediction, since predicting changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.catalogue import Runnable
from experiments.options import add_limit, add_seeds, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift, load_mnist
from streamlearn.uncertainty import expected_calibration_error

KINDS = tuple(name for name, rule in RULES.items() if rule.draws)
COLUMNS = tuple(
    f"{figure}, {how}"
    for figure in ("accuracy", "calibration error")
    for how in ("drawn", "without draws")
)


def gas(kind: str, seed: int, limit: int | None) -> dict[str, float]:
    """Predict each sample of the stream both ways, then learn it."""
    stream = load_gas_drift(limit=limit)
    n = stream.n_classes
    learner: Any = learner_class(kind, "categorical")(
        (stream.n_features, 32, n), classes=range(n), seed=seed
    )
    found: dict[bool, list[list[float]]] = {True: [], False: []}
    for x, y in stream:
        for draws, rows in found.items():
            rows.append(list(learner.predict_proba_one(x, draws=draws).values()))
        learner.learn_one(x, y)
    return _figures({draws: np.array(rows) for draws, rows in found.items()}, stream.y)


def digits(kind: str, seed: int, limit: int | None) -> dict[str, float]:
    """Learn the training images once, then predict the test images both ways."""
    train, test = load_mnist(), load_mnist("test")
    learner: Any = learner_class(kind, "categorical")(
        (784, 50, 10), classes=range(10), front_end="none", seed=seed
    )
    learner.learn_many(train.x[:limit], train.y[:limit])
    x, y = test.x[:limit], test.y[:limit]
    return _figures({how: learner.predict_proba_many(x, draws=how) for how in (True, False)}, y)


def _figures(
    probabilities: Mapping[bool, npt.NDArray[np.float64]], labels: npt.NDArray[Any]
) -> dict[str, float]:
    def both() -> Iterator[float]:
        for draws in (True, False):
            yield 100 * float(np.mean(probabilities[draws].argmax(axis=1) == labels))
        for draws in (True, False):
            yield 100 * expected_calibration_error(probabilities[draws], labels)

    return dict(zip(COLUMNS, both(), strict=True))


STREAMS = {"gas stream, 128-32-6": gas, "digits, 784-50-10": digits}


def measure(options: argparse.Namespace) -> Record:
    """Run every rule that draws on both."""
    seeds, rows = seeds_of(options), []
    for stream, run in STREAMS.items():
        for kind in KINDS:
            each = [run(kind, seed, options.limit_samples) for seed in seeds]
            rows.append({"stream": stream, "rule": kind, "figures": each})
            say(f"{stream}, {kind}: {each[-1]}")
    return {"seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table, in percent: means over the seeds."""
    rows = [
        [
            row["stream"],
            row["rule"],
            *(cell([one[column] for one in row["figures"]]) for column in COLUMNS),
        ]
        for row in record["rows"]
    ]
    return {"table": markdown(["stream", "rule", *COLUMNS], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 3)
    add_limit(parser, 10, "samples of each")


STUDY = Study("without-draws", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
