"""One spiking learner through recordings: what the study and its choice of settings share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.spiking.data import Floats, Integers, Recordings, folds
from quant.stages import Stages
from quant.stages.native import NativeStages
from quant.stages.traces import Traces
from streamlearn import SpikingClassifier

HIDDEN = 128
FOLDS, SECOND, AXES = 3, 100, 3
#: Passes over the motion: about as many learned steps of each, for there are few gestures.
PASSES = {"gestures": 16, "exercises": 4}
#: By name: ``threshold``, ``leaks``, ``drift``, ``lr`` (of μ and σ) and others of the learner's;
#: ``traces``, ``every`` and ``known`` are the protocol's: the leaks of the stage in front, of how
#: many steps one is learned, and whether the front end is told mean and deviation.
Settings = dict[str, Any]
_OF_PROTOCOL = ("traces", "every", "known")


def learner(data: Recordings, seed: int, settings: Settings, **more: Any) -> SpikingClassifier:
    """Return a learner of the recordings' signals, behind traces if the settings have some."""
    n = int(data.labels.max()) + 1
    given = {name: value for name, value in settings.items() if name not in _OF_PROTOCOL}
    if "lr" in given and "rule" not in given:
        given["lr_mu"] = given["lr_sigma"] = given.pop("lr")
    layers = (data.signals[0].shape[1] * len(settings.get("traces", (0,))), HIDDEN, n)
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
    """Learn all but a fold of motion, in pieces of a second, and predict that fold."""
    found = Guesses() if into is None else into
    held = folds(data.labels, FOLDS, seed)[fold]
    stages = NativeStages(Stages(Traces(settings["traces"]), AXES))

    def traced(signal: Floats) -> Any:
        return stages.recording(signal.astype(np.float32))

    rng = np.random.default_rng(seed)
    kept = np.setdiff1d(np.arange(len(data.labels)), held)
    pieces = [
        (traced(second), int(data.labels[i])) for i in kept for second in seconds(data.signals[i])
    ]
    known = None
    if settings.get("known", True):
        known = ranges(np.concatenate([traces for traces, _ in pieces]))
    one = learner(data, seed, settings, front_end_ranges=known)
    for _ in range(passes):
        for k in rng.permutation(len(pieces)):
            one.learn_recording(*pieces[k], every=settings["every"])
    for i in held:
        signal, label = data.signals[i], int(data.labels[i])
        found.whole.append((one.predict_recording(traced(signal)), label))
        for second in seconds(signal):
            found.parts.append((one.predict_recording(traced(second)), label))
    return found


def seconds(signal: Floats) -> list[Floats]:
    """Return the seconds of a recording."""
    return [signal[at : at + SECOND] for at in range(0, len(signal) - SECOND + 1, SECOND)]


def ranges(values: Any) -> list[tuple[float, float]]:
    """Return what tells a front end mean and deviation of each column: even values' range."""
    mean, apart = values.mean(axis=0), np.sqrt(3) * values.std(axis=0)
    return list(zip(mean - apart, mean + apart, strict=True))
