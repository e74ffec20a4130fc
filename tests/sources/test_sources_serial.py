"""A serial port on a pseudo-terminal: torn lines, noise, unplugged and back again."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are of POSIX", allow_module_level=True)
pytest.importorskip("serial", reason="pyserial is not installed")

from ports import Port

from streamlearn.errors import ConfigError, SourceError
from streamlearn.sources import Opening, live, open_source, serial_port
from streamlearn.sources.limits import MAX_LIVE_LINE_BYTES
from streamlearn.sources.serial_port import SerialSource, _Lines, _may_be_torn
from streamlearn.streams import CsvStream

HEADER = b"a,label\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    made = Port(tmp_path / "tty")
    yield made
    made.unplug()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "pauses", lambda: itertools.repeat(0.05))


def opened(port: Port, reconnect: float | None = None) -> SerialSource:
    said: list[str] = []
    source = open_source(f"serial:{port.name}@9600", Opening(reconnect=reconnect, say=said.append))
    assert isinstance(source, SerialSource)
    source.open()
    return source


def test_rows_arrive_one_by_one(port: Port) -> None:
    port.write(HEADER)
    stream = CsvStream(f"serial:{port.name}", "label", ["x", "y"])
    assert stream.name == f"serial:{port.name}@115200"
    samples = iter(stream)
    for i in range(5):
        port.write(b"%d" % i)
        time.sleep(0.01)
        port.write(b",x\r\n")
        x, y, line = next(samples)
        assert (x.tolist(), y, line) == ([i], 0, i + 2)
    stream.close()


@pytest.mark.parametrize(
    ("first", "is_kept"),
    [(b"5,x\n", False), (b".5,x\n", False), (HEADER, True), (b'{"a":1}\n', True), (b"l\r\n", True)],
)
def test_a_first_line_that_may_be_torn(port: Port, first: bytes, is_kept: bool) -> None:
    """Bytes are there as soon as it is opened: who knows where their line began?"""
    port.write(first + b"7,y\n")
    source = opened(port)
    assert source.read_line() == (first if is_kept else b"7,y\n")
    source.close()
    assert source.counts.dropped["torn"] == (not is_kept)


def test_a_first_line_after_silence_is_whole(port: Port) -> None:
    source = opened(port)
    time.sleep(0.3)
    port.write(b"5,x\n")
    assert source.read_line() == b"5,x\n"
    source.close()
    assert not source.counts.dropped


def test_a_line_that_is_known_to_be_a_row_may_always_be_torn() -> None:
    assert _may_be_torn(b"state\n", header_known=True)
    assert not _may_be_torn(b"state\n", header_known=False)
    assert _may_be_torn(b"1;5;x\n", header_known=False)


def test_unplugged_without_reconnect(port: Port) -> None:
    port.write(HEADER + b"1,x\n2,")
    source = opened(port)
    assert source.read_line() == HEADER
    assert source.read_line() == b"1,x\n"
    time.sleep(0.1)
    port.unplug()
    with pytest.raises(OSError, match="the port is gone"):
        source.read_line()
    source.close()
    assert source.counts.to_json() == {"torn": 1}


def test_unplugged_and_back(port: Port) -> None:
    port.write(HEADER + b"1,x\n2,")
    source = opened(port, reconnect=60)
    assert [source.read_line(), source.read_line()] == [HEADER, b"1,x\n"]
    source.began(HEADER)
    time.sleep(0.1)
    port.unplug()
    time.sleep(0.2)
    port.plug_in()
    port.write(b"4,x\n" + HEADER + b"5,x\n")
    assert source.read_line() == b"5,x\n", "4 may have been 34"
    source.close()
    assert source.counts.to_json() == {"reconnects": 1, "torn": 2, "repeated_header": 1}


def test_it_is_not_there_yet(port: Port) -> None:
    port.unplug()
    with pytest.raises(SourceError, match=r"serial:.*tty@9600: there is no such port"):
        opened(port)
    source = opened(port, reconnect=60)
    time.sleep(0.1)
    port.plug_in()
    port.write(HEADER)
    assert source.read_line() == HEADER
    source.close()


def test_two_processes_do_not_share_a_port(port: Port) -> None:
    source = opened(port)
    with pytest.raises(SourceError, match="another process has the port"):
        opened(port)
    source.close()


def test_what_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"the port cannot be opened|cannot be set so"):
        open_source(f"serial:{tmp_path / 'file'}").open()


def test_noise(port: Port) -> None:
    port.write(HEADER)
    source = opened(port)
    assert source.read_line() == HEADER
    source.began(HEADER)
    noise = os.urandom(3000).replace(b"\n", b"")
    for start in range(0, len(noise), 500):
        port.write(noise[start : start + 500] + b"\xff\n")
    port.write(b"1,x\n")
    assert source.read_line() == b"1,x\n"
    source.close()
    assert source.counts.to_json() == {"undecodable": 6}


def test_a_line_without_end_costs_one_line() -> None:
    overlong: list[int] = []
    lines = _Lines(lambda: overlong.append(1))
    assert lines.add(b"1,x\n2,") == [b"1,x\n"]
    for _ in range(MAX_LIVE_LINE_BYTES // 1000 * 3):
        assert lines.add(b"9" * 1000) == []
        assert len(lines.rest) <= MAX_LIVE_LINE_BYTES + 1000
    assert lines.add(b"9\n3,x\n4") == [b"3,x\n"]
    assert lines.rest == b"4"
    assert overlong == [1]


def test_without_pyserial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ConfigError, match=r'pip install "streamlearn\[serial\]"'):
        open_source("serial:/dev/ttyACM0@9600")
    assert serial_port.parse("serial:COM3@9600") == ("COM3", 9600)
