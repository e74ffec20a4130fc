"""Motion by spikes: recordings held out, and what stands in front chosen on the learned ones.

A third of the recordings is held out at a time. The settings for gestures were chosen on the
exercises, those for exercises on the gestures, thirds held out in turn, under three other seeds,
by what is right of whole recordings and of seconds. One knob after another: each value is tried
with the best ones of the knobs before, and one that is not better changes nothing. The figures are
of seconds, each alone, and of whole recordings, which are what most of their seconds are said to
be.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from experiments.options import add_seeds, seeds_of
from experiments.search import Knobs, Settings, search
from experiments.spiking.data import OTHER, Integers, Recordings, folds, motion
from experiments.spiking.pieces import FRONTS, STARTS, Fronted
from experiments.spiking.runs import accuracy, learner
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown

NAME = "spiking-motion"
FOLDS, CHOOSING_SEEDS = 3, (50, 51, 52)
#: Passes over the motion: about as many learned steps of each, for there are few gestures.
PASSES = {"gestures": 16, "exercises": 4}
#: ``every`` counts the sensor's steps, ``passes`` multiplies :data:`PASSES`; the rest is the
#: learner's.
KNOBS: Knobs = {
    "front": ("traces", "windows"),
    "threshold": (0.25, 0.5, 0.125),
    "leaks": ((3, 4), (2, 3), (4, 5)),
    "every": (25, 10),
    "passes": (2, 4),
    "average_window": (1024, 0),
}
_OF_PROTOCOL = ("front", "every", "passes", "known", "starts")
KINDS = ("recordings", "seconds", "recordings without a reset")
AS_CHOSEN = "as chosen"
#: One thing changed, the rest as it was chosen.
CHANGED: Mapping[str, Settings] = {
    AS_CHOSEN: {},
    "leaky traces in front": {"front": "traces"},
    "windows in front, mean and deviation": {"front": "windows"},
    "windows in front, with bands": {"front": "bands"},
    "nothing in front": {"front": "axes"},
    "mean and deviation of the first 2,000 steps": {"known": False},
    "pieces cut at the same places in each pass": {"starts": (0,)},
    "half of the passes": {"passes": 0.5},
    "no averaged weights": {"average_window": 0},
}


@dataclass
class Guesses:
    """What was predicted of whole recordings and of their seconds, and what they were.

    Attributes
    ----------
    whole : list of (int, int)
        What most seconds of a recording were said to be.
    through : list of (int, int)
        The same, of a learner that went through the recording without a reset.
    parts : list of (int, int)
        Seconds.
    """

    whole: list[tuple[int, int]] = field(default_factory=list)
    through: list[tuple[int, int]] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Return the shares that are right, in percent, by :data:`KINDS`."""
        each = zip(KINDS, (self.whole, self.parts, self.through), strict=True)
        return {kind: accuracy(*map(list, zip(*said, strict=True))) for kind, said in each}


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
        known = None
        if settings.get("known", True):
            known = ranges(np.concatenate([part for i in kept for part in given.parts[0][i]]))
        own = {knob: value for knob, value in settings.items() if knob not in _OF_PROTOCOL}
        signals = Recordings(given.whole, labels, kept, kept, held, self.data.takes)
        one = learner(signals, seed, own, front_end_ranges=known)
        rng, every = np.random.default_rng(seed), max(1, settings["every"] // given.hop)
        for _ in range(round(PASSES[self.name] * settings["passes"])):
            cut = given.parts[int(rng.choice(settings.get("starts", STARTS)))]
            pieces = [(part, int(labels[i])) for i in kept for part in cut[i]]
            for k in rng.permutation(len(pieces)):
                one.learn_recording(*pieces[k], every=every)
        for i in held:
            label, said = int(labels[i]), list(map(one.predict_recording, given.parts[0][i]))
            into.whole.append((most(said), label))
            into.through.append((one.predict_recording(given.whole[i]), label))
            into.parts += [(guess, label) for guess in said]

    def folds(self, seed: int) -> list[tuple[Integers, Integers]]:
        """Return what is learned and what is held out, fold by fold."""
        everything = np.arange(len(self.data.labels))
        return [
            (np.setdiff1d(everything, held), held) for held in folds(self.data.labels, FOLDS, seed)
        ]

    def measured(self, seed: int, settings: Settings) -> dict[str, float]:
        """Return the accuracy on recordings and on their seconds, each held out once."""
        guesses = Guesses()
        for kept, held in self.folds(seed):
            self.learn(kept, held, seed, settings, guesses)
        return guesses.figures()

    def chosen(self) -> Settings:
        """Return the settings that are best on these recordings."""

        def score(settings: Settings) -> float:
            each = [self.measured(seed, settings) for seed in CHOOSING_SEEDS]
            return float(np.mean([one[kind] for one in each for kind in KINDS[:2]]))

        return search(KNOBS, score)[0]


def most(said: Sequence[int]) -> int:
    """Return what was said most often; of equals the one said last."""
    times = Counter(said)
    return max(reversed(said), key=lambda one: times[one])


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
    """Choose on one set of recordings, and measure on the other."""
    seeds, sets = seeds_of(options), {name: Motion(name, motion(name)) for name in OTHER}
    settings: dict[str, Settings] = {}
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name, moved in sets.items():
        settings[name] = sets[OTHER[name]].chosen()
        say(f"{name}: {settings[name]}")
        figures[name] = {}
        for how, what in CHANGED.items():
            one = changed(settings[name], what)
            figures[name][how] = [moved.measured(seed, one) for seed in seeds]
            say(f"{name}, {how}: {figures[name][how]}")
    return {"seeds": list(seeds), "chosen": settings, "figures": figures}


def tables(record: Record) -> Mapping[str, str]:
    """Return the figures, those with one thing changed, and what was chosen."""

    def cells(figures: list[dict[str, float]]) -> list[str]:
        return [cell([one[kind] for one in figures], 1) for kind in KINDS]

    each = record["figures"]
    return {
        "motion": markdown(
            ["data", *KINDS],
            [[name, *cells(how[AS_CHOSEN])] for name, how in each.items()],
        ),
        "changed": markdown(
            ["data", "changed", *KINDS],
            [
                [name, what, *cells(how[what])]
                for name, how in each.items()
                for what in CHANGED
                if what != AS_CHOSEN
            ],
        ),
        "chosen": markdown(
            ["for", *KNOBS],
            [[name, *(_said(best[k]) for k in KNOBS)] for name, best in record["chosen"].items()],
        ),
    }


def _said(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, list | tuple) else str(value)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 3)


STUDY = Study(NAME, measure, tables, add_options)
