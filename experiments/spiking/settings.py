"""Settings of the spiking learner of spoken digits, chosen on recordings no figure is measured on.

Of takes 5 to 49 five are held out, twice other ones; what was learned swings from recording to
recording, so the held-out ones are asked six times in the last quarter of one pass. The figures of
``experiments spiking`` are of takes 0 to 4.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.figures import RESULTS
from experiments.search import Knobs, Settings, search
from experiments.spiking.data import TEST_TAKES, Recordings, spoken_digits
from experiments.spiking.runs import accuracy, learner, shuffled
from experiments.study import Record, Study, read_record
from experiments.tables import markdown

NAME = "spiking-settings"
KNOBS: Knobs = {
    "average_window": (0, 8192, 32768, 131072),
    "drift": (0, 5, 7),
    "threshold": (0.5, 0.4375, 0.5625),
    "leaks": ((3, 4), (2, 4), (4, 4), (3, 5)),
    "lr_sigma": (2.0, 6.0, 12.0),
    "sigma_init": (0.7, 0.5, 1.0, 1.4),
    "lr_mu": (2.0, 1.0, 3.0),
    "mu_init": (4.0, 3.0, 5.0),
    "n_draws": (4, 8),
    "memory_window": (1e6, 3e6, 1e7, 3e7),
}
#: Spoken digits: the first of five takes that are held out, and a seed.
HELD_OUT = ((5, 50), (25, 52))
#: The held-out recordings are asked so often, after each 20th of a pass.
ASKED = 6


def chosen() -> Settings:
    """Return the recorded choice.

    Raises
    ------
    ExperimentError
        If nothing was chosen yet.
    """
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in read_record(RESULTS / NAME)["chosen"].items()
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


def measure(_: argparse.Namespace) -> Record:
    """Search."""
    digits = spoken_digits()
    best, tried = search(KNOBS, lambda settings: digits_score(digits, settings))
    return {"chosen": best, "tried": tried}


def tables(record: Record) -> Mapping[str, str]:
    """Return what was chosen, and what each value reached."""
    tried = [[one["knob"], _said(one["value"]), f"{one['score']:.1f}"] for one in record["tried"]]
    best = record["chosen"]
    return {
        "chosen": markdown([*best], [[_said(value) for value in best.values()]]),
        "tried": markdown(["setting", "value", "accuracy"], tried),
    }


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


STUDY = Study(NAME, measure, tables)
