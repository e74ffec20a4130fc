"""How a run folder names the file that it learns: both may be moved together."""

from __future__ import annotations

import os
from pathlib import Path

from streamlearn.sources import is_address


def stream_path(stream: str, out: Path | None) -> str:
    """Return how a manifest and a checkpoint name a source's stream: a file from the run folder.

    So both may be moved together. What shares no folder with it is named in full; ``-`` and the
    address of a port or topic stay as they are.
    """
    if out is None or not Path(stream).is_absolute():
        return stream
    file, folder = _real(Path(stream)), _real(out)
    try:
        shared = Path(os.path.commonpath([file, folder]))
    except ValueError:  # another drive
        return str(file)
    return str(file) if shared == shared.parent else Path(os.path.relpath(file, folder)).as_posix()


def stream_at(stream: str, run_dir: Path) -> str:
    """Invert :func:`stream_path`: return the path, as people would give it, from here."""
    if stream == "-" or is_address(stream) or Path(stream).is_absolute():
        return stream
    found = Path(os.path.normpath(_real(run_dir) / stream))
    here = Path.cwd()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)


def _real(path: Path) -> Path:
    """Return an absolute path whose folders are no links; the last part stays as it is."""
    return Path(os.path.realpath(path.parent)) / path.name
