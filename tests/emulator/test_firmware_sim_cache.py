"""The cache of what runs beside the emulator: damage is built again, no cache is no failure."""

from __future__ import annotations

import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware_sim import cache
from firmware_sim.errors import BuildError

TEXT = b"a library" * 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMLEARN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "firmware_sim"


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, to: Path) -> None:
        self.calls += 1
        to.write_bytes(TEXT)


def test_made_once(folder: Path) -> None:
    make = Maker()
    library = cache.kept("tap-1", ".so", make)
    assert library == cache.kept("tap-1", ".so", make)
    assert (make.calls, library.read_bytes(), library.parent) == (1, TEXT, folder)
    assert cache.kept("tap-2", ".so", make) != library
    assert len([*folder.iterdir()]) == 4


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "no sum", "sum text"])
def test_what_is_damaged_is_made_again(folder: Path, damage: str) -> None:
    make = Maker()
    library, note = cache.kept("tap-1", ".so", make), folder / "tap-1.sha256"
    if damage in ("cut", "empty"):
        library.write_bytes(TEXT[:50] if damage == "cut" else b"")
    elif damage == "sum text":
        note.write_bytes(b"\xff../etc\0")
    else:
        (library if damage == "gone" else note).unlink()
    assert cache.kept("tap-1", ".so", make).read_bytes() == TEXT
    assert make.calls == 2


def test_two_at_once(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {*pool.map(lambda _: cache.kept("tap-1", ".so", Maker()), range(8))}
    assert {file.read_bytes() for file in found} == {TEXT}
    assert {file.suffix for file in folder.iterdir()} == {".so", ".sha256"}


def test_what_fails_leaves_nothing(folder: Path) -> None:
    def fail(_: Path) -> None:
        raise BuildError("no compiler")

    with pytest.raises(BuildError):
        cache.kept("tap-1", ".so", fail)
    assert not [*folder.iterdir()]


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("STREAMLEARN_CACHE", str(file / "below"))  # not even root can
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = cache.cache_dir()
    assert found.parent == tmp_path
    assert found.name.startswith("streamlearn-")
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    found.chmod(0o777)  # others could put code there
    assert cache.cache_dir() != found


def test_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("STREAMLEARN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache.cache_dir().parent == tmp_path
