"""Motion by spikes: recordings held out, and what stands in front chosen on the learned ones.

A third of the recordings is held out at a time. The settings are chosen within the other two
thirds, a third of these held out in turn, under three seeds, by what is right of whole recordings
and of seconds. One knob after another: each value is tried with the best ones of the knobs before,
and one that is not better changes nothing. The figures are then of the third that no choice has
seen: of its whole recordings, and of each of their seconds alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from experiments.options import add_seeds, seeds_of
from experiments.search import Knobs, Settings, search
from experiments.spiking.data import Floats, Integers, Recordings, folds, motion
from experiments.spiking.runs import accuracy, learner
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from quant.stages import Stage, Stages
from quant.stages.native import NativeStages
from quant.stages.traces import Traces
from quant.stages.window import Window

NAME = "spiking-motion"
DATA = ("gestures", "exercises")
FOLDS, INNER_SEEDS = 3, (50, 51, 52)
SECOND, AXES = 100, 3
#: What makes a learner's inputs of three axes.
FRONTS: Mapping[str, Stage] = {
    "traces": Traces((0, 2, 4, 6)),
    "windows": Window(32, 4, features=("mean", "sd")),
    "bands": Window(32, 4, features=("mean", "sd", "bands")),
    "axes": Traces((0,)),
}
#: Passes over the motion: about as many learned steps of each, for there are few gestures.
PASSES = {"gestures": 16, "exercises": 4}
#: ``every`` counts the sensor's steps, ``passes`` multiplies :data:`PASSES`; the rest is the
#: learner's.
KNOBS: Knobs = {
    "front": ("traces", "windows"),
    "threshold": (0.5, 0.25),
    "leaks": ((3, 4), (2, 3), (4, 5), (3, 5)),
    "every": (25, 10),
    "passes": (1, 2),
    "average_window": (1024, 0),
}
_OF_PROTOCOL = ("front", "every", "passes", "known")
#: One thing changed, the rest as it was chosen.
CHANGED: Mapping[str, Settings] = {
    "leaky traces in front": {"front": "traces"},
    "windows in front, mean and deviation": {"front": "windows"},
    "windows in front, with bands": {"front": "bands"},
    "nothing in front": {"front": "axes"},
    "mean and deviation of the first 2,000 steps": {"known": False},
    "half of the passes": {"passes": 0.5},
    "no averaged weights": {"average_window": 0},
}


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


@dataclass(frozen=True, eq=False)
class Fronted:
    """Recordings behind a stage, whole and each of their seconds alone.

    Attributes
    ----------
    stage : Stage
    data : Recordings
    """

    stage: Stage
    data: Recordings

    def _behind(self, signal: Floats) -> Any:
        return NativeStages(Stages(self.stage, AXES)).recording(signal.astype(np.float32))

    @cached_property
    def whole(self) -> list[Any]:
        """Each recording's features."""
        return [self._behind(signal) for signal in self.data.signals]

    @cached_property
    def parts(self) -> list[list[Any]]:
        """The features of each second, as if nothing had been before it."""
        return [[self._behind(part) for part in seconds(one)] for one in self.data.signals]

    @property
    def hop(self) -> int:
        """Steps of the sensor for each row of features."""
        return self.stage.hop if isinstance(self.stage, Window) else 1


