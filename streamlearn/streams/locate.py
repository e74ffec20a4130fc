"""Where data sets that are not bundled are looked for, and what is said when they are missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from streamlearn.errors import StreamFormatError

VARIABLE = "STREAMLEARN_DATA"


class DataNotFoundError(StreamFormatError, FileNotFoundError):
    """A file or data set that is not where it was looked for."""


def data_dir() -> Path:
    """Return the folder that holds one sub-folder per data set.

    It is ``$STREAMLEARN_DATA`` where that is set (and then nothing else), otherwise
    ``../shared/data`` beside a checkout of the repository.

    Returns
    -------
    pathlib.Path
        An existing folder.

    Raises
    ------
    DataNotFoundError
        The folder does not exist; the message names it.
    """
    told = os.environ.get(VARIABLE)
    if told:
        if Path(told).is_dir():
            return Path(told)
        raise DataNotFoundError(f"{VARIABLE} is {told!r}, which is not a folder that exists")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    if beside.is_dir():
        return beside
    raise DataNotFoundError(
        f"no data folder: {VARIABLE} is not set and {str(beside)!r} does not exist. "
        f"Set {VARIABLE} to the folder that holds the data sets"
    )


def data_files(folder: str, names: Sequence[str], source: str) -> list[Path]:
    """Return the paths of a data set's files, all of which exist.

    Parameters
    ----------
    folder
        Sub-folder of :func:`data_dir`.
    names
        File names expected in it.
    source
        Title and publisher of the data set, for the message.

    Returns
    -------
    list of pathlib.Path
        In the order of `names`.

    Raises
    ------
    DataNotFoundError
        A file is missing; the message says where it looked, what it expects, and from whom
        to get it.
    """
    wanted = ", ".join(names)
    try:
        place = data_dir() / folder
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"{error}. Expected in its sub-folder {folder!r}: {wanted} (from {source})"
        ) from None
    missing = [name for name in names if not (place / name).is_file()]
    if missing:
        raise DataNotFoundError(
            f"looked in {str(place)!r} for {wanted}; not there: {', '.join(missing)}. "
            f"They are from {source}. Put them there, or set {VARIABLE} to the folder that "
            f"holds {folder!r}"
        )
    return [place / name for name in names]
