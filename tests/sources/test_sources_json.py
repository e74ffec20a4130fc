"""JSON lines: the same cells as the CSV, and a sentence for whatever is no flat object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn.errors import StreamFormatError, StreamlearnError
from streamlearn.sources import Opening, open_source
from streamlearn.sources.json_rows import JsonRows
from streamlearn.sources.limits import MAX_JSON_KEYS
from streamlearn.streams import CsvStream
from streamlearn.streams.csv_text import split_record

CLASSES = ["cat", "dog"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.log"


def read(file: Path, lines: list[str], on_bad: str = "stop") -> CsvStream:
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return CsvStream(file, "label", CLASSES, on_bad)  # type: ignore[arg-type]


def rows(stream: CsvStream) -> list[tuple[list[float], int, int]]:
    return [(x.tolist(), y, line) for x, y, line in stream]


GOOD = [
    '{"a": 1, "label": "cat", "b,c": 0.1}',
    '{"b,c": 1e-30, "a": -2.50, "label": "dog"}',
    "",
    '  {"label":"cat","a":12345678901234567890,"b,c":3}',
]


def test_json_lines_are_rows(file: Path, tmp_path: Path) -> None:
    stream = read(file, GOOD)
    assert stream.feature_names == ("a", "b,c")
    csv = tmp_path / "x.csv"
    csv.write_text('a,label,"b,c"\n1,cat,0.1\n-2.50,dog,1e-30\n12345678901234567890,cat,3\n')
    values = [(x, y) for x, y, _ in rows(stream)]
    assert values == [(x, y) for x, y, _ in rows(CsvStream(csv, "label", CLASSES))]
    assert [line for *_, line in rows(stream)] == [1, 2, 4], (
        "lines of the file, no header among them"
    )


def test_a_byte_order_mark_and_classes_that_are_found(file: Path) -> None:
    file.write_text("\ufeff" + "\n".join(GOOD), "utf-8")
    stream = CsvStream(file, "label")
    assert stream.classes == ("cat", "dog")
    assert len(rows(stream)) == len(rows(stream)) == 3


def test_going_on_behind_every_line(file: Path) -> None:
    whole = rows(read(file, GOOD))
    for at in range(len(whole)):
        first = read(file, GOOD)
        samples = iter(first)
        for _ in range(at + 1):
            next(samples)
        again = CsvStream(file, "label", CLASSES)
        assert again.start_after(*first.position)
        assert rows(again) == whole[at + 1 :]


BAD = [
    ('{"a": 1, "label": "cat"}', r"other keys .*missing: 'b,c', unknown: none"),
    ('{"a": 1, "label": "cat", "b,c": 1, "d": 2}', "missing: none, unknown: 'd'"),
    ('{"a": 1, "label": "cat", "b,c": {"d": 2}}', "column 'b,c': an object within the object"),
    ('{"a": [1], "label": "cat", "b,c": 2}', "column 'a': an array; expected one flat object"),
    ('{"a": 1, "a": 2, "label": "cat", "b,c": 2}', "the key 'a' comes twice"),
    ('{"a": 1, "label": "cat", "b,c": 2', "not a JSON object"),
    ('{"a": 1, "label": "cat", "b,c": 2} x', "not a JSON object"),
    ('[{"a": 1, "label": "cat", "b,c": 2}]', "an array; expected one flat object per line"),
    ("7", "a value alone, '7'"),
    ("null", "a value alone, 'None'"),
    ('{"a": "\\n", "label": "cat", "b,c": 2}', "column 'a': a text with a line break or NUL"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply|an array"),
    ('{"a": null, "label": "cat", "b,c": 2}', "column 'a': the value is missing"),
    ('{"a": true, "label": "cat", "b,c": 2}', "column 'a': expected a number, got 'true'"),
    ('{"a": NaN, "label": "cat", "b,c": 2}', "column 'a': expected a finite number, got 'NaN'"),
    ('{"a": "x", "label": "cat", "b,c": 2}', "column 'a': expected a number, got 'x'"),
    ('{"a": 1, "label": null, "b,c": 2}', "column 'label': no label"),
    ('{"a": 1, "label": "cow", "b,c": 2}', "unknown label 'cow'"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_objects_are_bad_rows(file: Path, line: str, message: str) -> None:
    lines = [GOOD[0], line, GOOD[1]]
    with pytest.raises(StreamlearnError, match=rf"x\.log line 2.*({message})"):
        rows(read(file, lines))
    stream = read(file, lines, "skip")
    assert [line for *_, line in rows(stream)] == [1, 3]
    assert stream.skipped.count == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('[{"a": 1}, {"a": 2}]', r"a JSON array; expected one object per line.*jq -c"),
        ("{}", "an object without keys"),
        ('{"a": 1', "not a JSON object"),
        ('{"a": 1}', "no label column 'label'"),
        ('{"label": 1}', "the only column is the label"),
        ('{"a": 1, "": 1, "label": 2}', "column 2 of the header has no name"),
    ],
)
def test_first_lines_that_are_no_header(file: Path, line: str, message: str) -> None:
    with pytest.raises(StreamFormatError, match=rf"x\.log line 1.*{message}"):
        read(file, [line])


def test_the_format_can_be_said(file: Path) -> None:
    file.write_text('{"a","label"}\n1,cat\n')
    csv = open_source(file, Opening(format="csv"))
    with pytest.raises(StreamFormatError, match=r"line 1: not a CSV record|no label column"):
        CsvStream(csv, "label", CLASSES)
    file.write_text("a,label\n1,cat\n")
    with pytest.raises(StreamFormatError, match="line 1: not a JSON object"):
        CsvStream(open_source(file, Opening(format="jsonl")), "label", CLASSES)


def test_too_many_keys(file: Path) -> None:
    wide = {f"c{i}": i for i in range(MAX_JSON_KEYS + 1)}
    with pytest.raises(StreamFormatError, match=f"{MAX_JSON_KEYS + 1} keys; at most"):
        read(file, [json.dumps(wide)])


texts = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=("Cs",)), max_size=8)
cells = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)


@given(st.dictionaries(texts.filter(bool), cells, min_size=1, max_size=6))
def test_every_flat_object_comes_back_as_its_cells(found: dict[str, object]) -> None:
    """Whatever stands in a text (commas, quotes, #), the CSV reader sees the object's cells."""
    header, record = JsonRows().first(json.dumps(found), "here")
    said = {None: "", True: "true", False: "false"}
    expected = [
        said[value]
        if value is None or isinstance(value, bool)
        else value.strip()
        if isinstance(value, str)
        else json.dumps(value)
        for value in found.values()
    ]
    assert split_record(header, "here") == [name.strip() for name in found] or not header.strip()
    assert split_record(record, "here") == expected or not record.strip()


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    rows = JsonRows()
    rows.first('{"a": 1}', "here")
    said = "here"
    try:
        rows.row(text, "here")
    except StreamFormatError as error:
        said = str(error)
    assert said.startswith("here")