@dataclass(frozen=True, eq=False)
class Motion:
    """Gestures or exercises, behind every front end.

    Attributes
    ----------
    name : str
    data : Recordings
    """

    name: str
    data: Recordings

    @cached_property
    def behind(self) -> Mapping[str, Fronted]:
        """The recordings behind each of :data:`FRONTS`."""
        return {front: Fronted(stage, self.data) for front, stage in FRONTS.items()}

    def learn(
        self, kept: Integers, held: Integers, seed: int, settings: Settings, into: Guesses
    ) -> None:
        """Learn some recordings, in pieces of a second in any order, and predict others."""
        given, labels = self.behind[settings["front"]], self.data.labels
        pieces = [(part, int(labels[i])) for i in kept for part in given.parts[i]]
        known = None
        if settings.get("known", True):
            known = ranges(np.concatenate([part for part, _ in pieces]))
        own = {knob: value for knob, value in settings.items() if knob not in _OF_PROTOCOL}
        signals = Recordings(given.whole, labels, kept, kept, held, self.data.takes)
        one = learner(signals, seed, own, front_end_ranges=known)
        rng, every = np.random.default_rng(seed), max(1, settings["every"] // given.hop)
        for _ in range(round(PASSES[self.name] * settings["passes"])):
            for k in rng.permutation(len(pieces)):
                one.learn_recording(*pieces[k], every=every)
        for i in held:
            into.whole.append((one.predict_recording(given.whole[i]), int(labels[i])))
            into.parts += [(one.predict_recording(part), int(labels[i])) for part in given.parts[i]]

    def chosen(self, kept: Integers) -> Settings:
        """Return settings chosen on these recordings alone."""

        def score(settings: Settings) -> float:
            guesses = Guesses()
            for seed, fold in product(INNER_SEEDS, range(FOLDS)):
                held = kept[folds(self.data.labels[kept], FOLDS, seed)[fold]]
                self.learn(np.setdiff1d(kept, held), held, seed, settings, guesses)
            return (guesses.recordings() + guesses.seconds()) / 2

        return search(KNOBS, score)[0]

    def folds(self, seed: int) -> list[tuple[Integers, Integers]]:
        """Return what is learned and what is held out, fold by fold."""
        everything = np.arange(len(self.data.labels))
        return [
            (np.setdiff1d(everything, held), held) for held in folds(self.data.labels, FOLDS, seed)
        ]

    def measured(self, seed: int, settings: Sequence[Settings]) -> dict[str, float]:
        """Return the accuracy on held-out recordings and on their seconds; settings by fold."""
        guesses = Guesses()
        for (kept, held), one in zip(self.folds(seed), settings, strict=True):
            self.learn(kept, held, seed, one, guesses)
        return {"recordings": guesses.recordings(), "seconds": guesses.seconds()}


def seconds(signal: Floats) -> list[Floats]:
    """Return the seconds of a recording."""
    return [signal[at : at + SECOND] for at in range(0, len(signal) - SECOND + 1, SECOND)]


def ranges(values: Any) -> list[tuple[float, float]]:
    """Return what tells a front end mean and deviation of each column: even values' range."""
    mean, apart = values.mean(axis=0), np.sqrt(3) * values.std(axis=0)
    return list(zip(mean - apart, mean + apart, strict=True))


def changed(settings: Settings, what: Settings) -> Settings:
    """Return settings with something changed; passes are so many times the chosen ones."""
    found = {**settings, **what}
    if "passes" in what:
        found["passes"] = settings["passes"] * what["passes"]
    return found


def measure(options: argparse.Namespace) -> Record:
    """Choose and measure, seed by seed."""
    seeds = seeds_of(options)
    chosen: dict[str, list[list[Settings]]] = {}
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name in DATA:
        moved = Motion(name, motion(name))
        chosen[name] = []
        for seed in seeds:
            chosen[name].append([moved.chosen(kept) for kept, _ in moved.folds(seed)])
            say(f"{name}, seed {seed}: {chosen[name][-1]}")
        figures[name] = {}
        for how, what in {"as chosen": {}, **CHANGED}.items():
            figures[name][how] = [
                moved.measured(seed, [changed(one, what) for one in each])
                for seed, each in zip(seeds, chosen[name], strict=True)
            ]
            say(f"{name}, {how}: {figures[name][how]}")
    return {"seeds": list(seeds), "chosen": chosen, "figures": figures}


def tables(record: Record) -> Mapping[str, str]:
    """Return the figures, those with one thing changed, and what was chosen how often."""
    kinds = ("recordings", "seconds")

    def cells(figures: list[dict[str, float]]) -> list[str]:
        return [cell([one[kind] for one in figures], 1) for kind in kinds]

    each = record["figures"]
    often = []
    for name, by_seed in record["chosen"].items():
        found = [one for each_fold in by_seed for one in each_fold]
        for knob, values in KNOBS.items():
            times = Counter(_said(one[knob]) for one in found)
            often.append([name, knob, *(_times(times, values))])
    return {
        "motion": markdown(
            ["data", *kinds], [[name, *cells(how["as chosen"])] for name, how in each.items()]
        ),
        "changed": markdown(
            ["data", "changed", *kinds],
            [[name, what, *cells(how[what])] for name, how in each.items() for what in CHANGED],
        ),
        "chosen": markdown(["data", "setting", "chosen so often"], often),
    }


def _times(times: Counter[str], values: Sequence[Any]) -> list[str]:
    return [", ".join(f"{one}: {times[one]}" for one in map(_said, values))]


def _said(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, list | tuple) else str(value)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 3)


STUDY = Study(NAME, measure, tables, add_options)
