"""Settings of spiking learners, chosen on recordings that no figure is measured on.

Spoken digits: of takes 5 to 49 five are held out, twice other ones; what was learned swings from
recording to recording, so the held-out ones are asked six times in the last quarter of one pass.
The figures of ``experiments spiking`` are of takes 0 to 4. Motion: the settings for gestures are
chosen on the exercises, those for exercises on the gestures, by the seconds that are right, each
third held out in turn, under two seeds. One knob after another: each value is tried with the best
ones of the knobs before, and one that is not better changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from experiments.figures import RESULTS
from experiments.options import add_some
from experiments.spiking.data import TEST_TAKES, Recordings, motion, spoken_digits
from experiments.spiking.runs import (
    FOLDS,
    PASSES,
    Guesses,
    Settings,
    accuracy,
    learner,
    moved_fold,
    shuffled,
)
from experiments.study import Record, Study, read_record, say
from experiments.tables import markdown

NAME = "spiking-settings"
MOTION_SEEDS = (50, 51)
#: What is tried, knob by knob; the first value is what a new learner has.
DIGITS: Mapping[str, tuple[Any, ...]] = {
    "drift": (0, 5, 7),
    "threshold": (0.5, 0.4375, 0.5625),
    "leaks": ((3, 4), (2, 4), (4, 4), (3, 5)),
    "sigma_init": (0.7, 0.5, 1.0),
    "lr": (2.0, 1.0, 3.0),
    "mu_init": (4.0, 3.0, 5.0),
    "n_draws": (4, 8),
}
MOTION: Mapping[str, tuple[Any, ...]] = {
    "traces": ((0,), (0, 2, 4), (0, 2, 4, 6)),
    "threshold": (0.5, 0.375, 0.25),
    "leaks": ((3, 4), (4, 5), (3, 5)),
    "drift": (5, 6),
    "every": (25, 10),
}
OTHER = {"gestures": "exercises", "exercises": "gestures"}
CHOSEN = ("digits", *OTHER)
#: Spoken digits: the first of five takes that are held out, and a seed.
HELD_OUT = ((5, 50), (25, 52))
#: The held-out recordings are asked so often, after each 20th of a pass.
ASKED = 6


def chosen(what: str) -> Settings:
    """Return the recorded choice for "digits", "gestures" or "exercises".

    Raises
    ------
    ExperimentError
        If nothing was chosen yet.
    """
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in read_record(RESULTS / NAME)["chosen"][what].items()
    }


def validated(data: Recordings, first: int) -> Recordings:
    """Return spoken digits without those that figures are measured on; five takes are held out."""
    takes = data.takes[data.learned]
    held = (takes >= first) & (takes < first + TEST_TAKES)
    return replace(data, learned=data.learned[~held], held=data.learned[held])


def digits_score(data: Recordings, settings: Settings) -> float:
    """Return the accuracy on held-out recordings towards the end of one pass, in percent."""
    found = []
    for first, seed in HELD_OUT:
        some = validated(data, first)
        one, order = learner(some, seed, settings, front_end="none"), shuffled(some, seed)
        asked = {len(order) - k * (len(order) // 20) for k in range(ASKED)}
        for n, i in enumerate(order, 1):
            one.learn_recording(some.signals[i], int(some.labels[i]))
            if n in asked:
                guesses = [one.predict_recording(some.signals[k]) for k in some.held]
                found.append(accuracy(guesses, some.labels[some.held]))
    return float(np.mean(found))


def motion_score(data: Recordings, settings: Settings, passes: int) -> float:
    """Return the share of seconds that are right, each third held out in turn, in percent."""
    guesses = Guesses()
    for seed, fold in product(MOTION_SEEDS, range(FOLDS)):
        moved_fold(data, seed, settings, passes, fold, guesses)
    return guesses.seconds()


def search(
    what: str, knobs: Mapping[str, tuple[Any, ...]], score: Callable[[Settings], float]
) -> tuple[Settings, list[dict[str, Any]]]:
    """Return the best settings found, and all that was tried."""
    best = {name: values[0] for name, values in knobs.items()}
    top = -np.inf
    tried: list[dict[str, Any]] = []
    for knob, values in knobs.items():
        for value in values if not tried else values[1:]:
            settings = {**best, knob: value}
            found = score(settings)
            tried.append({"of": what, "knob": knob, "value": value, "score": found})
            say(f"{what}: {knob}={value}: {found:.1f}")
            if found > top:
                top, best = found, settings
    return best, tried


def measure(options: argparse.Namespace) -> Record:
    """Search for each kind of recordings; of those that are not asked for, keep the record."""
    kept = {} if {*options.of} == {*CHOSEN} else read_record(options.results / NAME)
    best: dict[str, Settings] = {}
    tried: list[dict[str, Any]] = []
    for what in CHOSEN:
        if what in options.of:
            best[what], found = search_for(what)
        else:
            best[what] = kept["chosen"][what]
            found = [one for one in kept["tried"] if one["of"] == what]
        tried += found
    return {"chosen": best, "tried": tried}


def search_for(what: str) -> tuple[Settings, list[dict[str, Any]]]:
    """Return the best settings for "digits", "gestures" or "exercises", and all that was tried."""
    if what == "digits":
        digits = spoken_digits()
        return search(what, DIGITS, lambda settings: digits_score(digits, settings))
    other = OTHER[what]
    data, passes = motion(other), PASSES[other]
    return search(what, MOTION, lambda settings: motion_score(data, settings, passes))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_some(parser, "--of", CHOSEN, "what to choose settings for")


def tables(record: Record) -> Mapping[str, str]:
    """Return what was chosen, and what each value reached."""
    columns = list(dict.fromkeys(knob for best in record["chosen"].values() for knob in best))
    rows = [
        [what, *(_said(best[knob]) if knob in best else "" for knob in columns)]
        for what, best in record["chosen"].items()
    ]
    tried = [
        [one["of"], one["knob"], _said(one["value"]), f"{one['score']:.1f}"]
        for one in record["tried"]
    ]
    return {
        "chosen": markdown(["for", *columns], rows),
        "tried": markdown(["for", "setting", "value", "accuracy"], tried),
    }


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


STUDY = Study(NAME, measure, tables, add_options)
