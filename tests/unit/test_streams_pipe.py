"""CSV from a pipe: row by row, once, with the same values as from a file."""

import io
import os
import queue
import sys
import threading

import pytest

from streamlearn.errors import StreamFormatError
from streamlearn.streams import CsvStream

TEXT = "a,b,label\n1,0.1,cat\n\n2,1e-30,dog\r\n3,bad,cat\n4,7,cat"
CLASSES = ["cat", "dog"]


def rows(stream):
    return [(x.tolist(), y, line) for x, y, line in stream]


def test_a_row_arrives_before_the_next_is_written():
    read_end, write_end = os.pipe()
    delivered: queue.Queue = queue.Queue()

    def consume():
        with os.fdopen(read_end, "rb") as source:
            stream = CsvStream("-", "label", classes=CLASSES, stdin=source)
            delivered.put(stream.feature_names)
            for x, y, line in stream:
                delivered.put((x.tolist(), y, line))
        delivered.put("end")

    # In a thread: a reader that wants more than one line then fails here instead of hanging.
    reader = threading.Thread(target=consume, daemon=True)
    reader.start()
    try:
        os.write(write_end, b"a,label\n")
        assert delivered.get(timeout=5) == ("a",)
        for i, label in enumerate(CLASSES * 3):
            os.write(write_end, f"{i},{label}\n".encode())
            assert delivered.get(timeout=5) == ([i], i % 2, i + 2)
    finally:
        os.close(write_end)
        reader.join(timeout=5)
    assert delivered.get(timeout=5) == "end"


def test_half_a_line_is_not_yet_a_row():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source:
        os.write(write_end, b"a,label\n12")
        stream = CsvStream("-", "label", classes=CLASSES, stdin=source)
        os.write(write_end, b"34,cat\n")
        os.close(write_end)
        assert rows(stream) == [([1234], 0, 2)]


def test_pipe_gives_what_the_file_gives(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT.encode())
    from_file = CsvStream(path, "label", CLASSES, "skip")
    from_pipe = CsvStream("-", "label", CLASSES, "skip", stdin=io.BytesIO(TEXT.encode()))
    assert rows(from_pipe) == rows(from_file)
    assert from_pipe.feature_names == from_file.feature_names
    assert from_pipe.skipped.count == from_file.skipped.count == 1
    assert "standard input line 5, column 'b'" in from_pipe.skipped.messages[0]


def test_text_is_read_as_bytes_are():
    text = CsvStream("-", "label", CLASSES, "skip", stdin=io.StringIO("\ufeff" + TEXT))
    raw = CsvStream("-", "label", CLASSES, "skip", stdin=io.BytesIO(TEXT.encode("utf-8-sig")))
    assert rows(text) == rows(raw)


def test_sys_stdin_is_the_default(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,label\n1,dog\n")))
    assert rows(CsvStream("-", "label", CLASSES)) == [([1], 1, 2)]


def test_classes_must_be_given():
    with pytest.raises(StreamFormatError, match=r"standard input can be read only once.*--classes"):
        CsvStream("-", "label", stdin=io.BytesIO(TEXT.encode()))


def test_a_pipe_cannot_be_read_twice():
    stream = CsvStream("-", "label", CLASSES, "skip", stdin=io.BytesIO(TEXT.encode()))
    assert len(rows(stream)) == 3
    with pytest.raises(StreamFormatError, match="standard input was read already"):
        list(stream)


def test_empty_standard_input():
    with pytest.raises(StreamFormatError, match="standard input is empty; expected a header"):
        CsvStream("-", "label", CLASSES, stdin=io.BytesIO())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_a_pipe(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(StreamFormatError, match="can be read only once"):
        CsvStream(path, "label")
    for text, expected in (("a,label\n1,cat\n", [([1], 0, 2)]), ("a,b\n", None)):
        writer = threading.Thread(target=path.write_text, args=(text,), daemon=True)
        writer.start()
        if expected is None:
            with pytest.raises(StreamFormatError, match="no label column"):
                CsvStream(path, "label", CLASSES)
        else:
            assert rows(CsvStream(path, "label", CLASSES)) == expected
        writer.join(timeout=5)
