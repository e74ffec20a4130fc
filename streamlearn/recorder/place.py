"""The file of a record: never written over anything else, and by one process at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from streamlearn.errors import ConfigError
from streamlearn.recorder.layout import MAGIC


def check_place(path: Path, force: bool) -> None:
    """Refuse to write over anything but, if asked, an older record.

    Raises
    ------
    ConfigError
        Then.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise ConfigError(f"{path} is no regular file: a record needs one")
    with path.open("rb") as file:
        begins = file.read(len(MAGIC))
    if begins and begins != MAGIC:
        raise ConfigError(f"{path} holds something else than a record: give a new file")
    if begins and not force:
        raise ConfigError(
            f"{path} is there already: a record is not overwritten. Give another file, go on with "
            "its run (`streamlearn run --resume RUN_DIR`), or lose it: --force"
        )


def hold(file: IO[bytes], path: Path) -> None:
    """Keep other processes from writing to a record; the hold ends with this process."""
    if os.name == "nt":
        return
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"{path}: another process writes this record; wait for its end") from None
    except OSError:
        return  # a file system without locks
