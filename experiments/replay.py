"""What a reservoir gives where classes come one after another, and what it costs under drift.

q16 and q8, everything at its defaults but for the reservoir. Gas by gas: the first three batches of
the gas stream, one gas after the other, no sign of a change; a quarter of the rows is kept apart
and asked at the end. There the scale of the inputs stands still, since one that follows each gas
by itself hides what tells them apart. Moving clouds: five classes, each two clouds of points in
ten dimensions that move at constant speed and bounce off the walls of a cube.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.blocks import learn_block
from experiments.catalogue import Runnable
from experiments.options import add_seeds, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from streamlearn import MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier
from streamlearn.streams.gas_drift import load_gas_drift, read_bundle

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Rows = tuple[Floats, Integers]

HIDDEN = 32
REPLAY_BYTES = 18_000
BATCHES = 3
#: Rows from which a scale is found at the start.
FIRST = 100
CLOUD_ROWS, CLOUD_CLASSES, CLOUDS, DIMENSIONS, SPEED = 10_000, 5, 10, 10, 1e-3

LEARNERS: dict[str, Any] = {
    kind.__name__: kind for kind in (MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier)
}
SETTINGS: dict[str, dict[str, int]] = {
    "none": {},
    "1 replay": {"replay_bytes": REPLAY_BYTES},
    "4 replays": {"replay_bytes": REPLAY_BYTES, "replays": 4},
}


def gas_by_gas(seed: int) -> tuple[Rows, Rows]:
    """Return rows to learn, one gas after the other, and those kept apart."""
    x, y, batch = read_bundle()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero(np.unique(batch, return_inverse=True)[1] < BATCHES))
    kept, learned = rows[: len(rows) // 4], rows[len(rows) // 4 :]
    order = np.concatenate([learned[y[learned] == gas] for gas in rng.permutation(np.unique(y))])
    wide = x.astype(np.float64)
    return (wide[order], y[order]), (wide[kept], y[kept])


def moving_clouds(seed: int) -> Rows:
    """Return rows of clouds that move."""
    rng = np.random.default_rng(seed)
    centre = rng.random((CLOUDS, DIMENSIONS))
    way = rng.normal(size=centre.shape)
    way *= SPEED / np.linalg.norm(way, axis=1, keepdims=True)
    which = rng.integers(CLOUDS, size=CLOUD_ROWS)
    x = rng.normal(0, 0.1, (CLOUD_ROWS, DIMENSIONS))
    for t, cloud in enumerate(which):
        x[t] += centre[cloud]
        centre += way
        way[(centre < 0) | (centre > 1)] *= -1
    return x, which % CLOUD_CLASSES


def scale(x: Floats) -> Callable[[Floats], Floats]:
    """Return what standardises by the mean and the deviation of some rows."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return lambda rows: (rows - mean) / np.where(deviation > 0, deviation, 1)


def make(kind: Any, rows: Rows, seed: int, **more: Any) -> Any:
    """Return a learner for a stream."""
    n_classes = int(rows[1].max()) + 1
    layers = (rows[0].shape[1], HIDDEN, n_classes)
    return kind(layers, classes=range(n_classes), seed=seed, **more)


def balanced(kind: Any, seed: int, whole_range: bool, more: dict[str, int]) -> float:
    """Balanced accuracy at the end, gas by gas, in percent."""
    (x, y), (kept, labels) = gas_by_gas(seed)
    standardised = scale(np.vstack([x, kept]) if whole_range else x[:FIRST])
    learner = make(kind, (x, y), seed, front_end="none", **more)
    learner.learn_many(standardised(x), y)
    found = np.array(learner.predict_many(standardised(kept)))
    return float(100 * np.mean([np.mean(found[labels == k] == k) for k in np.unique(labels)]))


def prequential(kind: Any, rows: Rows, seed: int, more: dict[str, int]) -> float:
    """Accuracy of test, then train, in percent."""
    return float(100 * np.mean(learn_block(make(kind, rows, seed, **more), *rows) == rows[1]))


def figures(kind: Any, seed: int, more: dict[str, int]) -> dict[str, float]:
    """Return every figure of a learner, by column."""
    gas = load_gas_drift(seed)
    shuffled = gas.x.astype(np.float64), gas.y
    return {
        "gas by gas, scale of the first 100": balanced(kind, seed, False, more),
        "gas by gas, scale of all": balanced(kind, seed, True, more),
        "gas, shuffled": prequential(kind, shuffled, seed, more),
        "moving clouds": prequential(kind, moving_clouds(seed), seed, more),
    }


def measure(options: argparse.Namespace) -> Record:
    """Run every learner with every setting."""
    seeds, rows = seeds_of(options), []
    for name, kind in LEARNERS.items():
        for setting, more in SETTINGS.items():
            each = [figures(kind, seed, more) for seed in seeds]
            rows.append({"learner": name, "replay": setting, "figures": each})
            say(f"{name}, {setting}: {each[-1]}")
    return {"seeds": list(seeds), "replay_bytes": REPLAY_BYTES, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table."""
    columns = list(record["rows"][0]["figures"][0])
    rows = [
        [
            f"`{row['learner']}`",
            row["replay"],
            *(cell([one[column] for one in row["figures"]], 1) for column in columns),
        ]
        for row in record["rows"]
    ]
    return {"table": markdown(["learner", "reservoir", *columns], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 5)


STUDY = Study("replay", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
