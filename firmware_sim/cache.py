"""Where compilers keep their caches, and libraries that were built once: checked, or built again.

A library has its own SHA-256 in its name, and a small file named after what it was built from says
which library that is. Both are written whole, and none is ever changed: processes may build the
same at once, and a library that was cut or damaged is seen and built again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import BuildError


def cache_dir() -> Path:
    """Return the folder for compiler caches and host libraries; it can be written.

    ``STREAMLEARN_CACHE`` if set, else ``$XDG_CACHE_HOME/streamlearn``, else
    ``~/.cache/streamlearn``; or, if that cannot be written or there is no home, a folder among the
    temporary files that nobody else can write to.

    Raises
    ------
    BuildError
        If nothing can be written anywhere.
    """
    tried = []
    for folder in _places():
        if _writable(folder):
            return folder
        tried.append(str(folder))
    raise BuildError(
        f"no folder for compiled files can be written ({', '.join(tried)}); set STREAMLEARN_CACHE "
        "to one that can"
    )


def kept(stem: str, suffix: str, make: Callable[[Path], object]) -> Path:
    """Return a library out of the cache; make it if it is not there, or not whole.

    Parameters
    ----------
    stem : str
        Names what it is built from.
    suffix : str
        Of the file.
    make : callable
        Builds it into the file that it is given.
    """
    folder = cache_dir() / "firmware_sim"
    found = _found(folder, stem, suffix)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / f"made{suffix}"
        make(made)
        sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
        library = folder / _name(stem, sha256, suffix)
        note = Path(scratch) / "sum"
        note.write_text(sha256 + "\n", "ascii")
        for file, to in ((made, library), (note, folder / f"{stem}.sha256")):
            _sync(file)
            file.replace(to)
    return library


def _found(folder: Path, stem: str, suffix: str) -> Path | None:
    try:
        sha256 = (folder / f"{stem}.sha256").read_text("ascii").strip()
        library = folder / _name(stem, sha256, suffix)
        whole = hashlib.sha256(library.read_bytes()).hexdigest() == sha256
    except (OSError, ValueError):  # not there, or no text
        return None
    return library if whole else None


def _name(stem: str, sha256: str, suffix: str) -> str:
    return f"{stem}-{sha256[:16]}{suffix}"


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _places() -> Iterator[Path]:
    override, xdg = os.environ.get("STREAMLEARN_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if override:
        yield Path(override)
    elif xdg:
        yield Path(xdg) / "streamlearn"
    else:
        with contextlib.suppress(RuntimeError):  # neither HOME nor an entry in the list of users
            yield Path.home() / ".cache" / "streamlearn"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    own = Path(tempfile.gettempdir()) / f"streamlearn-{user}"
    if _nobody_elses(own):
        yield own
    yield Path(_of_this_process().name)


def _nobody_elses(folder: Path) -> bool:
    """Make a folder, and tell whether it is ours alone: what lies in it is run as code."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return not folder.is_symlink() and mine and not found.st_mode & 0o022


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@functools.cache
def _of_this_process() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="streamlearn-")  # removed when the process ends
