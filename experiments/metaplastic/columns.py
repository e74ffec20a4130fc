"""How many columns the metaplastic learner needs.

Streams nobody has seen, made by a seed: columns of scales from 1e-12 to 1e12 with offsets, and two
that never change; the label is which third the sum of all columns, with random weights, lies in.
Every learner has the library's defaults and is tested on a sample, then learns it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from experiments.blocks import learn_block
from experiments.options import add_seeds, count, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.learners.classifier import StreamClassifier

Floats = npt.NDArray[np.float64]
N_SAMPLES, N_CLASSES = 6000, 3
N_COLUMNS = (1, 4, 8, 16, 32, 64)
#: Where a column is cut into steps, in its standard deviations.
CUTS = np.linspace(-1.75, 1.75, 8)
LEARNERS = (
    "MESU, q16, 32 units",
    "metaplastic, q8, 128 units",
    "without bias",
    "columns in 8 steps",
)


def stream(
    n_columns: int, seed: int, n_samples: int = N_SAMPLES
) -> tuple[Floats, npt.NDArray[np.uint32]]:
    """Return standard normal columns ``[n, n_columns]`` and the labels."""
    rng = np.random.default_rng((seed, n_columns))
    z = rng.normal(size=(n_samples, n_columns))
    score = z @ rng.normal(size=n_columns)
    return z, np.digitize(score, np.quantile(score, [1 / 3, 2 / 3])).astype(np.uint32)


def as_measured(z: Floats, seed: int) -> Floats:
    """Give each column a unit and an offset of its own, and add two columns that never change."""
    rng = np.random.default_rng((seed, z.shape[1], 1))
    unit = 10.0 ** rng.integers(-12, 13, z.shape[1])
    moved = (z + rng.normal(size=z.shape[1])) * unit
    return np.column_stack([moved, np.zeros(len(z)), np.full(len(z), 7e5)])


def in_steps(z: Floats) -> Floats:
    """Cut each column into steps: ``tanh(2 (z - cut))``, one column a cut."""
    steps: Floats = np.tanh(2 * (z[:, :, None] - CUTS)).reshape(len(z), -1)
    return steps


def prequential(learner: StreamClassifier, x: Floats, y: npt.NDArray[np.uint32]) -> float:
    """Return the accuracy in % of test, then train, over the second half of a stream."""
    right = learn_block(learner, x, y) == y
    return round(100 * float(right[len(y) // 2 :].mean()), 3)


def accuracies(n_columns: int, seed: int, n_samples: int = N_SAMPLES) -> list[float]:
    """Return what each of :data:`LEARNERS` reaches on one stream."""
    z, y = stream(n_columns, seed, n_samples)
    x, steps = as_measured(z, seed), in_steps(z)
    n, labels = x.shape[1], range(N_CLASSES)
    cases: list[tuple[StreamClassifier, Floats]] = [
        (MesuClassifier((n, 32, N_CLASSES), classes=labels, seed=seed), x),
        (MetaplasticClassifier((n, 128, N_CLASSES), classes=labels, seed=seed), x),
        (MetaplasticClassifier((n, 128, N_CLASSES), classes=labels, seed=seed, bias=False), x),
        (
            MetaplasticClassifier(
                (steps.shape[1], 128, N_CLASSES), classes=labels, seed=seed, cuts=0
            ),
            steps,
        ),
    ]
    return [prequential(learner, data, y) for learner, data in cases]


def measure(options: argparse.Namespace) -> Record:
    """Learn every stream with every learner."""
    seeds, n = seeds_of(options), options.samples
    rows = []
    for n_columns in N_COLUMNS:
        say(f"{n_columns} columns")
        found = np.array([accuracies(n_columns, seed, n) for seed in seeds]).T.tolist()
        rows.append({"columns": n_columns, **dict(zip(LEARNERS, found, strict=True))})
    return {"samples": n, "seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: accuracy in %, mean over the seeds."""
    rows = [
        [str(row["columns"]), *(cell(row[name], 1) for name in LEARNERS)] for row in record["rows"]
    ]
    return {"table": markdown(["columns that matter", *LEARNERS], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 3)
    parser.add_argument(
        "--samples",
        type=count(10),
        default=N_SAMPLES,
        metavar="N",
        help=f"of each stream; {N_SAMPLES} if none",
    )


STUDY = Study("metaplastic-columns", measure, tables, add_options)
