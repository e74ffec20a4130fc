"""What ports and topics share: nothing waits for the learner, and what is dropped is counted."""

from __future__ import annotations

import errno
import itertools
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlearn.errors import SourceError
from streamlearn.sources import arrivals, backlog, backoff, live
from streamlearn.sources import spool as spool_module
from streamlearn.sources.backoff import pauses
from streamlearn.sources.base import Counts, counts_text
from streamlearn.sources.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S, MAX_LIVE_LINE_BYTES
from streamlearn.sources.live import LiveSource, Waiting
from streamlearn.sources.segments import stored

HEADER = b"a,label\n"


class Fake(LiveSource):
    """A source that a test feeds: lines, or the error that it is lost with."""

    def __init__(self, waiting: Waiting = Waiting(), keeps: bool = False) -> None:  # noqa: B008
        self.said: list[str] = []
        super().__init__("fake", None, waiting, keeps, self.said.append)
        self.comes: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
        self.refusals: list[OSError] = []
        self.safe: list[bytes] = []
        self.connected = 0

    def _connect(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.connected += 1

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                item = self.comes.get(timeout=0.01)
            except queue.Empty:
                continue
            if isinstance(item, OSError):
                raise item
            self._put([item], lambda raw=item: self.safe.append(raw))  # type: ignore[misc]

    def _disconnect(self) -> None:
        pass


def gone() -> OSError:
    return OSError(errno.ENODEV, "it is gone")


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "pauses", lambda: itertools.repeat(0.01))


def begun(source: Fake) -> Fake:
    source.open()
    source.comes.put(HEADER)
    assert source.read_line() == HEADER
    source.began(HEADER)
    return source


def test_pauses_double_up_to_a_cap_and_differ() -> None:
    longest = list(itertools.islice(pauses(lambda: 0.0), 12))
    assert longest[:3] == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S, 4 * BACKOFF_FIRST_S]
    assert longest[-1] == max(longest) == BACKOFF_MAX_S
    shortest = list(itertools.islice(pauses(lambda: 1.0), 12))
    assert shortest == [pause / 2 for pause in longest]
    assert len({next(backoff.pauses()) for _ in range(20)}) > 10, "all would knock at once"


def test_what_is_no_row_is_counted() -> None:
    source = begun(Fake())
    for raw in (b"1,x\n", b"\xff,x\n", b"2,x\0\n", b"2\r,x\r\n", HEADER, b"9" * MAX_LIVE_LINE_BYTES
                + b"\n", b"3,x\r\n"):  # fmt: skip
        source.comes.put(raw)
    assert [source.read_line(), source.read_line()] == [b"1,x\n", b"3,x\r\n"]
    source.close()
    assert source.counts.to_json() == {"overlong": 1, "undecodable": 3, "repeated_header": 1}
    said = counts_text(source.counts.to_json({"reconnects": 2, "undecodable": 1}))
    assert said == (
        "reconnects: 2. lines dropped: 1 × longer than the limit; 4 × bytes that are no text; "
        "1 × the header row once more"
    )
    assert counts_text(Counts().to_json()) is None
    with pytest.raises(ValueError, match="not one of overlong"):
        Counts().drop("bad mood")


def test_the_encoding_says_what_is_text() -> None:
    source = Fake()
    source.open()
    source.comes.put("grün,label\n".encode("latin-1"))
    assert source.read_line() == b"gr\xfcn,label\n", "the head is for the reader to judge"
    source.began(b"gr\xfcn,label\n", "latin-1")
    source.comes.put(b"1,\xfc\n")
    assert source.read_line() == b"1,\xfc\n"
    source.close()


def test_a_full_queue_drops_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "QUEUE_LINES", 10)
    source = begun(Fake())
    for i in range(25):
        source.comes.put(b"%d,x\n" % i)
    until(lambda: source.counts.dropped["queue_full"] == 15)
    assert [source.read_line() for _ in range(10)] == [b"%d,x\n" % i for i in range(10)]
    source.comes.put(b"later,x\n")
    assert source.read_line() == b"later,x\n"
    source.close()
    assert source.said == ["fake: the learner is slower than the source; lines are dropped"]


def test_many_bytes_fill_the_queue_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "QUEUE_BYTES", 1000)
    source = begun(Fake())
    for _ in range(5):
        source.comes.put(b"9" * 400 + b"\n")
    until(lambda: source.counts.dropped["queue_full"] == 2)
    source.close()


