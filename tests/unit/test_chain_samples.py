"""What a chain of stages takes for a sample or a recording: matched by name, numbers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import InputValueError, ShapeError
from quant.stages import Stages
from quant.stages.traces import Traces
from streamlearn.learners.samples import read_sample, read_samples

pd = pytest.importorskip("pandas")
NAMED = Stages(Traces((0,)), channels=("a", "b"))
NUMBERED = Stages(Traces((0,)), channels=2)
FRAME = pd.DataFrame({"b": [1.0, 3.0], "a": [2.0, 4.0]})


def test_what_has_names_is_matched_by_name() -> None:
    assert read_sample({"b": 1, "a": 2}, NAMED).tolist() == [2, 1]
    assert read_sample(FRAME.iloc[0], NAMED).tolist() == [2, 1]
    assert read_samples(FRAME, NAMED).tolist() == [[2, 1], [4, 3]]
    assert read_samples(FRAME.to_dict("records"), NAMED).tolist() == [[2, 1], [4, 3]]
    with pytest.raises(ShapeError, match="a DataFrame is a block"):
        read_sample(FRAME, NAMED)
    with pytest.raises(ShapeError, match="2 channels"):
        read_samples(FRAME.assign(c=1), NAMED)
    with pytest.raises(ShapeError, match=r"x has \['b', 'c'\]: expected \['a', 'b'\]"):
        read_samples(FRAME.rename(columns={"a": "c"}), NAMED)


def test_channels_without_names_take_data_frames_as_they_stand() -> None:
    assert read_samples(FRAME, NUMBERED).tolist() == FRAME.to_numpy().tolist()
    numbered = pd.DataFrame(FRAME.to_numpy())
    assert read_samples(numbered, NAMED).tolist() == FRAME.to_numpy().tolist()


@pytest.mark.parametrize(
    "bad",
    [
        np.ma.array([1.0, 2.0], mask=[False, True]),
        ["1", "2"],
        np.array(["1", "2"]),
        np.array([1 + 1j, 2]),
        np.array(["2020", "2021"], "M8[D]"),
        [None, 1],
        [10**400, 1],
        "ab",
        None,
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused(bad: Any) -> None:
    """Masked values were learned, text was read, imaginary parts were dropped."""
    with pytest.raises(InputValueError, match=r"must be numbers|expected a finite float32"):
        read_sample(bad, NAMED)
    with pytest.raises(InputValueError, match=r"step 1: .*(must be numbers|a finite float32)"):
        read_samples([[1, 2], bad], NAMED)


def test_what_has_another_shape_is_refused() -> None:
    for one in ([], [1], [1, 2, 3], [[1, 2]], 5):
        with pytest.raises(ShapeError, match="2 channels"):
            read_sample(one, NAMED)  # type: ignore[arg-type]
    for many in ([], [[1, 2], [3]], [1, 2], np.ones(2), np.ones((1, 3)), [[[1, 2]]]):
        with pytest.raises(ShapeError, match="2 channels"):
            read_samples(many, NAMED)
