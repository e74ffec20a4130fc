"""Permuted digits as events: five tasks in one pass, each of its own permutation of the pixels.

784-100-10, 10,000 images of each task, what a new learner has; every step is learned. At the end
1,000 test images as each task has them. The codes are those of :mod:`experiments.spiking.codes`.
SGD is the same network in floats, with spikes by latency; its rate was chosen on training images
that it does not learn, in tasks of another seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments.data import Digits, Permutations, load_digits, split_for_validation
from experiments.spiking.codes import CODES, Floats
from experiments.spiking.runs import accuracy
from experiments.spiking.sgd import SgdNetwork
from experiments.study import say
from streamlearn import MesuClassifier, SpikingClassifier

Integers = npt.NDArray[np.int64]
SIZES, LEAKS = (784, 100, 10), (3, 4)
TASKS, PER_TASK, ASKED = 5, 10_000, 1_000
#: SGD's code, and how its rate is chosen; the seed is that of no figure.
SGD_CODE, RATES, CHOOSING_SEED = "latency", (0.0003, 0.001, 0.003), 50


@lru_cache(maxsize=1)
def digits() -> Digits:
    """Return the images, pixels in [0, 1]."""
    return load_digits()


class Learner(Protocol):
    """What learns the tasks."""

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn images in their order."""

    def predict(self, images: Floats) -> list[int]:
        """Return a class for each."""

    def figures(self) -> dict[str, float]:
        """Return events and operations per learned image, where they are known."""


class Spiking:
    """A spiking learner behind a code."""

    def __init__(self, code: str, seed: int) -> None:
        self.code, self.rng = CODES[code], np.random.default_rng((seed, 1))
        own: dict[str, Any] = {} if code == "held" else {"threshold": None}  # spikes are currents
        classes = range(SIZES[-1])
        self.one = SpikingClassifier(SIZES, classes=classes, seed=seed, front_end="none", **own)

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn images in their order."""
        for image, label in zip(images, labels.tolist(), strict=True):
            self.one.learn_recording(self.code(image, self.rng), label)

    def predict(self, images: Floats) -> list[int]:
        """Return a class for each."""
        return [self.one.predict_recording(self.code(image, self.rng)) for image in images]

    def figures(self) -> dict[str, float]:
        """Return events and operations per learned image."""
        steps = len(self.code(np.zeros(SIZES[0], np.float32), self.rng))
        active = self.one.activity
        return {
            "events": active.events[0] * steps,
            "operations": active.synaptic_operations * steps,
        }


class Sgd:
    """The same network in floats behind a code of spikes."""

    def __init__(self, code: str, seed: int, rate: float) -> None:
        self.code, self.rng = CODES[code], np.random.default_rng((seed, 1))
        self.network = SgdNetwork(SIZES, LEAKS, rate, seed)

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn images in their order."""
        for image, label in zip(images, labels.tolist(), strict=True):
            self.network.run(self.code(image, self.rng).astype(np.float64), label)

    def predict(self, images: Floats) -> list[int]:
        """Return a class for each."""
        return [
            self.network.run(self.code(image, self.rng).astype(np.float64), None)
            for image in images
        ]

    def figures(self) -> dict[str, float]:
        """Return nothing: it counts nothing."""
        return {}


class Dense:
    """MESU in q16 without time, on standardised pixels as elsewhere."""

    def __init__(self, seed: int) -> None:
        self.one = MesuClassifier(SIZES, classes=range(SIZES[-1]), seed=seed, front_end="none")

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn images in their order."""
        self.one.learn_many(_scaled(images), labels)

    def predict(self, images: Floats) -> list[int]:
        """Return a class for each."""
        return [int(k) for k in self.one.predict_many(_scaled(images))]

    def figures(self) -> dict[str, float]:
        """Return the weights that an image meets."""
        return {"operations": float(sum(a * b for a, b in pairwise(SIZES)))}


def _scaled(images: Floats) -> Floats:
    found: Floats = ((images - _pixels()[0]) / _pixels()[1]).astype(np.float32)
    return found


@lru_cache(maxsize=1)
def _pixels() -> tuple[float, float]:
    """Return mean and deviation of the training images' pixels."""
    return float(digits().train.mean(dtype=np.float64)), float(digits().train.std(dtype=np.float64))


def through(
    one: Learner, images: Digits, seed: int, tasks: int = TASKS, per_task: int = PER_TASK
) -> dict[str, Any]:
    """Learn task after task, and return the accuracy on each at the end, in percent.

    Parameters
    ----------
    one : Learner
    images : Digits
        Its test images are asked, the first :data:`ASKED` of them.
    seed : int
        Of the permutations and of the images that are learned.
    tasks, per_task : int
        How many, and of how many images each.
    """
    permutations, rng = Permutations(seed), np.random.default_rng((seed, 2))
    for task in range(tasks):
        some = rng.permutation(len(images.train_labels))[:per_task]
        one.learn(images.train[some][:, permutations[task]], images.train_labels[some])
    labels = images.test_labels[:ASKED]
    right = [
        accuracy(one.predict(images.test[:ASKED][:, permutations[task]]), labels)
        for task in range(tasks)
    ]
    return {"tasks": right, **one.figures()}


def best_rate() -> tuple[float, list[dict[str, Any]]]:
    """Return SGD's rate that is best on images of the training set, and all that was tried."""
    images, found = split_for_validation(digits()), dict[float, float]()
    for of in RATES:
        one = Sgd(SGD_CODE, CHOOSING_SEED, of)
        found[of] = float(np.mean(through(one, images, CHOOSING_SEED)["tasks"]))
        say(f"SGD, {SGD_CODE}: rate {of:g}: {found[of]:.1f}")
    tried = [{"rate": of, "score": score} for of, score in found.items()]
    return max(found, key=lambda of: found[of]), tried


def _row(who: str, make: Callable[[int], Learner], seeds: tuple[int, ...]) -> dict[str, Any]:
    figures = [through(make(seed), digits(), seed) for seed in seeds]
    say(f"{who}: {[round(float(np.mean(one['tasks'])), 1) for one in figures]}")
    return {"learner": who, "figures": figures}


def ours(seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return what MESU reaches, by the name in the table: spiking behind each code, and dense."""
    rows = [_row(f"spiking MESU, {code}", partial(Spiking, code), seeds) for code in CODES]
    return [*rows, _row("dense MESU", Dense, seeds)]


def by_sgd(seeds: tuple[int, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what SGD reaches, and how its rate was chosen."""
    best, tried = best_rate()
    make = partial(Sgd, SGD_CODE, rate=best)
    return [_row(f"spiking SGD, {SGD_CODE}, rate {best:g}", make, seeds)], tried
