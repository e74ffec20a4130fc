"""σ² in fixed point: a mantissa for each synapse, an exponent for each row, and their steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.counters import Saturations
from quant.errors import ShapeError
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.golden_steps import LANE_MAX, step_rho
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import (
    EXPONENTS,
    POINT,
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
from streamlearn import MesuClassifier

Ints = Any
#: A layer of which σ² is below 2^this.
V = -3
MOST, LEAST = most_exponent(V), least_exponent(V)


def mantissas(largest: int) -> st.SearchStrategy[Ints]:
    """One row: up to 40 mantissas, the ends of the range among them."""
    edges = [1, 2, 3, 4095, 4096, 8191, 8192, RHO_MAX, largest]
    one = st.sampled_from([edge for edge in edges if edge <= largest]) | st.integers(1, largest)
    return st.lists(one, min_size=1, max_size=40).map(lambda row: np.array([row], np.int64))


exponents = st.integers(LEAST, MOST).map(lambda e: np.array([e]))


# -- the numbers ---------------------------------------------------------------------------------


def test_the_value_of_a_mantissa_is_that_of_the_definition() -> None:
    v = decode(np.array([[1, 3], [RHO_MAX, 4096]], np.int16), np.array([0, -20], np.int8))
    np.testing.assert_array_equal(v, [[2.0**-15, 3 * 2.0**-15], [RHO_MAX * 2.0**-35, 2.0**-23]])


@given(rho=mantissas(RHO_MAX), exponent=exponents)
def test_every_mantissa_comes_back_from_its_value(rho: Ints, exponent: Ints) -> None:
    """Where its row has 13 bits, which is what encoding makes; elsewhere its value does."""
    v = decode(rho, exponent)
    again, its = encode(v)
    up = int(its[0] - exponent[0])
    assert up == int(rho.max()).bit_length() - WIDE_BITS or int(again.max()) == 1 << WIDE_BITS
    error = np.abs(decode(again, its) - v)
    # Half a unit where it rounds; what rounds to nothing becomes one unit instead.
    unit = np.ldexp(1.0, int(its[0]) - POINT)
    assert (error <= np.where(again == 1, 1.0, 0.5) * unit).all()
    assert up > 0 or not error.any()


@given(st.floats(1e-12, 50.0), st.floats(1e-3, 1.0))
def test_a_value_is_encoded_to_half_a_unit_of_its_row(largest: float, share: float) -> None:
    v = np.array([[largest, largest * share]])
    rho, exponent = encode(v)
    assert 1 << WIDE_BITS - 1 <= rho[0, 0] <= 1 << WIDE_BITS
    unit = np.ldexp(1.0, int(exponent[0]) - POINT)
    assert (np.abs(decode(rho, exponent) - v) <= unit / 2).all()
    assert unit <= largest * 2.0 ** (1 - WIDE_BITS)


def test_what_is_too_small_beside_its_row_becomes_the_smallest() -> None:
    """σ² is never 0: a weight without variance would never move again."""
    rho, _ = encode(np.array([[1.0, 1e-30]]))
    assert rho[0].tolist() == [4096, 1]


@pytest.mark.parametrize("fan_in", [1, 3, 16, 64, 100, 128, 784])
@pytest.mark.parametrize(("prior", "init"), [(1.0, 1.0), (1.0, 5.0), (1.0, 0.01), (5.0, 2.0)])
def test_a_start_lies_within_the_range_of_its_layer(fan_in: int, prior: float, init: float) -> None:
    spec = NetworkSpec((fan_in, 3), bias=False)
    config = MesuConfig(sigma_prior=prior, sigma_init=init)
    v_exponent = make_plan(spec, config).layers[0].v_exponent
    rho, exponent = start(config.sigma_init_of(fan_in), v_exponent)
    assert least_exponent(v_exponent) <= exponent <= most_exponent(v_exponent)
    assert 1 << WIDE_BITS - 1 <= rho <= RHO_MAX
    v = decode(np.array([[rho]]), np.array([exponent]))[0, 0]
    assert v == pytest.approx(config.sigma_init_of(fan_in) ** 2, rel=2.0**-WIDE_BITS)


def test_the_largest_of_a_layer_is_just_below_its_bound() -> None:
    v = decode(np.array([[RHO_MAX]]), np.array([MOST]))[0, 0]
    assert 2.0**V * (1 - 2.0**-13) < v < 2.0**V
    assert MOST - LEAST == EXPONENTS - 1


# -- rows that outgrow their exponent, and rows that shrink ----------------------------------------


@given(rho=mantissas(LANE_MAX), exponent=exponents)
def test_a_row_that_has_outgrown_its_bits_is_halved_and_rounds_up(
    rho: Ints, exponent: Ints
) -> None:
    now, its, cut = narrowed(rho, exponent, MOST)
    assert 1 <= now.min() <= now.max() <= RHO_MAX
    if rho.max() <= RHO_MAX:
        assert np.array_equal(now, rho)
        assert its[0] == exponent[0]
        assert cut == 0
    elif exponent[0] < MOST:
        # 32767 rounds up to 16384, one more than there is.
        np.testing.assert_array_equal(now, np.minimum((rho + 1) // 2, RHO_MAX))
        assert its[0] == exponent[0] + 1
        assert cut == 0
    else:
        np.testing.assert_array_equal(now, np.minimum(rho, RHO_MAX))
        assert its[0] == MOST
        assert cut == np.count_nonzero(rho > RHO_MAX)


@given(rho=mantissas(RHO_MAX), exponent=exponents)
def test_a_row_that_has_shrunk_is_widened_without_a_change(rho: Ints, exponent: Ints) -> None:
    now, its = widened(rho, exponent, LEAST)
    np.testing.assert_array_equal(decode(now, its), decode(rho, exponent))
    assert LEAST <= its[0] <= exponent[0]
    assert its[0] == LEAST or now.max() >= 1 << WIDE_BITS - 1
    assert now.max() <= RHO_MAX


def test_rows_go_their_own_ways() -> None:
    rho = np.array([[LANE_MAX, 5], [7, 9]])
    now, exponent, cut = narrowed(rho, np.array([MOST - 1, MOST]), MOST)
    assert now.tolist() == [[RHO_MAX, 3], [7, 9]]
    assert exponent.tolist() == [MOST, MOST]
    assert cut == 0
    now, exponent = widened(np.array([[4096, 1], [2, 1]]), np.array([LEAST + 3, LEAST + 3]), LEAST)
    assert now.tolist() == [[4096, 1], [16, 8]]
    assert exponent.tolist() == [LEAST + 3, LEAST]


# -- the gradient's step ---------------------------------------------------------------------------


def stepped(rho: int, y: int, right: int, n: int = 4096) -> tuple[Ints, Saturations]:
    """A mantissa after a step, for ``n`` dithers that share out their range."""
    u = (np.arange(n)[None, :] * (65536 // n)).astype(np.int64)
    count = Saturations()
    return step_rho(np.full((1, n), rho), np.array([[y]]), np.array([[right]]), u, count), count


@settings(deadline=None)
@given(rho=st.integers(64, RHO_MAX), change=st.floats(-0.45, 0.9))
def test_a_step_multiplies_by_the_square_of_half_its_change(rho: int, change: float) -> None:
    """σ is stepped by c/2, so σ² by (1 + c/2)². The square's floor takes less than one unit."""
    right = -8
    y = round(change * 2.0 ** (31 + right) / rho)
    c = (rho * y + (1 << 14) >> 15) / 2.0 ** (16 + right)
    new, count = stepped(rho, y, right)
    expected = min(rho * (1 + c / 2) ** 2, LANE_MAX)
    assert count.gradient == 0
    assert -1.1 < new.mean() - expected < 0.1


