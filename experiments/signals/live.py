"""Whole recordings, each learned once as it comes, under MESU: one label for ten seconds.

q16. Recordings come in any order, from start to end, a row of features each tenth of a second. A
third of them is held out in turn, and asked each half second at the end. Statistics of a stage are
those of what came so far. Beside the network alone: a memory, which is asked alone (`recall`), for
the network follows the label of now; and a reservoir of stored rows, one of which is learned again
with each row. Settings of stages and learner were chosen on the other set of recordings, and not
for this: by ``experiments windows`` and ``experiments front-ends``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.figures import RESULTS
from experiments.options import add_seeds, seeds_of
from experiments.search import Settings
from experiments.signals.fronts import BOTH, EVENTS, LONG_WINDOWS
from experiments.signals.shown import HOP, RATE, Floats, Tally
from experiments.signals.windows import FOLDS, NAMES, network
from experiments.spiking.data import Recordings, folds, motion
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from quant.stages import Stages
from quant.stages.native import NativeStages
from streamlearn.chain import Delta, Standardise, Traces, Window

NAME, APART, RESERVOIR = "live", 10, 16_384
SHORT_WINDOWS = "windows"


@dataclass(frozen=True)
class Beside:
    """What stands beside the network: parameters of the learner, and who is asked."""

    options: Mapping[str, Any]
    recalled: bool = False


BESIDE = {
    "nothing": Beside({}),
    "memory mean": Beside({"memory": "mean"}, True),
    "memory lda": Beside({"memory": "lda"}, True),
    "reservoir": Beside({"replay_bytes": RESERVOIR}),
}


Make = Callable[[Settings, int], Stages]


def windows(n: int) -> Make:
    """Return what makes windows of n samples."""
    return lambda _, axes: Stages(Window(n, APART, magnitude=True), axes)


def events(settings: Settings, axes: int) -> Stages:
    """Make traces of events."""
    delta = Delta(settings["threshold"], settings["leak"])
    return Stages((Standardise(), delta, Traces(tuple(settings["traces"]), APART)), axes)


#: By name: what stands side by side, and the samples that the first row has seen.
FRONTS: Mapping[str, tuple[tuple[Make, ...], int]] = {
    SHORT_WINDOWS: ((windows(RATE),), RATE),
    EVENTS: ((events,), RATE),
    BOTH: ((windows(RATE), events), RATE),
    LONG_WINDOWS: ((windows(2 * RATE),), 2 * RATE),
}


class Along:
    """Stages side by side, along a stream of recordings."""

    def __init__(self, stages: tuple[Stages, ...], first: int) -> None:
        self.stages, self.first = stages, first
        self.engines = [NativeStages(one) for one in stages]
        self.states = [one.start() for one in stages]

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return sum(one.n_features for one in self.stages)

    def rows(self, signal: Floats, passing: bool = False) -> Floats:
        """Return the rows of a recording; the statistics stay as they were if it is only passing.

        Parameters
        ----------
        signal : float64[n_steps, channels]
        passing : bool
        """
        parts = []
        for stages, engine, state in zip(self.stages, self.engines, self.states, strict=True):
            stages.reset(state)
            kept = state.copy() if passing else state
            parts.append(engine.run(kept, signal.astype(np.float32)))
        n = (len(signal) - self.first) // APART + 1  # all end with the recording
        return np.concatenate([part[-n:] for part in parts], axis=1).astype(np.float64)


def chosen(name: str, front: str) -> Settings:
    """Return the recorded choice for a set of recordings.

    Raises
    ------
    ExperimentError
        If nothing was chosen yet.
    """
    if front == SHORT_WINDOWS:
        return dict(read_record(RESULTS / "windows")["chosen"][name])
    return dict(read_record(RESULTS / "front-ends")["chosen"][name][front])


def learned(
    data: Recordings, front: str, settings: Settings, beside: Beside, seed: int, tally: Tally
) -> int:
    """Learn two thirds of the recordings and ask for the third, in turn; return a state's bytes."""
    makes, first = FRONTS[front]
    axes, n_classes, n_bytes = data.signals[0].shape[1], int(data.labels.max()) + 1, 0
    for held in folds(data.labels, FOLDS, seed):
        along = Along(tuple(make(settings, axes) for make in makes), first)
        one = network(along.n_features, n_classes, seed, settings, **beside.options)
        kept = np.setdiff1d(np.arange(len(data.labels)), held)
        for i in np.random.default_rng(seed).permutation(kept):
            rows = along.rows(data.signals[i])
            one.learn_many(rows, np.full(len(rows), data.labels[i]))
        for i in held:
            rows = along.rows(data.signals[i], passing=True)[:: HOP // APART]
            ask = one.recall_proba_many if beside.recalled else one.predict_proba_many
            tally.ask(np.array(ask(rows)), int(data.labels[i]))
        n_bytes = one.state.nbytes
    return n_bytes


def measure(options: argparse.Namespace) -> Record:
    """Measure every front end, with everything that may stand beside the network."""
    seeds, rows = seeds_of(options), []
    for name in NAMES:
        data = motion(name)
        for front in FRONTS:
            settings = chosen(name, front)
            for with_it, beside in BESIDE.items():
                figures, n_bytes = [], 0
                for seed in seeds:
                    tally = Tally()
                    n_bytes = learned(data, front, settings, beside, seed, tally)
                    figures.append(tally.figures())
                row = {"what": name, "front": front, "beside": with_it, "bytes": n_bytes}
                rows.append({**row, "figures": figures})
                say(f"{name}, {front}, {with_it}: {figures}")
    return {"seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return rows and recordings that are right."""
    whats = list(dict.fromkeys(row["what"] for row in record["rows"]))
    cells: dict[tuple[str, str], list[str]] = {}
    for row in record["rows"]:
        both = [cell([one[k] for one in row["figures"]], 1) for k in Tally().__dict__]
        line = cells.setdefault((row["front"], row["beside"]), [])
        line += [" / ".join(both), f"{row['bytes']:,}"]
    columns = [column for what in whats for column in (what, "bytes")]
    lines = [[*key, *line] for key, line in cells.items()]
    return {"live": markdown(["front end", "beside the network", *columns], lines)}


STUDY = Study(NAME, measure, tables, lambda parser: add_seeds(parser, 3))
