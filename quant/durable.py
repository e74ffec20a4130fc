"""Files that a crash, a kill or a power cut leaves whole: the old one or the new one, never a part.

The bytes go to a temporary file in the same folder and from there to the disk (fsync); then the
temporary takes the file's name (rename), and the folder's entry goes to the disk as well. An error
at any step leaves the old file as it was.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from pathlib import Path

from quant.errors import WriteError

_TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.new")
_HINTS = {
    errno.ENOSPC: "make room there, or write elsewhere",
    errno.EDQUOT: "the quota is used up: make room there, or write elsewhere",
    errno.EFBIG: "this process may not write files of that size (ulimit -f)",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "make the folder writable, or write elsewhere",
    errno.EPERM: "make the folder writable, or write elsewhere",
    errno.ENOENT: "make its folder first",
}


def write_durably(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a whole file; it is on the disk when this returns.

    Parameters
    ----------
    path : path
        A link is followed: what it points to is replaced, the link stays. A new file has the mode
        of the user's umask, an old one keeps its own. What is no regular file (``/dev/stdout``, a
        named pipe) is written to as it is.
    data : bytes or str
        Text is written as UTF-8.

    Raises
    ------
    WriteError
        If it cannot be written: no such folder, no permission, a full disk. What was there before
        is untouched.
    """
    data = data.encode() if isinstance(data, str) else data
    target = Path(os.path.realpath(path))
    try:
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            _write_to(target, data, os.O_WRONLY, None)
            return
        temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
        try:
            _write_to(temporary, data, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            temporary.replace(target)
        except BaseException:  # also Ctrl-C: no half of a file stays behind
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: str | os.PathLike[str], error: OSError) -> WriteError:
    """Return the error of a file that cannot be written, with what to do about it."""
    hint = _HINTS.get(error.errno or 0)
    text = f"cannot be written: {error.strerror or error}" + (f"; {hint}" if hint else "")
    return WriteError(error.errno, text, str(path))


def sync(descriptor: int) -> None:
    """Bring a file's bytes to the disk."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync there leaves them in the drive's cache
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk: what was made, renamed or removed in it."""
    if os.name == "nt":
        return  # a folder cannot be opened there; its entries are journalled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without it
            raise
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> None:
    """Remove what killed writers left in a folder that nobody else writes to now."""
    for file in folder.iterdir():
        if is_temporary(file.name):
            file.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Tell whether a file has the name of a temporary of :func:`write_durably`."""
    return _TEMPORARY.fullmatch(name) is not None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _write_to(path: Path, data: bytes, flags: int, mode: int | None) -> None:
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(mode))
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if flags & os.O_CREAT:
            sync(descriptor)
    finally:
        os.close(descriptor)
