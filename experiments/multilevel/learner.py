"""A learner of the rule of few levels whose state a checkpoint can keep."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptState
from quant.network import NetworkSpec
from quant.rule import Config
from streamlearn.engines import make_engine


class RuleLearner(KeptState):
    """One state, and the engine that moves it: C of integers, or the equations.

    Parameters
    ----------
    spec : NetworkSpec
    config : Config
    arithmetic : str
    seed : int
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str, seed: int) -> None:
        super().__init__(spec, config, arithmetic, seed)
        self._engine: Any = make_engine(*self._given, None)

    def learn(self, x: Floats, labels: Integers) -> None:
        """Learn ``float32[n, features]``, ``int64[n]``, once and in order."""
        self._engine.learn_many(self._state, x.astype(np.float64), labels.astype(np.uint32))

    def classify(self, x: Floats) -> Integers:
        """Return the classes, ``int64[n]``."""
        classes = self._engine.predict_many(self._state, x.astype(np.float64))[0]
        found: Integers = np.asarray(classes, np.int64)
        return found

    def accuracy(self, x: Floats, labels: Integers) -> float:
        """Return how many are right, in %."""
        return round(100 * float(np.mean(self.classify(x) == labels)), 2)

    def counters(self) -> dict[str, int]:
        """Return what met the end of its format since this object was made, by name."""
        return dataclasses.asdict(self._engine.saturations)
