"""Columns as people have them: what is guessed, what is said, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamlearn.errors import ConfigError, InputValueError, LabelError, StreamFormatError
from streamlearn.streams import CsvStream
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import to_seconds

#: What every one of these files means.
X, Y = [[1.5, 2.25], [-3.0, 4.0], [5.5, 0.125]], ["idle", "run", "idle"]

#: Files of one meaning: a name, the bytes, options, and what is said.
SAME: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("plain", b"a,b,state\n1.5,2.25,idle\n-3,4,run\n5.5,.125,idle\n", {}, "^$"),
    ("semicolons", b"a;b;state\n1.5;2.25;idle\n-3;4;run\n5.5;.125;idle\n", {}, "by ';'"),
    (
        "decimal commas",
        b"a;b;state\n1,5;2,25;idle\n-3;4;run\n5,5;,125;idle\n",
        {},
        "by ';', decimal comma",
    ),
    (
        "decimal commas in quotes",
        b'a,b,state\n"1,5","2,25",idle\n-3,4,run\n"5,5","0,125",idle\n',
        {},
        "decimal comma",
    ),
    (
        "decimal commas far below",
        b"a;b;state\n" + b"-3;4;run\n" * 300 + b"1,5;2,25;idle\n-3;4;run\n5,5;0,125;idle\n",
        {"after": 300},
        "by ';'",
    ),
    ("tabs", b"a\tb\tstate\n1.5\t2.25\tidle\n-3\t4\trun\n5.5\t.125\tidle\n", {}, "by tab"),
    ("pipes", b"a|b|state\n1.5|2.25|idle\n-3|4|run\n5.5|.125|idle\n", {}, r"by '\|'"),
    (
        "columns of blanks",
        b"   a      b state\n 1.5   2.25 idle\n  -3      4  run\n 5.5  0.125 idle\n",
        {},
        "by blanks",
    ),
    (
        "another mark",
        b"a~b~state\n1.5~2.25~idle\n-3~4~run\n5.5~.125~idle\n",
        {"delimiter": "~"},
        "^$",
    ),
    (
        "comments",
        b"# device 7\n#, fw\na,b,state\n1.5,2.25,idle\n# pause, 3\n-3,4,run\n5.5,.125,idle\n#\n",
        {},
        "2 comment lines above the header",
    ),
    (
        "a header in a comment",
        b"# a b state\n1.5 2.25 idle\n-3 4 run\n5.5 0.125 idle\n",
        {},
        "by blanks; the header is a comment",
    ),
    (
        "a sep line",
        b"sep=|\r\na|b|state\r\n1.5|2.25|idle\r\n-3|4|run\r\n5.5|.125|idle\r\n",
        {},
        r"line 1 says sep=\|",
    ),
    (
        "an unnamed index",
        b",a,b,state\n0,1.5,2.25,idle\n1,-3,4,run\n2,5.5,.125,idle\n",
        {},
        "left out: the first column",
    ),
    (
        "an index of pandas",
        b"Unnamed: 0,a,b,state\n7,1.5,2.25,idle\n8,-3,4,run\n9,5.5,.125,idle\n",
        {},
        "left out: the first column",
    ),
    (
        "row numbers without a header, as R writes them",
        b'"a" "b" "state"\n"1" 1.5 2.25 "idle"\n"2" -3 4 "run"\n"3" 5.5 0.125 "idle"\n',
        {},
        "left out: the first column",
    ),
    (
        "a trailing comma",
        b"a,b,state,\n1.5,2.25,idle,\n-3,4,run,\n5.5,.125,idle,\n",
        {},
        "left out: an empty column at the end",
    ),
    (
        "trailing commas below the header only",
        b"a,b,state\n1.5,2.25,idle,\n-3,4,run,\n5.5,.125,idle,\n",
        {},
        "left out: an empty column at the end",
    ),
    (
        "one comma too many in one row",
        b"a,b,state\n1.5,2.25,idle\n-3,4,run,\n5.5,.125,idle\n",
        {},
        "^$",
    ),
    (
        "rows of nothing, as spreadsheets leave them",
        b"a,b,state,,\n1.5,2.25,idle,,\n,,,,\n-3,4,run,,\n5.5,.125,idle,,\n,,,,\n",
        {},
        "an empty column at the end",
    ),
    (
        "times as text",
        b"time,a,b,state\n2024-05-01 10:00:00,1.5,2.25,idle\n2024-05-01T10:00:01Z,-3,4,run\n"
        b"2024-05-02,5.5,.125,idle\n",
        {},
        r"left out: 'time' \(times; --time time keeps them\)",
    ),
    (
        "ignored columns",
        b"note,a,b,state,id\nx y,1.5,2.25,idle,q\n?,-3,4,run,\n,5.5,.125,idle,7\n",
        {"ignore": ("note", "id")},
        "^$",
    ),
    (
        "chosen columns",
        b"note,a,b,state,id\nx y,1.5,2.25,idle,q\n?,-3,4,run,\n,5.5,.125,idle,7\n",
        {"features": ("a", "b")},
        "^$",
    ),
    (
        "a constant text",
        b"unit,a,b,state\nC,1.5,2.25,idle\nC,-3,4,run\nC,5.5,.125,idle\n",
        {},
        r"left out: 'unit' \(it says 'C' only\)",
    ),
    (
        "everything in quotes",
        b'"a","b","state"\n"1.5","2.25","idle"\n"-3","4","run"\n"5.5",".125","idle"\n',
        {},
        "^$",
    ),
    (
        "UTF-16, as Excel saves text",
        "a\tb\tstate\r\n1,5\t2,25\tidle\r\n-3\t4\trun\r\n5,5\t0,125\tidle\r\n".encode("utf-16"),
        {},
        "by tab, decimal comma, encoding utf-16",
    ),
    (
        "Latin-1 above the rows",
        "# Messung in m/s²\na,b,state\n1.5,2.25,idle\n-3,4,run\n5.5,.125,idle\n".encode("latin-1"),
        {},
        "encoding cp1252",
    ),
    (
        "a mark of UTF-8",
        b"\xef\xbb\xbfa,b,state\n1.5,2.25,idle\n-3,4,run\n5.5,.125,idle",
        {},
        "^$",
    ),
]


@pytest.mark.parametrize(
    ("content", "options", "said"), [row[1:] for row in SAME], ids=[row[0] for row in SAME]
)
@pytest.mark.parametrize("times", [1, 9], ids=["once", "nine times"])
def test_files_of_one_meaning(
    tmp_path: Path, content: bytes, options: dict[str, Any], said: str, times: int
) -> None:
    path, options = tmp_path / "x.csv", dict(options)
    after = options.pop("after", 0)
    counted = said.startswith("left out: the first")
    if times > 1 and not counted and not after and b"\0" not in content:
        # More rows than are parsed one by one.
        head, rows = _cut(content)
        content = head + (rows if rows.endswith(b"\n") else rows + b"\n") * times
    else:
        times = 1
    path.write_bytes(content)
    stream = CsvStream(path, "state", options=ReadOptions(**options))
    assert stream.feature_names == ("a", "b")
    assert stream.classes == ("idle", "run")
    rows_ = list(stream)[after:]
    assert [x.tolist() for x, _, _ in rows_] == X * times
    assert [stream.classes[y] for _, y, _ in rows_] == Y * times
    blocks = list(stream.blocks(4))
    assert np.concatenate([x for x, _, _ in blocks])[after:].tolist() == X * times
    assert max(len(x) for x, _, _ in blocks) <= 4
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(stream.guessed.removeprefix(f"{path}: "))


def _cut(content: bytes) -> tuple[bytes, bytes]:
    lines = content.splitlines(keepends=True)
    top = next(i for i, line in enumerate(lines) if b"state" in line) + 1
    return b"".join(lines[:top]), b"".join(lines[top:])


def test_words_become_features(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = ["red,yes,1,p", "green,NO,2,q", "blue,no,3,p", "red,yes,4,q"] * 3
    path.write_text("colour,on,v,y\n" + "\n".join(rows) + "\n")
    stream = CsvStream(path, "y")
    assert stream.feature_names == ("colour=blue", "colour=green", "colour=red", "on", "v")
    (x, _, _), *_ = stream.blocks(100)
    assert x[:4].tolist() == [[0, 0, 1, 1, 1], [0, 1, 0, 0, 2], [1, 0, 0, 0, 3], [0, 0, 1, 1, 4]]
    assert "words: 'colour' (blue, green, red), 'on' (no, yes)" in stream.guessed
    assert stream.resolved.categories == (
        ("colour", ("blue", "green", "red")),
        ("on", ("no", "yes")),
    )


def test_words_alone_and_words_that_are_chosen(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("colour,y\n" + "red,p\ngreen,q\n" * 9)
    stream = CsvStream(path, "y")
    assert stream.feature_names == ("colour=green", "colour=red")
    assert len(list(stream)) == 18
    path.write_text("colour,v,y\n" + "red,1,p\ngreen,2,q\n" * 9)
    stream = CsvStream(path, "y", options=ReadOptions(features=("colour",)))
    assert [x.tolist() for x, _, _ in stream][:2] == [[0, 1], [1, 0]]


def test_words_that_are_given_need_no_file_and_others_are_bad() -> None:
    words = ReadOptions(categories=(("door", ("closed", "open")), ("wind", ("n", "s", "w"))))
    text = "door,wind,y\nopen,w,p\nOpen,n,q\najar,n,q\nclosed,,p\nclosed,N,p\n"
    stream = CsvStream("-", "y", ["p", "q"], on_bad="skip", stdin=io.StringIO(text), options=words)
    assert stream.feature_names == ("door", "wind=n", "wind=s", "wind=w")
    assert [x.tolist() for x, _, _ in stream] == [[1, 0, 0, 1], [1, 1, 0, 0]]
    assert stream.skipped.count == 3
    said = " ".join(stream.skipped.messages)
    assert "line 4, column 'door': unknown value 'ajar'; the values are 'closed', 'open'" in said
    assert "line 5, column 'wind': the value is missing; expected a word" in said
    assert "line 6, column 'wind': unknown value 'N'" in said


def test_too_many_words_are_no_set(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("note,v,y\n" + "".join(f"text {i},{i},{i % 2}\n" for i in range(99)))
    with pytest.raises(StreamFormatError, match=r"more than 64 different .* --ignore note"):
        CsvStream(path, "y")


def test_a_typing_error_makes_no_column_of_words(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("v,y\n1,p\n2,q\n3o,p\n")
    stream = CsvStream(path, "y")
    with pytest.raises(InputValueError, match="line 4, column 'v': expected a number, got '3o'"):
        list(stream)


def test_the_time_is_no_feature_and_is_kept() -> None:
    text = "t,v,y\n2024-05-01 00:00:00,1,p\n1714521601.5,2,q\nyesterday,3,p\n"
    stream = CsvStream(
        "-", "y", ["p", "q"], "skip", stdin=io.StringIO(text), options=ReadOptions(time="t")
    )
    assert stream.feature_names == ("v",)
    times = [t for _ in stream.blocks(9) if stream.times is not None for t in stream.times]
    assert times == [1714521600.0, 1714521601.5]
    assert "line 4, column 't': expected a time" in stream.skipped.messages[0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1e3", 1000.0),
        ("1970-01-02", 86400.0),
        ("1970-01-01 00:00:01.5", 1.5),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:02Z", 2.0),
        ("1970-01-01T00:00:00.1234567Z", 0.123456),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert to_seconds(text) == seconds


@pytest.mark.parametrize("text", ["12:00", "01.02.2024", "2024-13-01", "now"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        to_seconds(text)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"features": ("a", "c")}, r"--features: no column 'c'; the columns are 'a', 'b', 'state'"),
    ({"features": ("state", "a")}, r"--features: 'state' is the label"),
    ({"ignore": ("B",)}, r"--ignore: no column 'B'; .* Did you mean 'b'\?"),
    ({"ignore": ("a", "b")}, "the only column is the label 'state'"),
    ({"time": "when"}, "--time: no column 'when'"),
    ({"key": "id"}, "--key or --segment: no column 'id'"),
    ({"categories": (("c", ("x", "y")),)}, "--categories: no column 'c'"),
    ({"delimiter": ";"}, "no label column 'state'; .* or by what --delimiter names"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_columns_that_are_not_there(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,state\n1,2,p\n3,4,q\n")
    with pytest.raises(StreamFormatError, match=said):
        CsvStream(path, "state", options=ReadOptions(**options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": ";;"}, "delimiter: expected one character"),
        ({"delimiter": '"'}, "delimiter: expected one character"),
        ({"decimal": "·"}, "decimal: expected"),
        ({"encoding": "klingon"}, "encoding: 'klingon' is none that Python knows"),
        ({"encoding": "base64"}, "encoding: 'base64' is none"),
        ({"missing": "zero"}, "missing: expected one of stop, skip, hold, mean"),
        ({"categories": (("c", ("x",)),)}, "categories of 'c': expected at least two"),
        ({"features": ("a",), "ignore": ("a",)}, r"\['a'\] are both wanted"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ReadOptions(**options)


def test_options_come_back_from_json() -> None:
    import json

    options = ReadOptions(("a",), ("b",), "t", "k", "tab", ",", "latin1", (("c", ("x", "y")),))
    assert ReadOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert options.delimiter == "\t"
    assert options.encoding == "iso8859-1"


def test_thousands_are_no_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,y\n"1,234",p\n"5,678",q\n')
    with pytest.raises(InputValueError, match=r"got '1,234'; .* --decimal , reads it"):
        list(CsvStream(path, "y", ["p", "q"]))
    stream = CsvStream(path, "y", ["p", "q"], options=ReadOptions(decimal=","))
    assert [float(x[0]) for x, _, _ in stream] == [np.float32(1.234), np.float32(5.678)]


def test_a_decimal_point_where_commas_are_expected(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a;y\n1,5;p\n2.5;q\n" * 5)
    stream = CsvStream(path, "y", ["p", "q"], options=ReadOptions(decimal=","))
    with pytest.raises(
        InputValueError, match=r"line 3, .* got '2.5'; the decimal comma is expected"
    ):
        list(stream)


def test_one_bad_byte_is_damage_and_no_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,y\n1,p\xfc\n2,q\n3,p\n")
    with pytest.raises(StreamFormatError, match=r"line 2: byte 0xfc .* --encoding"):
        list(CsvStream(path, "y", ["p", "q"]))
    stream = CsvStream(path, "y", options=ReadOptions(encoding="latin-1"))
    assert stream.classes == ("p", "pü", "q")


def test_a_foreign_text_in_many_rows_is_an_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("a,y\n1,läuft\n2,ruht\n3,läuft\n".encode("cp1252"))
    stream = CsvStream(path, "y")
    assert stream.classes == ("läuft", "ruht")
    assert "encoding cp1252" in stream.guessed


def test_bytes_that_are_not_of_the_encoding_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,y\n1,p\n2,\xe9\n")
    with pytest.raises(StreamFormatError, match=r"not shift_jis text .* --encoding"):
        list(CsvStream(path, "y", ["p", "q"], options=ReadOptions(encoding="shift_jis")))


# -- labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        (["0", "0.0", "1"], "'0', '0.0'"),
        (["idle", "Idle", "run"], "'Idle', 'idle'"),
        (["a b", "A  B", "c"], "'A  B', 'a b'"),
        (["1e1", "10", "2"], "'10', '1e1'"),
    ],
)
def test_labels_that_look_alike_are_named(tmp_path: Path, labels: list[str], group: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    with pytest.warns(UserWarning, match=f"the labels {group} in column 'y' look alike"):
        CsvStream(path, "y")


def test_blanks_around_a_label_mean_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,y\n1, idle\n2,idle \n3," idle "\n4,run\n' * 3)
    assert CsvStream(path, "y").classes == ("idle", "run")


def test_a_number_as_label_asks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "".join(f"{i},{i / 7:.3f}\n" for i in range(1000)))
    with pytest.raises(
        StreamFormatError, match=r"column 'y' holds 21 different numbers .* --task regression"
    ):
        CsvStream(path, "y")
    path.write_text("a,y\n" + "".join(f"{i},{i % 30}\n" for i in range(1000)))
    assert CsvStream(path, "y").n_classes == 30, "whole numbers that repeat are classes"
    path.write_text("a,y\n" + "".join(f"{i},{i}\n" for i in range(30)))
    with pytest.raises(StreamFormatError, match="30 different numbers in 30 rows"):
        CsvStream(path, "y")
    assert CsvStream(path, "y", [str(i) for i in range(30)]).n_classes == 30, "told so"


def test_nan_as_label_is_no_class_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n1,p\n2,nan\n3,q\n")
    stream = CsvStream(path, "y")
    assert stream.classes == ("p", "q")
    with pytest.raises(LabelError, match="line 3, column 'y': the label is 'nan', which names"):
        list(stream)
    assert len(list(CsvStream(path, "y", on_bad="skip"))) == 2


def test_rows_without_a_label(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "1,p\n2,\n3,q\n" * 4)
    assert [y for _, y, _ in CsvStream(path, "y", unlabelled="predict")] == [0, -1, 1] * 4
    with pytest.raises(LabelError, match="line 3, column 'y': no label"):
        list(CsvStream(path, "y"))
    with pytest.raises(ConfigError, match="unlabelled must be 'bad' or 'predict'"):
        CsvStream(path, "y", unlabelled="guess")  # type: ignore[arg-type]


def test_a_class_that_stands_in_bad_rows_only_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n1,p\n2,q\na,y\nbad,ghost\n3,p\n")
    assert CsvStream(path, "y", on_bad="skip").classes == ("p", "q")
