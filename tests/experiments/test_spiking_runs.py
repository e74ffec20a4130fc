"""What the study of spiking learners shares: known statistics, parts measured alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.spiking import experiments, settings
from experiments.spiking.data import Recordings
from experiments.spiking.runs import AXES, Guesses, moved_fold, ranges, seconds
from experiments.study import write_record
from streamlearn import SpikingClassifier


def test_ranges_give_the_front_end_mean_and_deviation() -> None:
    values = np.random.default_rng(0).normal([0.2, -3.0, 1.0], [0.1, 4.0, 0.02], (500, 3))
    learner = SpikingClassifier((3, 4, 2), classes=range(2), front_end_ranges=ranges(values))
    state = learner.state
    mean = np.ldexp(state["mean"][0].astype(float), -state["exponent"][0].astype(int))
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-3, atol=1e-4)
    variance = np.ldexp(state["variance"][0].astype(float), -2 * state["exponent"][0].astype(int))
    np.testing.assert_allclose(np.sqrt(variance), values.std(axis=0), rtol=1e-2)


def test_a_recording_falls_into_whole_seconds() -> None:
    signal = np.arange(3 * 250.0).reshape(250, 3)
    assert [part[0, 0] for part in seconds(signal)] == [0.0, 300.0]


def swings(n: int) -> Recordings:
    """Recordings of two labels, slow and quick, of two seconds."""
    labels = np.arange(n) % 2
    t = np.arange(200)[:, None] + np.arange(AXES) * 9
    signals = [np.sin(t * (0.5 if label else 0.1) + k) for k, label in enumerate(labels)]
    nothing = np.zeros(n, np.int64)
    return Recordings(signals, labels, nothing, nothing[:0], nothing[:0], nothing)


def test_motion_is_learned_behind_traces() -> None:
    chosen = {"traces": (0, 2), "every": 25}
    found = Guesses()
    for fold in range(3):
        moved_fold(swings(12), 0, chosen, 4, fold, found)
    assert len(found.whole) == 12
    assert len(found.parts) == 24
    assert found.seconds() > 80


RECORDED: dict[str, Any] = {
    "chosen": {"digits": {"drift": 0}, "gestures": {"drift": 4}, "exercises": {"drift": 5}},
    "tried": [{"of": what, "score": 1.0} for what in settings.CHOSEN],
}


def test_settings_of_one_kind_leave_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new: Any = {"drift": 6}, [{"of": "gestures", "score": 2.0}]
    monkeypatch.setattr(settings, "search_for", lambda _: new)
    (tmp_path / settings.NAME).mkdir()
    write_record(tmp_path / settings.NAME / "result.json", RECORDED)
    found = settings.measure(argparse.Namespace(of=["gestures"], results=tmp_path))
    assert [one["score"] for one in found["tried"]] == [1.0, 2.0, 1.0]
    assert found["chosen"] == {**RECORDED["chosen"], "gestures": {"drift": 6}}


def test_a_part_measured_alone_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "moved", lambda _, seed: {"recordings": 1.0 + seed})
    kept = {"digits": [1], "motion": [2], "cues": [3], "raster": {"a": 4}, "origin": {}}
    (tmp_path / experiments.NAME).mkdir()
    write_record(tmp_path / experiments.NAME / "result.json", kept)
    given = argparse.Namespace(
        parts=["motion"], results=tmp_path, seed=(0, 1), seeds=None, default_seeds=()
    )
    found = experiments.measure(given)
    assert {name: found[name] for name in ("digits", "cues", "raster")} == {
        name: kept[name] for name in ("digits", "cues", "raster")
    }
    assert [len(row["figures"]) for row in found["motion"]] == [2, 2]
