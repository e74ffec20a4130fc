"""Sets that lie in River's own package; the rows in an order that the seed draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.needs import load_with

Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
#: At most so many rows of a set.
MOST = 30_000


def phishing(seed: int) -> Rows:
    """Return 1,250 web sites."""
    return _shuffled("Phishing", seed)


def bananas(seed: int) -> Rows:
    """Return 5,300 points in the plane."""
    return _shuffled("Bananas", seed)


def segments(seed: int) -> Rows:
    """Return 2,310 image segments."""
    return _shuffled("ImageSegments", seed)


def shuttle(seed: int) -> Rows:
    """Return 30,000 of 49,097 readings of a space shuttle, 7 % of them abnormal."""
    return _shuffled("Shuttle", seed)


def _shuffled(name: str, seed: int) -> Rows:
    datasets = load_with("river", "river.datasets", f"stream {name}")
    x, labels = as_arrays(getattr(datasets, name)())
    order = np.random.Generator(np.random.PCG64((7, seed))).permutation(len(x))[:MOST]
    y = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return x[order], y[order]


def as_arrays(pairs: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """Return the rows and labels of River's pairs of dictionary and label."""
    rows, labels = [], []
    for features, label in pairs:
        rows.append([float(value) for value in features.values()])
        labels.append(label)
    return np.array(rows, np.float32), np.array(labels)
