"""Streams of handwritten digits: permuted tasks, and digit after digit.

Pixels are standardised by two numbers, MNIST's own mean and standard deviation; no front end
follows, since a pixel's mean and variance say nothing about a drift.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from experiments.data import Digits, Permutations, load_digits, standardised

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Rows = tuple[Floats, Integers]
HeldOut = tuple[Floats, Integers, Integers]

TASKS, PER_TASK, PER_SHORT_TASK, PER_DIGIT = 10, 10_000, 1_000, 1_000
#: Test images that every task is asked about.
HELD_OUT = 1_000


@lru_cache(maxsize=1)
def _digits() -> Digits:
    raw = load_digits()
    together = standardised(np.concatenate([raw.train, raw.test]), len(raw.train))
    train, test = np.split(together, [len(raw.train)])
    return Digits(train, raw.train_labels, test, raw.test_labels)


def permuted(seed: int) -> Rows:
    """Return ten tasks of 10,000 images, the pixels of each task permuted in its own way."""
    return _permuted(seed, PER_TASK)


def permuted_short(seed: int) -> Rows:
    """Return ten tasks of 1,000 images."""
    return _permuted(seed, PER_SHORT_TASK)


def permuted_held_out(seed: int) -> HeldOut:
    """Return 1,000 test images as each of the ten tasks has them, and the task of each."""
    digits, tasks = _digits(), Permutations(seed)
    x = np.concatenate([digits.test[:HELD_OUT, tasks[task]] for task in range(TASKS)])
    y = np.tile(digits.test_labels[:HELD_OUT], TASKS)
    return x, y, np.repeat(np.arange(TASKS, dtype=np.int64), HELD_OUT)


def split(seed: int) -> Rows:
    """Return 1,000 images of each digit, digit after digit in a drawn order."""
    digits, rng = _digits(), _rng(seed)
    rows = np.concatenate(
        [
            rng.permutation(np.flatnonzero(digits.train_labels == digit))[:PER_DIGIT]
            for digit in rng.permutation(10)
        ]
    )
    return digits.train[rows], digits.train_labels[rows]


def split_held_out(seed: int) -> HeldOut:
    """Return the test images, and the digit of each; the same whatever the seed."""
    del seed
    digits = _digits()
    return digits.test, digits.test_labels, digits.test_labels


def _permuted(seed: int, per_task: int) -> Rows:
    digits, tasks, rng = _digits(), Permutations(seed), _rng(seed)
    x = np.empty((TASKS * per_task, digits.train.shape[1]), np.float32)
    y = np.empty(TASKS * per_task, np.int64)
    for task in range(TASKS):
        rows = rng.permutation(len(digits.train_labels))[:per_task]
        part = slice(task * per_task, (task + 1) * per_task)
        x[part] = digits.train[rows][:, tasks[task]]
        y[part] = digits.train_labels[rows]
    return x, y


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64((11, seed)))
