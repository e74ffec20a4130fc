"""The bench: who is on it, the field's learners, and what is measured of each."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.streams import analysis, bench, disturbances, kernels, moa, rules
from experiments.streams.analysis import half_width, interval
from experiments.streams.baselines import baseline_contenders
from experiments.streams.contender import Shape
from experiments.streams.contenders import contenders
from experiments.streams.field import FrontEnd, Nearest, Sgd
from experiments.streams.scores import by_regime, scores
from quant.rule import RULES
from streamlearn.baselines import SgdMlpClassifier
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ConfigError

SHAPE = Shape(3, 3, 8, "standardise")


@pytest.fixture
def few() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    return (rng.normal(0, 1, (300, 3)) + 2 * y[:, None]).astype(np.float32), y


# -- who is on it --------------------------------------------------------------------------------


def test_every_rule_of_the_registry_is_on_the_list() -> None:
    assert {variant.rule for variant in rules.VARIANTS} == set(RULES)


def test_a_rule_that_is_not_listed_comes_with_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    of_mesu = tuple(variant for variant in rules.LISTED if variant.rule == "mesu")
    monkeypatch.setattr(rules, "LISTED", of_mesu)
    others = {variant.rule: variant for variant in rules.variants()[len(of_mesu) :]}
    assert set(others) == set(RULES) - {"mesu"}
    assert not any(variant.options for variant in others.values())
    assert (others["mesu_factored"].wider, others["metaplastic"].wider) == (1, 4)


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
