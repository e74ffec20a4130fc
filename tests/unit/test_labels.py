"""What can be a label: of a learner, of a CSV, of JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.errors import LabelError, ShapeError, StreamFormatError
from streamlearn import MesuClassifier
from streamlearn.streams import CsvStream
from streamlearn.streams.csv_options import ReadOptions

LAYERS = (2, 4, 2)
NO_CLASS = ("nan", "-nan", "+NaN", "inf", "-inf", "Infinity", "1e999", "NA", "<NA>", "null", "?")


def refused(label: Any, classes: tuple[str, ...] = ()) -> str:
    """Return the message with which a learner refuses a label, alone and in a block."""
    made = MesuClassifier(LAYERS, classes=classes)
    before = made.state_sha256, made.labels
    with pytest.raises(LabelError) as alone:
        made.learn_one([1, 0], label)
    given = np.array([label]) if isinstance(label, np.generic) else [label]
    with pytest.raises(LabelError) as block:
        made.learn_many([[1, 0]], given)
    assert (made.state_sha256, made.labels) == before
    assert str(block.value).count("Nothing was learned") == 1
    return str(alone.value)


@pytest.mark.parametrize(
    "label",
    [np.datetime64(1, "ns"), np.timedelta64(1, "ns"), np.datetime64("2026-01-01"), ([1],), [1]],
)
def test_a_time_or_what_has_no_hash_names_no_class(label: Any) -> None:
    assert "is no label: drop the sample" in refused(label)
    with pytest.raises(LabelError, match="is no label"):
        MesuClassifier(LAYERS, classes=["x", label])


@pytest.mark.parametrize(
    "label", ["x" * 1_000_000, 1 << 5_000, 1 << 50_000], ids=["text", "long", "longer"]
)
def test_a_message_shows_a_long_label_in_part(label: Any) -> None:
    assert len(refused(label, classes=("a", "b"))) < 250


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert "cannot be saved" in refused("\ud800")
    with pytest.raises(ShapeError, match="a feature is called"):
        MesuClassifier(LAYERS, features=("\ud800", "b"))


def test_equal_classes_are_named() -> None:
    with pytest.raises(LabelError, match="classes has 1 and True, which are equal"):
        MesuClassifier((2, 4, 3), classes=[0, 1, True])
    with pytest.raises(LabelError, match="classes has 3 labels: expected at most 2, as many as"):
        MesuClassifier(LAYERS, classes=["a", "b", "c"])


@pytest.mark.parametrize("text", NO_CLASS)
def test_a_cell_that_is_nothing_or_not_finite_is_no_class(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"a,label\n1,0\n2,1\n3,{text}\n")
    stream = CsvStream(file, "label", on_bad="skip")
    assert stream.classes == ("0", "1")
    assert len(list(stream)) == 2
    with pytest.raises(LabelError, match=r"line 4, .*which names no class; .*--classes"):
        list(CsvStream(file, "label"))
    named = CsvStream(file, "label", classes=["0", "1", text])
    assert [y for _, y, _ in named] == [0, 1, 2]


@pytest.mark.parametrize("line", ['{"a": 1, "y": "\\ud800"}', '{"\\ud800": 1, "y": "p"}'])
def test_json_text_is_of_whole_characters(line: str, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(StreamFormatError, match=r"line 1.* has half of a surrogate pair"):
        CsvStream(file, "y", classes=["p", "q"])


@pytest.mark.parametrize("cell", ["", "?", "NA", "<NA>", "nan", "-nan", "-nan(ind)", "null"])
def test_a_feature_that_is_nothing_can_be_held(cell: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"a,b,label\n1,2,p\n{cell},3,q\n3,4,p\n")
    stream = CsvStream(file, "label", options=ReadOptions(missing="hold"))
    assert [x.tolist() for x, _, _ in stream] == [[1, 2], [1, 3], [3, 4]]
    assert stream.missing == {"a": 1}
