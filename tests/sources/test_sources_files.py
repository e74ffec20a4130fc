"""Files, plain and gzip; what names a source; what is refused."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from streamlearn.errors import ConfigError, StreamFormatError, StreamlearnError
from streamlearn.sources import (
    REASONS,
    FileSource,
    Opening,
    limits,
    open_source,
    stream_name,
)
from streamlearn.sources.limits import MAX_COLUMNS
from streamlearn.streams import CsvStream, DataNotFoundError

TEXT = b"a,b,label\n" + b"".join(b"%d,%d.5,%s\n" % (i, i, b"xy"[i % 2 :][:1]) for i in range(50))


def rows(stream: CsvStream) -> list[tuple[list[float], int, int]]:
    return [(x.tolist(), y, line) for x, y, line in stream]


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    file = tmp_path / "packed"  # its content says what it is, not its name
    file.write_bytes(gzip.compress(TEXT, mtime=0))
    return file


def test_gzip_gives_what_the_file_gives(tmp_path: Path, packed: Path) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_bytes(TEXT)
    one, other = CsvStream(plain, "label"), CsvStream(packed, "label")
    assert rows(one) == rows(other) == rows(other)
    assert other.rereadable
    assert one.position == other.position, "a run of one goes on with the other"
    assert other.start_after(*one.position)
    assert rows(other) == []


@pytest.mark.parametrize("cut", [-1, 12, 60])
def test_damaged_gzip_is_said(packed: Path, cut: int) -> None:
    packed.write_bytes(packed.read_bytes()[:cut])
    with pytest.raises(StreamlearnError, match=r"packed: .*the gzip data is cut"):
        CsvStream(packed, "label")


def test_gzip_with_a_wrong_checksum(packed: Path) -> None:
    data = bytearray(packed.read_bytes())
    data[-6] ^= 1
    packed.write_bytes(data)
    with pytest.raises(OSError, match="reading failed after line 51: the gzip data is cut or dam"):
        CsvStream(packed, "label")


def test_gzip_through_a_pipe_is_named() -> None:
    source = io.BytesIO(gzip.compress(TEXT, mtime=0))
    with pytest.raises(StreamFormatError, match=r"gzip data; unpack it first.*gzip -dc"):
        CsvStream("-", "label", ["x", "y"], stdin=source)


def test_what_is_there_comes_in_whole_lines(tmp_path: Path) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_bytes(TEXT + b"7,7,x")
    source = open_source(plain)
    source.open()
    assert source.read_line() == b"a,b,label\n"
    found = source.read_available(100)
    assert found.endswith(b"\n")
    assert len(found) >= 100
    while more := source.read_available(100):
        found += more
    assert b"a,b,label\n" + found == TEXT + b"7,7,x"
    assert source.read_line() is None
    source.close()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ("ftp://host/file", r"ftp:// is no source; expected a file, -, serial:"),
        ("serial:", "expected serial:PORT@BAUD"),
        ("serial:@9600", "expected serial:PORT@BAUD"),
        ("serial:/dev/x@fast", "expected serial:PORT@BAUD"),
        ("serial:/dev/x@0", "expected serial:PORT@BAUD"),
        ("serial:socket://host:1@9600", "expected serial:PORT@BAUD"),
        ("mqtt://host", r"expected mqtt://HOST\[:PORT\]/TOPIC"),
        ("mqtt:///topic", r"expected mqtt://HOST\[:PORT\]/TOPIC"),
        ("mqtts://host:0/topic", r"expected mqtts://HOST\[:PORT\]/TOPIC"),
        ("mqtt://host:99999/topic", r"expected mqtt://HOST"),
        ("mqtt://host/a#", "not a topic"),
        ("mqtt://host/#/a", "not a topic"),
        ("mqtt://host/a+/b", "not a topic"),
        ("mqtt://host/a\0", "not a topic"),
    ],
)
def test_addresses_that_mean_nothing(stream: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_source(stream)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    for read in (open_source, stream_name):
        with pytest.raises(ConfigError, match="STREAMLEARN_MQTT_PASSWORD") as caught:
            read("mqtt://me:hunter2@host/topic")
        assert "hunter2" not in str(caught.value)


def test_names_of_streams() -> None:
    assert stream_name("mqtt://[::1]:1883/a/+/b/#") == "mqtt://[::1]/a/+/b/#"
    assert stream_name("mqtts://host:1883/a") == "mqtts://host:1883/a"
    assert stream_name("serial:/dev/ttyUSB0") == "serial:/dev/ttyUSB0@115200"
    assert stream_name("serial:/dev/a@b@9600") == "serial:/dev/a@b@9600"
    assert stream_name("-") == "-"
    assert stream_name("x.csv") == str(Path("x.csv").absolute())


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="no such file"):
        open_source(tmp_path / "x.csv")
    with pytest.raises(StreamFormatError, match="is a folder"):
        FileSource(tmp_path)
    with pytest.raises(ConfigError, match="format 'xml' is not one of csv, jsonl"):
        open_source("-", Opening(format="xml"))


def test_the_page_has_the_limits() -> None:
    """A number in a page that is typed by hand is compared with the code."""
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    for names, said in (
        ("`MAX_LINE_BYTES`", f"{limits.MAX_LINE_BYTES >> 20} MiB"),
        ("`MAX_LIVE_LINE_BYTES`", f"{limits.MAX_LIVE_LINE_BYTES >> 20} MiB"),
        ("`MAX_COLUMNS`, `MAX_JSON_KEYS`", f"{limits.MAX_JSON_KEYS:,}"),
        ("`MAX_JSON_DEPTH`", f"{limits.MAX_JSON_DEPTH}"),
        (
            "`QUEUE_LINES`, `QUEUE_BYTES`",
            f"{limits.QUEUE_LINES:,} lines, {limits.QUEUE_BYTES >> 20} MiB",
        ),
        ("`CONNECT_SECONDS`", f"{limits.CONNECT_SECONDS:g} s"),
    ):
        assert f"| {names} | {said} |" in page
    for reason in REASONS:
        assert f"| `{reason}` |" in page


def test_too_many_columns(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    for n, fits in ((MAX_COLUMNS, True), (MAX_COLUMNS + 1, False)):
        names = ",".join(f"c{i}" for i in range(n - 1))
        file.write_text(f"{names},label\n")
        if fits:
            assert CsvStream(file, "label", ["x", "y"]).n_features == n - 1
        else:
            with pytest.raises(StreamFormatError, match=f"{n} columns; at most {MAX_COLUMNS}"):
                CsvStream(file, "label", ["x", "y"])
