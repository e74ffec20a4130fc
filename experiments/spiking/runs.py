"""One spiking learner through recordings: what the study and its choice of settings share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.spiking.data import Integers, Recordings, folds
from streamlearn import SpikingClassifier

HIDDEN = 128
FOLDS, SECOND = 3, 100
#: By name: ``threshold``, ``leaks``, ``drift``, ``lr`` (of μ and σ) and others of the learner's;
#: ``every`` is the protocol's: of how many steps one is learned.
Settings = dict[str, Any]


def learner(data: Recordings, seed: int, settings: Settings, **more: Any) -> SpikingClassifier:
    """Return a learner of the recordings' signals."""
    n = int(data.labels.max()) + 1
    given = {name: value for name, value in settings.items() if name != "every"}
    if "lr" in given and "rule" not in given:
        given["lr_mu"] = given["lr_sigma"] = given.pop("lr")
    layers = (data.signals[0].shape[1], HIDDEN, n)
    return SpikingClassifier(layers, classes=range(n), seed=seed, **given, **more)


def accuracy(found: list[int], labels: Any) -> float:
    """Return a share in percent."""
    return float(100 * np.mean(np.array(found) == np.array(labels)))


def shuffled(data: Recordings, seed: int) -> Integers:
    """Return the recordings to learn, in any order."""
    found: Integers = np.random.default_rng(seed + 100).permutation(data.learned)
    return found


@dataclass
class Guesses:
    """What was predicted of whole recordings and of their seconds, and what they were."""

    whole: list[tuple[int, int]] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)

    def recordings(self) -> float:
        """Return the share of recordings that are right, in percent."""
        return accuracy([a for a, _ in self.whole], [b for _, b in self.whole])

    def seconds(self) -> float:
        """Return the share of seconds that are right, in percent."""
        return accuracy([a for a, _ in self.parts], [b for _, b in self.parts])


def moved_fold(
    data: Recordings,
    seed: int,
    settings: Settings,
    passes: int,
    fold: int,
    into: Guesses | None = None,
) -> Guesses:
    """Learn all but a fold of motion, in pieces of two seconds, and predict that fold."""
    found = Guesses() if into is None else into
    held = folds(data.labels, FOLDS, seed)[fold]
    one = learner(data, seed, settings)
    rng = np.random.default_rng(seed)
    kept = np.setdiff1d(np.arange(len(data.labels)), held)
    pieces = [
        (data.signals[i][at : at + 2 * SECOND], int(data.labels[i]))
        for i in kept
        for at in range(0, len(data.signals[i]) - SECOND, 2 * SECOND)
    ]
    for _ in range(passes):
        for k in rng.permutation(len(pieces)):
            one.learn_recording(*pieces[k], every=settings["every"])
    for i in held:
        signal, label = data.signals[i], int(data.labels[i])
        found.whole.append((one.predict_recording(signal), label))
        for at in range(0, len(signal) - SECOND + 1, SECOND):
            found.parts.append((one.predict_recording(signal[at : at + SECOND]), label))
    return found
