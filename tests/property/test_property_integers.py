"""quant/NUMBERS.md: integer operations."""

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

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=200)
EDGES = (-(2**31), -1, 0, 1, 2**31 - 1)
WORDS = st.integers(-(2**31), 2**31 - 1)


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
