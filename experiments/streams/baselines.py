"""The field's learners on the bench, each at its best single setting over all streams.

SGD and logistic regression stand behind the learners' own kind of front end. What is searched is in
the lists below; the bench measures every setting, records it, and shows the best.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from experiments.streams.contender import Contender, Learner, Shape
from experiments.streams.field import Labels, Nearest, Sgd, Streamed
from streamlearn.prequential import majority_predictions, no_change_predictions

RATES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
NEIGHBOURS = (1, 5)
#: Of the statistics that standardise what a nearest neighbour keeps.
SCALES = (300.0, float("inf"))
#: Bytes that MESU has on the gas stream; the samples that a nearest neighbour keeps have as many.
BYTES = 18_000
SAMPLES = 500
#: Rows × features that nearest neighbours, a tree and a forest run on.
NEAREST_MOST, TREE_MOST, FOREST_MOST = 1e7, 2e6, 1.3e6


def _majority(shape: Shape, seed: int) -> Learner:
    del seed
    return Labels(
        majority_predictions,
        lambda y: int(np.bincount(y, minlength=1).argmax()),
        4 * shape.n_classes,
    )


def _no_change(shape: Shape, seed: int) -> Learner:
    del shape, seed
    return Labels(no_change_predictions, lambda y: int(y[-1]) if len(y) else 0, 4)


def _sgd(lr: float) -> Callable[[Shape, int], Learner]:
    return lambda shape, seed: Sgd(shape, seed, shape.hidden, lr)


def _logistic(lr: float) -> Callable[[Shape, int], Learner]:
    return lambda shape, seed: Sgd(shape, seed, 0, lr)


def _nearest(
    integers: bool, balanced: bool, k: int, window: float
) -> Callable[[Shape, int], Learner]:
    def make(shape: Shape, seed: int) -> Learner:
        room = BYTES // (shape.n_features + 1) if integers else SAMPLES
        return Nearest(shape, seed, room, integers, balanced, k, window)

    return make


def _hoeffding(shape: Shape, seed: int) -> Learner:
    del shape, seed
    return Streamed(import_module("river.tree").HoeffdingTreeClassifier())


def _forest(shape: Shape, seed: int) -> Learner:
    del shape
    return Streamed(import_module("river.forest").ARFClassifier(n_models=10, seed=seed))


def _scan(
    family: str,
    title: str,
    settings: dict[str, Callable[[Shape, int], Learner]],
    most: float = float("inf"),
) -> list[Contender]:
    return [
        Contender(
            f"{family}-{setting.replace(' ', '-')}",
            f"{title}, {setting}",
            "scan",
            make,
            family=family,
            setting=setting,
            packages=("numba",),
            most=most,
        )
        for setting, make in settings.items()
    ]


def _scale(window: float) -> str:
    return "300" if np.isfinite(window) else "all"


def baseline_contenders() -> list[Contender]:
    """Return every baseline, and every setting of those that have one to search."""
    river = ("river",)
    found = [
        Contender("majority", "majority", "baseline", _majority, disturbed=False),
        Contender("no-change", "no change", "baseline", _no_change, disturbed=False),
        *_scan("sgd", "SGD", {f"{lr:g}": _sgd(lr) for lr in RATES}),
        *_scan("logistic", "logistic regression", {f"{lr:g}": _logistic(lr) for lr in RATES}),
    ]
    for family, title, integers, balanced in (
        ("nearest-18kb", "nearest of 18 KB", True, False),
        ("reservoir-18kb", "nearest of 18 KB, balanced", True, True),
        ("nearest-500", "nearest of 500", False, False),
    ):
        settings = {
            f"k {k} scale {_scale(window)}": _nearest(integers, balanced, k, window)
            for k in NEIGHBOURS
            for window in SCALES
        }
        found += _scan(family, title, settings, NEAREST_MOST)
    found += [
        Contender(
            "hoeffding",
            "Hoeffding tree",
            "baseline",
            _hoeffding,
            3,
            packages=river,
            most=TREE_MOST,
            bytes_of="pickle",
        ),
        Contender(
            "forest",
            "adaptive random forest",
            "baseline",
            _forest,
            1,
            packages=river,
            most=FOREST_MOST,
            disturbed=False,
            bytes_of="pickle",
        ),
    ]
    return found
