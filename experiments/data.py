"""The images of the experiments, and the tasks that permutations of their pixels make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamlearn.errors import ConfigError
from streamlearn.streams import load_cifar10_gray, load_mnist

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Digits:
    """Training and test images in their original order.

    Attributes
    ----------
    train, test : float32[n, 784]
        Pixels in [0, 1], or standardised: the loader's docstring says which.
    train_labels, test_labels : int64[n]
    """

    train: Floats
    train_labels: Integers
    test: Floats
    test_labels: Integers


@dataclass(frozen=True, eq=False)
class Images(Digits):
    """The same, and images that are foreign to them, each set standardised by its own scalars.

    Attributes
    ----------
    foreign : float32[n, 784]
    """

    foreign: Floats


def load_digits(limit: int | None = None) -> Digits:
    """Load MNIST's training and test images, or the first so many of each; pixels in [0, 1].

    Raises
    ------
    ConfigError
        If `limit` is below 1.
    DataNotFoundError
        If the files are not there.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit={limit}: expected 1 sample or more")
    train, test = load_mnist("train"), load_mnist("test")
    return Digits(train.x[:limit], train.y[:limit], test.x[:limit], test.y[:limit])


def split_for_validation(digits: Digits, n_validation: int = 10_000) -> Digits:
    """Return training images alone, the last `n_validation` of them in the place of the test."""
    n = len(digits.train_labels) - n_validation
    x, y = digits.train, digits.train_labels
    return Digits(x[:n], y[:n], x[n:], y[n:])


def load_images(
    limit: int | None = None,
    load_foreign: Callable[[], Floats] = lambda: load_cifar10_gray().x,
) -> Images:
    """Load MNIST in its original order, and what is foreign to it.

    Parameters
    ----------
    limit : int, optional
        Only the first so many images of each set, statistics included.
    load_foreign : callable
        Loads the out-of-distribution images, ``float32[n, 784]``.

    Raises
    ------
    ConfigError
        If `limit` is below 2.
    DataNotFoundError
        If the files are not there.

    Notes
    -----
    Differs from the authors' code: all 10,000 test images instead of the first 9,984, and, unless
    another set is asked for, CIFAR-10 test images, gray, centre 28 x 28, instead of Fashion-MNIST.
    """
    if limit is not None and limit < 2:
        raise ConfigError(f"limit={limit}: expected 2 samples or more")
    train, test, foreign = load_mnist("train"), load_mnist("test"), load_foreign()
    return Images(
        standardised(train.x[:limit]),
        train.y[:limit],
        standardised(test.x[:limit]),
        test.y[:limit],
        standardised(foreign[:limit]),
    )


def standardised(x: Floats, rows: int | None = None) -> Floats:
    """Return ``(x - mean)/std`` by the two numbers of the set's own, or first so many, rows."""
    by = x[:rows]
    z: Floats = ((x - by.mean(dtype=np.float64)) / by.std(dtype=np.float64)).astype(np.float32)
    return z


class Permutations:
    """The permutation of the pixels of each task: ``image[:, permutations[task]]``; none is id.

    A seed's tasks are the same however many are asked for.
    """

    def __init__(self, seed: int, n_pixels: int = 784) -> None:
        self._rng = np.random.default_rng(1000 + seed)
        self._n_pixels = n_pixels
        self._drawn: list[Integers] = []

    def __getitem__(self, task: int) -> Integers:
        while len(self._drawn) <= task:
            self._drawn.append(self._rng.permutation(self._n_pixels))
        return self._drawn[task]
