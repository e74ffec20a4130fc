"""A raster: events into a spiking network and spikes of its units, along one recording."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from experiments.pictures import svg
from experiments.spiking.data import Recordings
from quant.spiking.golden import TRACE_FRAC_BITS, decay
from streamlearn import SpikingClassifier
from streamlearn.report import colours
from streamlearn.report import svg as style

STEP_MS = 10


def recorded(learner: SpikingClassifier, data: Recordings) -> dict[str, Any]:
    """Learn all recordings once, and return what happens in one that is held out."""
    for i in np.random.default_rng(0).permutation(data.learned):
        learner.learn_recording(data.signals[i], int(data.labels[i]))
    which = int(data.held[data.labels[data.held] == 7][0])
    activity = dataclasses.asdict(learner.activity)
    lines, units, shares = [], [], []
    learner.reset()
    before = learner.state
    for t, row in enumerate(data.signals[which]):
        shares.append([round(p, 3) for p in learner.predict_proba_one(row).values()])
        learner.step(row)
        after = learner.state
        lines += [[t, int(i)] for i in np.flatnonzero(_came(learner, before, after))]
        units += [[t, int(j)] for j in np.flatnonzero(_fired(learner, before, after))]
        before = after
    return {
        "label": int(data.labels[which]),
        "activity": activity,
        "lines": lines,
        "units": units,
        "shares": shares,
    }


def _came(learner: SpikingClassifier, before: Any, after: Any) -> np.ndarray[Any, Any]:
    """Say which input traces rose beyond what their leak left."""
    old, new = (state["input_trace"][0].astype(np.int64) for state in (before, after))
    found: np.ndarray[Any, Any] = new > decay(old, learner.spec.leaks[0])
    return found


def _fired(learner: SpikingClassifier, before: Any, after: Any) -> np.ndarray[Any, Any]:
    """Say which units fired in the first draw."""
    n = learner.config.n_draws
    old, new = (state["output_trace"][0, ::n].astype(np.int64) for state in (before, after))
    found: np.ndarray[Any, Any] = new - decay(old, learner.spec.leaks[1]) >= 1 << TRACE_FRAC_BITS
    return found


def raster(record: dict[str, Any]) -> str:
    """Draw events, spikes, and the probability of each digit."""
    with style.drawing():
        figure = style.new_figure(6.0)
        above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(2, 3, 2))
        for ax, name, colour, label in (
            (above, "lines", colours.BLUE, "input line"),
            (middle, "units", colours.VERMILLION, "hidden unit"),
        ):
            times, rows = np.array(record[name]).reshape(-1, 2).T
            ax.plot(STEP_MS * times, rows, "|", color=colour, markersize=4)
            ax.set_ylabel(label)
        shares = np.array(record["shares"])
        at = STEP_MS * np.arange(len(shares))
        for digit, column in enumerate(shares.T):
            spoken = digit == record["label"]
            below.plot(
                at,
                column,
                color=colours.GREEN if spoken else colours.GREY,
                linewidth=2 if spoken else 0.8,
                label=f'"{digit}", which is spoken' if spoken else None,
            )
        below.set_ylabel("probability")
        below.set_xlabel("time, ms")
        below.legend(loc="center")
        return svg(figure)
