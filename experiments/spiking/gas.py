"""The gas stream as events: what a sample is in time, and what that is worth.

128-32-6, what a new learner has, each measurement predicted before its label is used. "One after
another": a measurement is a step, and an event is a change since the one before. Else each is a
recording of its own: time begins anew, so that an event is a distance from the mean, and the
measurement stays for some steps. Either the last of them is learned; or all are passed without a
label to predict, and then once more, each learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.spiking.runs import accuracy
from experiments.streams import recorded
from streamlearn import MesuClassifier, SpikingClassifier

SIZES, STEPS = (128, 32, 6), 4
Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
#: By the name in the table: from a seed to measurements and their labels.
ORDERS: Mapping[str, Callable[[int], Rows]] = {
    "shuffled in each batch": recorded.gas,
    "recorded order": recorded.gas_recorded,
}


def spiking(rows: Rows, seed: int, steps: int, alone: bool, all_learned: bool) -> dict[str, float]:
    """Return the accuracy of a spiking learner, and its events and operations per measurement.

    Parameters
    ----------
    rows : float32[n, 128], int64[n]
    seed : int
    steps : int
        For which a measurement stays.
    alone : bool
        Whether time begins anew with each.
    all_learned : bool
        Whether each step of a second presentation is learned; else the last step of the first.
    """
    one = SpikingClassifier(SIZES, classes=range(SIZES[-1]), seed=seed)
    said = []
    for x, y in zip(rows[0], rows[1].tolist(), strict=True):
        if alone:
            one.reset()
        for _ in range(steps - 1):
            one.step(x)
        said.append(one.step(x) if all_learned else one.test_then_learn_one(x, y))
        if all_learned:
            one.learn_recording(np.repeat(x[None], steps, axis=0), y)
    active, n = one.activity, len(said)
    return {
        "accuracy": accuracy(said, rows[1]),
        "events": active.events[0] * active.steps / n,
        "operations": active.synaptic_operations * active.steps / n,
    }


def dense(rows: Rows, seed: int, times: int) -> dict[str, float]:
    """Return the accuracy of MESU in q16, which learns each measurement once or more often."""
    one = MesuClassifier(SIZES, classes=range(SIZES[-1]), seed=seed)
    said = []
    for x, y in zip(rows[0], rows[1].tolist(), strict=True):
        said.append(one.predict_one(x))
        for _ in range(times):
            one.learn_one(x, y)
    weights = sum(a * b for a, b in pairwise(SIZES))
    again = times if times > 1 else 0  # a sample that is learned once is predicted on the way
    return {"accuracy": accuracy(said, rows[1]), "operations": float(weights * (1 + again))}


def repeating(rows: Rows, seed: int) -> dict[str, float]:
    """Return the accuracy of saying the label before again."""
    del seed
    return {"accuracy": accuracy([-1, *rows[1][:-1].tolist()], rows[1])}


#: By the name in the table.
WAYS: Mapping[str, Callable[[Rows, int], dict[str, float]]] = {
    "spiking, one after another": lambda rows, seed: spiking(rows, seed, 1, False, False),
    "spiking, alone, a step": lambda rows, seed: spiking(rows, seed, 1, True, False),
    f"spiking, alone, {STEPS} steps": lambda rows, seed: spiking(rows, seed, STEPS, True, False),
    f"spiking, alone, {STEPS} steps, each learned": lambda rows, seed: spiking(
        rows, seed, STEPS, True, True
    ),
    "dense MESU": lambda rows, seed: dense(rows, seed, 1),
    f"dense MESU, learned {STEPS} times": lambda rows, seed: dense(rows, seed, STEPS),
    "the label before": repeating,
}


def measured(seed: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each way in each order."""
    found: dict[str, dict[str, Any]] = {name: {} for name in WAYS}
    for order, rows_of in ORDERS.items():
        rows = rows_of(seed)
        for name, way in WAYS.items():
            found[name][order] = way(rows, seed)
    return found
