"""Spoken digits at 8 kHz by a bank of filters, and windows or traces of its bands, under MESU.

q16. 24 bands of frames of 25 ms, one each 10 ms. Takes 10 to 49 of each digit and speaker are
learned for the choice of settings, and takes 5 to 9 say which is best; the figures are of takes 0
to 4 after takes 5 to 49 were learned in any order. Rows are learned recording after recording, of
each recording every k-th.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.options import add_seeds, seeds_of
from experiments.search import Settings, search
from experiments.signals.shown import LEAST, Floats, rows_behind
from experiments.spiking.data import FRAME, HOP, RATE, TEST_TAKES, Integers, spoken_sounds
from experiments.spiking.runs import accuracy
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from quant.stages import Stages
from quant.stages.native import NativeStages
from streamlearn import MesuClassifier
from streamlearn.chain import Bank, Delta, Standardise, Traces, Window

PASSES, CHOOSING_SEED, CLASSES = 3, 50, 10
#: A sound's quiet: of 32,768, 32.
BANK = Bank(RATE, FRAME, HOP, quiet=2.0**-10)
#: What is tried, knob by knob; the first value is the one to begin with.
KNOBS: Mapping[str, tuple[Any, ...]] = {
    "hidden": (64, 128),
    "lr": (1.0, 0.5, 2.0),
    "every": (1, 2),
}
#: By name: settings of the stage behind the bank that are tried.
FRONTS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "windows": {"n": (20, 30), "hop": (10, 5)},
    "traces": {"leaks": ((0, 2, 4), (1, 3, 5), (2, 3, 4, 5)), "hop": (10, 20)},
    "events and traces": {
        "leaks": ((2, 3, 4, 5), (3, 5)),
        "leak": (4, 0),
        "threshold": (0.1, 0.2, 0.3),
        "hop": (10, 20),
    },
}


@dataclass(frozen=True, eq=False)
class Sounds:
    """Bands of each recording, float32[frames, bands]; labels; and the take of each."""

    bands: list[Any]
    labels: Integers
    takes: Integers


def sounds() -> Sounds:
    """Return all recordings behind the bank.

    Raises
    ------
    DataNotFoundError
        If the file is not there.
    """
    parts, labels, takes, _ = spoken_sounds()
    engine = NativeStages(Stages(BANK, 1))
    bands = [engine.recording(part[:, None].astype(np.float32)) for part in parts]
    return Sounds(bands, labels, takes)


def stages(front: str, settings: Settings) -> Stages:
    """Return what stands behind the bank."""
    if front == "windows":
        shown = Window(settings["n"], settings["hop"], features=("mean", "sd", "min", "max"))
        return Stages(shown, BANK.bands)
    traces = Traces(settings["leaks"], settings["hop"])
    if front == "traces":
        return Stages(traces, BANK.bands)
    return Stages(
        (Standardise(), Delta(settings["threshold"], settings["leak"]), traces), BANK.bands
    )


def rows_of(front: str, data: Sounds, learned: Integers, settings: Settings) -> list[Any]:
    """Return the rows of each recording; one that is too short is held at its last frame."""
    chain = stages(front, settings)
    least = settings.get("n", chain.hop)
    longer = [np.pad(part, ((0, max(0, least - len(part))), (0, 0)), "edge") for part in data.bands]
    return rows_behind(chain, longer, learned)


def heard(
    front: str, data: Sounds, learned: Integers, held: Integers, seed: int, settings: Settings,
    passes: int,
) -> list[float]:  # fmt: skip
    """Return the accuracy on held-out recordings after each pass, in percent."""
    rows = rows_of(front, data, learned, settings)
    learner = MesuClassifier(
        (rows[0].shape[1], settings["hidden"], CLASSES),
        classes=range(CLASSES),
        seed=seed,
        front_end="frozen",
        front_end_window=4000,
        lr_mu=settings["lr"],
        lr_sigma=settings["lr"],
    )
    found = []
    for turn in range(passes):
        for i in np.random.default_rng(seed + 1000 * turn).permutation(learned):
            some = rows[i][settings["every"] - 1 :: settings["every"]]
            if len(some):
                learner.learn_many(some, np.full(len(some), data.labels[i]))
        guesses = [_whole(learner, rows[i]) for i in held]
        found.append(accuracy(guesses, data.labels[held]))
    return found


def _whole(learner: MesuClassifier, rows: Any) -> int:
    shares: Floats = np.array(learner.predict_proba_many(rows))
    return int(np.log(np.maximum(shares, LEAST)).sum(axis=0).argmax())


def measure(options: argparse.Namespace) -> Record:
    """Choose settings of each front end, then measure it."""
    data, seeds = sounds(), seeds_of(options)
    early = np.flatnonzero(data.takes >= 2 * TEST_TAKES)
    middle = np.flatnonzero((data.takes >= TEST_TAKES) & (data.takes < 2 * TEST_TAKES))
    learned, held = (
        np.flatnonzero(data.takes >= TEST_TAKES),
        np.flatnonzero(data.takes < TEST_TAKES),
    )
    chosen: dict[str, Settings] = {}
    rows, tried = [], []
    for front, knobs in FRONTS.items():
        say(f"settings of {front}")

        def score(settings: Settings, front: str = front) -> float:
            return heard(front, data, early, middle, CHOOSING_SEED, settings, 1)[0]

        chosen[front], more = search({**knobs, **KNOBS}, score)
        tried += [{"front": front, **one} for one in more]
        each = [heard(front, data, learned, held, s, chosen[front], PASSES) for s in seeds]
        rows.append({"front": front, "passes": each})
        say(f"{front}: {each}")
    return {"seeds": list(seeds), "chosen": chosen, "tried": tried, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the accuracy after a pass and after all, and what was chosen."""
    lines = []
    for row in record["rows"]:
        chain = stages(row["front"], record["chosen"][row["front"]])
        each = np.array(row["passes"])
        lines.append(
            [
                f"bank, {row['front']}",
                f"{chain.n_features}",
                f"{chain.ram_bytes:,}",
                cell(each[:, 0].tolist(), 1),
                cell(each[:, -1].tolist(), 1),
            ]
        )
    titles = ["front end", "features", "bytes behind the bank", "1 pass", f"{PASSES} passes"]
    settings = [
        [front, ", ".join(f"{knob} {_said(value)}" for knob, value in best.items())]
        for front, best in record["chosen"].items()
    ]
    return {
        "digits": markdown(titles, lines),
        "chosen": markdown(["front end", "settings"], settings),
    }


def _said(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


STUDY = Study("sound", measure, tables, lambda parser: add_seeds(parser, 3))
