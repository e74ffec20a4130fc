"""Every learner class of streamlearn in every arithmetic that it has, and small streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quant.errors import ConfigError
from quant.rule import RULES
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import learner_class

#: The learner class of every rule and head: a new rule's are on every list here.
LEARNERS: tuple[Any, ...] = tuple(
    learner_class(name, head) for name, rule in RULES.items() for head in rule.heads
)
CLASSIFIERS = tuple(kind for kind in LEARNERS if issubclass(kind, StreamClassifier))
REGRESSORS = tuple(kind for kind in LEARNERS if not issubclass(kind, StreamClassifier))
N_FEATURES, N_CLASSES = 5, 3


def made(kind: Any, **more: Any) -> Any:
    """Return a small learner of a class."""
    layers = (N_FEATURES, 8, N_CLASSES if kind in CLASSIFIERS else 1)
    return kind(**{"layers": layers, **more})


def variants() -> list[Any]:
    """Return (class, arithmetic and backend) for all that can be made, as pytest's parameters."""
    found = []
    for kind in LEARNERS:
        for arithmetic in RULES[kind._rule].arithmetics:
            for backend in ("c", "numpy"):
                chosen = {"arithmetic": arithmetic, "backend": backend}
                try:
                    made(kind, **chosen)
                except ConfigError:  # this class has no such engine
                    continue
                found.append(
                    pytest.param(kind, chosen, id=f"{kind.__name__}-{arithmetic}-{backend}")
                )
    return found


def samples(n: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Return rows in float32 of very different scales, and labels from 0 that follow from them."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, N_FEATURES)) * [1, 1e-3, 50, 1e4, 1] + 7).astype(np.float32)
    labels = (np.argmax(np.abs((x - 7) / [1, 1e-3, 50, 1e4, 1]), axis=1) % N_CLASSES).tolist()
    return x.astype(np.float64), labels


def pairs(n: int, seed: int = 0) -> Iterator[tuple[list[float], int]]:
    """Yield :func:`samples` one by one."""
    x, y = samples(n, seed)
    yield from zip(x.tolist(), y, strict=True)
