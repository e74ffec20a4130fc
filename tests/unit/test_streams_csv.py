"""CSV from files: values, labels, and every way in which a file can be wrong."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    StreamFormatError,
    StreamlearnError,
)
from streamlearn.streams import CsvStream, DataNotFoundError
from streamlearn.streams.csv_options import ReadOptions

GOOD = "a,b,label\n1,2.5,cat\n-3e2,0,dog\n"


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def rows(stream):
    return [(x.tolist(), y, line) for x, y, line in stream]


def test_values_labels_and_line_numbers(write):
    stream = CsvStream(write(GOOD), "label")
    assert stream.feature_names == ("a", "b")
    assert (stream.n_features, stream.n_classes) == (2, 2)
    assert stream.classes == ("cat", "dog")
    assert rows(stream) == [([1, 2.5], 0, 2), ([-300, 0], 1, 3)]
    assert all(x.dtype == np.float32 for x, _, _ in stream)


def test_a_file_can_be_read_again(write):
    stream = CsvStream(write(GOOD), "label")
    assert rows(stream) == rows(stream)


def test_label_column_may_stand_anywhere(write):
    stream = CsvStream(write("a,label,b\n1,x,2\n3,y,4\n"), "label")
    assert stream.feature_names == ("a", "b")
    assert rows(stream) == [([1, 2], 0, 2), ([3, 4], 1, 3)]


def test_given_classes_keep_their_order(write):
    stream = CsvStream(write(GOOD), "label", classes=["dog", "bird", "cat"])
    assert stream.classes == ("dog", "bird", "cat")
    assert [y for _, y, _ in stream] == [2, 0]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        "\ufeff" + GOOD,
        '"a","b","label"\n"1","2.5","cat"\n"-3e2","0","dog"\n',
        "a, b , label\n 1 ,2.5, cat\n-3e2,0,dog \n",
    ],
)
def test_dialects_mean_the_same(write, text):
    stream = CsvStream(write(text), "label")
    assert stream.classes == ("cat", "dog")
    assert rows(stream) == [([1, 2.5], 0, 2), ([-300, 0], 1, 3)]


def test_blank_lines_are_ignored_but_counted(write):
    stream = CsvStream(write("\n\na,label\n\n1,x\n  \n\n2,y\n\n"), "label")
    assert rows(stream) == [([1], 0, 5), ([2], 1, 8)]


def test_labels_of_any_text(write):
    stream = CsvStream(write('a,label\n1,"wet, ""very"""\n2,été 温\n3,7\n'), "label")
    assert stream.classes == ("7", 'wet, "very"', "été 温")
    assert [y for _, y, _ in stream] == [1, 2, 0]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float32_comes_back_exactly(values):
    text = "v,label\n" + "".join(f"{value!r},{i % 2}\n" for i, value in enumerate(values))
    stream = CsvStream("-", "label", classes=["0", "1"], stdin=io.StringIO(text))
    back = np.array([x[0] for x, _, _ in stream])
    assert np.array_equal(back.view(np.uint32), np.array(values, np.float32).view(np.uint32))


BAD_ROWS = [
    ("1,,cat", InputValueError, "line 3, column 'b': the value is missing"),
    ("1,  ,cat", InputValueError, "line 3, column 'b': the value is missing"),
    ("1,two,cat", InputValueError, "line 3, column 'b': expected a number, got 'two'"),
    ("1_0,2,cat", InputValueError, "line 3, column 'a': expected a number, got '1_0'"),
    ("nan,2,cat", InputValueError, "line 3, column 'a': expected a finite number, got 'nan'"),
    ("1,-inf,cat", InputValueError, "line 3, column 'b': expected a finite number, got '-inf'"),
    ("1e39,2,cat", InputValueError, "line 3, column 'a': '1e39' is outside the range of float32"),
    ("1e999,2,cat", InputValueError, "line 3, column 'a': expected a finite number, got '1e999'"),
    ("1,2,", LabelError, "line 3, column 'label': no label"),
    ("1,2", StreamFormatError, "line 3: expected 3 values as in the header, got 2; .* 'label'"),
    ("1,2,cat,9", StreamFormatError, "line 3: expected 3 values .* got 4; .* many is '9'"),
    ('1,"2,cat', StreamFormatError, "line 3: not a CSV record .* closed on the same line"),
    ('1,"2"x,cat', StreamFormatError, "line 3: not a CSV record"),
    (b"1,2,c\xffat", StreamFormatError, "line 3: byte 0xff at position 6 is not UTF-8"),
    (b"1,2,c\0at", StreamFormatError, "line 3: a NUL byte"),
    ("1,2\r,cat", StreamFormatError, "line 3: a carriage return inside the line"),
]


