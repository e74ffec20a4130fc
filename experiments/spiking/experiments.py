"""Spiking learners beside SGD of the same network: means over seeds, recordings held out.

Settings were chosen on other recordings (``experiments spiking-settings``). Spoken digits: 24 log
bands at 100 Hz send events to 48-128-10; every frame is a learning step. A held-out recording's
label is that of the logits' sum over its steps. Other rules have MESU's events and leaks, and else
what a new learner has. With recurrent connections a rule has the same settings as without. "Speaker
after speaker": all recordings of one speaker, then the next one's; the held-out ones are of all
speakers. SGD's predictions read averaged weights as MESU's do, and its rate is the best of the list
for one pass, on the very recordings held out. Cues, in q16 under MESU: trials made anew, of which
the last step is learned; settings chosen on others.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.catalogue import Runnable
from experiments.options import add_seeds, add_some, seeds_of
from experiments.spiking import cost, motion, settings
from experiments.spiking.cues import LINES, STEPS, trials
from experiments.spiking.data import Floats, Integers, Recordings, spoken_digits
from experiments.spiking.pictures import raster, recorded
from experiments.spiking.runs import HIDDEN, accuracy, learner, shuffled
from experiments.spiking.settings import chosen
from experiments.spiking.sgd import SgdNetwork, events
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from quant.rule import RULES
from quant.spiking import LEAK_MAX
from streamlearn import SpikingClassifier

NAME = "spiking"
PARTS = ("digits", "cues")
CLASSES, TURNS = 10, 3
#: Of cues: after so many trials so many others are asked.
TRIALS, ASKED, CUED_HIDDEN = (50, 100, 200), 200, 100
#: Chosen on trials of the seeds 50 to 53.
CUED: dict[str, Any] = {
    "n_draws": 8,
    "mu_init": 2.0,
    "lr_mu": 1.0,
    "lr_sigma": 2.0,
    "average_window": 128,
}
RATES = (0.001, 0.003, 0.01)
#: What differs, and the attribute of a rule that says in which arithmetics it can do so.
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "": ("spiking", {}),
    ", weights not averaged": ("averages", {"average_window": 0}),
    ", recurrent": ("recurrent", {"recurrent": True}),
}
#: Settings of the events and of time, which all rules share.
EVENTS = ("drift", "threshold", "leaks")


def digits_learner(
    data: Recordings, seed: int, rule: str = "mesu", arithmetic: str | None = None, **more: Any
) -> SpikingClassifier:
    """Return one for bands that are standardised, and whose level matters."""
    settings = chosen()
    if rule != "mesu":  # the same events and leaks, and the rule's own defaults
        settings = {"rule": rule, **{name: settings[name] for name in EVENTS}}
    usual = arithmetic or RULES[rule].spiking[0]
    return learner(data, seed, {**settings, **more}, front_end="none", arithmetic=usual)


def by_speaker(data: Recordings, seed: int) -> Integers:
    """Return the same, speaker after speaker."""
    rng = np.random.default_rng(seed + 100)
    who = rng.permutation(np.unique(data.groups))
    order = rng.permutation(data.learned)
    return np.concatenate([order[data.groups[order] == one] for one in who])


def digits_by(
    data: Recordings, seed: int, rule: str, arithmetic: str | None = None, **more: Any
) -> dict[str, float]:
    """Return the accuracy after each pass, and after speakers one by one."""
    one, found = digits_learner(data, seed, rule, arithmetic, **more), {}

    def ask(asked: SpikingClassifier) -> float:
        guesses = [asked.predict_recording(data.signals[i]) for i in data.held]
        return accuracy(guesses, data.labels[data.held])

    for turn in range(TURNS):
        for i in shuffled(data, seed + 1000 * turn):
            one.learn_recording(data.signals[i], int(data.labels[i]))
        if turn in (0, TURNS - 1):
            found[f"{turn + 1} pass{'es' if turn else ''}"] = ask(one)
    other = digits_learner(data, seed, rule, arithmetic, **more)
    for i in by_speaker(data, seed):
        other.learn_recording(data.signals[i], int(data.labels[i]))
    found["speaker after speaker"] = ask(other)
    say(f"{rule}, {arithmetic or 'as it comes'}, {more}, seed {seed}: {found}")
    return found


def digits_by_sgd(data: Recordings, order: Integers, seed: int, rate: float) -> float:
    """Return the accuracy of SGD after it learned recordings in their order."""
    mine = chosen()
    arriving = [events(signal, mine["threshold"], mine["drift"]) for signal in data.signals]
    sizes = arriving[0].shape[1], HIDDEN, CLASSES
    network = SgdNetwork(sizes, mine["leaks"], rate, seed, mine["average_window"])
    for i in order:
        network.run(arriving[i], int(data.labels[i]))
    guesses = [network.run(arriving[i], None) for i in data.held]
    found = accuracy(guesses, data.labels[data.held])
    say(f"SGD, rate {rate}, seed {seed}: {found}")
    return found


def cued(seed: int, recurrent: bool = False) -> dict[str, float]:
    """Return the accuracy on other trials of cues, after so many: a step of each is learned."""
    signals, sides = trials(max(TRIALS), seed)
    others, right = trials(ASKED, seed + 1000)
    one = SpikingClassifier(
        (LINES, CUED_HIDDEN, 2),
        classes=range(2),
        seed=seed,
        front_end="none",
        threshold=None,
        leaks=(LEAK_MAX, LEAK_MAX),
        recurrent=recurrent,
        **CUED,
    )
    found = {}
    for n, (signal, side) in enumerate(zip(signals, sides, strict=True), 1):
        one.learn_recording(signal, int(side), every=STEPS)
        if n in TRIALS:
            found[f"{n} trials"] = accuracy([_at_the_end(one, other) for other in others], right)
    say(f"cues{', recurrent' * recurrent}, seed {seed}: {found}")
    return found


def _at_the_end(learner: SpikingClassifier, signal: Floats) -> int:
    learner.reset()
    said = [learner.step(row) for row in signal]
    return int(said[-1])


def digits_rows(seeds: Sequence[int]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of spoken digits, and what a recording looks like in the network."""
    digits = spoken_digits()
    rows = [
        {
            "learner": f"{rule.title or rule.name}, {getattr(rule, those)[0]}{how}",
            "figures": [
                digits_by(digits, s, rule.name, getattr(rule, those)[0], **more) for s in seeds
            ],
        }
        for rule in sorted(RULES.values(), key=lambda rule: rule.name != "mesu")
        for how, (those, more) in VARIANTS.items()
        if getattr(rule, those)
    ]
    by_rate = {
        rate: [digits_by_sgd(digits, shuffled(digits, s), s, rate) for s in seeds] for rate in RATES
    }
    best = max(by_rate, key=lambda rate: sum(by_rate[rate]))
    after = [digits_by_sgd(digits, by_speaker(digits, s), s, best) for s in seeds]
    for rate, each in by_rate.items():
        figures = [{"1 pass": one} for one in each]
        if rate == best:
            for one, other in zip(figures, after, strict=True):
                one["speaker after speaker"] = other
        rows.append({"learner": f"SGD, float64, rate {rate:g}", "figures": figures})
    return rows, recorded(digits_learner(digits, 0), digits)


