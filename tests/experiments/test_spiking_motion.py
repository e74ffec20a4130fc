"""Motion by spikes: known statistics, pieces, and a choice that sees no held-out recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.search import Knobs, Settings
from experiments.spiking import motion, pieces
from experiments.spiking.data import Integers, Recordings
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
    moved, asked = swings(6), []
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


def test_settings_are_chosen_without_the_recordings_held_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets, asked = [swings(12), swings(9)], [set(), set()]

    def search(knobs: Knobs, score: Callable[[Settings], float]) -> tuple[Settings, list[Any]]:
        score({knob: values[0] for knob, values in knobs.items()})
        return {}, []

    def learn(moved: motion.Motion, kept: Integers, held: Integers, *rest: Any) -> None:
        assert not {*kept} & {*held}
        asked[sets.index(moved)].update([*kept, *held])
        for said in (rest[-1].whole, rest[-1].through, rest[-1].parts):
            said.append((0, 0))

    monkeypatch.setattr(motion, "search", search)
    monkeypatch.setattr(motion.Motion, "learn", learn)
    split = [moved.folds(0)[0] for moved in sets]
    motion.chosen([(moved, kept) for moved, (kept, _) in zip(sets, split, strict=True)])
    assert asked == [{*kept} for kept, _ in split]
    assert not any(seen & {*held} for seen, (_, held) in zip(asked, split, strict=True))


def test_what_is_changed_leaves_the_rest() -> None:
    chosen = {"front": "bands", "passes": 2, "every": 10}
    assert motion.changed(chosen, {"passes": 0.5}) == {**chosen, "passes": 1}
    assert motion.changed(chosen, {"known": False}) == {**chosen, "known": False}
