"""What came from a port is on the disk until two checkpoints hold it, wherever a process dies."""

from __future__ import annotations

import errno
import random
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamlearn.sources import spool as spool_module
from streamlearn.sources.segments import stored
from streamlearn.sources.spool import Spool

HEAD = [b"# a pump\r\n", b"a,b,state\r\n"]
LINES = [b"%d,%d,%s\r\n" % (i, i * i, b"ab"[i % 2 :][:1]) for i in range(300)]


def place(n: int) -> tuple[int, int]:
    """The place behind the n-th row: number of its line, and CRC-32 until then."""
    return len(HEAD) + n, zlib.crc32(b"".join([*HEAD, *LINES[:n]]))


def begun(folder: Path, n: int = 0, lines: Sequence[bytes] = (), goes_on: bool = False) -> Spool:
    return Spool(folder, HEAD, *place(n), lines, goes_on)


def test_every_place_is_found_again(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    for at in range(0, 60, 7):
        spool.append(LINES[at : at + 7])
    spool.close()
    for n in range(1, 64):
        found = stored(tmp_path, *place(n))
        assert found is not None, n
        assert (found.head, found.lines, found.place) == (HEAD, LINES[n:63], place(n))
    assert stored(tmp_path, 20, 1) is None, "a line of another stream"
    assert stored(tmp_path, *place(64)) is None
    nothing_learned = stored(tmp_path, 0, 0)
    assert nothing_learned is not None
    assert (nothing_learned.lines, nothing_learned.place) == (LINES[:63], place(0))


def test_a_cut_anywhere_leaves_whole_lines(tmp_path: Path) -> None:
    """A power cut leaves a beginning, zeros or garbage behind it."""
    spool = begun(tmp_path)
    spool.append(LINES[:40])
    spool.close()
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    rng = random.Random(0)
    for cut in rng.sample(range(len(data)), 120):
        for tail in (b"", bytes(50), rng.randbytes(50)):
            file.write_bytes(data[:cut] + tail)
            found = stored(tmp_path, 0, 0)
            if data[:cut].count(b"\n") == 0:
                assert found is None
                continue
            n = data[:cut].count(b"\n") - 1
            assert found is not None
            assert found.lines == LINES[:n]


def test_segments_that_two_checkpoints_hold_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_SEGMENT_BYTES", 500)
    spool = begun(tmp_path)
    n, kept, rng = 0, [0, 0], random.Random(1)
    while n < 280:
        more = rng.randint(1, 20)
        spool.append(LINES[n : n + more])
        n += more
        kept = [kept[1], rng.randint(kept[1], n)]
        spool.kept(place(kept[1])[0])
        for checkpoint in kept:
            found = stored(tmp_path, *place(checkpoint))
            assert found is not None
            assert found.lines == LINES[checkpoint:n]
    assert 2 <= len([*tmp_path.iterdir()]) < 12, "the canary: nothing would be removed"
    spool.close()


def test_going_on_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sitting learns a part of what came; a kill may come at any place."""
    monkeypatch.setattr(spool_module, "_SEGMENT_BYTES", 300)
    spool, n, learned, rng = begun(tmp_path), 0, 0, random.Random(2)
    while n < 250:
        more = rng.randint(1, 9)
        spool.append(LINES[n : n + more])
        n += more
        if rng.random() < 0.5:
            learned = rng.randint(learned, n)
            spool.kept(place(learned)[0])
        if rng.random() < 0.3:
            spool.close()
            found = stored(tmp_path, *place(learned)) if learned else stored(tmp_path, 0, 0)
            assert found is not None
            assert found.lines == LINES[learned:n]
            spool = begun(tmp_path, learned, found.lines, goes_on=True)
    spool.close()


def test_another_stream_begins_anew(tmp_path: Path) -> None:
    spool = begun(tmp_path)
    spool.append(LINES[:50])
    spool.close()
    other = Spool(tmp_path, [b"x,y\n"], 1, zlib.crc32(b"x,y\n"), [b"1,2\n"], False)
    other.close()
    assert stored(tmp_path, *place(10)) is None
    found = stored(tmp_path, 0, 0)
    assert found is not None
    assert found.lines == [b"1,2\n"]


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = begun(tmp_path)
    spool.append(LINES[:5])
    write = spool_module._write_all

    def full(file: object, data: bytes) -> None:
        write(file, data[: len(data) // 2])  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool_module, "_write_all", full)
    with pytest.raises(OSError, match="No space"):
        spool.append(LINES[5:9])
    monkeypatch.setattr(spool_module, "_write_all", write)
    spool.append(LINES[5:12])
    spool.close()
    found = stored(tmp_path, *place(2))
    assert found is not None
    assert found.lines == LINES[2:12]


def test_files_that_are_no_segments(tmp_path: Path) -> None:
    for i, data in enumerate((b"", b"{}\n", b"[1]\n", b"\xff\n", b"[" * 100_000)):
        (tmp_path / f"source-{i:012d}.log").write_bytes(data)
    assert stored(tmp_path, 0, 0) is None
    assert stored(tmp_path / "none", 0, 0) is None
    spool = begun(tmp_path, goes_on=True)
    spool.close()
    assert stored(tmp_path, 0, 0) is not None
    shutil.rmtree(tmp_path)
