"""The front end against a scalar reading of quant/front_end/NUMBERS.md, and against floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bounds_front_end import F32, Scalar, at
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.front_end import INPUT_FRAC_BITS, INPUT_MAX, golden
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import State, init_state
from streamlearn import front_end

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=80)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def start(n: int, arithmetic: Any = "q16") -> State:
    return init_state(NetworkSpec((n, 2)), MesuConfig(), arithmetic)


def run(rows: np.ndarray, window: int = 300) -> tuple[np.ndarray, State, int]:
    """Standardise rows one after another; return z_q, the final state and what was clamped."""
    z, state, counts = follow(rows, window)
    return z, state, counts[0]


def follow(rows: np.ndarray, window: int = 300) -> tuple[np.ndarray, State, np.ndarray]:
    """As :func:`run`, with both counts: what was clamped, and what was held."""
    state, z, counts = start(rows.shape[1]), [], np.zeros(2, int)
    for row in rows.astype(np.float32):
        statistics, z_q, found = golden.standardise(state, row, window)
        for name, value in statistics.items():
            state[name][0] = value
        state["n_samples"] += 1
        z.append(z_q)
        counts += found
    return np.array(z), state, counts


def sequences() -> st.SearchStrategy[list[float]]:
    edges = st.sampled_from(
        [0.0, -0.0, float(F32.max), -float(F32.max), float(F32.tiny), 1e-40, 1e-30, 1e30, 1.0, -1.0]
    )
    near = st.integers(-300, 300).map(lambda n: float(np.float32(1000 + n / 7)))
    one = st.one_of(FLOATS, edges, near)
    return st.lists(one, min_size=1, max_size=40) | REGIMES


@st.composite
def regimes(draw: st.DrawFn) -> list[float]:
    """Values of one scale, equal ones, spikes and other scales, one stretch after another."""
    values: list[float] = []
    for _ in range(draw(st.integers(1, 6))):
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        n, scale = draw(st.integers(1, 40)), 10.0 ** draw(st.integers(-30, 30))
        stretch = {
            "noise": rng.normal(draw(st.integers(-20, 20)), 1, n) * scale,
            "equal": np.full(n, values[-1] if values and draw(st.booleans()) else scale),
            "two": rng.choice([0.0, scale], n),
            "fine": scale * (1 + rng.normal(0, 1e-6, n)),
            "spike": np.array([scale]),
        }[draw(st.sampled_from(["noise", "equal", "two", "fine", "spike"]))]
        values += np.float32(stretch).tolist()
    return values


REGIMES = regimes()


@FIXED
@given(xs=sequences(), window=st.sampled_from([2, 3, 7, 300, 32768]))
def test_integers_equal_a_scalar_reading_of_the_document(xs: list[float], window: int) -> None:
    scalar = Scalar(window)
    expected = [scalar.update(float(np.float32(x))) for x in xs]
    z, state, counts = follow(np.array(xs)[:, None], window)
    assert z[:, 0].tolist() == expected
    assert int(state["mean"][0, 0]) == scalar.mean
    assert int(state["mean_low"][0, 0]) == scalar.full & 0xFFFF
    names = ("streak", "repeats", "excursions")
    assert [int(state[name][0, 0]) for name in names] == [getattr(scalar, n) for n in names]
    assert state["reference"].view(np.float32)[0, 0] == np.float32(scalar.reference)
    assert counts[1] == scalar.n_held
    assert int(state["variance"][0, 0]) == scalar.variance
    assert int(state["exponent"][0, 0]) == scalar.exponent
    assert int(state["feature_count"][0, 0]) == scalar.count


@pytest.mark.parametrize("seed", range(4))
def test_z_follows_the_float_equations_within_one_step(seed: int) -> None:
    """Sensors of scales from 1e-6 to 1e6, offsets, drift: |z - z_float| ≤ 1 LSB + 1 %."""
    rng = np.random.default_rng(seed)
    n, features = 600, 12
    scale = 10.0 ** rng.uniform(-6, 6, features)
    drift = np.linspace(0, 2, n)[:, None] * rng.normal(0, 1, features)
    rows = (rng.normal(0, 1, (n, features)) + drift + rng.uniform(-20, 20, features)) * scale
    rows = rows.astype(np.float32)
    z_q, _, _ = run(rows)
    state = start(features, "float64")
    for t, row in enumerate(rows):
        statistics, z, _ = front_end.standardise(state, row.astype(np.float64), 300)
        for name, value in statistics.items():
            state[name][0] = value
        if t >= 5:
            error = np.abs(z_q[t] / 16 - z)
            assert (error <= 1 / 16 + 0.01 * np.abs(z)).all(), (t, error.max())


@FIXED
@given(power=st.integers(-30, 30), seed=st.integers(0, 999))
def test_a_power_of_two_changes_nothing(power: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(3, 1, (40, 3)) * [1e-3, 1.0, 1e3]).astype(np.float32)
    rows[5:9, 0] = 0
    z, state, clamped = run(rows)
    scaled_z, scaled, scaled_clamped = run(np.ldexp(rows, power))
    np.testing.assert_array_equal(z, scaled_z)
    assert clamped == scaled_clamped
    np.testing.assert_array_equal(state["mean"], scaled["mean"])
    np.testing.assert_array_equal(state["variance"], scaled["variance"])
    np.testing.assert_array_equal(state["exponent"], scaled["exponent"] + power)


@FIXED
@given(x=FLOATS)
def test_a_constant_feature_is_zero(x: float) -> None:
    z, state, clamped = run(np.full((20, 1), x))
    assert not z.any()
    assert clamped == 0
    assert int(state["variance"][0, 0]) == 0


def test_subnormals_count_as_zero() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (30, 2)).astype(np.float32)
    rows[::3, 1] = 0
    tiny = rows.copy()
    tiny[::3, 1] = 1e-40
    np.testing.assert_array_equal(run(rows)[0], run(tiny)[0])


def test_an_outlier_is_no_input_and_is_counted() -> None:
    rows = np.random.default_rng(1).normal(0, 1, (300, 1))
    rows[299] = 1e9
    z, _, (clamped, held) = follow(rows)
    before = follow(rows[:299])[2]
    assert z[299, 0] == 0
    assert (clamped, held) == (0, before[1] + 1)


def test_canary_an_outlier_that_a_sensor_may_have_is_an_input() -> None:
    rows = np.random.default_rng(1).normal(0, 1, (300, 1))
    rows[299] = 30
    assert follow(rows)[0][299, 0] > 100


def test_a_jump_of_sixty_decades_settles_again() -> None:
    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.normal(0, 1e-30, (50, 1)), rng.normal(0, 1e30, (400, 1))])
    z, state, _ = run(rows, window=50)
    assert 10 < np.std(z[-200:]) < 22
    assert 2**24 <= int(state["variance"][0, 0]) < 2**28


def test_a_feature_that_shrinks_sixty_decades_settles_again() -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(0, 1e10, (50, 1)), rng.normal(0, 1e-8, (6000, 1))])
    z, _, _ = run(rows, window=16)
    assert 8 < np.std(z[-200:]) < 24


@FIXED
@given(x=FLOATS)
def test_without_a_front_end_inputs_round_half_away_and_clamp(x: float) -> None:
    z, clamped = golden.quantise_input(np.array([x], np.float32))
    expected = at(x, 4)
    assert int(z[0]) == max(-127, min(127, expected))
    assert clamped == (abs(expected) > 127)


def test_without_a_front_end_the_largest_floats_clamp_to_their_own_sign() -> None:
    z, clamped = golden.quantise_input(np.array([1e30, -1e30, F32.max], np.float32))
    assert z.tolist() == [127, -127, 127]
    assert clamped == 3


def test_the_float_reference_clamps_at_the_same_value() -> None:
    assert INPUT_MAX / 2**INPUT_FRAC_BITS == front_end.Z_MAX
