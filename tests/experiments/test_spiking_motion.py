"""Motion by spikes: known statistics, pieces, and a choice that sees no held-out recording."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.search import Settings
from experiments.spiking import motion, pieces
from experiments.spiking.data import OTHER, Recordings
from streamlearn import SpikingClassifier


def test_ranges_give_the_front_end_mean_and_deviation() -> None:
    values = np.random.default_rng(0).normal([0.2, -3.0, 1.0], [0.1, 4.0, 0.02], (500, 3))
    known = motion.ranges(values)
    learner = SpikingClassifier((3, 4, 2), classes=range(2), front_end_ranges=known)
    state = learner.state
    mean = np.ldexp(state["mean"][0].astype(float), -state["exponent"][0].astype(int))
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-3, atol=1e-4)
    variance = np.ldexp(state["variance"][0].astype(float), -2 * state["exponent"][0].astype(int))
    np.testing.assert_allclose(np.sqrt(variance), values.std(axis=0), rtol=1e-2)


def test_a_recording_falls_into_whole_seconds() -> None:
    signal = np.arange(3 * 250.0).reshape(250, 3)
    assert [part[0, 0] for part in pieces.seconds(signal)] == [0.0, 300.0]
    assert [part[0, 0] for part in pieces.seconds(signal, 50)] == [150.0, 450.0]
    assert [part[0, 0] for part in pieces.seconds(signal, 60)] == [180.0]


def test_a_recording_is_what_most_of_its_seconds_are() -> None:
    assert motion.most([2, 0, 0, 1]) == 0
    assert motion.most([2, 2, 1, 1]) == 1
    assert motion.most([1, 1, 2, 2]) == 2


def swings(n: int) -> motion.Motion:
    """Recordings of two labels, slow and quick, of two seconds."""
    labels = np.arange(n) % 2
    t = np.arange(200)[:, None] + np.arange(pieces.AXES) * 9
    signals = [np.sin(t * (0.5 if label else 0.1) + k) for k, label in enumerate(labels)]
    nothing = np.zeros(n, np.int64)
    recordings = Recordings(signals, labels, nothing, nothing[:0], nothing[:0], nothing)
    return motion.Motion("exercises", recordings)


@pytest.mark.parametrize("front", pieces.FRONTS)
def test_motion_is_learned_behind_each_front_end(front: str) -> None:
    settings = {"front": front, "leaks": (3, 4), "threshold": 0.25, "every": 25, "passes": 1}
    moved, guesses = swings(12), motion.Guesses()
    for kept, held in moved.folds(0):
        moved.learn(kept, held, 0, settings, guesses)
    assert len(guesses.whole) == len(guesses.through) == 12
    assert len(guesses.parts) == 24
    found = guesses.figures()
    assert found["recordings"] >= found["seconds"] > 80


def test_pieces_are_cut_anew_in_each_pass() -> None:
    asked: list[int] = []
    moved = swings(6)
    given = moved.behind["axes"]
    cuts = {start: given.parts[start] for start in pieces.STARTS}

    class Asked(dict[int, Any]):
        def __getitem__(self, start: int) -> Any:
            asked.append(start)
            return super().__getitem__(start)

    given.__dict__["parts"] = Asked(cuts)
    settings = {"front": "axes", "every": 25, "passes": 2, "known": False}
    (kept, held), *_ = moved.folds(0)
    moved.learn(kept, held, 0, settings, motion.Guesses())
    n = 2 * motion.PASSES["exercises"]
    assert len({*asked[:n]}) > 3
    assert {*asked[n:]} == {0}, "what is held out is cut at its own seconds"


def test_every_recording_is_held_out_once_and_then_not_learned() -> None:
    folds = swings(12).folds(3)
    assert sorted(i for _, held in folds for i in held) == [*range(12)]
    assert not any({*kept} & {*held} for kept, held in folds)


def test_settings_are_chosen_on_the_other_recordings_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sets = {"gestures": swings(9), "exercises": swings(12)}
    asked: list[tuple[Any, int, Any]] = []

    def measured(moved: motion.Motion, seed: int, settings: Settings) -> dict[str, float]:
        asked.append((moved, seed, settings["front"]))
        return dict.fromkeys(motion.KINDS, float(settings["front"] == "windows"))

    monkeypatch.setattr(motion, "Motion", lambda name, _: sets[name])
    monkeypatch.setattr(motion, "motion", lambda name: name)
    monkeypatch.setattr(type(sets["gestures"]), "measured", measured)
    options = argparse.Namespace(seeds=1, seed=None, default_seeds=(0,), results=tmp_path)
    record = motion.measure(options)
    for name, other in OTHER.items():
        assert record["chosen"][name]["front"] == "windows"
        seeds = {seed for moved, seed, _ in asked if moved is sets[other]}
        assert seeds == {0, *motion.CHOOSING_SEEDS}
    fronts = [front for moved, seed, front in asked if seed == 0]
    assert fronts.count("traces") == 2, "once for each set, where the table says so"
    assert "gestures" in motion.tables(record)["motion"]


def test_what_is_changed_leaves_the_rest() -> None:
    chosen = {"front": "bands", "passes": 2, "every": 10}
    assert motion.changed(chosen, {"passes": 0.5}) == {**chosen, "passes": 1}
    assert motion.changed(chosen, {"known": False}) == {**chosen, "known": False}
