"""What the memory beside the network knows at the end, and how sure it is of it.

MESU in q16, everything at its defaults but for the memory. The rows are those of the bench of
streams (:mod:`experiments.streams`): gas by gas, all batches of the gas stream shuffled or in
recorded order, and handwritten digits one after the other. A quarter is kept apart and asked at the
end. The calibration error is that of 15 bins.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.catalogue import Runnable
from experiments.options import add_seeds, seeds_of
from experiments.streams.loading import load, load_held_out
from experiments.streams.runs import shape_of
from experiments.streams.sources import SOURCES
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuClassifier
from streamlearn.uncertainty import expected_calibration_error

#: Streams, and the memories that are tried on each.
KB_12, KB_40 = 12 * 1024, 40 * 1024
GAS: dict[str, dict[str, Any]] = {
    "none": {},
    "mean, 64 columns": {"memory": "mean"},
    "lda, 12 KB": {"memory": "lda", "memory_bytes": KB_12},
    "lda, 40 KB": {"memory": "lda", "memory_bytes": KB_40},
}
DIGITS: dict[str, dict[str, Any]] = {
    "none": {},
    "mean, 64 columns": {"memory": "mean"},
    "lda, 64 columns": {"memory": "lda", "memory_features": 64},
    "lda, 256 columns": {"memory": "lda", "memory_features": 256},
}
STREAMS = {"gas-classes": GAS, "gas-memory": GAS, "gas-recorded": GAS, "split-digits": DIGITS}


def figures(stream: str, seed: int, more: Mapping[str, Any]) -> dict[str, float]:
    """Return every figure of a learner on a stream, in percent, by column."""
    x, y = load(stream, seed)
    kept, labels, regimes = load_held_out(stream, seed)
    shape = shape_of(stream, x.shape[1])
    learner = MesuClassifier(
        (shape.n_features, shape.hidden, shape.n_classes),
        classes=range(shape.n_classes),
        seed=seed,
        front_end=shape.front_end,
        **more,
    )
    now = np.array(learner.test_then_learn_many(x, y))
    found = {
        "predict, prequential": 100 * float(np.mean(now == y)),
        "predict, at the end": _mean(np.array(learner.predict_many(kept)) == labels, regimes),
        "its calibration error": _error(learner.predict_proba_many(kept), labels),
    }
    if more:
        found["recall, at the end"] = _mean(np.array(learner.recall_many(kept)) == labels, regimes)
        found["its calibration error "] = _error(learner.recall_proba_many(kept), labels)
    return found


def _mean(right: npt.NDArray[np.bool_], regimes: npt.NDArray[np.int64]) -> float:
    """Return the mean accuracy of the regimes, in percent: batches, or classes."""
    return 100 * float(np.mean([right[regimes == k].mean() for k in np.unique(regimes)]))


def _error(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    return 100 * float(expected_calibration_error(probabilities, labels))


def measure(options: argparse.Namespace) -> Record:
    """Run MESU with every memory on every stream."""
    seeds, rows = seeds_of(options), []
    for stream, memories in STREAMS.items():
        for memory, more in memories.items():
            each = [figures(stream, seed, more) for seed in seeds]
            rows.append({"stream": stream, "memory": memory, "figures": each})
            say(f"{stream}, {memory}: {each[-1]}")
    return {"seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table."""
    columns = [*max((row["figures"][0] for row in record["rows"]), key=len)]
    rows = [
        [
            SOURCES[row["stream"]].title,
            row["memory"],
            *(
                cell([one[column] for one in row["figures"] if column in one], 1)
                for column in columns
            ),
        ]
        for row in record["rows"]
    ]
    return {"table": markdown(["stream", "memory", *(c.strip() for c in columns)], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 5)


STUDY = Study("memory", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
