"""One process per folder: the second is told who works there, and since when."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from streamlearn.cli.endings import BusyError, CommandError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder's lock while the block runs.

    The system's own lock (flock) ends with its process, however it ends. Where there is none, the
    file itself is the lock, and a killed process leaves it behind; the message then says so.

    Raises
    ------
    BusyError
        If another process holds it: which one, on which machine, since when.
    CommandError
        If the folder cannot be written.
    """
    path = folder / LOCK_FILE
    try:
        descriptor = _acquire(path)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        if fcntl is None:
            os.close(descriptor)  # an open file cannot be removed there
            path.unlink(missing_ok=True)
        else:
            path.unlink(missing_ok=True)  # before it is free: whoever waits looks for it again
            os.close(descriptor)


def _acquire(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    if fcntl is None:
        try:
            descriptor = os.open(path, flags | os.O_EXCL, 0o666)
        except FileExistsError:
            held_by = _holder(path)
            raise BusyError(f"{held_by}. If it no longer runs, delete {path}") from None
    else:
        descriptor = _locked(path, flags)
    _sign(descriptor)
    return descriptor


def _locked(path: Path, flags: int) -> int:
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(
                f"{_holder(path)}. Wait for it, stop it, or give another folder"
            ) from None
        try:
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # its owner removed it meanwhile: take the new one


def _sign(descriptor: int) -> None:
    """Write who holds the lock, for people; a full disk is no reason not to hold it."""
    text = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(text).encode())
    except OSError:
        return


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text("utf-8"))
        name = f"process {int(who['pid'])} on {who['host']} since {who['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        name = "another process"  # it has just begun, or has just ended
    return f"{path.parent} is in use by {name}"
