"""What users get wrong: every mistake is one of our errors, and nothing is learned or lost."""

from __future__ import annotations

import json
import resource
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import write_export
from export.package import class_names
from firmware_sim import ExportFolderError, open_export
from quant.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
    StreamFormatError,
)
from quant.image import _HEADER
from streamlearn import MesuClassifier, MesuRegressor, MetaplasticClassifier
from streamlearn.streams.csv_header import parse_header

LAYERS = (2, 4, 2)


def learner(**more: Any) -> MesuClassifier:
    """Two features, two classes, a few samples learned."""
    made = MesuClassifier(LAYERS, **more)
    for t in range(5):
        made.learn_one({"a": t % 2, "b": t % 3}, "xy"[t % 2])
    return made


@pytest.mark.parametrize("kind", [MesuClassifier, MesuRegressor, MetaplasticClassifier])
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"layers": 5}, r"layers=5: expected a list or tuple"),
        ({"layers": None}, r"layers=None: expected"),
        ({"layers": {2, 4, 3}}, r"layers=\{2, 3, 4\}: expected"),
        ({"seed": 1.5}, r"seed=1.5: expected 0 to 4294967295, a whole number"),
        ({"seed": "1"}, r"seed=.1.: expected 0 to"),
        ({"seed": None}, r"seed=None: expected"),
        ({"bias": 2}, r"bias=2: expected True or False"),
        ({"bias": "no"}, r"bias='no': expected True or False"),
        ({"features": "ab"}, r"features='ab': expected a list or tuple"),
        ({"features": 5}, r"features=5: expected"),
    ],
)
def test_a_wrong_argument_is_named(kind: Any, more: dict[str, Any], message: str) -> None:
    given = {"layers": (2, 4, 1 if kind is MesuRegressor else 2), **more}
    with pytest.raises(ConfigError, match=message):
        kind(**given)


@pytest.mark.parametrize("bits", [None, "12", 12.0, (12.0, 12)])
def test_fraction_bits_are_whole(bits: Any) -> None:
    with pytest.raises(ConfigError, match=r"mu_frac_bits=.*expected 6 to 15"):
        MesuClassifier(LAYERS, mu_frac_bits=bits)


def test_fraction_bits_of_numpy_can_be_saved() -> None:
    made = MesuClassifier(LAYERS, mu_frac_bits=np.int64(13))  # type: ignore[arg-type]
    again = MesuClassifier.from_bytes(made.to_bytes())
    assert again.config.frac_bits(again.spec) == (13, 13)


@pytest.mark.parametrize("classes", ["xy", {"x", "y"}, 5])
def test_classes_are_an_ordered_collection(classes: Any) -> None:
    with pytest.raises(ConfigError, match=r"classes=.*expected a list or tuple"):
        MesuClassifier(LAYERS, classes=classes)


@pytest.mark.parametrize("label", [["x"], {}, None, float("nan"), np.array([1, 2]), np.ma.masked])
def test_what_cannot_name_a_class_is_refused(label: Any) -> None:
    with pytest.raises(LabelError, match="is no label"):
        MesuClassifier(LAYERS, classes=["x", label])
    for made in (MesuClassifier(LAYERS), learner(), MetaplasticClassifier(LAYERS)):
        before = made.state_sha256, made.labels
        with pytest.raises(LabelError, match="is no label"):
            made.learn_one([1, 0], label)
        assert (made.state_sha256, made.labels) == before


def test_classes_of_numpy_can_be_saved() -> None:
    made = MesuClassifier(LAYERS, classes=np.array([3, 4]))  # type: ignore[arg-type]
    assert MesuClassifier.from_bytes(made.to_bytes()).labels == (3, 4)


def test_numbers_that_numpy_keeps_as_objects_are_numbers() -> None:
    made = learner()
    before = made.state_sha256
    with pytest.raises(InputValueError, match=r"a is inf: expected a finite number"):
        made.learn_one([10**400, 1], "x")
    with pytest.raises(ShapeError, match=r"x has shape \(0,\)"):
        made.learn_one(np.array([], object), "x")
    assert made.state_sha256 == before
    assert made.predict_one([2**64, 1]) == made.predict_one([float(2**64), 1])


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(ShapeError, match="two features are called 'a'"):
        MesuClassifier(LAYERS, features=["a", "a"])
    made = MesuClassifier(LAYERS)
    with pytest.raises(ShapeError, match="two features are called '1'"):
        made.learn_one({1: 0.0, "1": 2.0}, "x")
    assert made.n_samples == 0


