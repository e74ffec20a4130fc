"""Columns come back bit for bit, and decimals take few bytes."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamlearn.recorder.columns import decode, encode

FLOATS = arrays.arrays(np.uint32, st.integers(0, 70)).map(lambda bits: bits.view(np.float32))
DECIMALS = st.lists(st.integers(-99999, 99999), max_size=70).map(
    lambda whole: (np.array(whole) / 100).astype(np.float32)
)
INTEGERS = arrays.arrays(np.int64, st.integers(0, 70))


@given(st.one_of(FLOATS, DECIMALS))
def test_floats_come_back_bit_for_bit(values: np.ndarray) -> None:
    values = np.where(np.isnan(values), np.float32(np.nan), values)
    back, _ = decode(encode([values], []), len(values), 1, 0)
    assert np.array_equal(back[:, 0].view(np.uint32), values.view(np.uint32))


@given(INTEGERS)
def test_integers_come_back(values: np.ndarray) -> None:
    _, (back,) = decode(encode([], [values]), len(values), 0, 1)
    assert np.array_equal(back, values)


def test_signs_of_zero_ends_of_the_range_and_steps_across_all_of_it() -> None:
    floats = [
        np.array(column * 2, np.float32)
        for column in (
            [0.0, -0.0, 0.25, -0.01],
            [3.4e38, -3.4e38, 1e-45, -1e-45],
            [16777216.0, 2147483500.0, -1.0, 0.1],
        )
    ]
    integers = [np.array([2**63 - 1, -(2**63), 0, -1] * 2)]
    back, (whole,) = decode(encode(floats, integers), 8, 3, 1)
    assert np.array_equal(back.T.view(np.uint32), np.array(floats).view(np.uint32))
    assert np.array_equal(whole, integers[0])


@pytest.mark.parametrize("kind", ["decimals", "a smooth signal"])
def test_what_sensors_give_takes_less_than_its_floats_compressed(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4096, 5))
    values = np.round(values, 2) if kind == "decimals" else np.cumsum(values, axis=0)
    columns = list(values.astype(np.float32).T)
    ours = zlib.compress(encode(columns, []))
    assert len(ours) < 0.85 * len(zlib.compress(np.array(columns).T.tobytes()))


@pytest.mark.parametrize("change", ["cut", "longer", "another kind", "too wide"])
def test_other_bytes_are_refused(change: str) -> None:
    data = bytearray(encode([np.arange(9, dtype=np.float32)], [np.arange(9)]))
    data = {
        "cut": data[:-1],
        "longer": data + b"\0",
        "another kind": b"\x63" + data[1:],
        "too wide": data[:1] + b"\x09" + data[2:],
    }[change]
    with pytest.raises(ValueError, match="column"):
        decode(bytes(data), 9, 1, 1)
