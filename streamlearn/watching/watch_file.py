"""Keeps what was seen of a run beside its checkpoints."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quant.durable import write_durably
from streamlearn.errors import StateFormatError
from streamlearn.watching.watch import Seen, Watch


class WatchFile:
    """Keeps a :class:`Watch` beside the checkpoints: one file per checkpoint, of the same moment.

    Parameters
    ----------
    folder
        Of the checkpoints.
    suffix
        Of their names; a watch that belongs to none of them is removed.
    n_rows
        Rows of the stream that the run has learned already.
    """

    SUFFIX = ".watch"

    def __init__(self, folder: Path, suffix: str, n_rows: int) -> None:
        self._folder, self._suffix, self._rows = folder, suffix, n_rows
        self._watch: Watch | None = None
        self._beside: Callable[[], dict[str, Any]] = dict

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Return what stood beside the watch, and the watch's own bytes.

        Raises
        ------
        StateFormatError
            If the file is missing, cut or damaged.
        """
        path = self._path()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StateFormatError(f"{path} cannot be read: {error.strerror}") from error
        crc, _, body = data.partition(b"\n")
        text, _, rest = body.partition(b"\n")
        try:
            if crc != f"{zlib.crc32(body):08x}".encode():
                raise StateFormatError(f"{path} was cut or is damaged")
            beside: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise StateFormatError(f"{path}: {error}") from error
        return beside, rest

    def keep(self, watch: Watch, beside: Callable[[], dict[str, Any]]) -> None:
        """Keep a watch from now on, and what ``beside`` returns at each checkpoint."""
        self._watch, self._beside = watch, beside

    def _path(self) -> Path:
        return self._folder / f"{self._rows:012d}{self.SUFFIX}"

    def see(self, block: Seen) -> None:
        """Let the watch look."""
        if self._watch is not None:
            self._watch.see(block)
        if not block.again:
            self._rows = block.first + len(block.labels)

    def checkpoint(self) -> None:
        """Write what was seen until now.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        path = self._path()
        if self._watch is None:
            return
        body = json.dumps(self._beside()).encode() + b"\n" + self._watch.to_bytes()
        write_durably(path, f"{zlib.crc32(body):08x}\n".encode() + body)
        self._clear(path)

    def end(self) -> None:
        """Remove what belongs to checkpoints that are gone."""
        self._clear(None)

    def _clear(self, new: Path | None) -> None:
        """Keep those of the checkpoints that are there, and the one that belongs to the next."""
        for old in self._folder.glob(f"*{self.SUFFIX}"):
            if old != new and not old.with_suffix(self._suffix).exists():
                old.unlink(missing_ok=True)
