"""The field's learners: SGD, nearest neighbours, River's models, and what labels alone give."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.streams import kernels
from experiments.streams.contender import Floats, Integers, Shape

#: Steps of a standardised value in a byte: ±8 standard deviations.
STEPS = 16


class FrontEnd:
    """Running mean and variance; ``window`` 0 leaves the rows as they are."""

    def __init__(self, n_features: int, window: float) -> None:
        self.window = window
        self.mean, self.variance = np.zeros(n_features), np.zeros(n_features)
        self.count = np.zeros(1, np.int64)

    def __call__(self, x: Floats, learn: bool) -> npt.NDArray[np.float64]:
        """Return standardised rows, float64."""
        rows = np.ascontiguousarray(x, np.float64)
        if self.window == 0:
            return rows
        z = np.empty_like(rows)
        kernels.run(
            kernels.standardise, rows, z, self.mean, self.variance, self.count, self.window, learn
        )
        return z

    def numbers(self) -> int:
        """Return how many numbers it keeps."""
        return 2 * len(self.mean) if self.window else 0


class Labels:
    """A baseline that never looks at the features."""

    def __init__(
        self, rule: Callable[[Integers], Integers], last: Callable[[Integers], int], n_bytes: int
    ) -> None:
        self._rule, self._last, self._bytes = rule, last, n_bytes
        self._seen = np.zeros(0, np.int64)

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`."""
        del x
        before = len(self._seen)
        self._seen = np.concatenate([self._seen, y])
        return self._rule(self._seen)[before:]

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        return np.full(len(x), self._last(self._seen), np.int64)

    def recall(self, x: Floats) -> None:
        """It has no memory."""

    def state_bytes(self) -> int:
        """Return the bytes of a counter per class, or of one label."""
        return self._bytes


class Sgd:
    """A ReLU network, or without hidden units logistic regression: plain SGD, batch size 1."""

    def __init__(self, shape: Shape, seed: int, hidden: int, lr: float) -> None:
        rng = np.random.Generator(np.random.PCG64(seed))
        self.front = FrontEnd(shape.n_features, 300.0 if shape.front_end == "standardise" else 0)
        self.lr = lr
        fan_in = hidden or shape.n_features
        deviations = np.sqrt(2 / shape.n_features), np.sqrt(2 / fan_in) * bool(hidden)
        self.weights = [
            rng.normal(0, deviations[0], (hidden, shape.n_features)),
            np.zeros(hidden),
            rng.normal(0, deviations[1], (shape.n_classes, fan_in)),
            np.zeros(shape.n_classes),
        ]

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`."""
        return self._run(self.front(x, True), y, self.lr)

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        return self._run(self.front(x, False), np.zeros(len(x), np.int64), 0.0)

    def _run(self, z: npt.NDArray[np.float64], y: Integers, lr: float) -> Integers:
        out = np.empty(len(z), np.int64)
        kernels.run(kernels.network, z, y, out, *self.weights, lr)
        return out

    def recall(self, x: Floats) -> None:
        """It has no memory."""

    def state_bytes(self) -> int:
        """Return the bytes of all its numbers as float32."""
        return 4 * (sum(w.size for w in self.weights) + self.front.numbers())


class Nearest:
    """The nearest of stored samples: the newest, or as many of each class."""

    def __init__(
        self,
        shape: Shape,
        seed: int,
        room: int,
        integers: bool,
        balanced: bool,
        neighbours: int,
        window: float,
    ) -> None:
        self.front = FrontEnd(shape.n_features, window if shape.front_end == "standardise" else 0)
        self.integers, self.balanced, self.neighbours = integers, balanced, neighbours
        self.kept = np.zeros((room, shape.n_features), np.float32)
        self.labels = np.zeros(room, np.int64)
        self.seen = np.zeros(shape.n_classes + 1, np.int64)
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`."""
        return self._run(self.front(x, True), y, self.rng.random((len(x), 2)), True)

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        return self._run(
            self.front(x, False), np.zeros(len(x), np.int64), np.zeros((len(x), 2)), False
        )

    def _run(self, z: Any, y: Integers, draws: Any, learn: bool) -> Integers:
        rows = np.clip(np.rint(z * STEPS), -128, 127) if self.integers else z
        out = np.empty(len(z), np.int64)
        memory = (self.kept, self.labels, self.seen)
        how = (self.neighbours, self.balanced, draws, learn)
        kernels.run(kernels.nearest, rows.astype(np.float32), y, out, *memory, *how)
        return out

    def recall(self, x: Floats) -> None:
        """Its memory is what predicts."""

    def state_bytes(self) -> int:
        """Return the bytes of samples, labels (one each) and the front end (float32)."""
        per_value = 1 if self.integers else 4
        return self.kept.size * per_value + len(self.labels) + 4 * self.front.numbers()


class Streamed:
    """A model with River's two verbs, sample by sample."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`."""
        found = np.empty(len(y), np.int64)
        for row, (values, label) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            features = dict(enumerate(values))
            found[row] = self._asked(features)
            self.model.learn_one(features, label)
        return found

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        return np.array([self._asked(dict(enumerate(values))) for values in x.tolist()], np.int64)

    def _asked(self, features: dict[int, float]) -> int:
        answer = self.model.predict_one(features)
        return -1 if answer is None else int(answer)

    def recall(self, x: Floats) -> None:
        """It has no memory of its own."""

    def state_bytes(self) -> int:
        """Return the bytes of the pickled model."""
        return len(pickle.dumps(self.model))