def test_what_is_beyond_half_or_twice_is_clamped_and_counted() -> None:
    for y, expected in ((-(1 << 20), 0.25 + 0.3125), (1 << 20, 2.25)):
        new, count = stepped(4000, y, 0)
        assert count.gradient == new.size
        assert (np.abs(new / 4000 - expected) < 0.01).all()
    new, _ = stepped(RHO_MAX, 1 << 20, 0)
    assert (new == LANE_MAX).all()


@given(rho=st.integers(1, RHO_MAX), y=st.integers(-(1 << 17), 1 << 17), right=st.integers(-8, 31))
def test_no_step_leaves_the_lanes_or_ends_at_0(rho: int, y: int, right: int) -> None:
    new, _ = stepped(rho, y, right, 16)
    assert 1 <= new.min() <= new.max() <= LANE_MAX


# -- states that no learner comes to --------------------------------------------------------------


SPEC = NetworkSpec((5, 4, 3))
CONFIG = MesuConfig()


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rho", 0, r"rho from 0 to \d+: expected 1 to 16383"),
        ("rho", -1, "rho from -1 to"),
        ("rho", RHO_MAX + 1, "rho from .* to 16384"),
        ("rho_exponent", "least", "rho_exponent from .* in layer"),
        ("rho_exponent", "most", "rho_exponent from .* in layer"),
    ],
)
def test_a_state_beyond_the_format_is_refused(
    layer: int, field: str, value: Any, message: str
) -> None:
    state = init_state(SPEC, CONFIG, "q16")
    assert state_from_bytes(SPEC, CONFIG, "q16", state_to_bytes(state)) == state
    v_exponent = make_plan(SPEC, CONFIG).layers[layer].v_exponent
    ends = {"least": (least_exponent(v_exponent), -1), "most": (most_exponent(v_exponent), 1)}
    if field == "rho":
        state["rho"][0, 6 * 4 if layer else 0] = value
    else:
        end, beyond = ends[value]
        view = exponent_view(SPEC, state["rho_exponent"][0], layer)
        view[-1] = end
        state_from_bytes(SPEC, CONFIG, "q16", state_to_bytes(state))
        view[-1] = end + beyond
    with pytest.raises(ShapeError, match=message):
        state_from_bytes(SPEC, CONFIG, "q16", state_to_bytes(state))


def test_a_learner_of_another_prior_does_not_take_such_a_state() -> None:
    learner = MesuClassifier((5, 4, 3), sigma_init=0.1)
    near = learner.clone({"sigma_prior": 1.5}, include_attributes=True)
    assert near.state_sha256 == learner.state_sha256
    wide = MesuClassifier((5, 4, 3), lr_mu=0.5, sigma_prior=4.0, sigma_init=4.0)
    with pytest.raises(ShapeError, match="another sigma_prior or "):
        wide.clone({"sigma_prior": 0.1, "sigma_init": 0.1}, include_attributes=True)
