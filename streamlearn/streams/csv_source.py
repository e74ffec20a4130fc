"""Opening what a CSV comes from."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import IO

from streamlearn.errors import StreamFormatError
from streamlearn.streams.locate import DataNotFoundError


def is_regular(path: Path) -> bool:
    """Return whether a path is a regular file, which can be read again.

    Raises
    ------
    DataNotFoundError, StreamFormatError
        There is nothing, or a folder.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataNotFoundError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise StreamFormatError(f"cannot open {str(path)!r}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise StreamFormatError(f"{str(path)!r} is a folder; expected a CSV file")
    return stat.S_ISREG(mode)


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading.

    Raises
    ------
    StreamFormatError
        It cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise StreamFormatError(f"cannot open {str(path)!r}: {error.strerror}") from None
