"""What a bad row does: how long a learner is lost, and what that costs.

The stream is a plain one: four classes, six features in different units, nearly always right after
a few hundred rows. At row 3,000 something happens, and the same learner on the same rows without it
says what it cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.streams.contender import Contender, Floats, Integers, Shape
from experiments.streams.recorded import gas

NAME = "disturbances"
ROWS, AT, CLASSES, FEATURES = 6_000, 3_000, 4, 6
#: Lost until this share of the next so many rows is right.
RIGHT, NEXT = 0.97, 100
#: What a feature's value is replaced by, or multiplied by.
VALUES: dict[str, Callable[[Floats], Floats]] = {
    "×1000": lambda row: row * np.float32(1000),
    "65535": lambda row: np.full_like(row, 65535),
    "1e9": lambda row: np.full_like(row, 1e9),
    "3e38": lambda row: np.full_like(row, 3e38),
}
UNIT = np.float32(1000)
GAS_FACTOR = np.float32(1e6)


def plain_stream(seed: int) -> tuple[Floats, Integers]:
    """Return 6,000 rows of four clouds that hardly overlap, each feature in a unit of its own."""
    rng = np.random.Generator(np.random.PCG64((12, seed)))
    centres = 3 * rng.permuted(np.tile([-1.0, -1.0, 1.0, 1.0], (FEATURES, 1)), axis=1).T
    y = rng.integers(0, CLASSES, ROWS)
    units = 10.0 ** rng.uniform(-2, 2, FEATURES)
    offsets = units * rng.uniform(-20, 20, FEATURES)
    x = (centres[y] + rng.normal(0, 1, (ROWS, FEATURES))) * units + offsets
    return x.astype(np.float32), y.astype(np.int64)


def cases(x: Floats) -> dict[str, tuple[int, Floats]]:
    """Return where each disturbance begins, and the rows with it."""
    found = {}
    for value, change in VALUES.items():
        for where, columns in (("one", slice(0, 1)), ("all", slice(None))):
            for when, row in (("", AT), (", first row", 0)):
                rows = x.copy()
                rows[row, columns] = change(rows[row, columns])
                found[f"{value}, {where}{when}"] = row, rows
    for name, factor in (("unit ×1000", UNIT), ("unit ÷1000", 1 / UNIT)):
        rows = x.copy()
        rows[AT:] *= factor
        found[name] = AT, rows
    return found


def lost_rows(right: Any) -> int:
    """Return after how many rows a learner is back: 97 % of the next 100 are right.

    Parameters
    ----------
    right : bool[n]
        From the row after the disturbance on.
    """
    over = np.convolve(right.astype(float), np.ones(NEXT) / NEXT, "valid")
    back = np.flatnonzero(over >= RIGHT - 1e-9)
    return int(back[0]) if len(back) else len(right)


def measure(contender: Contender, seed: int) -> dict[str, list[float]]:
    """Return, for each disturbance, rows until a learner is back, and points of accuracy lost.

    Points are of all rows from the disturbance to the end. Of the gas stream only the points are
    known: it is never right 97 % of the time.
    """
    x, y = plain_stream(seed)
    shape = Shape(FEATURES, CLASSES, 32, "standardise")
    clean = contender.make(shape, seed).learn(x, y) == y
    found = {}
    for name, (start, rows) in cases(x).items():
        right = contender.make(shape, seed).learn(rows, y) == y
        after = slice(start + 1, None)
        points = 100 * float(clean[after].mean() - right[after].mean())
        # A first row has no learner that was right before it: count beyond what learning takes.
        rows_lost = lost_rows(right[after]) - (lost_rows(clean[after]) if start == 0 else 0)
        found[name] = [float(max(0, rows_lost)), round(points, 3)]
    found["gas, one sample ×1e6"] = [float("nan"), _gas_points(contender, seed)]
    return {name: [None if v != v else v for v in values] for name, values in found.items()}  # type: ignore[misc]


def _gas_points(contender: Contender, seed: int) -> float:
    x, y = gas(seed)
    shape = Shape(x.shape[1], 6, 32, "standardise")
    clean = contender.make(shape, seed).learn(x, y) == y
    bad = x.copy()
    bad[len(x) // 4] *= GAS_FACTOR
    right = contender.make(shape, seed).learn(bad, y) == y
    return round(100 * float(clean.mean() - right.mean()), 3)
