"""Windows of one second under MESU, beside others: recordings held out, days held out.

q16, all features of :mod:`quant.stages.window` and the magnitude, a window each half second;
learned windows begin at two places. A third of the recordings is held out in turn. The settings for
gestures were chosen on the exercises, those for exercises on the gestures. "Other days": recordings
8 on of the exercises, and the others. SGD has its best rate on the very recordings that are held
out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.options import seeds_of, seeds_or_part_again
from experiments.search import Knobs, Settings, search
from experiments.signals.rivals import by_forest, by_neighbour, by_sgd
from experiments.signals.shown import Floats, Shown, Tally, shown
from experiments.spiking.data import OTHER, Integers, folds, motion
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from streamlearn import MesuClassifier

NAMES = tuple(OTHER)
FOLDS = 3
#: The first recording of the exercises' other days.
OTHER_DAYS = 8
#: Windows that fix the front end: more than a label lasts.
FIXING = 4000
CHOOSING_SEEDS = (50, 51, 52)
#: What is tried, knob by knob; the first value is the one to begin with.
KNOBS: Knobs = {
    "hidden": (64, 32, 16),
    "passes": (4, 2, 8),
    "lr": (1.0, 0.5, 2.0),
}
RATES = (0.003, 0.01, 0.03)
OURS = "MESU, q16"
Guesser = Callable[[Shown, Integers, int], dict[int, Floats]]


def network(
    n_features: int, n_classes: int, seed: int, settings: Settings, **more: Any
) -> MesuClassifier:
    """Return a new learner of rows of features."""
    lr = settings["lr"]
    return MesuClassifier(
        (n_features, settings["hidden"], n_classes),
        classes=range(n_classes),
        seed=seed,
        front_end="frozen",
        front_end_window=FIXING,
        lr_mu=lr,
        lr_sigma=lr,
        **more,
    )


def mesu(seen: Shown, seed: int, settings: Settings, **more: Any) -> MesuClassifier:
    """Return a new learner of windows."""
    return network(seen.n_features, int(seen.data.labels.max()) + 1, seed, settings, **more)


def by_mesu(
    seen: Shown, kept: Integers, seed: int, settings: Settings, memory: str | None = None
) -> dict[int, Floats]:
    """Return them after some passes over the windows in any order."""
    learner = mesu(seen, seed, settings, memory=memory)
    x, y = seen.of(kept)
    rng = np.random.default_rng(seed)
    for _ in range(settings["passes"]):
        order = rng.permutation(len(x))
        learner.learn_many(x[order], y[order])
    others = np.setdiff1d(np.arange(len(seen.data.labels)), kept)
    return {int(i): np.array(learner.predict_proba_many(seen.asked[i])) for i in others}


def held_out(seen: Shown, seed: int, guess: Guesser) -> dict[str, float]:
    """Return the figures of every recording, each held out once."""
    tally, everything = Tally(), np.arange(len(seen.data.labels))
    for held in folds(seen.data.labels, FOLDS, seed):
        kept = np.setdiff1d(everything, held)
        for i, shares in guess(seen.knowing(kept), kept, seed).items():
            tally.ask(shares, int(seen.data.labels[i]))
    return tally.figures()


def other_days(seen: Shown, seed: int, guess: Guesser, later: bool) -> dict[str, float]:
    """Return the figures of the exercises of other days than those that were learned."""
    at = np.arange(len(seen.data.labels))
    kept = at[at < OTHER_DAYS] if later else at[at >= OTHER_DAYS]
    tally = Tally()
    for i, shares in guess(seen.knowing(kept), kept, seed).items():
        tally.ask(shares, int(seen.data.labels[i]))
    return tally.figures()


def settings_for(seen: Shown) -> tuple[Settings, list[dict[str, Any]]]:
    """Return the settings that are best on some recordings, and all that was tried."""

    def score(settings: Settings) -> float:
        def guess(s: Shown, k: Integers, n: int) -> dict[int, Floats]:
            return by_mesu(s, k, n, settings)

        return float(np.mean([held_out(seen, n, guess)["windows"] for n in CHOOSING_SEEDS]))

    return search(KNOBS, score)


def rivals(settings: Settings, n_bytes: int) -> dict[str, Guesser]:
    """Return every way to guess windows, by the name in the table."""
    hidden, passes = settings["hidden"], settings["passes"]
    found: dict[str, Guesser] = {
        OURS: lambda seen, kept, seed: by_mesu(seen, kept, seed, settings),
        f"{OURS}, memory lda": lambda seen, kept, seed: by_mesu(seen, kept, seed, settings, "lda"),
        "nearest neighbour, same bytes": lambda seen, kept, seed: by_neighbour(
            seen, kept, seed, n_bytes
        ),
        "random forest": by_forest,
    }
    for rate in RATES:

        def slow(s: Shown, k: Integers, n: int, r: float = rate) -> dict[int, Floats]:
            return by_sgd(s, k, n, hidden, passes, r)

        found[f"SGD, rate {rate:g}"] = slow
    return found


def measure(options: argparse.Namespace) -> Record:
    """Choose settings, then measure everything."""
    seeds, seen = seeds_of(options), {name: shown(motion(name)) for name in NAMES}
    chosen: dict[str, Settings] = {}
    tried: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    if options.mesu_again:
        before = read_record(options.results / "windows")
        chosen, tried = before["chosen"], before["tried"]
        rows = [row for row in before["rows"] if not row["learner"].startswith(OURS)]
    for name in () if chosen else NAMES:
        say(f"settings for {name}")
        chosen[name], tried[name] = settings_for(seen[OTHER[name]])

    def note(what: str, learner: str, figures: list[dict[str, float]]) -> None:
        rows.append({"what": what, "learner": learner, "figures": figures})
        say(f"{what}, {learner}: {figures}")

    for name in NAMES:
        n_bytes = mesu(seen[name], 0, chosen[name]).state.nbytes
        ways = {
            learner: way
            for learner, way in rivals(chosen[name], n_bytes).items()
            if learner.startswith(OURS) or not options.mesu_again
        }
        for learner, way in ways.items():
            note(name, learner, [held_out(seen[name], seed, way) for seed in seeds])
            if name == "exercises":
                for later, what in ((True, "later days"), (False, "earlier days")):
                    each = [other_days(seen[name], seed, way, later) for seed in seeds]
                    note(what, learner, each)
    return {"seeds": list(seeds), "chosen": chosen, "tried": tried, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return windows and recordings by learner, and what was chosen."""
    columns = list(dict.fromkeys(row["what"] for row in record["rows"]))
    order = {row["learner"]: not row["learner"].startswith(OURS) for row in record["rows"]}
    cells: dict[str, dict[str, str]] = {}
    for row in record["rows"]:
        both = [cell([one[k] for one in row["figures"]], 1) for k in Tally().__dict__]
        cells.setdefault(row["learner"], {})[row["what"]] = " / ".join(both)
    lines = [
        [who, *(by.get(what, "") for what in columns)]
        for who, by in sorted(cells.items(), key=lambda one: order[one[0]])
    ]
    found = {"held-out": markdown(["windows / recordings", *columns], lines)}
    knobs = list(KNOBS)
    found["chosen"] = markdown(
        ["for", *knobs],
        [[what, *(f"{best[knob]:g}" for knob in knobs)] for what, best in record["chosen"].items()],
    )
    return found


STUDY = Study("windows", measure, tables, seeds_or_part_again("MESU"))
