"""quant/NUMBERS.md: the hash, the table of normals, the dither and what rounding by it does."""

from __future__ import annotations

import hashlib
import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.noise import MASK, dither, epsilon_q, mix32, sample_key, words
from quant.tables import EPSILON, EXP2

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=100)
DOCS = (Path(__file__).parents[2] / "quant" / "NUMBERS.md").read_text()
WORDS = st.integers(0, MASK)


def unmix32(x: int) -> int:
    """Invert mix32 step by step: xorshifts undo themselves, odd factors have inverses."""

    def unshift(y: int, by: int) -> int:
        z = y
        for _ in range(32 // by + 1):
            z = y ^ (z >> by)
        return z

    x = unshift(x, 16)
    x = unshift(x * pow(0x846CA68B, -1, 2**32) & MASK, 15)
    return unshift(x * pow(0x7FEB352D, -1, 2**32) & MASK, 16)


def slow_mix32(x: int) -> int:
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


@FIXED
@given(x=WORDS)
def test_mix32_is_a_bijection(x: int) -> None:
    mixed = mix32(np.array([x, 0, 1, MASK], np.uint32))
    assert [unmix32(int(m)) for m in mixed] == [x, 0, 1, MASK]


def test_mix32_has_no_collision_on_a_million_words() -> None:
    counter = np.arange(1 << 20, dtype=np.uint32)
    assert len(np.unique(mix32(counter))) == 1 << 20


@pytest.mark.parametrize("bit", range(32))
def test_flipping_any_input_bit_flips_half_of_the_output(bit: int) -> None:
    x = np.random.default_rng(bit).integers(0, 2**32, 4000, dtype=np.uint32)
    flipped = mix32(x) ^ mix32(x ^ np.uint32(1 << bit))
    rates = np.unpackbits(flipped.view(np.uint8)).reshape(-1, 32).mean(axis=0)
    assert rates.min() > 0.4
    assert rates.max() < 0.6


@FIXED
@given(seed=WORDS, sample=WORDS, stream=st.integers(0, 255), index=st.integers(0, 70))
def test_words_are_the_documented_hash(seed: int, sample: int, stream: int, index: int) -> None:
    key = slow_mix32(slow_mix32(seed + 0x9E3779B9 & MASK) + sample * 0x9E3779B9 & MASK)
    assert sample_key(seed, sample) == key
    counter = (stream << 24) + index
    assert int(words(key, stream, index + 1)[index]) == slow_mix32(
        key + counter * 0x9E3779B9 & MASK
    )


def test_epsilon_takes_the_bytes_of_its_words_from_the_lowest() -> None:
    key = sample_key(3, 4)
    octets = words(key, 2, 6).astype("<u4").tobytes()[:21]
    expected = EPSILON[np.frombuffer(octets, np.uint8)].reshape(7, 3)
    np.testing.assert_array_equal(epsilon_q(key, 2, 7, 3), expected)


def test_epsilon_table_is_a_standard_normal_within_its_quantisation() -> None:
    table = EPSILON.astype(np.int64)
    np.testing.assert_array_equal(table, -table[::-1])
    assert table.sum() == 0
    assert (np.diff(table) > 0).all()
    # Each entry is off by half an LSB at most: |Δ mean(ε²)| ≤ 2 · ½ · 2^-8 · mean|ε| < 2^-8.
    assert abs((table / 256) @ (table / 256) / 256 - 1) < 2**-8
    assert table[-1] == 741


def test_tables_are_the_documents_tables() -> None:
    block = re.search(r"<!-- epsilon -->\n```\n(.*?)```", DOCS, re.S)
    assert block is not None
    assert [int(n) for n in block[1].split()] == EPSILON[128:].tolist()
    for table, kind in ((EPSILON, "<i2"), (EXP2, "<u2")):
        assert hashlib.sha256(table.astype(kind).tobytes()).hexdigest() in DOCS


def test_rank_one_dither_is_uniform_and_pairwise_independent_on_few_bits() -> None:
    """Exhaustive: every assignment of two row words and two column words of 3 bits."""
    modulus = 8
    draws = [
        tuple(rows[i] ^ columns[j] for i in range(2) for j in range(2))
        for rows in product(range(modulus), repeat=2)
        for columns in product(range(modulus), repeat=2)
    ]
    table = np.array(draws)
    for entry in table.T:
        assert set(np.bincount(entry).tolist()) == {len(draws) // modulus}
    for a, b in combinations(range(4), 2):
        joint = np.bincount(table[:, a] * modulus + table[:, b])
        assert joint.tolist() == [len(draws) // modulus**2] * modulus**2
    # Not independent of higher order: the corners of a rectangle cancel.
    assert (np.bitwise_xor.reduce(table, axis=1) == 0).all()


def test_dither_is_the_halves_of_the_words_in_which_row_and_column_differ() -> None:
    rows, columns = np.array([0xFFFFFFFF, 0x00010002]), np.array([0x00010003, 0])
    low, high = dither(rows, columns)
    assert low.tolist() == [[0xFFFC, 0xFFFF], [1, 2]]
    assert high.tolist() == [[0xFFFE, 0xFFFF], [0, 1]]


@FIXED
@given(row=WORDS)
def test_dither_has_uniform_marginals(row: int) -> None:
    """For any row word, all 2^16 column halves give all 2^16 dithers, once each."""
    halves, rows = np.arange(1 << 16), np.array([row])
    low, _ = dither(rows, halves)
    _, high = dither(rows, halves << 16)
    for half in (low, high):
        assert np.array_equal(np.sort(half[0]), halves)


@FIXED
@given(row=WORDS, bits=st.integers(1, 12))
def test_the_lowest_bits_of_a_dither_are_uniform_too(row: int, bits: int) -> None:
    low, _ = dither(np.array([row]), np.arange(1 << 16))
    counts = np.bincount(low[0] & (1 << bits) - 1, minlength=1 << bits)
    assert set(counts.tolist()) == {1 << 16 - bits}


@FIXED
@given(v=st.integers(-(2**31), 2**31 - 1), bits=st.integers(1, 16))
def test_rounding_by_a_uniform_dither_is_unbiased_exactly(v: int, bits: int) -> None:
    u = np.arange(1 << bits)
    assert int((v + u >> bits).sum()) == v


@pytest.mark.parametrize("v", [-1.7, -0.001, 1e-3, 0.37, 2.5])
def test_rounding_by_the_hash_is_unbiased(v: float) -> None:
    """Mean of ⌊v + u⌋ over 400 samples of 16 × 16 entries: v within 5 standard errors, seed 7."""
    v_q = round(v * 65536)
    means = []
    for sample in range(400):
        key = sample_key(7, sample)
        rows, columns = (words(key, s, 16).astype(np.int64) for s in (64, 128))
        for u in dither(rows, columns):
            means.append((v_q + u >> 16).mean())
    error = np.std(means) / len(means) ** 0.5
    assert abs(np.mean(means) - v_q / 65536) < 5 * error


def test_rounding_errors_of_two_entries_are_uncorrelated() -> None:
    pairs = []
    for sample in range(20_000):
        key = sample_key(11, sample)
        u, _ = dither(words(key, 64, 2).astype(np.int64), words(key, 128, 2).astype(np.int64))
        pairs.append((20000 + u >> 16).ravel())
    correlation = np.corrcoef(np.array(pairs).T) - np.eye(4)
    assert np.abs(correlation).max() < 5 / 20_000**0.5
