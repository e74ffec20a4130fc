"""One spiking learner through recordings: what studies and their choices of settings share."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.search import Settings
from experiments.spiking.data import Integers, Recordings
from streamlearn import SpikingClassifier

HIDDEN = 128


def learner(data: Recordings, seed: int, settings: Settings, **more: Any) -> SpikingClassifier:
    """Return a learner of the recordings' signals."""
    n = int(data.labels.max()) + 1
    layers = (data.signals[0].shape[1], HIDDEN, n)
    return SpikingClassifier(layers, classes=range(n), seed=seed, **settings, **more)


def accuracy(found: list[int], labels: Any) -> float:
    """Return a share in percent."""
    return float(100 * np.mean(np.array(found) == np.array(labels)))


def shuffled(data: Recordings, seed: int) -> Integers:
    """Return the recordings to learn, in any order."""
    found: Integers = np.random.default_rng(seed + 100).permutation(data.learned)
    return found
