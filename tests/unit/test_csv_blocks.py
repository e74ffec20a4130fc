"""Rows in blocks are the rows one by one: values, places, what is skipped, what is filled."""

from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn.errors import ConfigError, InputValueError, StreamlearnError
from streamlearn.streams import CsvStream, csv_blocks
from streamlearn.streams.csv_cells import cut
from streamlearn.streams.csv_lines import LineReader
from streamlearn.streams.csv_numbers import parse_decimals
from streamlearn.streams.csv_options import ReadOptions

CLASSES = ["p", "q"]
CELLS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-10**9, 10**9, places=4).map(str),
    st.sampled_from(
        ["", " ", "nan", "NA", "?", "none", "1_0", "1e5", "+.5", "5.", ".", "-", "1e999", "0x1",
         "12345678901234567890.5", " 7 ", '"8"', '"9', "1,2", '"1,2"', "\u0663", "#", "\r", "\0",
         "-0.0", "1-2", "1.2.3", "++1", "4 5"]
    ),
)  # fmt: skip
LABELS = st.sampled_from(["p", "q", " p", '"q"', "", "nan", "x", "q ", "#p"])
LINES = st.one_of(
    st.tuples(CELLS, CELLS, LABELS).map(",".join),
    st.tuples(CELLS, LABELS).map(",".join),
    st.sampled_from(["", "   ", "# note, 1, 2", ",,", "1,2,p,", "1,2,p,3", "a,b,y"]),
)


def stream_of(data: bytes, **more: Any) -> CsvStream:
    return CsvStream("-", "y", CLASSES, "skip", stdin=io.BytesIO(data), **more)


def rows_of(stream: CsvStream, size: int | None) -> list[tuple[Any, ...]]:
    """Every row with the stream's place behind it, row by row or out of blocks."""
    found = []
    if size is None:
        for x, y, line in stream:
            found.append((x.view(np.uint32).tolist(), y, line, stream.position))
        return found
    for x, y, lines in stream.blocks(size):
        assert 1 <= len(x) <= size
        rows = zip(x.view(np.uint32).tolist(), y.tolist(), lines.tolist(), strict=True)
        found += [(*row, None) for row in rows]
        found[-1] = (*found[-1][:3], stream.position)
    return found


@settings(max_examples=80, deadline=None)
@given(
    st.lists(LINES, min_size=1, max_size=40),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["stop", "skip", "hold", "mean"]),
    st.sampled_from([1, 3, 1000]),
)
def test_blocks_are_the_rows_one_by_one(
    lines: list[str], end: str, ends: bool, missing: Any, size: int
) -> None:
    data = ("a,b,y" + end + end.join(lines) + (end if ends else "")).encode()
    options = ReadOptions(missing=missing, decimal=".", delimiter=",", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "FEW", 10**9)  # every line goes the exact, slow way
        slow = stream_of(data, options=options, unlabelled="predict")
        try:
            expected = rows_of(slow, None)
        except StreamlearnError:
            expected = None  # a header but no rows
    patch.undo()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "FEW", 1)  # every line that can be goes the fast way
        fast = stream_of(data, options=options, unlabelled="predict")
        try:
            found = rows_of(fast, size)
        except StreamlearnError:
            assert expected is None
            return
    assert expected is not None
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    places = {row[2]: row[3] for row in expected}
    for row in found:
        assert row[3] is None or row[3] == places[row[2]]
    assert fast.skipped == slow.skipped
    assert fast.missing == slow.missing
    assert json.dumps(fast.memory()) == json.dumps(slow.memory())


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS.filter(lambda cell: "," not in cell), min_size=1), st.sampled_from(".,"))
def test_decimals_are_those_of_float(cells: list[str], point: str) -> None:
    cells = [cell.replace(".", point) for cell in cells]
    raw = [cell.encode() for cell in cells]
    data = np.frombuffer(b"".join(raw) + b"\n", np.uint8)
    ends = np.cumsum([len(cell) for cell in raw])
    starts = ends - [len(cell) for cell in raw]
    values, plain = parse_decimals(data, starts, ends, ord(point))
    for cell, value, good in zip(cells, values, plain, strict=True):
        if good:
            exact = np.float64(float(cell.replace(point, ".")))
            assert np.float64(value).view(np.uint64) == exact.view(np.uint64)
        else:
            digits = cell[cell[:1] in "+-" :].replace(point, "", 1)
            assert not (digits.isascii() and digits.isdigit() and len(digits) <= 15)


