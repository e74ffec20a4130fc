"""Figures of a regressor: against scikit-learn, at the edges, in blocks, and over a long stream."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn.errors import ConfigError, InputValueError, ShapeError
from streamlearn.evaluation import RegressionMetrics, TargetScores, regression_advice

sklearn = pytest.importorskip("sklearn.metrics")


def drawn(n: int = 900, scale: float = 1.0, seed: int = 0) -> tuple[Any, Any]:
    """Targets around 7, and predictions whose standard deviations are those of their errors."""
    rng = np.random.default_rng(seed)
    y = 7 + np.cumsum(rng.normal(size=n)) / 5
    sd = rng.uniform(0.2, 1.0, n)
    p = np.stack([y + sd * rng.normal(size=n), 0.6 * sd, 0.8 * sd], axis=1)
    return scale * y, scale * p


def in_blocks(y: Any, p: Any, cuts: list[int], **options: Any) -> RegressionMetrics:
    """Count in blocks, through a checkpoint at each cut."""
    found = RegressionMetrics(**options)
    edges = [0, *sorted({cut % len(y) for cut in cuts} - {0}), len(y)]
    for a, b in pairwise(edges):
        found.update_many(y[a:b], p[a:b])
        text = json.dumps(found.to_dict(), allow_nan=False)
        found = RegressionMetrics.from_dict(json.loads(text))
    return found


def naive(y: Any, p: Any, delay: int) -> dict[str, Any]:
    """The two guesses and the figures against them, the long way."""
    scored = range(delay + 1, len(y))
    means = [np.mean(y[: i - delay]) for i in scored]
    before = [y[i - delay - 1] for i in scored]
    at = list(scored)
    mae = [np.mean(np.abs(np.array(guess) - y[at])) for guess in (means, before, p[at, 0])]
    return {"mae_mean": mae[0], "mae_no_change": mae[1], "mae": mae[2], "at": at}


def check(scores: TargetScores, y: Any, p: Any) -> None:
    mean, sd = p[:, 0], np.hypot(p[:, 1], p[:, 2])
    z = np.abs(mean - y) / sd
    assert scores.n_scored == len(y)
    assert scores.mae == pytest.approx(sklearn.mean_absolute_error(y, mean))
    assert scores.rmse == pytest.approx(math.sqrt(sklearn.mean_squared_error(y, mean)))
    assert scores.r2 == pytest.approx(sklearn.r2_score(y, mean))
    assert scores.bias == pytest.approx(np.mean(mean - y))
    assert scores.mean_sd == pytest.approx(np.mean(sd))
    logs = -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    assert scores.log_likelihood == pytest.approx(np.mean(logs))
    for level, width in ((0.5, 0.6744897), (0.9, 1.6448536), (0.95, 1.9599640)):
        assert scores.coverage(level) == pytest.approx(np.mean(z <= width))


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e-3])
def test_all_and_latest_are_those_of_the_definitions(scale: float) -> None:
    y, p = drawn(scale=scale)
    found = RegressionMetrics(window=200).update_many(y, p)
    assert found.n_samples == 900
    check(found, y[1:], p[1:])
    check(found.latest, y[-200:], p[-200:])
    assert found.coverage(0.9) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("delay", [0, 1, 7])
def test_guesses_know_what_the_learner_knows(delay: int) -> None:
    y, p = drawn(60)
    found = in_blocks(y, p, [1, 3, 4, 20], label_delay=delay)
    expected = naive(y, p, delay)
    assert found.n_scored == len(expected["at"])
    for name in ("mae", "mae_mean", "mae_no_change"):
        assert getattr(found, name) == pytest.approx(expected[name])
    assert found.skill_mean == pytest.approx(1 - expected["mae"] / expected["mae_mean"])
    assert found.skill_no_change == pytest.approx(1 - expected["mae"] / expected["mae_no_change"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=6), st.integers(0, 3))
def test_blocks_and_checkpoints_change_no_bit(cuts: list[int], delay: int) -> None:
    y, p = drawn(700)
    p[:3, 1:] = np.inf
    p[350:] += 2  # a drift
    whole = RegressionMetrics(label_delay=delay).update_many(y, p)
    assert in_blocks(y, p, cuts, label_delay=delay).to_dict() == whole.to_dict()


def test_one_by_one_is_a_block() -> None:
    y, p = drawn(120)
    one = RegressionMetrics()
    for target, prediction in zip(y.tolist(), p, strict=True):
        one.update(target, tuple(prediction))
    assert one.to_dict() == RegressionMetrics().update_many(y, p).to_dict()


def test_predictions_without_a_standard_deviation() -> None:
    y, p = drawn(300)
    plain = RegressionMetrics().update_many(y, p[:, 0])
    assert plain.mae == RegressionMetrics().update_many(y, p).mae
    assert plain.n_with_sd == 0
    assert math.isnan(plain.coverage(0.95))
    assert math.isnan(plain.log_likelihood)
    sure = np.column_stack([p[:, 0], 0 * y, 0 * y])  # σ = 0: no density
    assert RegressionMetrics().update_many(y, sure).n_with_sd == 0


def test_nothing_is_nan_and_no_error() -> None:
    for found in (RegressionMetrics(), RegressionMetrics().update_many([3.0], [1.0])):
        assert found.n_scored == 0
        for name in ("mae", "rmse", "r2", "bias", "skill_mean", "skill_no_change", "mean_sd"):
            assert math.isnan(getattr(found, name))
            assert math.isnan(getattr(found.latest, name))
    constant = RegressionMetrics().update_many([0.1] * 500, [0.1] * 500)
    assert constant.mae == 0
    assert math.isnan(constant.r2)
    assert constant.n_drifts == 0


@pytest.mark.parametrize("scale", [1.0, 2.0**13, 2.0**-10])
def test_a_rise_of_the_error_is_marked_whatever_the_unit(scale: float) -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=3000)
    error = rng.normal(size=3000) * np.where(np.arange(3000) < 2000, 0.2, 0.8)
    found = RegressionMetrics().update_many(scale * y, scale * (y + error))
    assert found.n_drifts == len(found.drifts) == 1
    drift = found.drifts[0]
    assert abs(drift.at - 2000) < 40
    assert drift.at < drift.seen < 2200
    assert drift.mae_before / scale == pytest.approx(0.16, abs=0.02)
    assert drift.mae_after / scale > 0.4
    falling = RegressionMetrics().update_many(scale * y, scale * (y + error[::-1]))
    assert falling.n_drifts == 0  # getting better is no drift


def test_memory_does_not_grow() -> None:
    sizes = []
    for n in (20_000, 160_000):
        y, p = drawn(n)
        found = RegressionMetrics()
        for first in range(0, n, 1000):
            found.update_many(y[first : first + 1000], p[first : first + 1000])
        sizes.append(len(json.dumps(found.to_dict())))
        history = found.history
        assert history.stretches.end[-1] == n - 1
        assert 100 <= len(history.stretches.end) <= 200
        assert 300 <= len(history.points.at) <= 600
    assert sizes[1] < 1.2 * sizes[0]


def test_history_is_of_the_whole_stream() -> None:
    y, p = drawn(5000)
    found = RegressionMetrics().update_many(y, p)
    stretches, points = found.history.stretches, found.history.points
    weights = np.diff(stretches.end, prepend=0)
    assert np.average(stretches.mae, weights=weights) == pytest.approx(found.mae)
    assert np.average(stretches.within_95, weights=weights) == pytest.approx(found.coverage(0.95))
    assert np.average(stretches.within_50, weights=weights) == pytest.approx(found.coverage(0.5))
    assert np.array_equal(points.y, y[1 + points.at])
    assert np.array_equal(points.mean, p[1 + points.at, 0])


@pytest.mark.parametrize(
    ("y", "p", "error", "said"),
    [
        ([1.0, math.nan], [1.0, 1.0], InputValueError, r"target nan \(sample 1 of 2\)"),
        ([1.0, 1.0], [math.inf, 1.0], InputValueError, r"prediction inf \(sample 0 of 2\)"),
        ([1.0, 1.0], [1.0], ShapeError, r"shape \(2,\) and predictions of shape \(1,\)"),
        ([1.0], [[1.0, 2.0]], ShapeError, r"expected \[n\] targets"),
        (1.0, 1.0, ShapeError, r"expected \[n\] targets"),
    ],
)
def test_what_cannot_be_counted_is_refused(y: Any, p: Any, error: Any, said: str) -> None:
    found = RegressionMetrics()
    with pytest.raises(error, match=said):
        found.update_many(y, p)
    assert found.n_samples == 0


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="window"):
        RegressionMetrics(window=0)
    with pytest.raises(ConfigError, match="label_delay"):
        RegressionMetrics(label_delay=-1)


def test_a_target_of_few_integers_is_noticed() -> None:
    kinds = np.arange(600) % 3
    found = RegressionMetrics().update_many(kinds, kinds * 0.9)
    assert found.few_values == (0, 1, 2)
    assert any("--task classification" in sentence for sentence in regression_advice(found))
    for y in (kinds + 0.5, np.arange(600) % 11):
        other = RegressionMetrics().update_many(y, y * 0.9)
        assert other.few_values == ()
        assert not any("classification" in sentence for sentence in regression_advice(other))


def test_advice_says_what_the_error_hides() -> None:
    y, p = drawn(600)
    assert regression_advice(RegressionMetrics().update_many(y[:50], -p[:50])) == ()
    sure = p * [1, 0.1, 0.1]
    said = regression_advice(RegressionMetrics().update_many(y, sure))
    assert [sentence.split(":")[0] for sentence in said] == [
        "worse than no change",
        "the standard deviations are too small",
    ]
    better_now = p.copy()
    better_now[:300, 0] += 1000
    better_now[300:, 0] = y[300:] + 0.01
    said = regression_advice(RegressionMetrics(window=100).update_many(y, better_now))
    assert all("no longer so over the latest 100" in s for s in said if s.startswith("worse"))