def measure(options: argparse.Namespace) -> Record:
    """Run everything, or some parts; the others stay as recorded."""
    seeds = seeds_of(options)
    found: Record = {"seeds": list(seeds)}
    if {*options.parts} != {*PARTS}:
        found = {**read_record(options.results / NAME), **found}
    if "digits" in options.parts:
        found["digits"], found["raster"] = digits_rows(seeds)
    if "cues" in options.parts:
        found["cues"], found["recurrent_cues"] = (
            [cued(s, r) for s in seeds] for r in (False, True)
        )
    return {name: found.get(name, []) for name in ("seeds", *PARTS, "recurrent_cues", "raster")}


def tables(record: Record) -> Mapping[str, str]:
    """Return a table of spoken digits, one of cues, and one of the network's activity."""
    columns = list(record["digits"][0]["figures"][0])
    spoken = [
        [
            row["learner"],
            *(
                cell([one[c] for one in row["figures"]], 1) if c in row["figures"][0] else ""
                for c in columns
            ),
        ]
        for row in record["digits"]
    ]
    cued_by = {"right of other trials": record["cues"]}
    if record.get("recurrent_cues"):
        cued_by["with recurrent connections"] = record["recurrent_cues"]
    activity = record["raster"]["activity"]
    counted = [
        ["events of 48 lines", f"{activity['events'][0]:.1f}"],
        ["lines with a live trace", f"{activity['live'][0]:.1f}"],
        ["spikes of 128 units", f"{activity['events'][1]:.1f}"],
        ["synaptic operations", f"{activity['synaptic_operations']:,.0f}"],
        ["of a dense network", f"{activity['dense_operations']:,}"],
    ]
    return {
        "digits": markdown(["learner", *columns], spoken),
        "cues": markdown(
            ["after", *cued_by],
            [
                [n, *(cell([one[n] for one in each], 1) for each in cued_by.values())]
                for n in record["cues"][0]
            ],
        ),
        "activity": markdown(["in a step", "number"], counted),
    }


def pictures(record: Record) -> Mapping[str, str]:
    """Return the raster of one recording."""
    return {"raster": raster(record["raster"])}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 3)
    add_some(parser, "--parts", PARTS, "what to measure")


STUDY = Study(NAME, measure, tables, add_options, pictures)
EXPERIMENTS: dict[str, Runnable] = {
    one.name: one for one in (STUDY, settings.STUDY, motion.STUDY, cost.STUDY)
}
