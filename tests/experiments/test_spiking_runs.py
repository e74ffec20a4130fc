"""What the studies of spiking learners share: a search of settings, parts measured alone."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from experiments.search import Settings, search
from experiments.spiking import experiments
from experiments.study import write_record


def test_a_search_takes_one_knob_after_another() -> None:
    asked: list[Settings] = []

    def score(settings: Settings) -> float:
        asked.append(settings)
        return float(settings["a"] * 10 - abs(settings["b"] - 3))

    best, tried = search({"a": (1, 2), "b": (0, 3, 5)}, score)
    assert best == {"a": 2, "b": 3}
    assert asked == [{"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 2, "b": 3}, {"a": 2, "b": 5}]
    assert [one["score"] for one in tried] == [7, 17, 20, 18]


def test_what_is_no_better_changes_nothing() -> None:
    assert search({"a": (1, 2)}, lambda _: 5.0)[0] == {"a": 1}


def test_a_part_measured_alone_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "cued", lambda seed, _: {"50 trials": 1.0 + seed})
    kept = {"digits": [1], "cues": [3], "raster": {"a": 4}, "origin": {}}
    (tmp_path / experiments.NAME).mkdir()
    write_record(tmp_path / experiments.NAME / "result.json", kept)
    given = argparse.Namespace(
        parts=["cues"], results=tmp_path, seed=(0, 1), seeds=None, default_seeds=()
    )
    found = experiments.measure(given)
    assert {name: found[name] for name in ("digits", "raster")} == {
        name: kept[name] for name in ("digits", "raster")
    }
    assert [one["50 trials"] for one in found["cues"]] == [1.0, 2.0]