def with_bad_row(bad):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    return b"a,b,label\n1,2,cat\n" + bad + b"\n5,6,dog\n"


@pytest.mark.parametrize(("bad", "error", "said"), BAD_ROWS)
def test_stop_names_line_and_column(write, bad, error, said):
    with pytest.raises(error, match=said):
        list(CsvStream(write(with_bad_row(bad)), "label"))
    stream = CsvStream(write(with_bad_row(bad)), "label", classes=["cat", "dog"])
    rows_seen = iter(stream)
    assert next(rows_seen)[2] == 2
    with pytest.raises(error, match=said) as caught:
        next(rows_seen)
    assert isinstance(caught.value, StreamlearnError)
    assert "data.csv" in str(caught.value)


@pytest.mark.parametrize(("bad", "error", "said"), BAD_ROWS)
def test_skip_leaves_the_row_out_and_notes_it(write, bad, error, said):  # noqa: ARG001
    stream = CsvStream(write(with_bad_row(bad)), "label", on_bad="skip")
    assert stream.skipped.count == 0
    for _ in range(2):
        assert rows(stream) == [([1, 2], 0, 2), ([5, 6], 1, 4)]
        assert stream.skipped.count == 1
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(stream.skipped.messages[0])


def test_only_ten_messages_are_kept(write):
    text = "a,label\n1,x\n2,y\n" + "bad,x\n" * 25
    stream = CsvStream(write(text), "label", on_bad="skip")
    assert len(rows(stream)) == 2
    assert stream.skipped.count == 25
    assert len(stream.skipped.messages) == 10
    assert "line 4" in stream.skipped.messages[0]


def test_a_skipped_row_gives_no_class(write):
    stream = CsvStream(write("a,label\n1,x\nbad,ghost\n2,y\n"), "label", on_bad="skip")
    assert stream.classes == ("x", "y")


def test_unknown_label(write):
    path = write("a,label\n1,cat\n2,dgo\n")
    with pytest.raises(LabelError, match=r"line 3, column 'label': unknown label 'dgo'; .*'dog'\?"):
        list(CsvStream(path, "label", classes=["cat", "dog"]))
    stream = CsvStream(path, "label", classes=["cat", "dog"], on_bad="skip")
    assert len(rows(stream)) == 1
    assert stream.skipped.count == 1


HEAD_ERRORS = [
    (b"", "is empty; expected a header row"),
    (b"\n \n\r\n", "is empty; expected a header row"),
    (b"a,b,klass\n1,2,x\n", r"line 1: no label column 'label'; the columns are 'a', 'b', 'klass'$"),
    (b"a,b,Label\n1,2,x\n", r"columns are 'a', 'b', 'Label'\. Did you mean 'Label'\?"),
    (b"a,lable\n1,x\n", r"Did you mean 'lable'\?"),
    (b"1.5,2,cat\n2,3,dog\n", "no header row with a column 'label': the first row looks like data"),
    (b"a:b:label\n1:2:x\n", "the columns are 'a:b:label'; expected cells separated by commas, or"),
    (b"a,a,label\n1,2,x\n", r"line 1: duplicate column name\(s\) 'a'"),
    (b"a,label,label\n1,2,x\n", r"duplicate column name\(s\) 'label'"),
    (b"a,,label\n1,2,x\n", "line 1: column 2 of the header has no name"),
    (b"label\nx\ny\n", "the only column is the label 'label'"),
    (b"a,label\n", "a header but no rows under it"),
    (b"a,label\n\n\n", "a header but no rows under it"),
    (b"\x89PNG\r\n\x1a\n\0\0", "line 1: byte 0x89 at position 1 is not UTF-8"),
    (b"PK\x03\x04\0\0\n", "line 1: a NUL byte; expected CSV text, not a binary file"),
    (b"a,label\r1,x\r2,y\r", "line 1: a carriage return inside the line"),
    (b'a,"label\n1,x\n', "line 1: not a CSV record"),
]


@pytest.mark.parametrize("on_bad", ["stop", "skip"])
@pytest.mark.parametrize(("raw", "said"), HEAD_ERRORS)
def test_files_that_are_no_stream(write, raw, said, on_bad):
    with pytest.raises(StreamFormatError, match=said):
        CsvStream(write(raw), "label", on_bad=on_bad)


