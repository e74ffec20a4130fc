"""The rows of MQTT topics, for Bytewax: each on the disk before it is learned.

A topic cannot be read again. What comes is written to the fleet's folder, and only then
acknowledged (:mod:`streamlearn.sources.spool`). A fleet that goes on learns from there what its
states have not seen, then what comes.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from bytewax.inputs import StatefulSourcePartition

from streamlearn.errors import SourceError, StreamFormatError, StreamlearnError
from streamlearn.fleet.folder import ARRIVALS_DIR, FleetPlan
from streamlearn.fleet.keyed_rows import Rows, by_key, open_rows, open_topics

#: Set where a fleet is to come to its end: by Ctrl-C, or by SIGTERM.
END = threading.Event()
#: How often the engine asks for rows that came, in seconds.
_ASK_S = 0.05
#: An empty file: the broker knows this fleet, and what it kept for it is this fleet's.
_SUBSCRIBED = "subscribed"
#: Blocks that wait for the engine.
_WAITING = 16


class Arriving(StatefulSourcePartition[tuple[str, Rows], Any]):
    """Rows of topics as they come; its state is the place behind the last row that was given out.

    Parameters
    ----------
    plan : FleetPlan
    folder : Path
        Of the fleet.
    block_rows : int
        At most so many rows at a time.
    quiet_s : float or None
        End when nothing came for so many seconds; None: only when :data:`END` is set.
    place : tuple or None
        What :meth:`snapshot` was.
    """

    def __init__(
        self, plan: FleetPlan, folder: Path, block_rows: int, quiet_s: float | None, place: Any
    ) -> None:
        self._plan, self._folder = plan, folder / ARRIVALS_DIR
        self._block_rows, self._quiet_s, self._place = block_rows, quiet_s, place
        self._blocks: queue.Queue[Any] = queue.Queue(_WAITING)
        self._closed = threading.Event()
        self._folder.mkdir(exist_ok=True)
        self._source = open_topics(plan, folder, fresh=not (self._folder / _SUBSCRIBED).exists())
        line, crc32, _ = place or (0, 0, {})
        found = self._source.resume(self._folder, line, crc32)
        if place is not None and not found:
            raise StreamFormatError(
                f"{self._folder} does not hold what came behind line {line}, which the fleet has "
                "learned; give the folder back as it was, or begin another fleet"
            )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._latest, self._name = time.monotonic(), self._source.name

    def _read(self) -> None:
        """Read rows until the source is closed: the life of a thread."""
        try:
            self._source.open()
            (self._folder / _SUBSCRIBED).touch()
            rows = open_rows(self._plan, self._source)
            with closing(rows):
                if self._place is not None:
                    line, crc32, memory = self._place
                    rows.start_after(line, crc32)
                    rows.recall(memory)
                    rows.may_be_empty = True
                self._source.keep_in(self._folder)
                # The first object has its keys in an order of its own.
                order = [rows.feature_names.index(name) for name in self._plan.reading["features"]]
                for x, y, lines in rows.blocks(self._block_rows):
                    place = (*rows.position, rows.memory())
                    self._give((list(rows.keys), x[:, order], y, lines, place))
        except (StreamlearnError, OSError) as error:
            if not self._closed.is_set():
                self._give(error)

    def _give(self, item: Any) -> None:
        while not self._closed.is_set():
            try:
                return self._blocks.put(item, timeout=0.2)
            except queue.Full:
                continue

    def next_batch(self) -> list[tuple[str, Rows]]:
        """Return the rows that came, by key; raise StopIteration at the end."""
        parts: list[Any] = []
        n = 0
        while n < self._block_rows:
            try:
                found = self._blocks.get_nowait()
            except queue.Empty:
                break
            if isinstance(found, StreamlearnError):
                raise found
            if isinstance(found, OSError):
                raise SourceError(found.errno, f"{self._folder}: {found.strerror or found}")
            parts.append(found)
            n += len(found[0])
        now = time.monotonic()
        if not parts:
            quiet = self._quiet_s is not None and now - self._latest >= self._quiet_s
            if END.is_set() or quiet:
                raise StopIteration
            return []
        self._latest = now
        keys = [key for part in parts for key in part[0]]
        x, y, lines = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3))
        self._place = parts[-1][4]
        return by_key(keys, x, y, lines, self._name)

    def next_awake(self) -> datetime | None:
        """Return when to be asked next."""
        return datetime.now(timezone.utc) + timedelta(seconds=_ASK_S)

    def snapshot(self) -> Any:
        """Return the place behind the last row that was given out; None before the first."""
        return self._place

    def close(self) -> None:
        """Let go of the source; what came stays in the folder."""
        self._closed.set()
        self._source.close()
        self._thread.join()
