"""`Stream` checks what belongs together."""

import numpy as np
import pytest

from streamlearn.errors import InputValueError, LabelError, ShapeError
from streamlearn.streams import Stream


def make(**changes):
    fields = {
        "name": "tiny",
        "x": np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        "y": np.array([0, 1, 0]),
        "classes": ("a", "b"),
        "feature_names": ("f", "g"),
        "batch": None,
        "licence": "CC0",
        "citation": "nobody",
    }
    return Stream(**{**fields, **changes})


def test_iterates_pairs_in_order():
    pairs = [(x.tolist(), y) for x, y in make()]
    assert pairs == [([1, 2], 0), ([3, 4], 1), ([5, 6], 0)]
    assert all(type(y) is int for _, y in make())


def test_sizes():
    stream = make()
    assert (len(stream), stream.n_features, stream.n_classes) == (3, 2, 2)


def test_is_frozen():
    with pytest.raises(AttributeError):
        make().name = "other"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"x": np.zeros((3, 2))}, ShapeError, "float32 matrix"),
        ({"x": np.zeros(3, np.float32)}, ShapeError, "float32 matrix"),
        ({"y": np.array([0, 1])}, ShapeError, r"y must be int64 \[3\]"),
        ({"y": np.array([0, 1, 0], np.int32)}, ShapeError, "y must be int64"),
        ({"batch": np.array([1])}, ShapeError, r"batch must be int64 \[3\]"),
        ({"feature_names": ("f",)}, ShapeError, "2 columns but 1 feature names"),
        ({"x": np.full((3, 2), np.nan, np.float32)}, InputValueError, "NaN or infinity"),
        ({"y": np.array([0, 2, 0])}, LabelError, r"0\.\.1, got 0\.\.2"),
        ({"y": np.array([0, -1, 0])}, LabelError, r"got -1\.\.0"),
    ],
)
def test_what_does_not_belong_together(changes, error, said):
    with pytest.raises(error, match=said):
        make(**changes)


def test_an_empty_stream_is_a_stream():
    stream = make(x=np.empty((0, 2), np.float32), y=np.empty(0, np.int64))
    assert list(stream) == []