def test_a_bad_row_comes_after_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "1,p\n" * 50 + "bad,q\n" + "2,q\n" * 50)
    stream = CsvStream(path, "y", CLASSES)
    seen, place = 0, (51, zlib.crc32(path.read_bytes()[: 4 + 4 * 50]))
    with pytest.raises(InputValueError, match="line 52, column 'a': expected a number, got 'bad'"):  # noqa: PT012
        for x, _, _ in stream.blocks(1000):
            seen += len(x)
            assert stream.position == place
    assert seen == 50


def test_a_block_is_as_large_as_is_asked_each_time(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "1,p\n" * 20)
    wanted = iter([3, 1, 16])
    stream = CsvStream(path, "y", CLASSES)
    assert [len(x) for x, _, _ in stream.blocks(lambda: next(wanted))] == [3, 1, 16]


def test_going_on_behind_a_block_gives_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{'' if i % 7 == 3 else i},p\n" for i in range(90)))
    for missing in ("hold", "mean"):
        options = ReadOptions(missing=missing)  # type: ignore[arg-type]
        whole = np.concatenate(
            [x for x, _, _ in CsvStream(path, "y", CLASSES, options=options).blocks(90)]
        )
        for size in (1, 10, 33):
            first = CsvStream(path, "y", CLASSES, options=options)
            x, _, _ = next(first.blocks(size))
            second = CsvStream(path, "y", CLASSES, options=options)
            assert second.start_after(*first.position)
            second.recall(json.loads(json.dumps(first.memory())))
            rest = np.concatenate([x for x, _, _ in second.blocks(7)])
            assert np.concatenate((x, rest)).tolist() == whole.tolist()
            assert second.missing == {"b": 13}


def test_filling() -> None:
    text = "a,b,y\n,1,p\n2,2,p\n,4,q\n5,NA,q\n?,?,p\n"
    expected: dict[str, list[list[float]]] = {
        "skip": [[2, 2]],
        "hold": [[2, 2], [2, 4], [5, 4], [5, 4]],
        "mean": [[2, 2], [2, 4], [5, 3], [3.5, 3]],
    }
    for missing, rows in expected.items():
        stream = stream_of(text.encode(), options=ReadOptions(missing=missing))  # type: ignore[arg-type]
        assert [x.tolist() for x, _, _ in stream] == rows
        assert stream.missing == {"a": 3, "b": 2}
        assert stream.skipped.count == 5 - len(rows)
        assert "line 2, column 'a': the value is missing; the row is left out" in " ".join(
            stream.skipped.messages
        )
    stopped = CsvStream(
        "-", "y", CLASSES, stdin=io.BytesIO(text.encode()), options=ReadOptions(missing="hold")
    )
    assert len(list(stopped)) == 4, "a row that cannot be filled does not stop a stream"
    with pytest.raises(InputValueError, match="line 2, column 'a': the value is missing"):
        list(CsvStream("-", "y", CLASSES, stdin=io.BytesIO(text.encode())))


def test_the_fast_way_is_taken(tmp_path: Path) -> None:
    """A guard of the other tests: lines that should be plain are."""
    data = b'1.5, "2",p\r\n' * 9 + b"3,4\n#\n\n,,\n5,6,q,\n" + b"7,8,q\n"
    reader = LineReader(io.BytesIO(data), "x")
    lines = reader.take(100)
    assert lines is not None
    cells = cut(lines, 3, ",")
    assert cells.plain.tolist() == [*range(9), 14]
    assert cells.column(1) == [b"2"] * 9 + [b"8"]
    del tmp_path


def test_lines_are_taken_as_they_are_there() -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.parts = [b"a,y\n1", b",p\n2,q\n3,", b"p\n", b"4,q"]

        def read1(self, _: int) -> bytes:
            return self.parts.pop(0) if self.parts else b""

    reader = LineReader(Slow(), "x")
    taken = []
    while (lines := reader.take(9)) is not None:
        taken.append(lines.data)
        assert reader.line_number == lines.before + len(lines)
    assert taken == [b"a,y\n", b"1,p\n2,q\n", b"3,p\n", b"4,q"]
    assert reader.crc32 == zlib.crc32(b"".join(taken))


def test_unknown_policy() -> None:
    with pytest.raises(ConfigError, match="missing: expected one of"):
        ReadOptions(missing="drop")  # type: ignore[arg-type]