def test_a_source_that_waits_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker keeps what is not taken: then there is no reason to drop."""
    monkeypatch.setattr(backlog, "QUEUE_LINES", 10)
    source = begun(Fake())
    rows = [b"%d,x\n" % i for i in range(200)]
    feeder = threading.Thread(target=lambda: [source._put([raw], wait=True) for raw in rows])
    feeder.start()
    time.sleep(0.1)
    assert source._arrived.qsize() + source._ready.qsize() <= 11
    assert [source.read_line() for _ in rows] == rows
    feeder.join()
    source.close()
    assert not source.counts.to_json()


def test_it_comes_back() -> None:
    source = begun(Fake(Waiting(60)))
    source.comes.put(b"1,x\n")
    source.refusals = [gone(), gone()]
    source.comes.put(gone())
    source.comes.put(HEADER)  # a device that was reset begins with its header
    source.comes.put(b"2,x\n")
    assert [source.read_line(), source.read_line()] == [b"1,x\n", b"2,x\n"]
    assert source.connected == 2
    source.close()
    assert source.counts.to_json() == {"reconnects": 1, "repeated_header": 1}
    assert source.said[0] == "fake: it is gone; waiting for it to come back"
    assert source.said[1].startswith("fake: back after")


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(0, "it is gone. --reconnect SECONDS waits"), (0.05, "did not come back within 0.05 s")],
)
def test_it_does_not_come_back(seconds: float, message: str) -> None:
    source = begun(Fake(Waiting(seconds)))
    source.refusals = [gone() for _ in range(100_000)]
    source.comes.put(b"1,x\n")
    source.comes.put(gone())
    assert source.read_line() == b"1,x\n", "what came before is learned"
    for _ in range(2):
        with pytest.raises(OSError, match=message):
            source.read_line()
    source.close()


def test_the_first_connection() -> None:
    source = Fake(Waiting(60))
    source.refusals = [gone()]
    with pytest.raises(SourceError, match="fake: it is gone"):
        source.open()
    patient = Fake(Waiting(60, at_first=True))
    patient.refusals = [gone(), gone()]
    begun(patient).close()
    assert patient.connected == 1


def test_closing_wakes_who_reads() -> None:
    source = begun(Fake())
    threading.Timer(0.1, source.close).start()
    assert source.read_line() is None
    assert source.read_line() is None


def test_what_is_there() -> None:
    source = begun(Fake())
    assert source.read_available(100) == b""
    rows = [b"%d,x\n" % i for i in range(9)]
    for raw in rows:
        source.comes.put(raw)
    until(lambda: source._ready.qsize() == 9)
    assert source.read_available(8) == rows[0] + rows[1]
    assert source.read_line() == rows[2]
    source.comes.put(gone())
    found = b""
    while len(found) < 24:
        found += source.read_available(1000)
    assert found == b"".join(rows[3:])
    assert source.read_available(1000) == b""
    assert source.position == 10
    with pytest.raises(OSError, match="it is gone"):
        source.read_line()
    source.close()


def test_safe_without_a_folder_is_what_was_taken() -> None:
    source = begun(Fake())
    for i in range(3):
        source.comes.put(b"%d,x\n" % i)
    for i in range(3):
        assert source.read_line() == b"%d,x\n" % i
        assert source.safe[1:] == [b"%d,x\n" % j for j in range(i)], "not before the next is asked"
    source.close()


def test_safe_in_a_folder_is_what_is_on_the_disk(tmp_path: Path) -> None:
    source = begun(Fake(keeps=True))
    source.comes.put(b"1,x\n")
    assert source.read_line() == b"1,x\n"
    assert source.safe == [], "a kill now would lose it"
    source.keep_in(tmp_path)
    assert source.safe == [HEADER, b"1,x\n"]
    source.comes.put(b"2,x\n")
    until(lambda: len(source.safe) == 3)
    source.close()  # it was never read
    again = Fake(keeps=True)
    assert again.resume(tmp_path, 0, 0)
    again.open()
    assert [again.read_line() for _ in range(3)] == [HEADER, b"1,x\n", b"2,x\n"]
    again.close()


def test_a_full_disk_stops_no_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is learned, but the broker is not told that it is safe."""
    monkeypatch.setattr(arrivals, "_RETRY_S", 0.02)
    source = begun(Fake(keeps=True))
    source.keep_in(tmp_path)
    write = spool_module._write_all

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool_module, "_write_all", full)
    source.comes.put(b"1,x\n")
    assert source.read_line() == b"1,x\n"
    time.sleep(0.1)
    assert source.safe == [HEADER]
    assert len(source.said) == 1
    assert "cannot be written to the disk: No space left" in source.said[0]
    monkeypatch.setattr(spool_module, "_write_all", write)
    until(lambda: source.safe == [HEADER, b"1,x\n"])
    source.close()
    found = stored(tmp_path, 0, 0)
    assert found is not None
    assert found.lines == [b"1,x\n"]
