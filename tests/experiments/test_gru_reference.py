"""The GRU beside our front ends: it tells two waves apart, and knows learned recordings alone."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.signals.gru import by_gru
from experiments.signals.shown import Shown
from experiments.spiking.data import Recordings

pytest.importorskip("torch")
SMALL = {"units": 8, "rate": 0.01, "passes": 12}


def shown(last: float = 1.0) -> Shown:
    time = np.arange(300)
    labels, nothing = np.arange(8) % 2, np.zeros(0, np.int64)
    waves = [np.sin(time * (0.8 if label else 0.1) + i) for i, label in enumerate(labels)]
    signals = [np.stack([wave, 0.5 * wave, 0 * wave + 1e-3 * time], axis=1) for wave in waves]
    signals[-1] = last * signals[-1]
    return Shown(Recordings(signals, labels, labels, nothing, nothing, labels), [], [])


def test_it_tells_held_out_waves_apart() -> None:
    found = by_gru(shown(), np.arange(6), 0, **SMALL)
    assert {i: len(rows) for i, rows in found.items()} == {6: 5, 7: 5}
    assert all((rows.argmax(axis=1) == i % 2).all() for i, rows in found.items())


def test_a_held_out_recording_changes_nothing_that_is_said_of_another() -> None:
    before, after = (by_gru(shown(last), np.arange(6), 0, **SMALL) for last in (1.0, 50.0))
    np.testing.assert_array_equal(before[6], after[6])
    assert not np.array_equal(before[7], after[7])
