"""What every source of lines is, and what it counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

#: Reasons for which a line does not reach the learner, and what people read for them.
REASONS = {
    "overlong": "longer than the limit",
    "undecodable": "bytes that are no text",
    "torn": "torn: the port was opened, or went, within the line",
    "queue_full": "the learner was too slow, and the queue was full",
    "repeated_header": "the header row once more",
    "repeated_message": "delivered twice by the broker",
}


class Counts:
    """What was dropped, by the reason, and how often the source came back.

    Attributes
    ----------
    dropped : collections.Counter
        By the keys of :data:`REASONS`.
    reconnects : int
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.reconnects = 0

    def drop(self, reason: str, count: int = 1) -> None:
        """Count lines that do not reach the learner."""
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not one of {', '.join(REASONS)}")
        self.dropped[reason] += count

    def to_json(self, before: Mapping[str, int] | None = None) -> dict[str, int]:
        """Return all counts by name, those that are 0 left out.

        Parameters
        ----------
        before
            Those of earlier sittings, which are added.
        """
        total = Counter(self.dropped)
        total["reconnects"] = self.reconnects
        total.update(before or {})
        return {name: total[name] for name in ("reconnects", *REASONS) if total[name]}


def counts_text(counts: Mapping[str, int]) -> str | None:
    """Return the counts in words, or None if there are none."""
    said = [f"{counts[name]} × {REASONS[name]}" for name in REASONS if counts.get(name)]
    parts = [f"lines dropped: {'; '.join(said)}"] if said else []
    if counts.get("reconnects"):
        parts.insert(0, f"reconnects: {counts['reconnects']}")
    return ". ".join(parts) or None


class Source(ABC):
    """Lines of bytes from a file, a pipe, a port or a topic.

    A source is made, then opened, then read from one thread, then closed.

    Attributes
    ----------
    name : str
        What messages call it.
    stream : str
        How a checkpoint names it: an absolute path, ``-``, or the address.
    counts : Counts
    format : str or None
        ``csv`` or ``jsonl``; None: the first line says it.
    endless : bool
        Whether it has no end of its own: then its end is a failure.
    live : bool
        Whether it is a port or a topic: what it gives comes only once, and is kept on the disk
        until a checkpoint holds it (:mod:`streamlearn.sources.spool`).
    """

    endless = False
    live = False
    #: With which the names of its files on the disk begin.
    kept_as = "source"
    #: The place behind which it goes on: number of a line, and the CRC-32 of all until then.
    resumed: tuple[int, int] | None = None

    def __init__(self, name: str, stream: str, format: str | None = None) -> None:
        self.name, self.stream, self.format = name, stream, format
        self.counts = Counts()
        self._n_lines = 0

    @property
    @abstractmethod
    def rereadable(self) -> bool:
        """Whether it can be read again from its beginning: a regular file."""

    @property
    def position(self) -> int:
        """Number of lines that were read."""
        return self._n_lines

    @abstractmethod
    def open(self) -> None:
        """Open it, or connect.

        Raises
        ------
        DataNotFoundError, StreamFormatError
            If it is no file that can be read.
        SourceError
            If it cannot be reached.
        """

    @abstractmethod
    def read_line(self) -> bytes | None:
        """Wait for the next line and return it with its end, or None after the last.

        A line that is longer than the limit comes in parts of that length; a line without an end
        is the last of a file that ends within it.

        Raises
        ------
        SourceError
            If it broke off.
        """

    def read_available(self, max_bytes: int) -> bytes:
        """Return whole lines that are there already, without waiting; ``b""`` if there are none.

        Parameters
        ----------
        max_bytes
            About so many; one line is always whole.
        """
        del max_bytes
        return b""

    def read_some(self, max_bytes: int) -> bytes:
        """Return what is there; wait if there is nothing yet; ``b""`` after the last.

        Parameters
        ----------
        max_bytes
            About so many. The last line may be incomplete: its rest comes with the next call.
        """
        return self.read_available(max_bytes) or self.read_line() or b""

    def readline(self, size: int = -1) -> bytes:
        """Return the next line, or ``b""`` after the last, as a binary file does."""
        del size
        return self.read_line() or b""

    def again(self) -> Source:
        """Return the same source at its beginning, opened; only of one that is rereadable."""
        raise NotImplementedError(f"{self.name} can be read only once")

    @abstractmethod
    def close(self) -> None:
        """Let go of it; more than once does no harm."""

    def began(self, header: bytes | None, encoding: str = "utf-8") -> None:
        """Say that the head of the stream was read: what comes now are rows.

        Parameters
        ----------
        header
            The header row with its end; None if it has none, as JSON lines.
        encoding
            Of the text.
        """
        del header, encoding

    def pass_over(self) -> None:
        """Say that the lines read so far are no part of the stream, which begins behind them.

        Only before :meth:`began`. They are not kept, and whoever sent them need not keep them.
        """
        self._n_lines = 0

    def resume(self, folder: Path, line: int, crc32: int) -> bool:
        """Go on behind a line that was read in an earlier sitting; called before :meth:`open`.

        Parameters
        ----------
        folder
            Where that sitting kept what came.
        line, crc32
            Number of the line, and the CRC-32 of all lines until then.

        Returns
        -------
        bool
            Whether it can. Otherwise it begins anew.
        """
        del folder, line, crc32
        return False

    def keep_in(self, folder: Path | None) -> None:
        """Keep what comes on the disk from now on, until a checkpoint holds it.

        Parameters
        ----------
        folder
            Of the checkpoints; None: nothing is kept.
        """
        del folder

    def kept(self, line: int) -> None:
        """Say that a checkpoint holds what was learned until this line."""
        del line