def test_header_only_with_classes_given(write):
    stream = CsvStream(write("a,label\n"), "label", classes=["x", "y"])
    with pytest.raises(StreamFormatError, match="a header but no rows"):
        list(stream)


def test_endless_line(write, monkeypatch):
    monkeypatch.setattr("streamlearn.streams.csv_lines.MAX_LINE_BYTES", 64)
    with pytest.raises(StreamFormatError, match="line 1: no line end within 64"):
        CsvStream(write("x" * 100), "label")


def test_many_columns_are_listed_in_part(write):
    names = ",".join(f"col{i}" for i in range(30))
    with pytest.raises(StreamFormatError, match="'col19' and 10 more"):
        CsvStream(write(names + "\n"), "zzz")


@pytest.mark.parametrize(
    ("text", "found"),
    [("a,label\n1,x\n2,x\n", "only 'x'"), ("a,label\n1,\n2,\n", "none in a good")],
)
def test_fewer_than_two_classes(write, text, found):
    with pytest.raises(StreamFormatError, match=f"at least 2 classes in column 'label', .*{found}"):
        CsvStream(write(text), "label", on_bad="skip")


def test_too_many_classes(write, monkeypatch):
    monkeypatch.setattr("streamlearn.streams.csv_stream.MAX_CLASSES", 3)
    text = "a,label\n" + "".join(f"{i},{i}\n" for i in range(9))
    with pytest.raises(StreamFormatError, match="line 5: more than 3 different labels"):
        CsvStream(write(text), "label")
    with pytest.raises(ConfigError, match="at most 3 classes, got 4"):
        CsvStream(write(text), "label", classes=list("0123"))


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["x"], "expected at least 2 classes"),
        ([], "expected at least 2 classes"),
        (["x", "y", " x"], "named twice"),
        (["x", ""], "without a name"),
    ],
)
def test_bad_classes(write, classes, said):
    with pytest.raises(ConfigError, match=said):
        CsvStream(write(GOOD), "label", classes=classes)


def test_unknown_on_bad(write):
    with pytest.raises(ConfigError, match="'stop' or 'skip', got 'ignore'"):
        CsvStream(write(GOOD), "label", on_bad="ignore")


def test_file_not_found(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"no such file: '.*missing.csv'"):
        CsvStream(tmp_path / "missing.csv", "label")


def test_a_folder(tmp_path):
    with pytest.raises(StreamFormatError, match="is a folder; expected a CSV file"):
        CsvStream(tmp_path, "label")


def test_file_under_a_file(write):
    with pytest.raises(StreamFormatError, match=r"cannot open .*: Not a directory"):
        CsvStream(write(GOOD) / "x.csv", "label")


def test_header_that_changes_between_passes(write):
    path = write(GOOD)
    stream = CsvStream(path, "label")
    path.write_text("b,a,label\n1,2,cat\n")
    with pytest.raises(StreamFormatError, match="the header changed"):
        list(stream)


def test_file_that_vanishes_between_passes(write):
    path = write(GOOD)
    stream = CsvStream(path, "label")
    path.unlink()
    with pytest.raises(StreamFormatError, match="no such file"):
        list(stream)


@pytest.mark.parametrize("cell", ["{}%", "{} mm", "−{}", "€{}", "1 234,{}", "1'000.{}"], ids=str)
def test_numbers_with_something_around_them_are_no_words(cell: str, tmp_path: Path) -> None:
    """As words each would be an input of its own: 60 rows, 60 inputs, accuracy at chance."""
    path = tmp_path / "adorned.csv"
    rows = [f'"{cell.format(k * 7 % 61)}",{k}.5,{"ab"[k % 2]}' for k in range(60)]
    path.write_text("\n".join(["p,x,y", *rows]) + "\n", "utf-8")
    with pytest.raises(StreamFormatError, match="column 'p' holds numbers with something around"):
        CsvStream(path, "y")
    assert CsvStream(path, "y", options=ReadOptions(ignore=("p",))).feature_names == ("x",)


@pytest.mark.parametrize("values", [("10mm", "20mm"), ("3rd", "1st", "2nd"), ("A1", "B2", "C3")])
def test_a_few_words_that_hold_digits_are_words(values: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    rows = [f"{values[k % len(values)]},{k}.5,{'ab'[k % 2]}" for k in range(60)]
    path.write_text("\n".join(["p,x,y", *rows]) + "\n", "utf-8")
    assert CsvStream(path, "y").n_features == 1 + len(values)
