"""A file of labels that is still being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamlearn.errors import StreamFormatError
from streamlearn.sources import open_source
from streamlearn.streams.csv_labels import ClassValues
from streamlearn.streams.late_labels import LabelFile, labels_in

VALUES = ClassValues("y", ("p", "q"), "bad")


def test_lines_are_read_when_they_are_complete(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("k;y\n1;p\n2;")
    labels = LabelFile(open_source(path), "k", "y", VALUES)
    assert labels.begin()
    assert labels.next() == ("1", 0)
    assert labels.next() is None
    with path.open("a") as file:
        file.write("q\n3;x\n\n# pause\n4;p")
    assert labels.next() == ("2", 1)
    assert labels.next() is None
    assert (labels.place[0], labels.bad) == (6, 1)
    assert "line 4, column 'y': unknown label 'x'" in labels.message
    labels.ends()
    assert [*labels] == [("4", 0)]
    labels.close()


def test_going_on_behind_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("k,y\n1,p\n2,q\n")
    labels = LabelFile(open_source(path), "k", "y", VALUES)
    assert labels.begin()
    assert labels.next() == ("1", 0)
    place = labels.place
    labels.close()
    for text, goes_on, rest in (
        ("k,y\n1,p\n2,q\n3,p\n", True, [("2", 1), ("3", 0)]),
        ("k,y\n9,q\n2,q\n", False, [("9", 1), ("2", 1)]),  # another file of that name
        ("k,y\n", False, []),
    ):
        path.write_text(text)
        labels = LabelFile(open_source(path), "k", "y", VALUES)
        assert labels.begin(place) == goes_on
        assert [*labels] == rest
        labels.close()


def test_a_file_without_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,y\n1,p\n2,q\n")
    assert labels_in(str(path), "id", "y") == ("p", "q")
    with pytest.raises(StreamFormatError, match="no column 'k'; the columns are 'id', 'y'"):
        labels_in(str(path), "k", "y")
