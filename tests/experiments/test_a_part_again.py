"""Studies that measure a part again: what is recorded of the rest is kept, or refused."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from experiments import fidelity, labels
from experiments.data import Digits
from experiments.errors import ExperimentError
from experiments.streaming import tune
from experiments.study import RESULT_FILE, Record, Study, write_record
from streamlearn.errors import ConfigError


def recorded(study: Study, folder: Path, record: Record) -> None:
    (folder / study.name).mkdir()
    write_record(folder / study.name / RESULT_FILE, record)


def options(study: Study, folder: Path, *given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    study.add_options(parser)
    return parser.parse_args(["--results", str(folder), *given])


def test_labels_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "STREAMS", ("sea",))
    monkeypatch.setattr(labels, "run", lambda *_: {"accuracy": 1.0, "labels": 5.0})
    monkeypatch.setattr(labels, "N_SEEDS", 1)
    before = labels.measure(options(labels.STUDY, tmp_path, "--seeds", "1"))
    recorded(labels.STUDY, tmp_path, before)
    monkeypatch.setattr(labels, "run", lambda *_: {"accuracy": 2.0, "labels": 6.0})
    after = labels.measure(options(labels.STUDY, tmp_path, "--seeds", "1", "--asked", "0.1"))
    assert len(after["rows"]) == len(before["rows"])
    for row in after["rows"]:
        new = (row["how"], row["budget"]) == (labels.ASKED, 0.1)
        assert row["figures"] == [{"accuracy": 1.0 + new, "labels": 5.0 + new}]
    of_one = labels.measure(options(labels.STUDY, tmp_path, "--seeds", "1", "--rules", "mesu"))
    found = {(row["rule"], row["figures"][0]["accuracy"]) for row in of_one["rows"]}
    assert found == {("bimu", 1.0), ("mesu", 2.0)}
    with pytest.raises(ExperimentError, match="'metaplastic' is none of"):
        labels.measure(options(labels.STUDY, tmp_path, "--rules", "metaplastic"))
    assert "| 5.0 |" in labels.tables(after)["table"]
    with pytest.raises(ExperimentError, match="expected the same"):
        labels.measure(options(labels.STUDY, tmp_path, "--seeds", "2", "--asked", "0.1"))


def test_more_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def validate(setting: Any, *given: Any) -> list[float]:
        del given
        tried.append(setting.strength)
        return [50.0, 60.0]

    monkeypatch.setattr(tune, "load_digits", lambda: None)
    monkeypatch.setattr(tune, "split_for_validation", lambda _: Digits)
    monkeypatch.setattr(tune, "validate", validate)
    given = ("--algorithms", "si", "--widths", "512")
    recorded(tune.STUDY, tmp_path, tune.measure(options(tune.STUDY, tmp_path, *given)))
    before, tried[:] = list(tried), []
    strengths = [(strength, 0.0) for strength in (*before, 77.0)]
    monkeypatch.setitem(tune.PENALTIES, "si", strengths)
    after = tune.measure(options(tune.STUDY, tmp_path, *given, "--more"))
    assert tried == [77.0]
    assert len(after["rows"]) == len(before) + 1
    with pytest.raises(ConfigError, match="not with 3"):
        tune.measure(options(tune.STUDY, tmp_path, *given, "--more", "--tasks", "3"))


def test_rules_beside_those_that_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(asked: Any, display: Any) -> Record:
        del display
        same = {"stream": "s", "n_samples": asked.limit or 10, "layers": [2], "seed": 0}
        rules = asked.rules or ("mesu", "bimu")
        return {**same, "pairs": {f"{rule} q": asked.limit for rule in rules}, "costs": {}}

    monkeypatch.setattr(fidelity, "compare", compare)
    before = fidelity.measure(options(fidelity.STUDY, tmp_path))
    recorded(fidelity.STUDY, tmp_path, before)
    after = fidelity.measure(options(fidelity.STUDY, tmp_path, "--rules", "multilevel"))
    assert list(after["pairs"]) == ["mesu q", "bimu q", "multilevel q"]
    with pytest.raises(ExperimentError, match="measure all rules"):
        fidelity.measure(
            options(fidelity.STUDY, tmp_path, "--rules", "mesu", "--limit-samples", "5")
        )
    with pytest.raises(ExperimentError, match="'mezu' is none of"):
        fidelity.measure(options(fidelity.STUDY, tmp_path, "--rules", "mezu"))
