"""The bench: what a run measures, that it goes on, and who runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.command import main
from experiments.errors import MissingError
from experiments.streams import bench, disturbances, moa, rules, runs
from experiments.streams.contender import Shape
from experiments.streams.contenders import contenders
from experiments.streams.sources import NAMES
from experiments.study import read_record
from quant.errors import DivergedError
from streamlearn.errors import ConfigError

SHAPE = Shape(3, 3, 8, "standardise")
TRIVIAL = "majority,no-change"


@pytest.fixture
def few() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    return (rng.normal(0, 1, (300, 3)) + 2 * y[:, None]).astype(np.float32), y


def test_a_learner_that_diverges_is_scored_to_the_end() -> None:
    class Diverging:
        def test_then_learn_many(self, x, y):
            if x[0, 0] == 100:
                raise DivergedError("gone")
            return y

    learner = rules.RuleLearner.__new__(rules.RuleLearner)
    learner.learner = Diverging()
    x, y = np.zeros((1200, 3), np.float32), np.zeros(1200, np.int64)
    x[500] = 100
    found = learner.learn(x, y)
    assert found.tolist() == [0] * 500 + [-1] * 700


def run(tmp_path: Path, *words: str) -> int:
    folders = ["--results", str(tmp_path / "r"), "--work", str(tmp_path / "w")]
    return main(["streams", *words, *folders])


def test_a_run_is_recorded_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--learners", TRIVIAL, "--limit-samples", "60", "--streams", "gas,gas-classes"]
    assert run(tmp_path, *words, "--seeds", "1", "--quiet") == 0
    folder = tmp_path / "r" / "streams"
    first = read_record(folder)
    assert first["limit"] == 60
    assert [(r["learner"], r["stream"], r["seed"]) for r in first["runs"]] == [
        ("majority", "gas", [0]),
        ("majority", "gas-classes", [0]),
        ("no-change", "gas", [0]),
        ("no-change", "gas-classes", [0]),
    ]
    assert "kept" in first["runs"][1]
    logs = {path: path.stat().st_mtime_ns for path in (tmp_path / "w").rglob("*.json")}
    assert len(logs) == 4

    assert run(tmp_path, *words, "--seeds", "2") == 0
    second = read_record(folder)
    assert [r["seed"] for r in second["runs"]] == [[0, 1]] * 4
    assert {r["accuracy"][0] for r in second["runs"]} == {r["accuracy"][0] for r in first["runs"]}
    assert all(path.stat().st_mtime_ns == then for path, then in logs.items())
    assert "4 of 4 runs" in capsys.readouterr().err

    for path in logs:  # what is recorded needs no log
        path.unlink()
    assert run(tmp_path, *words, "--seeds", "2", "--quiet") == 0
    assert not any(path.exists() for path in logs)
    assert run(tmp_path, *words, "--seeds", "1", "--again", "--quiet") == 0
    assert all(path.exists() for path in logs)
    assert read_record(folder)["runs"][0]["seed"] == [0, 1]


def test_streams_of_another_length_are_not_mixed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--learners", TRIVIAL, "--streams", "gas", "--seeds", "1", "--quiet"]
    assert run(tmp_path, *words, "--limit-samples", "60") == 0
    assert run(tmp_path, *words, "--limit-samples", "50") == 1
    assert "has streams of 60 rows, this run has 50 rows" in capsys.readouterr().err


def test_what_was_done_before_ctrl_c_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_then_stop(left, _tasks, logs, work, *_more):
        left[0].execute(1, None, logs, work)
        raise KeyboardInterrupt

    words = ["--learners", TRIVIAL, "--streams", "gas", "--seeds", "1", "--limit-samples", "60"]
    with monkeypatch.context() as patch:
        patch.setattr(bench, "execute_all", one_then_stop)
        assert run(tmp_path, *words) == 1
    assert "interrupted; the same command goes on" in capsys.readouterr().err
    assert [r["learner"] for r in read_record(tmp_path / "r" / "streams")["runs"]] == ["majority"]
    assert run(tmp_path, *words, "--report-only") == 0
    assert "majority" in capsys.readouterr().out
    assert run(tmp_path, *words, "--quiet") == 0
    assert len(read_record(tmp_path / "r" / "streams")["runs"]) == 2


def test_a_log_of_other_sources_counts_for_baselines_alone(tmp_path: Path) -> None:
    (mine, theirs) = bench.select(["mesu", "majority"], ["gas"], [0], 60)
    for one in (mine, theirs):
        runs.write(
            one.log(tmp_path),
            {"identity": one.identity(), "tasks_done": 1, "row": {"sources": "of before"}},
        )
    assert not bench._known(mine, {}, tmp_path)
    assert bench._known(theirs, {}, tmp_path)


def test_names_are_checked() -> None:
    with pytest.raises(ConfigError, match="learner 'sdg': the bench has mesu,"):
        bench.select(["sdg"], None, [0], None)
    with pytest.raises(ConfigError, match="stream 'gass': the bench has gas,"):
        bench.select(None, ["gass"], [0], None)


def test_slow_learners_and_long_streams_have_fewer_runs() -> None:
    every = bench.select(None, None, range(5), None)
    of = {name: [r for r in every if r.setting.algorithm == name] for name in contenders()}
    assert {r.seed for r in of["forest"]} == {0}
    assert not [r for r in of["hoeffding"] if "digits" in r.setting.stream[:9]]
    assert {r.seed for r in of["mesu"] if r.setting.stream == "permuted-digits"} == {0, 1, 2}
    assert {r.setting.stream for r in of["mesu"]} == {*NAMES, disturbances.NAME}
    assert bench.select(None, ["permuted-digits"], [0], 10_000) == []


def test_missing_data_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    some = bench.select(["majority"], ["gas", "motion", "machine"], [0], None)
    with pytest.raises(MissingError, match=r"exercises.*temperature.*--streams gas needs none"):
        bench._require(some)


def test_moas_learners_are_asked_for_only_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "missing_packages", lambda names: list(names))
    assert not [r for r in bench.select(None, ["gas"], [0], 60) if "moa" in r.setting.algorithm]
    with pytest.raises(MissingError, match="pip install capymoa"):
        bench._require(bench.select(["moa-knn"], ["gas"], [0], 60))


def test_moas_learners_learn(few) -> None:
    pytest.importorskip("capymoa")
    x, y = few
    for one in moa.moa_contenders():
        learner = one.make(SHAPE, 0)
        assert np.mean(learner.learn(x, y) == y) > 0.6
        assert learner.predict(x[:3]).shape == (3,)


def test_our_learners_learn(few) -> None:
    x, y = few
    for one in rules.rule_contenders():
        if one.pending or (one.family and one.setting != "1,000"):
            continue
        learner = one.make(SHAPE, 0)
        assert learner.learn(x[:60], y[:60]).shape == (60,), one.name
        assert learner.predict(x[:3]).shape == (3,)
        assert learner.state_bytes() > 0
        recalled = learner.recall(x[:3])
        assert recalled is None or recalled.shape == (3,)
