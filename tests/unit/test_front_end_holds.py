"""The front end on streams that the field has: bad rows, other units, stuck sensors, slow means."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quant.front_end import golden
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn import MesuClassifier, front_end

Rows = npt.NDArray[np.float32]
BOTH = pytest.mark.parametrize("module", [golden, front_end], ids=["golden", "float64"])

N, AT = 1600, 800
#: What a row is multiplied by, and what is added.
BAD = {"x 1000": (1000, 0), "65535": (0, 65535), "1e9": (0, 1e9), "3e38": (0, 3e38)}


def stream(n: int = N, seed: int = 0) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Temperature, moisture and pressure of three states."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    centres = np.array([[18, 48, 1002], [24, 59, 1010], [29, 55, 1005]])
    return (centres[y] + rng.normal(0, 1, (n, 3)) * [1, 2, 1.5]).astype(np.float32), y


def right(x: Rows, y: npt.NDArray[np.int64], **settings: Any) -> npt.NDArray[np.bool_]:
    """Return which samples are predicted right before they are learned."""
    learner = MesuClassifier((3, 16, 3), classes=range(3), **settings)
    found: npt.NDArray[np.bool_] = np.asarray(learner.test_then_learn_many(x, y)) == y
    return found


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize("features", [slice(None), slice(0, 1)], ids=["all", "one"])
@pytest.mark.parametrize("at", [AT, 0])
@pytest.mark.parametrize("bad", BAD)
def test_one_bad_row_costs_at_most_twenty_samples(
    arithmetic: str, features: slice, at: int, bad: str
) -> None:
    x, y = stream()
    clean = right(x, y, arithmetic=arithmetic)
    assert clean[AT:].mean() > 0.98
    factor, value = BAD[bad]
    x[at, features] = x[at, features] * np.float32(factor) + np.float32(value)
    disturbed = right(x, y, arithmetic=arithmetic)
    after = max(at + 1, 200)
    assert np.sum(~disturbed[after:]) <= np.sum(~clean[after:]) + 6
    if at:
        assert disturbed[at + 21 : at + 121].mean() >= 0.97


@pytest.mark.parametrize("factor", [1000, 1e-3, 1e6])
def test_another_unit_costs_at_most_three_hundred_samples(factor: float) -> None:
    x, y = stream()
    x[AT:] *= np.float32(factor)
    disturbed = right(x, y)
    assert disturbed[AT + 300 :].mean() >= 0.97
    assert disturbed[AT + 100 : AT + 300].mean() >= 0.9


def test_a_scale_too_large_at_the_start_is_left_again() -> None:
    x, y = stream()
    x[:100] *= np.float32(1e6)
    assert right(x, y)[400:].mean() >= 0.97


def test_a_burst_of_spikes_is_held() -> None:
    x, y = stream()
    x[AT : AT + 10] *= np.random.default_rng(1).uniform(1e2, 1e5, (10, 1)).astype(np.float32)
    assert right(x, y)[AT + 30 :].mean() >= 0.97


@pytest.mark.parametrize("value", [None, 65535.0])
def test_a_stuck_sensor_that_comes_back_is_seen_again(value: float | None) -> None:
    x, y = stream()
    x[AT : AT + 500, 0] = x[AT, 0] if value is None else value
    assert right(x, y)[AT + 550 :].mean() >= 0.97


@pytest.mark.parametrize("times", [2, 7, 15])
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize("front_end", ["standardise", "frozen"])
def test_a_sensor_that_is_read_faster_than_it_changes_is_seen(
    arithmetic: str, front_end: str, times: int
) -> None:
    """Every reading comes several times, so that a feature's first values are equal."""
    x, y = stream()
    held, labels = np.repeat(x, times, axis=0)[:N], np.repeat(y, times)[:N]
    found = right(held, labels, arithmetic=arithmetic, front_end=front_end)
    new = np.arange(N) % times == 0
    assert found[AT:][new[AT:]].mean() >= 0.9


@pytest.mark.parametrize("bad", [1, 3])
def test_a_bad_first_reading_that_comes_several_times_is_left_again(bad: int) -> None:
    x, y = np.repeat(stream()[0], 3, axis=0)[:N], np.repeat(stream()[1], 3)[:N]
    x[:bad] = 1e9
    assert right(x, y)[300::3].mean() >= 0.95


@BOTH
def test_a_switch_that_is_never_in_one_state_for_long_gets_a_scale(module: Any) -> None:
    runs = np.random.default_rng(0).integers(2, 15, 60)
    x = np.repeat(np.arange(60) % 2, runs)[:, None].astype(np.float32)
    z, state = follow(module, x)
    assert state["variance"][0, 0] > 0
    assert 1.5 < np.ptp(z[100:]) < 3


def follow(module: Any, x: Rows, frozen: bool = False, window: int = 300) -> Any:
    """Return the inputs of every row, in standard deviations, and the state at the end."""
    q16 = module is golden
    state = init_state(NetworkSpec((x.shape[1], 2)), MesuConfig(), "q16" if q16 else "float64")
    z = []
    for row in x:
        row = row if q16 else row.astype(np.float64)
        statistics, found, _ = module.standardise(state, row, window, frozen)
        for name, value in statistics.items():
            state[name][0] = value
        state["n_samples"] += 1
        z.append(found / 16 if q16 else found)
    return np.array(z), state


@BOTH
def test_a_long_window_follows_a_slow_mean(module: Any) -> None:
    """A step of half a standard deviation, at a window whose mean was once deaf to it."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (9000, 4)).astype(np.float32)
    x[3000:] += 0.5
    z, _ = follow(module, x, window=8192)
    # Without a floor the mean has moved by half of 1 - exp(-6000/8192), about.
    assert np.abs(z[-1000:].mean()) < 0.5 * 0.75


@BOTH
def test_frozen_statistics_stay(module: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(5, 2, (900, 3)).astype(np.float32)
    x[:100, 2] = 7
    _, early = follow(module, x[:450], frozen=True)
    z, late = follow(module, np.concatenate([x[:450], x[450:] + np.float32(3)]), frozen=True)
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(early[name], late[name])
    assert np.abs(z[450:].mean() - 1.5) < 0.2
    assert 0.8 < z[450:, 2].std() < 1.2, "the feature that was stuck at the start has no scale"


def test_a_window_goes_on_where_frozen_statistics_stay() -> None:
    """Canary of the test above."""
    x = np.random.default_rng(0).normal(5, 2, (900, 3)).astype(np.float32)
    assert (follow(golden, x[:450])[1]["mean"] != follow(golden, x)[1]["mean"]).any()


def test_levels_say_which_features_are_blind() -> None:
    x, y = stream(400)
    learner = MesuClassifier((3, 8, 3), classes=range(3))
    learner.learn_many(x, y)
    assert learner.levels.blind == 0
    assert learner.levels.step == 2 ** (float(learner.state["step_log2"][0]) / 65536)
    before = learner.saturations.front_end
    learner.learn_one([1e9, x[0, 1], -3e38], 0)
    assert learner.levels.blind == 2
    assert learner.saturations.front_end == before + 2
    learner.learn_one(x[1], 0)
    assert learner.levels.blind == 0
