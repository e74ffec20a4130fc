"""A CSV with a number to predict: what is a target, and what is a bad row."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from streamlearn.errors import ConfigError, InputValueError, LabelError, StreamFormatError
from streamlearn.streams import CsvTargets

TEXT = "a,level,b\n1,0.1,2\n3,-4e3,5\n"


def test_targets_are_float32_and_the_rest_is_features(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    for stream in (CsvTargets(path, "level"), CsvTargets("-", "level", stdin=io.StringIO(TEXT))):
        assert stream.feature_names == ("a", "b")
        rows = list(stream)
        assert [(x.tolist(), y, line) for x, y, line in rows] == [
            ([1, 2], float(np.float32(0.1)), 2),
            ([3, 5], -4000.0, 3),
        ]
        assert all(x.dtype == np.float32 for x, _, _ in rows)
    assert len(list(CsvTargets(path, "level"))) == 2, "a file can be read again"


@pytest.mark.parametrize(
    ("cell", "error", "message"),
    [
        ("", LabelError, "line 2, column 'level': no label"),
        ("hot", InputValueError, "line 2, column 'level': expected a number, got 'hot'"),
        ("nan", InputValueError, "expected a finite number, got 'nan'"),
        ("-inf", InputValueError, "expected a finite number, got '-inf'"),
        ("1e39", InputValueError, "'1e39' is outside the range of float32"),
        ("1_0", InputValueError, "expected a number, got '1_0'"),
    ],
)
def test_a_bad_target_is_a_bad_row(cell: str, error: type[Exception], message: str) -> None:
    text = f"a,level\n1,{cell}\n2,3\n"
    with pytest.raises(error, match=message):
        list(CsvTargets("-", "level", stdin=io.StringIO(text)))
    stream = CsvTargets("-", "level", on_bad="skip", stdin=io.StringIO(text))
    assert [y for _, y, _ in stream] == [3.0]
    assert stream.skipped.count == 1
    assert message in stream.skipped.messages[0]


def test_what_a_stream_refuses() -> None:
    with pytest.raises(ConfigError, match="on_bad must be 'stop' or 'skip', got 'shrug'"):
        CsvTargets("-", "level", on_bad="shrug", stdin=io.StringIO(TEXT))  # type: ignore[arg-type]
    with pytest.raises(StreamFormatError, match="Did you mean 'level'"):
        CsvTargets("-", "levle", stdin=io.StringIO(TEXT))
