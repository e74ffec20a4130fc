"""The cache of compiled kernels: damage is built again, and no cache is no reason to fail."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quant import compiler
from quant.compiler import CacheWarning, build_shared

SOURCE = '__attribute__((visibility("default"))) int sl_number(void) { return %d; }\n'


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small source, and a cache of the test's own; the compiler's stays, it is slow to fill."""
    for name in ("GLOBAL", "LOCAL"):
        monkeypatch.setenv(f"ZIG_{name}_CACHE_DIR", str(compiler.cache_dir() / "zig"))
    monkeypatch.setenv("STREAMLEARN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "src" / "number.c"
    file.parent.mkdir()
    file.write_text(SOURCE % 7)
    return file


def answer(library: Path) -> int:
    """Ask a library in a process of its own: one that is damaged may kill its process."""
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).sl_number())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(library)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_what_is_whole_is_not_built_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = build_shared([source], {})
    assert answer(library) == 7
    monkeypatch.setattr(compiler, "_build", None)
    assert build_shared([source], {}) == library
    monkeypatch.setattr(compiler, "_WHOLE", {})  # another process
    assert build_shared([source], {}) == library


@pytest.mark.parametrize("damage", ["cut", "empty", "bit", "gone", "no sum", "sum cut", "sum text"])
def test_what_is_damaged_is_built_again(source: Path, damage: str) -> None:
    library = build_shared([source], {})
    data, (checksum,) = library.read_bytes(), library.parent.glob("*.sha256")
    library.chmod(0o644)
    if damage in ("cut", "empty", "bit"):
        middle = len(data) // 2
        bad = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        library.write_bytes({"cut": data[:5000], "empty": b"", "bit": bad}[damage])
    elif damage == "gone":
        library.unlink()
    elif damage == "no sum":
        checksum.unlink()
    else:
        checksum.write_bytes(b"12ab" if damage == "sum cut" else b"\xff../../etc\0")
    again = build_shared([source], {})
    assert answer(again) == 7
    assert compiler._found(again.parent, checksum.stem) == again


def test_the_canary_of_damage(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparison a library that was cut is handed out, and cannot be loaded."""
    library = build_shared([source], {})
    library.write_bytes(library.read_bytes()[:700])
    now = library.stat()
    seen = (now.st_ino, now.st_size, now.st_mtime_ns)
    monkeypatch.setitem(compiler._WHOLE, library, seen)
    assert build_shared([source], {}) == library
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(library)], capture_output=True)
    assert done.returncode != 0


def test_a_folder_that_cannot_be_written_is_said_and_worked_around(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for bad in (tmp_path / "file" / "cache", Path("/proc/cache")):
        monkeypatch.setenv("STREAMLEARN_CACHE", str(bad))
        with pytest.warns(
            CacheWarning, match=r"cannot be used \(.*cannot be written.*STREAMLEARN_"
        ):
            library = build_shared([source], {})
        assert tmp_path / "tmp" in library.parents
        assert answer(library) == 7


def test_a_read_only_cache_that_has_the_kernel_is_used(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = build_shared([source], {})
    monkeypatch.setattr(compiler, "write_durably", None)
    library.parent.chmod(0o555)
    try:
        assert build_shared([source], {}) == library
    finally:
        library.parent.chmod(0o755)


def test_without_a_home(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAMLEARN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(Path, "expanduser", no_home)
    library = build_shared([source], {})
    assert library.is_relative_to(compiler.cache_dir())
    assert library.is_relative_to(tmp_path / "tmp")
    assert compiler.cache_dir().stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="owners and modes")
@pytest.mark.parametrize("trap", ["writable", "link", "file"])
def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    """What lies in it is run as code."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"streamlearn-{os.getuid()}"
    if trap == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif trap == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    compiler._temporary.cache_clear()
    try:
        found = compiler._own_temporary()
        assert found != folder
        assert found.stat().st_mode & 0o777 == 0o700
    finally:
        compiler._temporary().cleanup()
        compiler._temporary.cache_clear()


def test_several_at_once(source: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from quant.compiler import build_shared;"
        "print(build_shared([Path(sys.argv[1])], {}))"
    )

    def build(_: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, str(source)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with ThreadPoolExecutor(3) as pool:
        built = set(pool.map(build, range(3)))
    assert all(answer(Path(library)) == 7 for library in built)
    kernels = Path(built.pop()).parent
    assert not [f for f in kernels.iterdir() if f.suffix not in (".so", ".dylib", ".sha256")]
