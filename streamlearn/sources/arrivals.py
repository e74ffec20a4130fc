"""On the way from a port or topic to the reader: a bounded queue, and a copy on the disk."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamlearn.sources.backlog import Arrival, Backlog, tell
from streamlearn.sources.base import Source
from streamlearn.sources.segments import Stored, stored
from streamlearn.sources.sieve import Sieve
from streamlearn.sources.spool import Spool

#: Between two tries to write what a full disk refused.
_RETRY_S = 1.0


class QueuedSource(Source):
    """A source whose lines are put into a queue by one thread and read by another.

    A thread of its own (:meth:`_hand_over`) writes what was put to the disk
    (:class:`streamlearn.sources.spool.Spool`), says that it is safe, and hands it to the reader.
    Without a run folder an arrival is safe when the reader asks for the next one.

    Parameters
    ----------
    name, format
        See :class:`Source`.
    keeps
        Whether :meth:`keep_in` will say where to keep what comes.
    say
        Tells people a line.
    """

    endless = True
    live = True
    #: Whether an arrival is on the disk before it is safe; otherwise it is on its way there.
    durable = False

    def __init__(
        self, name: str, format: str | None, keeps: bool, say: Callable[[str], object]
    ) -> None:
        super().__init__(name, name, format)
        self._keeps, self._say = keeps, say
        self._stop = threading.Event()
        self._arrived: queue.SimpleQueue[Arrival | OSError | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Arrival | OSError | None] = queue.SimpleQueue()
        self._backlog = Backlog()
        self._lock = threading.Lock()
        self._undecided = True  # where arrivals are kept; until then:
        self._history: list[bytes] = []
        self._unsafe: list[Arrival] = []
        self._spool: Spool | None = None
        self._stored: Stored | None = None
        self._head_lines = 0
        self._sieve = Sieve(self.counts)
        self._current: list[bytes] = []
        self._done: Callable[[], None] | None = None
        self._said: set[str] = set()
        #: Why nothing more comes, once :meth:`read_available` has met that.
        self.lost: OSError | None = None

    @property
    def rereadable(self) -> bool:
        """Never."""
        return False

    def read_line(self) -> bytes | None:
        """Wait for the next line; see :class:`Source`."""
        while not self._current:
            if not self._take(self._ready.get()):
                return None
        self._n_lines += 1
        return self._current.pop(0)

    def read_available(self, max_bytes: int) -> bytes:
        """Return the lines that are there; see :class:`Source`."""
        found: list[bytes] = []
        size = 0
        while size < max_bytes:
            if not self._current:
                try:
                    item = self._ready.get_nowait()
                except queue.Empty:
                    break
                if not isinstance(item, Arrival):  # for the next read_line
                    self._ready.put(item)
                    self.lost = item
                    break
                self._take(item)
                continue
            found.append(self._current.pop(0))
            size += len(found[-1])
        self._n_lines += len(found)
        return b"".join(found)

    def _take(self, item: Arrival | OSError | None) -> bool:
        """Make an arrival the current one; return whether there is one."""
        if self._done is not None:
            self._done()
            self._done = None
        if not isinstance(item, Arrival):
            self._ready.put(item)  # whoever asks again hears it again
            if item is not None:
                raise item
            return False
        self._current, self._done = list(item.lines), item.done
        self._backlog.left(item.lines)
        return True

    def began(self, header: bytes | None, encoding: str = "utf-8") -> None:
        """Say that the head was read; see :class:`Source`."""
        with self._lock:
            self._sieve.began(header, encoding)
            self._head_lines = self._n_lines
            self._judge_what_came()
        if not self._keeps:
            self._decide(None)

    def _judge_what_came(self) -> None:
        """Drop what is no row among the lines that came before anybody knew what a row is."""
        waiting: list[Arrival | OSError | None] = []
        while not self._ready.empty():
            waiting.append(self._ready.get())
        self._current = self._rows_of(self._current)
        rows = list(self._current)
        for item in waiting:
            if isinstance(item, Arrival):
                item = replace(item, lines=self._rows_of(item.lines))
                rows += item.lines
            self._ready.put(item)
        if self._undecided:
            head = [] if self._stored is not None else self._history[: self._head_lines]
            self._history = head + rows

    def _rows_of(self, lines: list[bytes]) -> list[bytes]:
        good = [raw for raw in lines if self._sieve.passes(raw)]
        if len(good) < len(lines):
            self._backlog.left(lines)
            self._backlog.came(good)
        return good

    def pass_over(self) -> None:
        """Say that the lines read so far are no part of the stream; see :class:`Source`."""
        if self._stored is not None:  # its head is what it was
            return
        with self._lock:
            n = self._n_lines
            super().pass_over()
            self._history = self._history[n:]
            over: list[Arrival] = []
            while self._unsafe and len(self._unsafe[0].lines) <= n:
                n -= len(self._unsafe[0].lines)
                over.append(self._unsafe.pop(0))
            if n:
                self._unsafe[0] = replace(self._unsafe[0], lines=self._unsafe[0].lines[n:])
        tell(over)

    def resume(self, folder: Path, line: int, crc32: int) -> bool:
        """Go on behind a line; see :class:`Source`."""
        self._stored = stored(folder, line, crc32, self.kept_as)
        if self._stored is None:
            return False
        self.resumed = self._stored.place
        for lines in (self._stored.head, self._stored.lines):
            self._backlog.came(lines)
            self._ready.put(Arrival(lines))
        self._history = list(self._stored.lines)
        return True

    def keep_in(self, folder: Path | None) -> None:
        """Keep what comes, and what came, on the disk; an OSError says that it cannot be."""
        self._decide(folder)

    def _decide(self, folder: Path | None) -> None:
        with self._lock:
            if not self._undecided:
                return
            if folder is not None:
                head, lines, (line, crc32) = self._begun()
                before = self._stored
                marks = [*(before.marks if before is not None else ()), *_joined(self._unsafe)[1]]
                self._spool = Spool(
                    folder, head, line, crc32, lines, before is not None, self.kept_as, marks
                )
            self._undecided, self._history = False, []
            safe, self._unsafe = self._unsafe, []
        tell(safe)

    def _begun(self) -> tuple[list[bytes], list[bytes], tuple[int, int]]:
        """Return the head, the lines behind it, and the place between them."""
        if self._stored is not None and self.resumed is not None:
            return self._stored.head, self._history, self.resumed
        head = self._history[: self._head_lines]
        return head, self._history[self._head_lines :], (len(head), zlib.crc32(b"".join(head)))

    def kept(self, line: int) -> None:
        """Say that a checkpoint holds what was learned until this line; see :class:`Source`."""
        if self._spool is not None:
            self._spool.kept(line)

    def _put(
        self,
        lines: list[bytes],
        done: Callable[[], None] | None = None,
        wait: bool = False,
        mark: bytes | None = None,
    ) -> None:
        """Queue lines that came.

        Parameters
        ----------
        lines
            Each with its end.
        done
            Called once they are safe, from another thread.
        wait
            Whether to wait for room in the queue; otherwise lines without room are dropped.
        mark
            By which they are known if they come again; it goes to the disk with them.
        """
        while self._backlog.is_full and wait and not self._stop.wait(0.01):
            self._say_once("full", "the learner is slower than the source; the source has to wait")
        if self._backlog.is_full and not wait:
            self._say_once("full", "the learner is slower than the source; lines are dropped")
            self.counts.drop("queue_full", len(lines))
            lines = []
        self._backlog.came(lines)
        if lines or done is not None:
            self._arrived.put(Arrival(lines, done, mark))

    def _say_once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._say(f"{self.name}: {text}")

    def _hand_over(self) -> None:
        """Write arrivals to the disk, and hand them to the reader, until closed."""
        while True:
            try:
                batch = [self._arrived.get(timeout=_RETRY_S if self._unsafe else None)]
            except queue.Empty:
                batch = []
            while not self._arrived.empty():  # all that came meanwhile goes to the disk at once
                batch.append(self._arrived.get())
            with self._lock:
                batch = [
                    replace(item, lines=self._rows_of(item.lines))
                    if isinstance(item, Arrival)
                    else item
                    for item in batch
                ]
                safe = self._keep([item for item in batch if isinstance(item, Arrival)])
                own = not self._undecided and self._spool is None
                for item in batch:
                    if isinstance(item, Arrival) and not own:
                        item = Arrival(item.lines)
                    self._ready.put(item)
            tell(safe)
            if not all(isinstance(item, Arrival) for item in batch):
                return

    def _keep(self, arrivals: list[Arrival]) -> list[Arrival]:
        """Write arrivals to the disk if there is one; return those that are safe by that."""
        if self._undecided:
            self._history += [raw for arrival in arrivals for raw in arrival.lines]
            self._unsafe += arrivals
            return []
        if self._spool is None:
            return []
        self._unsafe += arrivals
        try:
            lines, marks = _joined(self._unsafe)
            self._spool.append(lines, self.durable, marks)
        except OSError as error:
            self._say_once(
                "disk",
                f"what comes cannot be written to the disk: {error.strerror}. Learning goes on; "
                "writing is tried again",
            )
            return []
        self._said.discard("disk")
        safe, self._unsafe = self._unsafe, []
        return safe


def _joined(arrivals: list[Arrival]) -> tuple[list[bytes], list[bytes]]:
    """Return all lines and all marks of arrivals."""
    return (
        [raw for arrival in arrivals for raw in arrival.lines],
        [arrival.mark for arrival in arrivals if arrival.mark is not None],
    )
