"""Other front ends of an accelerometer than `windows`, under MESU; and a GRU over raw seconds.

q16. Events: send-on-delta of the three axes with a leaky reference, each of the six lines in leaky
traces: no buffer. They alone, beside windows of one second, and windows of two. A row is asked each
half second, once a second was seen. Recordings and days are held out as in `windows`. All settings,
the stages' too, were chosen on the other set of recordings, gestures for exercises and the other
way round, by rows that are right; those of the GRU by :mod:`experiments.signals.gru`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from experiments.options import seeds_of, seeds_or_part_again
from experiments.search import Settings, search
from experiments.signals import gru
from experiments.signals.rivals import by_forest, by_neighbour
from experiments.signals.shown import RATE, Shown, Tally, shown, shown_by
from experiments.signals.windows import (
    CHOOSING_SEEDS,
    KNOBS,
    NAMES,
    Guesser,
    by_mesu,
    held_out,
    mesu,
    other_days,
)
from experiments.spiking.data import OTHER, Recordings, motion
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from quant.stages import Stages
from streamlearn.chain import Delta, Standardise, Traces, Window

#: What else is tried of events and traces.
EVENT_KNOBS: Mapping[str, tuple[Any, ...]] = {
    "threshold": (0.1, 0.2, 0.05),
    "leak": (4, 3, 5),
    "traces": ((3, 5, 7), (5, 7), (2, 4, 6)),
}
EVENTS, BOTH = "events and traces", "windows, events and traces"
LONG_WINDOWS = "windows of 2 s"


def by_long_windows(data: Recordings, settings: Settings) -> Shown:
    """Return windows of two seconds."""
    del settings
    axes = data.signals[0].shape[1]

    def stages(hop: int) -> Stages:
        return Stages(Window(2 * RATE, hop, magnitude=True), axes)

    return shown_by(data, stages, 2 * RATE)


def by_events(data: Recordings, settings: Settings) -> Shown:
    """Return traces of events."""
    axes = data.signals[0].shape[1]

    def stages(hop: int) -> Stages:
        events = Standardise(), Delta(settings["threshold"], settings["leak"])
        return Stages((*events, Traces(settings["traces"], hop)), axes)

    return shown_by(data, stages, RATE)


def by_both(data: Recordings, settings: Settings) -> Shown:
    """Return windows of one second, and traces beside them."""
    axes = data.signals[0].shape[1]

    def stages(hop: int) -> Stages:
        return Stages(Window(RATE, hop, magnitude=True), axes)

    return shown_by(data, stages, RATE).beside(by_events(data, settings))


#: By name: what makes rows of recordings, and what is tried besides the learner's own settings.
FRONTS: Mapping[
    str, tuple[Callable[[Recordings, Settings], Shown], Mapping[str, tuple[Any, ...]]]
] = {
    EVENTS: (by_events, EVENT_KNOBS),
    BOTH: (by_both, {}),
    LONG_WINDOWS: (by_long_windows, {}),
}


def score_of(front: str, data: Recordings, fixed: Settings, settings: Settings) -> float:
    """Return the rows that are right, in percent, each third of recordings held out in turn."""
    settings = {**fixed, **settings}
    seen = FRONTS[front][0](data, settings)

    def guess(s: Shown, kept: Any, seed: int) -> Any:
        return by_mesu(s, kept, seed, settings)

    return float(np.mean([held_out(seen, n, guess)["windows"] for n in CHOOSING_SEEDS]))


def learners(front: str, seen: Shown, settings: Settings) -> dict[str, Guesser]:
    """Return who guesses rows of a front end, by the name in the table."""
    n_bytes = mesu(seen, 0, settings).state.nbytes
    found: dict[str, Guesser] = {
        "MESU": lambda s, kept, seed: by_mesu(s, kept, seed, settings),
        "MESU, memory lda": lambda s, kept, seed: by_mesu(s, kept, seed, settings, "lda"),
    }
    if front == EVENTS:
        found["nearest neighbour, same bytes"] = lambda s, kept, seed: by_neighbour(
            s, kept, seed, n_bytes
        )
        found["random forest"] = by_forest
    return found


@dataclass
class Found:
    """What was chosen, what was tried for it, and figures."""

    data: Mapping[str, Recordings]
    seeds: tuple[int, ...]
    chosen: dict[str, dict[str, Settings]] = field(default_factory=lambda: {n: {} for n in NAMES})
    tried: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def choose(self, name: str, front: str, best: Settings, tried: list[dict[str, Any]]) -> None:
        """Keep what was chosen for a set of recordings."""
        self.chosen[name][front] = best
        self.tried += [{"for": name, "front": front, **one} for one in tried]

    def measure(self, name: str, front: str, learner: str, seen: Shown, guess: Guesser) -> None:
        """Add the figures of a learner: recordings held out; of the exercises also days."""
        asked = {name: partial(held_out, seen, guess=guess)}
        if name == "exercises":
            for later, what in ((True, "later days"), (False, "earlier days")):
                asked[what] = partial(other_days, seen, guess=guess, later=later)
        for what, ask in asked.items():
            figures = [ask(seed) for seed in self.seeds]
            row = {"what": what, "front": front, "learner": learner, "figures": figures}
            self.rows.append(row)
            say(f"{what}, {front}, {learner}: {figures}")

    def ours(self, name: str) -> None:
        """Choose and measure our front ends for a set of recordings."""
        other = self.data[OTHER[name]]
        for front, (make, knobs) in FRONTS.items():
            say(f"settings of {front} for {name}")
            fixed = self.chosen[name].get(EVENTS, {}) if front == BOTH else {}
            best, tried = search({**knobs, **KNOBS}, partial(score_of, front, other, fixed))
            self.choose(name, front, {**fixed, **best}, tried)
            seen = make(self.data[name], {**fixed, **best})
            for who, guess in learners(front, seen, {**fixed, **best}).items():
                self.measure(name, front, who, seen, guess)

    def recurrent(self, name: str) -> None:
        """Choose and measure the GRU."""
        say(f"settings of the GRU for {name}")
        seen = shown(self.data[name])

        def score(settings: Settings) -> float:
            guess = partial(gru.by_gru, **settings)
            return held_out(seen, CHOOSING_SEEDS[0], guess)["windows"]

        self.choose(name, gru.NAME, *search(gru.KNOBS, score))
        best = self.chosen[name][gru.NAME]
        self.measure(name, gru.NAME, "Adam", seen, partial(gru.by_gru, **best))


def measure(options: argparse.Namespace) -> Record:
    """Choose settings, then measure everything."""
    found = Found({name: motion(name) for name in NAMES}, tuple(seeds_of(options)))
    if options.gru_again:
        before = read_record(options.results / STUDY.name)
        found.chosen = before["chosen"]
        found.tried, found.rows = (
            [one for one in before[part] if one["front"] != gru.NAME] for part in ("tried", "rows")
        )
    for name in () if options.gru_again else NAMES:
        found.ours(name)
    for name in NAMES:
        found.recurrent(name)
    parts = {"chosen": found.chosen, "tried": found.tried, "rows": found.rows}
    return {"seeds": list(found.seeds), **parts}


def tables(record: Record) -> Mapping[str, str]:
    """Return rows and recordings that are right by front end and learner, and what was chosen."""
    whats = list(dict.fromkeys(row["what"] for row in record["rows"]))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in record["rows"]:
        both = [cell([one[k] for one in row["figures"]], 1) for k in Tally().__dict__]
        cells.setdefault((row["front"], row["learner"]), {})[row["what"]] = " / ".join(both)
    order = [*FRONTS, gru.NAME]
    lines = [
        [front, who, *(by.get(what, "") for what in whats)]
        for (front, who), by in sorted(cells.items(), key=lambda one: order.index(one[0][0]))
    ]
    settings = [
        [name, front, ", ".join(f"{knob} {_said(value)}" for knob, value in best.items())]
        for name, by_front in record["chosen"].items()
        for front, best in by_front.items()
    ]
    return {
        "held-out": markdown(["front end", "learner", *whats], lines),
        "chosen": markdown(["for", "front end", "settings"], settings),
    }


def _said(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


STUDY = Study("front-ends", measure, tables, seeds_or_part_again("GRU"))
