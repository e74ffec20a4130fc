"""What the tests of the recorder share: a small learner, its samples, and its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.recorder import Recorder

LABELS = ("ok", "worn")
FEATURES = ("temperature", "flow rate")


def learner(**more: Any) -> MesuClassifier:
    return MesuClassifier((2, 4, 2), classes=LABELS, features=FEATURES, **more)


def one_byte() -> MetaplasticClassifier:
    return MetaplasticClassifier((2, 8, 2), classes=LABELS, features=FEATURES)


def samples(n: int, seed: int = 0) -> tuple[Any, list[str]]:
    """Decimal numbers, as a CSV has them."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, n)
    x = np.round(rng.normal(size=(n, 2)) * 5 + [[20.0, 60.0]] + 4 * classes[:, None], 2)
    return x.astype(np.float32), [LABELS[k] for k in classes]


def recorded(path: Path, n: int, block: int = 20, **more: Any) -> Any:
    """Record n samples in blocks on the disk; return the learner at the end."""
    taught = learner()
    x, y = samples(n)
    with Recorder(taught, path, **more) as recorder:
        for at in range(0, n, block):
            recorder.learn_many(x[at : at + block], y[at : at + block])
            recorder.flush()
    return taught
