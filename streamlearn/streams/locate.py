"""Where data sets that are not bundled are looked for, and what is said when they are missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from quant.compiler import cache_dir
from streamlearn.sources.files import DataNotFoundError

__all__ = ["DataNotFoundError", "data_dir"]

VARIABLE = "STREAMLEARN_DATA"


def data_dir(root: Path | str | None = None) -> Path:
    """Return the folder that holds one sub-folder per data set.

    Parameters
    ----------
    root : path, optional
        The folder itself, where a caller knows it. Without it ``$STREAMLEARN_DATA`` counts if that
        is set (and then nothing else), otherwise ``data`` in the user's cache
        (:func:`quant.compiler.cache_dir`).

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
    place = Path(root or told or cache_dir() / "data")
    if place.is_dir():
        return place
    if root is not None:
        raise DataNotFoundError(f"{str(root)!r} is not a folder that exists")
    if told:
        raise DataNotFoundError(f"{VARIABLE} is {told!r}, which is not a folder that exists")
    raise DataNotFoundError(
        f"{VARIABLE} is not set and {str(place)!r} does not exist. "
        f"Put the data sets there, or set {VARIABLE} to the folder that holds them"
    )


def data_files(
    folder: str, names: Sequence[str], source: str, root: Path | str | None = None
) -> list[Path]:
    """Return the paths of a data set's files, all of which exist.

    Parameters
    ----------
    folder
        Sub-folder of :func:`data_dir`.
    names
        File names expected in it.
    source
        Title and publisher of the data set, for the message.
    root
        As for :func:`data_dir`.

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
        place = data_dir(root) / folder
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
