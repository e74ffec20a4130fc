"""Files that are whole whatever happens: their bytes, their mode, links, errors, and the order of
the calls that bring them to the disk."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quant import durable
from quant.durable import is_temporary, remove_temporaries, write_durably
from streamlearn import MesuClassifier, StreamlearnError
from streamlearn.errors import WriteError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX modes and links")


def test_what_was_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write_durably(file, b"\0one")
    write_durably(str(file), "zwölf")
    assert file.read_bytes() == "zwölf".encode()
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_new_file_has_the_users_mode_and_an_old_one_keeps_its(
    tmp_path: Path, umask: int, mode: int
) -> None:
    file, before = tmp_path / "a", os.umask(umask)
    try:
        write_durably(file, b"1")
        assert file.stat().st_mode & 0o777 == mode
        file.chmod(0o640)
        write_durably(file, b"2")
        assert file.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "far" / "real", tmp_path / "link"
    real.parent.mkdir()
    link.symlink_to(real)
    for data in (b"new", b"again"):  # at first it points to nothing
        write_durably(link, data)
        assert link.is_symlink()
        assert real.read_bytes() == data
    assert [f.name for f in tmp_path.iterdir() if f.is_file() and not f.is_symlink()] == []


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    write_durably("/dev/null", b"1")
    assert Path("/dev/null").is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_durably(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_a_folder_that_is_missing_or_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no/a: cannot be written: No such file or directory; mak"):
        write_durably(tmp_path / "no" / "a", b"")
    with pytest.raises(WriteError, match="cannot be written: Is a directory"):
        write_durably(tmp_path, b"")


def test_the_error_is_ours_and_the_systems(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared
        write_durably(tmp_path / "no" / "a", b"")
    assert isinstance(caught.value, StreamlearnError)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(tmp_path / "no/a"))


@pytest.mark.parametrize("at", ["write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_failure_anywhere_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, number: int
) -> None:
    file = tmp_path / "a"
    write_durably(file, b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    if at == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(durable.os, at, fail)
    with pytest.raises(WriteError, match=re.escape(f"{file}: cannot be written: ")):
        write_durably(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


LIMITED = """
import resource, sys
from streamlearn import MesuClassifier
learner = MesuClassifier((4, 8, 2), classes=("a", "b"), arithmetic="float64")
learner.learn_one([1, 2, 3, 4], "a")
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
learner.save(sys.argv[1])
"""


def test_a_file_that_may_not_grow_that_far(tmp_path: Path) -> None:
    """What a full disk does too, without being root: a write that ends in the middle."""
    file = tmp_path / "state.sls"
    before = MesuClassifier((4, 8, 2), classes=("a", "b"), arithmetic="float64")
    before.save(file)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(file)], capture_output=True, text=True, timeout=60
    )
    assert re.search(r"WriteError: .*state\.sls: cannot be written: File too large", done.stderr)
    assert MesuClassifier.load(file).to_bytes() == before.to_bytes()
    assert [f.name for f in tmp_path.iterdir()] == ["state.sls"]


def test_a_full_disk(tmp_path: Path) -> None:
    disk, file = tmp_path / "disk", tmp_path / "disk" / "a"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of 64 KiB can be mounted by root only")
    try:
        write_durably(file, b"old")
        with pytest.raises(WriteError, match="No space left on device; make room there"):
            write_durably(file, bytes(100_000))
        assert file.read_bytes() == b"old"
        assert [f.name for f in disk.iterdir()] == ["a"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_temporaries_of_killed_writers_are_known(tmp_path: Path) -> None:
    for name in (
        ".state.sls.123-0123abcd.new",
        "state.sls",
        ".state.sls.new",
        "x.123-0123abcd.new",
    ):
        (tmp_path / name).touch()
    remove_temporaries(tmp_path)
    assert {f.name for f in tmp_path.iterdir()} == {
        "state.sls", ".state.sls.new", "x.123-0123abcd.new",
    }  # fmt: skip
    assert not is_temporary("state.sls")


SAVED = "import sys; from quant.durable import write_durably; write_durably(sys.argv[1], b'x' * 9)"


def calls(folder: Path, *command: str) -> list[str]:
    """Return the calls to the system that bring files of a folder to the disk, in order."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = folder / "strace.log"
    trace = ["strace", "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o", str(log)]
    done = subprocess.run([*trace, *command], capture_output=True, text=True, timeout=120)
    if "ptrace" in done.stderr or not log.exists():
        pytest.skip(f"strace cannot look here: {done.stderr[:200]}")
    return [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]


def test_the_file_is_synced_before_its_rename_and_the_folder_after(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    file = tmp_path / "f" / "a"
    found = [c for c in calls(tmp_path, sys.executable, "-c", SAVED, str(file)) if "/f" in c]
    assert len(found) == 3, found
    assert re.match(r"fsync\(\d+<.*/f/\.a\.\d+-[0-9a-f]{8}\.new>\) += 0", found[0])
    assert re.match(r"rename.*\.new\".*/f/a\"\) += 0", found[1])
    assert re.match(r"fsync\(\d+<.*/f>\) += 0", found[2])
