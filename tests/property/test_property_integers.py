"""quant/NUMBERS.md: integer operations; quant/rules/mesu/NUMBERS.md: the code of σ²."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.integers import (
    bit_length,
    bit_lengths,
    isqrt,
    shift_round,
    shift_saturate,
    shift_truncate,
)
from quant.rules.mesu.golden import moved
from quant.sampling.plan import decode_rho, encode_rho

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=200)
EDGES = (-(2**31), -1, 0, 1, 2**31 - 1)
WORDS = st.integers(-(2**31), 2**31 - 1)
V_EXPONENTS = st.integers(-20, 6)


def rounded(x: int, right: int) -> int:
    return math.floor(Fraction(x) / Fraction(2) ** right + Fraction(1, 2))


def truncated(x: int, right: int) -> int:
    return math.trunc(Fraction(x) / Fraction(2) ** right)


@FIXED
@given(x=WORDS, right=st.integers(-31, 70))
def test_shift_round_is_the_exact_quotient_rounded_half_up(x: int, right: int) -> None:
    words = np.array([x, *EDGES], np.int64)
    assert shift_round(words, right).tolist() == [rounded(int(w), right) for w in words]


def test_shift_round_takes_halves_up_on_both_sides_of_zero() -> None:
    assert shift_round(np.array([-6, -2, 2, 6]), 2).tolist() == [-1, 0, 1, 2]


@FIXED
@given(x=WORDS, right=st.integers(-31, 70))
def test_shift_truncate_is_the_exact_quotient_cut_towards_zero(x: int, right: int) -> None:
    words = np.array([x, *EDGES], np.int64)
    assert shift_truncate(words, right).tolist() == [truncated(int(w), right) for w in words]


@FIXED
@given(x=WORDS, left=st.integers(1, 200), bits=st.sampled_from([28, 30]))
def test_a_step_shifted_left_keeps_its_sign_however_far(x: int, left: int, bits: int) -> None:
    """What does not fit becomes the largest step of its sign, and is counted (but of ±1)."""
    got, clamped = shift_saturate(np.array([x], np.int64), np.array(-left), bits)
    largest = (1 << bits >> min(left, bits)) << min(left, bits)
    fits = abs(x) << left <= largest
    assert int(got[0]) == (x << left if fits else math.copysign(largest, x))
    assert clamped == (not fits and abs(x) > 1)


@FIXED
@given(x=st.integers(0, 2**32 - 1))
def test_isqrt_is_exact(x: int) -> None:
    root = math.isqrt(x)
    squares = [root**2, max(root**2 - 1, 0), min(root**2 + 1, 2**32 - 1)]
    words = np.array([x, *squares, 0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.int64)
    assert isqrt(words).tolist() == [math.isqrt(int(w)) for w in words]


def test_isqrt_is_exact_around_every_square() -> None:
    roots = np.arange(1, 65536, dtype=np.int64)
    np.testing.assert_array_equal(isqrt(roots * roots), roots)
    np.testing.assert_array_equal(isqrt(roots * roots - 1), roots - 1)


@FIXED
@given(x=st.integers(0, 2**52 - 1))
def test_bit_length_is_the_number_of_bits(x: int) -> None:
    words = [x, 0, 1, 2**31 - 1, 2**31, 2**40 - 1, 2**40, 2**52 - 1]
    expected = [len(f"{w:b}") if w else 0 for w in words]
    assert bit_lengths(np.array(words, np.int64)).tolist() == expected
    assert [bit_length(w) for w in words] == expected


@FIXED
@given(v_exponent=V_EXPONENTS)
def test_every_rho_code_survives_decode_and_encode(v_exponent: int) -> None:
    codes = np.arange(65536)
    v = decode_rho(codes, v_exponent)
    assert (np.diff(v) > 0).all()
    np.testing.assert_array_equal(encode_rho(v, v_exponent), codes)
    assert v[-1] < 2.0**v_exponent
    assert v[0] == 2.0 ** (v_exponent - 32)


@FIXED
@given(v_exponent=V_EXPONENTS, position=st.floats(0.0, 1.0))
def test_encoding_rho_errs_by_a_quarter_of_a_thousandth_at_most(
    v_exponent: int, position: float
) -> None:
    low, high = decode_rho(np.array([0, 65535]), v_exponent)
    v = np.array([low * (high / low) ** position]).clip(low, high)
    error = np.abs(decode_rho(encode_rho(v, v_exponent), v_exponent) / v - 1)
    assert error.max() <= 2.0**-12


@FIXED
@given(v_exponent=V_EXPONENTS)
def test_encoding_rho_saturates_at_both_ends(v_exponent: int) -> None:
    v = np.ldexp([1.0, 0.999, 1.0, 1e6], [v_exponent - 33, v_exponent - 32, v_exponent, v_exponent])
    assert encode_rho(v, v_exponent).tolist() == [0, 0, 65535, 65535]


@FIXED
@given(octave=st.integers(0, 31), low=st.integers(0, 2047), step=st.integers(-2047, 2047))
def test_adding_to_a_code_inside_an_octave_scales_the_variance_exactly(
    octave: int, low: int, step: int
) -> None:
    """v(ρ + Δ) = v(ρ) (1 + Δ/m): an additive step of the code is a relative step of σ²."""
    if not 0 <= low + step <= 2047:
        step = -step if 0 <= low - step <= 2047 else 0
    code, mantissa = octave * 2048 + low, 2048 + low
    before, after = decode_rho(np.array([code, code + step]), 0)
    assert Fraction(after) == Fraction(before) * (1 + Fraction(step, mantissa))


@FIXED
@given(octave=st.integers(1, 30), low=st.integers(0, 2047), share=st.floats(-0.5, 1.0))
def test_a_step_past_an_octaves_end_scales_the_variance_too(
    octave: int, low: int, share: float
) -> None:
    """Exactly below; above, half a code of the next octave may be rounded up."""
    code, mantissa = octave * 2048 + low, 2048 + low
    step = int(share * mantissa)
    new = int(moved(*(np.array([value]) for value in (code, mantissa, step)))[0])
    before, after, one_less = map(Fraction, decode_rho(np.array([code, new, new - 1]), 0))
    exact = before * (1 + Fraction(step, mantissa))
    assert after == exact if step < 0 else one_less < exact <= after
