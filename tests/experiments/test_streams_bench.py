"""The bench: who is on it, what a run measures, that it goes on, and its tables."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from experiments.command import main
from experiments.errors import ExperimentError, MissingError
from experiments.figures import figure
from experiments.streams import analysis, bench, disturbances, kernels, moa, records, rules, runs
from experiments.streams.analysis import Results, half_width, interval
from experiments.streams.baselines import baseline_contenders
from experiments.streams.contender import Shape
from experiments.streams.contenders import contenders
from experiments.streams.field import FrontEnd, Nearest, Sgd
from experiments.streams.scores import by_regime, scores
from experiments.streams.sources import NAMES, SOURCES
from experiments.streams.tables import tables
from experiments.study import read_record
from quant.errors import DivergedError
from quant.rule import RULES
from streamlearn.baselines import SgdMlpClassifier
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ConfigError

SHAPE = Shape(3, 3, 8, "standardise")
TRIVIAL = "majority,no-change"


@pytest.fixture
def few() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    return (rng.normal(0, 1, (300, 3)) + 2 * y[:, None]).astype(np.float32), y


# -- who is on it --------------------------------------------------------------------------------


def test_every_rule_of_the_registry_is_on_the_list() -> None:
    assert rules.uncovered_rules() == []
    assert {variant.rule for variant in rules.VARIANTS} <= set(RULES)


def test_canary_a_rule_that_is_not_listed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    of_mesu = tuple(variant for variant in rules.VARIANTS if variant.rule == "mesu")
    monkeypatch.setattr(rules, "VARIANTS", of_mesu)
    assert rules.uncovered_rules() == ["mesu_factored", "metaplastic"]


def test_every_option_is_a_parameter_of_the_learner_or_pending() -> None:
    for variant in rules.VARIANTS:
        unknown = set(variant.options) - rules.known_options(variant.rule)
        assert unknown <= rules.PENDING, f"{variant.name}: no learner has {unknown}"


def test_an_option_that_a_learner_has_is_not_pending() -> None:
    everywhere = {name for rule in RULES for name in rules.known_options(rule)}
    found = rules.PENDING & everywhere
    assert not found, f"take {sorted(found)} out of PENDING in experiments/streams/rules.py"


def test_what_is_pending_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    every = {run.setting.algorithm for run in bench.select(None, ["gas"], [0], 60)}
    assert {"mesu", "mesu-factored", "metaplastic"} <= every
    monkeypatch.setattr(rules, "PENDING", frozenset({"step"}))
    pending = {one.name for one in rules.rule_contenders() if one.pending}
    assert pending == {"mesu-fixed", "metaplastic-fixed"}
    monkeypatch.setattr(bench, "contenders", lambda: {c.name: c for c in rules.rule_contenders()})
    assert "mesu-fixed" not in {
        run.setting.algorithm for run in bench.select(None, ["gas"], [0], 60)
    }
    with pytest.raises(ConfigError, match=r"'mesu-fixed': no learner has \{'step': 'fixed'\} yet"):
        bench.select(["mesu-fixed"], ["gas"], [0], 60)


def test_names_differ_and_settings_are_searched() -> None:
    found = [*rules.rule_contenders(), *baseline_contenders(), *moa.moa_contenders()]
    assert len({one.name for one in found}) == len(found) == len(contenders())
    families = {one.family for one in found if one.family}
    assert families >= {"sgd", "logistic", "nearest-18kb", "nearest-500", rules.WINDOW_FAMILY}
    for family in families:
        settings = [one.setting for one in found if one.family == family]
        assert len(set(settings)) == len(settings) > 3


# -- baselines -----------------------------------------------------------------------------------


def test_compiled_sgd_is_the_librarys(few) -> None:
    pytest.importorskip("numba")
    x, y = few
    ours, reference = Sgd(SHAPE, 5, 8, 0.05), SgdMlpClassifier((3, 8, 3), 0.05, 5)
    expected = []
    for row, label in zip(x.astype(np.float64), y.tolist(), strict=True):
        expected.append(reference.predict_one(row))
        reference.learn_one(row, label)
    assert ours.learn(x, y).tolist() == expected
    assert ours.weights[0] == pytest.approx(reference.weights[0], abs=1e-10)
    assert ours.weights[2] == pytest.approx(reference.weights[1], abs=1e-10)
    assert ours.predict(x).tolist() == [reference.predict_one(row) for row in x]


def test_the_loops_are_the_same_in_plain_python(few, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    x, y = few
    makers = [
        lambda: Sgd(SHAPE, 5, 0, 0.05),
        lambda: Nearest(SHAPE, 1, 12, True, True, 5, 300.0),
        lambda: Nearest(SHAPE, 1, 12, False, False, 1, float("inf")),
    ]
    compiled = [make().learn(x, y).tolist() for make in makers]
    monkeypatch.setattr(kernels, "compiled", lambda function: function)
    assert [make().learn(x, y).tolist() for make in makers] == compiled


def test_the_front_end_is_the_librarys(few, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "compiled", lambda function: function)
    x, _ = few
    reference = RunningStandardizer(3)
    expected = [reference.update(row) for row in x.astype(np.float64)]
    assert FrontEnd(3, 300.0)(x, True) == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("balanced", [False, True])
def test_the_nearest_is_what_brute_force_finds(
    balanced: bool, few, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "compiled", lambda function: function)
    x, y = few
    raw = Shape(3, 3, 8, "none")
    memory = Nearest(raw, 1, 20, False, balanced, 1, 0.0)
    memory.learn(x[:200], y[:200])
    distances = ((x[200:, None] - memory.kept[None]) ** 2).sum(2)
    expected = memory.labels[distances.argmin(1)]
    assert memory.predict(x[200:]).tolist() == expected.tolist()
    if balanced:
        assert np.bincount(memory.labels, minlength=3).tolist() in ([7, 7, 6], [7, 6, 7], [6, 7, 7])
    else:
        assert {row.tobytes() for row in memory.kept} == {row.tobytes() for row in x[180:200]}


def test_a_reservoir_keeps_a_class_that_is_long_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "compiled", lambda function: function)
    y = np.repeat([0, 1, 2], 100)
    x = np.zeros((300, 3), np.float32)
    memory = Nearest(Shape(3, 3, 8, "none"), 1, 30, False, True, 1, 0.0)
    memory.learn(x, y)
    assert np.bincount(memory.labels).tolist() == [10, 10, 10]


# -- measures ------------------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    y = np.array([0, 0, 0, 1, 1, 0, 0, 1])
    predicted = np.array([0, 0, 1, 1, -1, 0, 0, 0])
    found = scores(y, predicted)
    assert found["accuracy"] == 62.5
    assert found["balanced"] == pytest.approx(100 * (4 / 5 + 1 / 3) / 2, abs=1e-3)
    chance = (5 / 8) * (5 / 8) + (3 / 8) * (2 / 8)
    assert found["kappa"] == pytest.approx(100 * (0.625 - chance) / (1 - chance), abs=1e-3)
    # No change: 0 0 0 0 1 1 0 0, right five times. Majority so far: 0 always, right five times.
    assert found["kappa_t"] == found["kappa_m"] == 0
    assert by_regime(y, predicted, np.array([4, 4, 4, 4, 9, 9, 9, 9])) == [75.0, 50.0]


def test_an_interval_is_students() -> None:
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.303 / 3**0.5, abs=1e-9)
    assert interval([1.0, 2.0, 3.0]) == "2.0 ± 2.5"
    assert interval([5.0]) == "5.0"
    assert interval([]) == "–"


def test_constants_are_those_of_the_distributions() -> None:
    stats = pytest.importorskip("scipy.stats")
    for n, value in analysis.T95.items():
        assert value == pytest.approx(stats.t.ppf(0.975, n - 1), abs=1e-3)
    for k, value in enumerate(analysis.NEMENYI, 2):
        assert value == pytest.approx(stats.studentized_range.ppf(0.95, k, 1e6) / 2**0.5, abs=2e-3)


# -- disturbances --------------------------------------------------------------------------------


def test_a_learner_is_back_when_97_of_the_next_100_are_right() -> None:
    right = np.ones(400, bool)
    assert disturbances.lost_rows(right) == 0
    right[:50] = False
    assert disturbances.lost_rows(right) == 47
    assert disturbances.lost_rows(np.zeros(400, bool)) == 400


def test_every_case_changes_what_it_names() -> None:
    x, y = disturbances.plain_stream(0)
    found = disturbances.cases(x)
    assert len(found) == 4 * 2 * 2 + 2
    for name, (start, rows) in found.items():
        changed = np.unique(np.flatnonzero((rows != x).any(1)))
        if name.startswith("unit"):
            assert changed.tolist() == list(range(disturbances.AT, len(x)))
        else:
            assert changed.tolist() == [start]
            assert (rows != x)[start].sum() == (1 if ", one" in name else disturbances.FEATURES)
        assert np.isfinite(rows).all()
    centres = np.array([x[y == k].mean(0) for k in range(disturbances.CLASSES)])
    nearest = (((x[:, None] - centres) / x.std(0)) ** 2).sum(2).argmin(1)
    assert np.mean(nearest == y) > 0.99


def test_a_learner_that_never_looks_loses_nothing() -> None:
    found = disturbances.measure(contenders()["majority"], 0)
    assert {points for _, points in found.values()} == {0.0}


# -- runs ----------------------------------------------------------------------------------------


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


# -- record and tables ---------------------------------------------------------------------------


def made_up() -> dict[str, object]:
    """A record of every learner on every stream, three seeds, with accuracies of its own."""
    rows = []
    for place, (name, one) in enumerate(contenders().items()):
        for stream, source in SOURCES.items():
            for seed in range(3):
                row = {"learner": name, "stream": stream, "seed": seed, "options": {}}
                row |= {"version": 1, "limit": None, "rows": 1000, "sources": "s"}
                row |= dict.fromkeys(("kappa", "kappa_m", "kappa_t", "balanced"), 50.0)
                row |= {"accuracy": 60.0 + place / 10 + seed, "unknown": 0}
                row |= {"learn_s": 0.5, "run_s": 1.0, "state_bytes": 100}
                if source.held_out is not None:
                    row["kept"] = [10.0 + place] * 4
                    if name == "mesu":
                        row["recalled"] = [90.0] * 4
                rows.append(row)
        if one.disturbed:
            cases = {
                name: [7.0, 1.5]
                for name in disturbances.cases(np.zeros((disturbances.ROWS, 6), np.float32))
            }
            cases["gas, one sample ×1e6"] = [None, 2.5]
            head = {"learner": name, "stream": "disturbances", "seed": 0, "options": {}}
            rows.append({**head, "limit": None, "disturbances": cases, "run_s": 1, "sources": "s"})
    return {"limit": None, "runs": records.pack(rows), "rows": rows}


def test_a_record_is_packed_without_loss() -> None:
    record = made_up()
    rows = {records.key(row): row for row in record["rows"]}
    again = records.unpack(json.loads(json.dumps(record["runs"])))
    assert {records.key(row): row for row in again} == rows
    assert len(again) == len(rows)
    assert records.pack(again) == record["runs"]


def test_tables_of_a_full_record() -> None:
    record = made_up()
    found = tables(record)
    for name, text in found.items():
        block = [line for line in text.split("\n\n")[0].splitlines() if line]
        assert len({line.count("|") for line in block}) == 1, name
        assert len(block) > 3, name
    assert "| gas | 61.0 ± 2.5 |" in found["table"]
    assert "`recall`" in found["memory"]
    assert "7 (1.5)" in found["disturbances"]
    best = contenders()["sgd-0.2"]  # the last of its family has the best mean
    assert f"| SGD | {best.setting} |" in found["summary"]


def test_a_figure_of_a_document_finds_its_cell(tmp_path: Path) -> None:
    folder = tmp_path / "streams"
    folder.mkdir()
    for name, text in tables(made_up()).items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    assert figure("streams/summary.md#MESU :: all {.1f}", tmp_path) == "61.0"
    assert figure("streams/memory.md#MESU, `recall` :: gas-classes {.0f}", tmp_path) == "90"


def test_tables_of_half_a_record() -> None:
    record = made_up()
    rows = [row for row in record["rows"] if row["learner"] == "mesu" and row["stream"] == "gas"]
    assert "| gas | 61.00" in tables({"limit": None, "runs": records.pack(rows)})["gaps"]
    assert "mean rank" in tables({"limit": 9, "runs": []})["summary"]
    assert "Only the first 9 rows" in tables({"limit": 9, "runs": []})["summary"]


def test_ranks_and_the_best_of_a_family() -> None:
    results = Results(made_up()["rows"])
    ranks = results.ranks()
    assert sorted(ranks.values()) == list(range(1, len(ranks) + 1))
    assert "majority" not in ranks
    assert results.best("sgd", results.streams, "accuracy").name == "sgd-0.2"
    assert results.best_window("gas") == ("mesu-window-100000", "100,000")
    two = {name: mean(results.values(name, "gas")) for name in ("mesu", "metaplastic")}
    assert results.differences("metaplastic", "mesu", "gas") == pytest.approx(
        [two["metaplastic"] - two["mesu"]] * 3
    )


def test_pictures_of_a_full_and_of_an_empty_record() -> None:
    pytest.importorskip("matplotlib")
    from experiments.streams.pictures import pictures

    full, empty = pictures(made_up()), pictures({"runs": []})
    assert set(full) == set(empty) == {"picture", "ranks"}
    assert all(text.startswith("<?xml") for text in (*full.values(), *empty.values()))
    assert len(full["picture"]) > len(empty["picture"])


def test_a_record_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"limit": null, "runs": []}', "utf-8")
    assert records.recorded(tmp_path, None) == {}
    with pytest.raises(ExperimentError, match="full length"):
        records.recorded(tmp_path, 10)


def test_options_are_part_of_what_a_recorded_run_is() -> None:
    assert contenders()["mesu"].identity() == {"learner": "mesu", "options": {}}
    assert "options" in inspect.signature(type(contenders()["mesu"])).parameters
