"""quant/rules/mesu/NUMBERS.md: σ² as a mantissa and its row's exponent, its step, drawn rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits_mesu import V_EXPONENTS

from quant.counters import Saturations
from quant.errors import ShapeError
from quant.network import NetworkSpec
from quant.rules.mesu import golden_steps as steps
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import (
    RHO_MAX,
    WIDE_BITS,
    decode,
    encode,
    exponent_view,
    least_exponent,
    most_exponent,
    narrowed,
    start,
    widened,
)
from quant.state import init_state, state_from_bytes, state_to_bytes

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)
EVERY_RHO = np.arange(1, RHO_MAX + 1)
SEEDS = st.integers(0, 2**32 - 1)
SPEC = NetworkSpec((4, 3, 2), front_end="none")


# -- the format -----------------------------------------------------------------------------------


def test_every_mantissa_survives_decode_and_encode() -> None:
    for exponent in (least_exponent(V_EXPONENTS[0]), 0, most_exponent(V_EXPONENTS[1])):
        # A row whose largest mantissa has 13 bits keeps its exponent.
        rho = EVERY_RHO[None, : (1 << WIDE_BITS) - 1]
        found, exponents = encode(decode(rho, np.array([exponent])))
        np.testing.assert_array_equal(found, rho)
        assert exponents.tolist() == [exponent]


def test_the_format_ends_below_two_to_the_v() -> None:
    for v_exponent in range(V_EXPONENTS[0], V_EXPONENTS[1] + 1):
        ends = np.array([least_exponent(v_exponent), most_exponent(v_exponent)])
        v = decode(np.array([[1], [RHO_MAX]]), ends)
        assert v[0, 0] == 2.0 ** (v_exponent - 45)
        assert v[1, 0] < 2.0**v_exponent <= v[1, 0] * (1 + 2.0**-13)


@FIXED
@given(sigma=st.floats(0.005, 5.5), near=st.floats(2.0**-10, 1.0))
def test_a_start_is_the_nearest_and_within_the_format(sigma: float, near: float) -> None:
    power_of_two = 2.0 ** math.floor(math.log2(sigma))
    for prior, initial in ((sigma, sigma * near), (power_of_two, 2 * power_of_two)):
        config = MesuConfig(sigma_prior=prior, sigma_init=initial)
        mine = make_plan(SPEC, config).layers[0]
        wanted = config.sigma_init_of(SPEC.layers[0])
        rho, exponent = start(wanted, mine.v_exponent)
        assert least_exponent(mine.v_exponent) <= exponent <= most_exponent(mine.v_exponent)
        assert 1 << WIDE_BITS - 1 <= rho <= 1 << WIDE_BITS
        found = decode(np.array([[rho]]), np.array([exponent]))[0, 0]
        assert abs(found / wanted**2 - 1) <= 2.0**-13


@FIXED
@given(seed=SEEDS, v_exponent=st.integers(*V_EXPONENTS))
def test_narrowing_halves_and_widening_undoes_it(seed: int, v_exponent: int) -> None:
    rng = np.random.default_rng(seed)
    least, most = least_exponent(v_exponent), most_exponent(v_exponent)
    rho = rng.integers(1, 1 << rng.integers(1, 16, (30, 1)), (30, 7))
    exponent = rng.integers(least, most + 1, 30)
    new, exponents, cut = narrowed(rho, exponent, most)
    assert new.min() >= 1
    assert new.max() <= RHO_MAX
    before, after = decode(rho, exponent), decode(new, exponents)
    at_end = (exponent == most)[:, None] & (rho > RHO_MAX)
    assert cut == np.count_nonzero(at_end)
    # Half a mantissa more or less, but for what the format cuts.
    half = np.ldexp(1.0, exponents - 16)[:, None]
    assert (np.abs(after - before) <= np.where(at_end, np.inf, half)).all()
    wide, widest = widened(new, exponents, least)
    np.testing.assert_array_equal(decode(wide, widest), after)
    assert ((wide.max(axis=1) >= 1 << WIDE_BITS - 1) | (widest == least)).all()
    np.testing.assert_array_equal(widened(wide, widest, least)[0], wide)


@pytest.mark.parametrize(
    ("field", "value"), [("rho", 0), ("rho", -5), ("rho", RHO_MAX + 1), ("rho_exponent", 100)]
)
def test_a_state_outside_of_the_format_is_refused(field: str, value: int) -> None:
    config = MesuConfig()
    state = init_state(SPEC, config, "q16", 0)
    assert state_from_bytes(SPEC, config, "q16", state_to_bytes(state)) == state
    state[field][0][-1] = value
    with pytest.raises(ShapeError, match=rf"{field} from .*expected .*was it"):
        state_from_bytes(SPEC, config, "q16", state_to_bytes(state))


def test_a_state_of_another_prior_is_refused() -> None:
    state = init_state(SPEC, MesuConfig(sigma_prior=4.0, sigma_init=4.0), "q16", 0)
    other = MesuConfig(sigma_prior=0.01, sigma_init=0.01)
    with pytest.raises(ShapeError, match="learned with another sigma_prior or sigma_init"):
        state_from_bytes(SPEC, other, "q16", state_to_bytes(state))
    assert exponent_view(SPEC, state["rho_exponent"][0], 1).shape == (4,)


# -- the step of σ² -------------------------------------------------------------------------------


def stepped(y: int, right: int, u: int) -> np.ndarray:
    """Every ρ after one step."""
    rho = EVERY_RHO
    return steps.step_rho(
        rho, np.full_like(rho, y), np.array(right), np.full_like(rho, u), Saturations()
    )


@pytest.mark.parametrize("right", [-40, -2, 0, 5, 16, 31, 90])
@pytest.mark.parametrize("u", [0, 65535])
def test_no_step_takes_a_variance_to_zero_or_out_of_its_row(right: int, u: int) -> None:
    """Every ρ, the strongest steps of both signs, and everything between."""
    for size in (1, 255, 4096, 16256, 130560):
        for y in (-size, size):
            new = stepped(y, right, u)
            assert new.min() >= 1
            assert (4 * 16 * new >= 4 * 9 * EVERY_RHO - 64).all()  # 9/16, but for a rounding
            assert (4 * new <= 9 * EVERY_RHO).all()
            assert new.max() < 1 << 15


@FIXED
@given(y=st.integers(-130560, 130560), right=st.integers(-4, 12))
def test_a_step_is_the_square_of_one_and_half_the_relative_change(y: int, right: int) -> None:
    for u in (0, 30000, 65535):
        curve, _ = steps.shift_saturate(
            EVERY_RHO * steps.rounded(EVERY_RHO, np.int64(y)), np.array(right), 30
        )
        d = np.clip(curve + u >> 16, -(EVERY_RHO >> 1), EVERY_RHO)
        exact = (2 * EVERY_RHO + d) ** 2 // (4 * EVERY_RHO)  # rho (1 + c/2)^2, c = d/rho
        np.testing.assert_array_equal(stepped(y, right, u), np.minimum(exact, (1 << 15) - 1))


def test_a_variance_below_the_floor_does_not_move_and_above_it_does() -> None:
    for y in (4096, 8192, 16256):
        least = -(-(1 << 14) // y)
        for sign in (1, -1):
            curve = EVERY_RHO * steps.rounded(EVERY_RHO, np.int64(sign * y))
            assert not curve[: least - 1].any()
            assert curve[least:].all()


# -- drawn rows -----------------------------------------------------------------------------------


def moments(
    size: int,
    exponent: int,
    lasting: int,
    ends: tuple[int, int],
    move: Callable[[steps.Factors], np.ndarray],
) -> tuple[np.ndarray, np.ndarray, Fraction, Fraction]:
    """Exact mean and mean square of a row's step, over every draw; and p, and the row's factor.

    Beside the row lies one with the largest factor, which sets the shift.
    """
    everything = np.arange(1 << 16)
    a = np.append(np.full(1 << 16, size), 16000)
    exponents = np.append(np.full(1 << 16, exponent), 0)
    f = steps.factors(a, exponents, lasting, *ends, np.append(everything, 0), Saturations())
    rows = f.rows[:-1]
    taken = np.count_nonzero(rows)
    assert set(np.unique(rows)) <= {0, int(rows.max())}, "a row has one factor, or is not taken"
    steps_of = move(steps.Factors(rows.max(keepdims=True), f.right))
    share = Fraction(int(taken), 1 << 16)
    right = lasting - 14
    exact = Fraction(size << 14) / Fraction(2) ** (14 - exponent) / Fraction(2) ** right
    return steps_of.mean(axis=0), (steps_of.astype(float) ** 2).mean(axis=0), share, exact


MU = steps.RIGHT_MIN_MU, steps.DRAWN_MU
SIGMA = steps.RIGHT_MIN_RHO, steps.DRAWN_RHO
RHO = np.array([1, 2, 100, 4096, 9000, RHO_MAX])
LANES = np.array([32767, -32767, 16384, -9999, 700, 3])


@FIXED
@given(
    size=st.integers(1, 16129),
    exponent=st.integers(-24, 0),
    lasting=st.integers(11, 42),
)
def test_the_mean_of_a_row_of_mu_is_the_exact_product(
    size: int, exponent: int, lasting: int
) -> None:
    """Over every draw and every dither; what is left is the rounding of R, and of p."""

    def move(f: steps.Factors) -> np.ndarray:
        u = np.arange(1 << max(f.right, 1))[:, None]
        shape = (len(u), len(RHO))
        mu, rho = np.zeros(shape, np.int64), np.broadcast_to(RHO, shape)
        one = np.ones((len(u), 1), np.int64)
        row = steps.Factors(np.repeat(f.rows, len(u)), f.right)
        return -steps.step_mu_first(mu, rho, one[:, 0], row, LANES, np.broadcast_to(u, shape))

    mean, square, share, factor = moments(size, exponent, lasting, MU, move)
    right = lasting - 14
    for k in range(len(RHO)):
        exact = float(factor * int(RHO[k]) * int(LANES[k]) / (1 << 30))
        ours = float(share) * mean[k]
        drawn = share < 1
        # R's rounding in units of 2^-right, p's in units of a drawn step, and that of wide, 2^-9.
        slack = 0.76 * float(share) * 2.0 ** -min(right, 12)
        slack += 2.0 ** (-16 + max(1 - right, 0)) + 2.0 ** -(10 + right)
        assert abs(ours - exact) <= slack
        if drawn and right >= 1:
            assert abs(mean[k]) <= 1
            # The weight moves by one LSB with the probability of the exact step: nothing changed.
            assert float(share) * square[k] == pytest.approx(abs(ours))


@FIXED
@given(
    size=st.integers(1, 16129),
    exponent=st.integers(-24, 0),
    lasting=st.integers(11, 45),
)
def test_the_mean_of_a_row_of_variances_is_the_exact_product(
    size: int, exponent: int, lasting: int
) -> None:
    """Over every draw and every dither, where the step is small: its square is 0 then."""

    def move(f: steps.Factors) -> np.ndarray:
        u = np.arange(1 << 16)[:, None]
        shape = (len(u), len(RHO))
        rho = np.broadcast_to(RHO, shape)
        y = np.broadcast_to(steps.rounded(f.rows[:, None], LANES), shape)
        new = steps.step_rho(
            rho, y, np.array(f.right - 3), np.broadcast_to(u, shape), Saturations()
        )
        return new - rho

    mean, square, share, factor = moments(size, exponent, lasting, SIGMA, move)
    right = lasting - 14
    for k in range(len(RHO)):
        rho = int(RHO[k])
        exact = float(factor * rho * rho * int(LANES[k]) / (1 << 43))
        ours = float(share) * mean[k]
        slack = rho * 0.76 * float(share) * 2.0 ** -(min(right, 8) + 13)
        slack += 2.0 ** (5 - 16) + 2.0 ** -(9 + right) + 2.0**-16
        if share < 1:
            assert abs(mean[k]) <= 32
            assert float(share) * square[k] <= 32 * abs(ours) + 1e-9
            assert abs(ours - exact) <= slack
        elif abs(exact) < rho / 64:
            assert abs(ours - exact) <= slack


def test_canary_a_share_that_is_too_small_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "FACTOR_MORE_BITS", 7)
    with pytest.raises(AssertionError):
        test_the_mean_of_a_row_of_mu_is_the_exact_product()


def test_rows_are_drawn_by_themselves_and_mu_apart_from_sigma() -> None:
    """Words of one stream: the two halves of a word, and two rows, are uncorrelated."""
    drawn = np.array([np.concatenate(steps.draws(key, 3)) < 20000 for key in range(20_000)])
    correlation = np.corrcoef(drawn.T.astype(float)) - np.eye(6)
    assert np.abs(correlation).max() < 5 / 20_000**0.5
    assert abs(drawn.mean() - 20000 / 65536) < 5 * 0.5 / drawn.size**0.5