def test_features_named_by_numbers_find_their_dicts() -> None:
    made = MesuClassifier(LAYERS, features=[7, 8])  # type: ignore[list-item]
    assert made.learn_one({8: 1.0, 7: 0.0}, "x").n_samples == 1


@pytest.mark.parametrize("state", [None, "abc", -1, 5, [1, 2]])
def test_a_state_is_a_state_or_bytes(state: Any) -> None:
    made = learner()
    before = made.state_sha256
    with pytest.raises(ShapeError, match="expected the state of a learner of this network"):
        made.state = state
    assert made.state_sha256 == before


def altered(image: bytes, **changes: Any) -> bytes:
    """Return a state image with another description and a right checksum."""
    magic, version, size, text_size, payload_size, *_ = _HEADER.unpack_from(image)
    text = json.dumps({**json.loads(image[size : size + text_size]), **changes}).encode()
    body = text + image[size + text_size :]
    return _HEADER.pack(magic, version, size, len(text), payload_size, zlib.crc32(body), 0) + body


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [["x"], "y"]},
        {"labels": [None, "y"]},
        {"labels": "xy"},
        {"features": ["a"]},
        {"features": ["a", "a"]},
        {"features": "ab"},
    ],
)
def test_a_foreign_description_is_refused(changes: dict[str, Any]) -> None:
    image = learner().to_bytes()
    assert MesuClassifier.from_bytes(altered(image)).labels == ("x", "y")
    with pytest.raises(StateFormatError, match="its description does not fit"):
        MesuClassifier.from_bytes(altered(image, **changes))


@pytest.mark.parametrize("data", ["text", None, 5])
def test_an_image_is_bytes(data: Any) -> None:
    with pytest.raises(StateFormatError, match="a state image is bytes"):
        MesuClassifier.from_bytes(data)


def test_saving_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder"):
        learner().save(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let the system refuse what makes a file longer, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_saving_without_room_keeps_the_old_file(tmp_path: Path) -> None:
    file, made = tmp_path / "a.sls", learner()
    made.save(file)
    before = file.read_bytes()
    made.learn_one([1, 0], "x")
    with room_for(100), pytest.raises(OSError, match="File too large"):
        made.save(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.sls"]
    assert file.read_bytes() == before


def test_an_export_never_deletes_what_another_tool_wrote(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    mine = tmp_path / "c" / "mine.c"
    mine.write_text("int main(void);")
    (tmp_path / "manifest.json").write_text('{"format": "of another tool"}')
    with pytest.raises(ConfigError, match="holds other files and is no export"):
        write_export(learner(), tmp_path)
    assert mine.exists()


def test_an_export_that_cannot_be_made_touches_nothing(tmp_path: Path) -> None:
    write_export(learner(), tmp_path / "e")
    before = sorted((tmp_path / "e").rglob("*"))
    with pytest.raises(LabelError, match="cannot be saved"):
        write_export(MesuClassifier(LAYERS, classes=[(1, 2), "x"]), tmp_path / "e")
    assert sorted((tmp_path / "e").rglob("*")) == before


def test_an_export_cut_short_can_be_made_again(tmp_path: Path) -> None:
    made = learner()
    with room_for(1000), pytest.raises(OSError, match="File too large"):
        write_export(made, tmp_path)
    with pytest.raises(ExportFolderError, match="export it again"):
        open_export(tmp_path)
    assert write_export(made, tmp_path)["n_samples"] == 5
    assert open_export(tmp_path).classes == ("x", "y")


def test_a_header_of_very_many_columns_is_read_at_once() -> None:
    names = [f"f{i}" for i in range(200_000)]
    assert len(parse_header([*names, "y"], "y", "x.csv line 1").feature_names) == len(names)
    with pytest.raises(StreamFormatError, match="'f7'"):
        parse_header([*names, "y", "f7"], "y", "x.csv line 1")


def test_an_export_names_each_class_once(tmp_path: Path) -> None:
    twice = MesuClassifier((2, 4, 2)).learn_one([0, 0], 1).learn_one([1, 1], "1")
    with pytest.raises(ConfigError, match="the labels 1 and '1' would have one name"):
        write_export(twice, tmp_path / "twice")
    assert not (tmp_path / "twice").exists()
    seen = MesuClassifier((2, 4, 3)).learn_one([0, 0], "class 1")
    assert class_names(seen) == ["class 1", "class 1, without a label", "class 2"]
