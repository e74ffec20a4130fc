"""The bundled gas stream: its bytes, its order, its source."""

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.streams import (
    DataNotFoundError,
    data_dir,
    load_gas_concentration,
    load_gas_drift,
)
from streamlearn.streams.bundle import main, read_source, write_bundle
from streamlearn.streams.bundle import read_concentrations as read_source_concentrations
from streamlearn.streams.gas_concentration import read_concentrations
from streamlearn.streams.gas_drift import (
    BATCHES,
    CLASSES,
    join_planes,
    read_bundle,
    split_planes,
)

#: SHA-256 of the labels (one byte each) in the order of seed 0.
ORDER_SHA256 = "07545ebb2ecdc9b7fb22653d7966be6114c92580e75bcac0e21b347bcab88479"


def source_dir() -> Path:
    try:
        folder = data_dir() / "gas_drift"
    except DataNotFoundError as error:
        pytest.skip(str(error))
    if not folder.is_dir():
        pytest.skip(f"the source of the gas stream is absent: {folder}")
    return folder


def test_bundle_equals_the_source():
    x, y, batch = read_source(source_dir())
    bundled_x, bundled_y, bundled_batch = read_bundle()
    assert np.array_equal(bundled_x.view(np.uint32), x.view(np.uint32))
    assert np.array_equal(bundled_y, y)
    assert np.array_equal(bundled_batch, batch)


def test_rebuilding_gives_the_packaged_arrays(tmp_path):
    target = tmp_path / "again.npz"
    size = write_bundle(source_dir(), target)
    assert size == target.stat().st_size < 2_500_000
    with np.load(target) as again, np.load(str(files("streamlearn") / "data/gas_drift.npz")) as old:
        assert sorted(again) == sorted(old)
        assert all(np.array_equal(again[name], old[name]) for name in old)


def test_shape_types_and_classes():
    stream = load_gas_drift()
    assert stream.x.shape == (6697, 128)
    assert stream.x.dtype == np.float32
    assert stream.y.dtype == stream.batch.dtype == np.int64
    assert list(stream.classes) == sorted(stream.classes)
    assert np.bincount(stream.y).tolist() == [592, 1779, 681, 1316, 1664, 665]
    assert len(set(stream.feature_names)) == 128
    assert stream.feature_names[0] == "s01_dr"
    assert stream.feature_names[-1] == "s16_ema_d_0.1"


def test_first_recorded_row():
    x, y, batch = read_bundle()
    assert x[0, :2].tolist() == [np.float32(15596.1621), np.float32(1.868245)]
    assert (CLASSES[y[0]], batch[0]) == ("Ethanol", 1)


def test_batches_stay_in_order_and_whole():
    recorded, stream = read_bundle(), load_gas_drift(3)
    assert np.array_equal(stream.batch, recorded[2])
    for number in BATCHES:
        mine = stream.x[stream.batch == number]
        theirs = recorded[0][recorded[2] == number]
        assert np.array_equal(np.sort(mine[:, 0]), np.sort(theirs[:, 0]))


def test_shuffling_breaks_the_runs_of_labels():
    _, recorded, _ = read_bundle()
    shuffled = load_gas_drift().y
    assert np.mean(recorded[1:] == recorded[:-1]) > 0.95
    assert np.mean(shuffled[1:] == shuffled[:-1]) < 0.3


def test_order_of_seed_0_never_changes():
    y = load_gas_drift(0).y.astype(np.uint8)
    assert hashlib.sha256(y.tobytes()).hexdigest() == ORDER_SHA256


def test_seed_changes_the_order_and_repeats():
    assert np.array_equal(load_gas_drift(1).x, load_gas_drift(1).x)
    assert not np.array_equal(load_gas_drift(1).y, load_gas_drift(2).y)


def test_limit_keeps_the_first_rows():
    few, all_rows = load_gas_drift(5, limit=500), load_gas_drift(5)
    assert len(few) == 500
    assert np.array_equal(few.x, all_rows.x[:500])
    assert np.array_equal(few.batch, all_rows.batch[:500])
    assert len(load_gas_drift(limit=10**6)) == 6697


@pytest.mark.parametrize(("seed", "limit", "said"), [(-1, None, "seed"), (0, 0, "limit")])
def test_bad_arguments(seed, limit, said):
    with pytest.raises(ConfigError, match=f"{said} must be"):
        load_gas_drift(seed, limit)


def test_licence_is_shipped_with_the_data():
    text = (files("streamlearn") / "data" / "LICENCE-gas-drift.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    assert "Vergara" in text
    assert "subset" in text
    assert "CC BY 4.0" in load_gas_drift(limit=1).licence


@given(arrays(np.uint32, st.tuples(st.integers(0, 5), st.integers(1, 5))))
def test_planes_round_trip_any_bits(bits):
    again = join_planes(split_planes(bits.view(np.float32)))
    assert np.array_equal(again.view(np.uint32), bits)


def test_bundle_command_names_a_missing_batch(tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / "out.npz")]) == 1
    assert "batch1.csv.gz' is missing" in capsys.readouterr().err


def test_bundle_source_line_is_checked(tmp_path):
    import gzip

    with gzip.open(tmp_path / "batch1.csv.gz", "wt") as out:
        out.write("Ethanol,10.0," + ",".join(["1.0"] * 128) + "\nArgon,10.0,1.0\n")
    with pytest.raises(
        StreamFormatError, match=r"batch1.csv.gz line 2: .* got 'Argon' and 1 values"
    ):
        read_source(tmp_path)


def test_concentrations_equal_the_source():
    assert np.array_equal(read_source_concentrations(source_dir()), read_concentrations())


def test_concentrations_follow_the_order_of_the_gas_stream():
    gas, target = load_gas_drift(3, limit=700), load_gas_concentration(3, limit=700)
    assert np.array_equal(gas.x, target.x)
    assert np.array_equal(gas.batch, target.batch)
    assert target.y.dtype == np.float32
    assert len(list(target)) == len(target) == 700
    assert target.n_features == 128
    ppmv = read_concentrations()
    assert ppmv.shape == (6697,)
    assert (ppmv.min(), ppmv.max()) == (5, 1000)
    whole = load_gas_concentration()
    np.testing.assert_allclose(np.sort(10 ** whole.y.astype(float)), np.sort(ppmv), rtol=1e-6)


@pytest.mark.parametrize(("seed", "limit", "said"), [(-1, None, "seed"), (0, 0, "limit")])
def test_bad_arguments_of_the_concentrations(seed, limit, said):
    with pytest.raises(ConfigError, match=f"{said} must be"):
        load_gas_concentration(seed, limit)
