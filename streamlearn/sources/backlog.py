"""What came and waits for the reader, and how much of it there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamlearn.sources.limits import QUEUE_BYTES, QUEUE_LINES


@dataclass(frozen=True)
class Arrival:
    """Lines that came together.

    Parameters
    ----------
    lines
        Each with its end.
    done
        Called once they are safe.
    mark
        By which they are known if they come again.
    """

    lines: list[bytes]
    done: Callable[[], None] | None = None
    mark: bytes | None = None


class Backlog:
    """Counts the lines and bytes that came and were not read yet; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_lines = self._n_bytes = 0

    def came(self, lines: Iterable[bytes]) -> None:
        """Count lines that came."""
        self._count(lines, 1)

    def left(self, lines: Iterable[bytes]) -> None:
        """Count lines that were read, or dropped."""
        self._count(lines, -1)

    @property
    def is_full(self) -> bool:
        """Whether there are as many as the limits allow."""
        return self._n_lines >= QUEUE_LINES or self._n_bytes >= QUEUE_BYTES

    def _count(self, lines: Iterable[bytes], sign: int) -> None:
        sizes = [len(raw) for raw in lines]
        with self._lock:
            self._n_lines += sign * len(sizes)
            self._n_bytes += sign * sum(sizes)


def tell(arrivals: Iterable[Arrival]) -> None:
    """Say of arrivals that they are safe."""
    for arrival in arrivals:
        if arrival.done is not None:
            arrival.done()
