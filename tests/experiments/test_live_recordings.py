"""Recordings that are learned as they come: rows, statistics so far, and what is held out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from experiments.signals import live
from experiments.signals.shown import Tally
from experiments.spiking.data import Recordings
from quant.stages.native import NativeStages

EVENTS = {"threshold": 0.1, "leak": 4, "traces": [3, 5], "hidden": 16, "lr": 1.0}


def signal(seed: int, steps: int = 400, level: float = 0.0) -> np.ndarray:
    return level + np.random.default_rng(seed).normal(size=(steps, 3))


@pytest.mark.parametrize("front", live.FRONTS)
def test_rows_of_all_stages_end_together_and_the_first_has_seen_enough(front: str) -> None:
    makes, first = live.FRONTS[front]
    along = live.Along(tuple(make(EVENTS, 3) for make in makes), first)
    rows = along.rows(signal(0))
    assert rows.shape == ((400 - first) // live.APART + 1, along.n_features)
    at = 0
    for make in makes:
        stages = make(EVENTS, 3)
        own = NativeStages(stages).run(stages.start(), signal(0).astype(np.float32))
        mine = rows[:, at : at + stages.n_features]
        np.testing.assert_array_equal(mine, own[-len(rows) :])
        at += stages.n_features


def test_statistics_follow_what_is_learned_and_not_what_is_asked() -> None:
    along = live.Along((live.events(EVENTS, 3),), 100)
    first = along.rows(signal(1), passing=True)
    np.testing.assert_array_equal(along.rows(signal(1), passing=True), first)
    along.rows(signal(2, level=5.0))
    assert not np.array_equal(along.rows(signal(1), passing=True), first)


class Listening:
    """Notes labels that it learns, and which rows it is asked about."""

    made: ClassVar[list[Listening]] = []

    def __init__(
        self, n_features: int, n_classes: int, seed: int, settings: Any, **options: Any
    ) -> None:
        self.learned, self.asked, self.options = list[float](), list[float](), options
        assert (seed, settings) == (0, EVENTS)
        self.n_classes, self.state = n_classes, np.zeros(n_features, np.uint8)
        self.made.append(self)

    def learn_many(self, x: np.ndarray, y: np.ndarray) -> None:
        assert len(x) == len(y) == 31
        self.learned.append(round(float(x[0, 0])))

    def predict_proba_many(self, x: np.ndarray) -> np.ndarray:
        assert len(x) == 7  # each half second
        self.asked.append(round(float(x[0, 0])))
        return np.full((len(x), self.n_classes), 1 / self.n_classes)


def test_a_recording_is_learned_or_asked_and_each_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "network", Listening)
    monkeypatch.setattr(Listening, "made", [])
    labels = np.arange(9) % 3
    nothing = np.zeros(0, np.int64)
    signals = [np.full((400, 3), float(i)) for i in range(9)]
    data = Recordings(signals, labels, labels, nothing, nothing, labels)
    beside, tally = live.BESIDE["reservoir"], Tally()
    n_bytes = live.learned(data, live.SHORT_WINDOWS, EVENTS, beside, 0, tally)
    assert n_bytes == len(Listening.made[-1].state)
    assert len(tally.recordings) == 9
    assert sorted(i for one in Listening.made for i in one.asked) == list(range(9))
    for one in Listening.made:
        assert sorted(one.learned + one.asked) == list(range(9))
        assert one.options == {"replay_bytes": live.RESERVOIR}
