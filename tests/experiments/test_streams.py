"""The streams of the bench: the same arguments, the same rows; no row that is asked is learned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.figures import ROOT
from experiments.streams import NAMES, SOURCES, drifting, load, load_held_out
from experiments.streams import loading as loading_module
from experiments.streams.recorded import HOUR, machine
from streamlearn.errors import ConfigError

#: Made streams are a fiftieth as long here.
SHORT = {"ROWS": 600, "SWITCH": 100, "GRADUAL": 60}
LIGHT = [name for name in NAMES if not SOURCES[name].long]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    """A cache of its own, so that rows are made here and now."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STREAMLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name, value in SHORT.items():
        patch.setattr(drifting, name, value)
    yield
    patch.undo()


MADE = drifting.ROWS


def there(name: str) -> None:
    source = SOURCES[name]
    for package in source.packages:
        pytest.importorskip(package)
    if source.missing():
        pytest.skip(source.missing())


@pytest.mark.parametrize("name", LIGHT)
def test_a_stream_is_what_it_says(name: str) -> None:
    there(name)
    x, y = load(name, 0)
    rows, features, classes = SOURCES[name].size
    made = rows == MADE and name != "shuttle"
    assert x.shape == (SHORT["ROWS"] if made else rows, features)
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    assert np.isfinite(x).all()
    assert set(np.unique(y)) == set(range(classes))
    again = load(name, 0, 50)
    assert np.array_equal(again[0], x[:50])
    assert np.array_equal(again[1], y[:50])
    assert (x.std(0) > 0).all() or SOURCES[name].front_end == "none"


@pytest.mark.parametrize("name", [name for name in LIGHT if name != "machine"])
def test_another_seed_is_another_order(name: str) -> None:
    there(name)
    source = SOURCES[name]
    few = 50 if source.slow else None
    first, other = load(name, 0, few), load(name, 1, few)
    assert not (np.array_equal(first[0], other[0]) and np.array_equal(first[1], other[1]))


def test_the_machine_has_one_order() -> None:
    there("machine")
    assert np.array_equal(load("machine", 0)[0], load("machine", 7)[0])


def test_a_made_stream_is_the_same_in_another_process(tmp_path: Path) -> None:
    there("sea")
    program = (
        "import hashlib; from experiments.streams import load; x, y = load('sea', 3); "
        "print(hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest())"
    )
    said = set()
    for folder in ("a", "b"):
        environment = {"STREAMLEARN_CACHE": str(tmp_path / folder), "PATH": ""}
        environment["PYTHONPATH"] = str(ROOT)
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        said.add(ended.stdout)
    assert len(said) == 1


def _bytes(x: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in np.ascontiguousarray(x)}


@pytest.mark.parametrize("name", [name for name in LIGHT if SOURCES[name].held_out])
def test_no_held_out_row_is_learned(name: str) -> None:
    there(name)
    x, _ = load(name, 0)
    held, y, regime = load_held_out(name, 0)
    assert len(held) == len(y) == len(regime) > 100
    assert (held.dtype, y.dtype, regime.dtype) == (np.float32, np.int64, np.int64)
    assert len(np.unique(regime)) > 3
    # The gas stream has 15 measurements twice: once in each part they are no leak of the split.
    assert len(_bytes(x) & _bytes(held)) <= (15 if name.startswith("gas") else 0)


@pytest.mark.parametrize("name", ["gas-recorded", "gas-memory", "gas-returning"])
def test_every_measurement_of_a_gas_stream_is_learned_or_held_out(name: str) -> None:
    whole = load("gas", 0)[0]
    parts = np.concatenate([load(name, 2)[0], load_held_out(name, 2)[0]])
    assert sorted(map(bytes, parts)) == sorted(map(bytes, whole))


def test_a_gas_follows_the_other() -> None:
    _, y = load("gas-classes", 0)
    assert np.sum(y[1:] != y[:-1]) == 5


def test_canary_a_row_in_both_parts_is_found() -> None:
    x, _ = load("gas-memory", 0)
    held, _, _ = load_held_out("gas-memory", 0)
    both = np.concatenate([x, held[100:200]])
    assert len(_bytes(both) & _bytes(held)) > 15


def test_the_machines_label_is_not_in_its_features() -> None:
    there("machine")
    x, y = machine(0)
    hour = slice(1, 7)  # means of the last six hours
    later = x[1:, hour][:, -1] > x[:-1, hour][:, -1]
    assert np.array_equal(later, y[:-1].astype(bool))
    assert HOUR == 12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rbf-slow", 0), "stream 'rbf-slow': expected one of gas,"),
        (("gas", -1), "seed=-1: expected 0 or more"),
        (("gas", 0, 0), "n=0: expected 1 row or more"),
    ],
)
def test_refusals(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(*arguments)  # type: ignore[arg-type]


def test_a_stream_without_held_out_rows_says_which_have_them() -> None:
    with pytest.raises(ConfigError, match=r"'gas' has no held-out rows; these have: gas-returning"):
        load_held_out("gas", 0)


def test_rows_of_another_version_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    there("sea")
    x, _ = load("sea", 0)
    monkeypatch.setitem(SOURCES, "sea", SOURCES["sine"])
    assert load("sea", 0)[0].shape[1] == 4
    assert x.shape[1] == 3
    monkeypatch.setattr(loading_module, "VERSION", 99)
    assert load("sine", 0)[0].shape[1] == 4


def test_missing_data_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    assert "exercises.csv.gz" in SOURCES["motion"].missing()
    assert "fsdd_8khz.npz" in SOURCES["spoken-digits"].missing()
    assert "train-images" in SOURCES["permuted-digits"].missing()
    assert SOURCES["gas"].missing() == ""
