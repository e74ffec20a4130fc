"""MOA's own learners through CapyMOA (0.15 or later), where it is installed and finds a Java.

They are the anchor of the field: an adaptive random forest of ten trees, and the nearest
neighbours among the last 1,000 samples, with MOA's own defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from experiments.streams.contender import Contender, Floats, Integers, Learner, Shape

PACKAGE = "capymoa"
#: Rows × features that they run on.
MOST = 2e6
TREES = 10


class Moa:
    """A learner of MOA's behind :class:`experiments.streams.contender.Learner`.

    Parameters
    ----------
    shape : Shape
    make : callable
        From a schema to CapyMOA's object.
    """

    def __init__(self, shape: Shape, make: Callable[[Any], Any]) -> None:
        instances = import_module("capymoa.core")
        schema_of = import_module("capymoa.stream").Schema.from_custom
        names = [f"x{i}" for i in range(shape.n_features)]
        classes = [str(k) for k in range(shape.n_classes)]
        self._schema = schema_of([*names, "class"], "class", {"class": classes})
        self._instance = instances.LabeledInstance.from_array
        self._learner = make(self._schema)

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`."""
        found = np.empty(len(y), np.int64)
        for row, (values, label) in enumerate(zip(x.astype(np.float64), y.tolist(), strict=True)):
            instance = self._instance(self._schema, values, label)
            found[row] = self._asked(instance)
            self._learner.train(instance)
        return found

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        rows = x.astype(np.float64)
        return np.array([self._asked(self._instance(self._schema, row, 0)) for row in rows])

    def _asked(self, instance: Any) -> int:
        answer = self._learner.predict(instance)
        return -1 if answer is None else int(answer)

    def recall(self, x: Floats) -> None:
        """It has no memory of its own."""

    def state_bytes(self) -> int:
        """Return 0: Java does not say without an agent of MOA's."""
        return 0


def _knn(shape: Shape, seed: int) -> Learner:
    make = import_module("capymoa.classifier").KNN
    return Moa(shape, lambda schema: make(schema, random_seed=seed + 1))


def _forest(shape: Shape, seed: int) -> Learner:
    make = import_module("capymoa.classifier").AdaptiveRandomForestClassifier
    return Moa(shape, lambda schema: make(schema, random_seed=seed + 1, ensemble_size=TREES))


def moa_contenders() -> list[Contender]:
    """Return MOA's learners; whether they run is asked later."""
    return [
        Contender(
            name,
            title,
            "baseline",
            make,
            n_seeds=3,
            packages=(PACKAGE,),
            most=MOST,
            disturbed=False,
            bytes_of="not known",
        )
        for name, title, make in (
            ("moa-knn", "MOA, 3 nearest of 1,000", _knn),
            ("moa-forest", "MOA, adaptive random forest", _forest),
        )
    ]
