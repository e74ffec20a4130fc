"""What ports and topics share: a thread that receives, and the way back after a loss."""

from __future__ import annotations

import errno
import queue
import signal
import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from streamlearn.errors import SourceError
from streamlearn.sources.arrivals import QueuedSource
from streamlearn.sources.backoff import pauses


@dataclass(frozen=True)
class Waiting:
    """Whether a source that cannot be reached is waited for.

    Parameters
    ----------
    seconds
        For so long, once it went; 0: not at all.
    at_first
        Also at the beginning.
    """

    seconds: float = 0.0
    at_first: bool = False


class LiveSource(QueuedSource):
    """Lines from where they come only once, received whether or not the reader has time.

    Parameters
    ----------
    name, format, keeps, say
        See :class:`streamlearn.sources.arrivals.QueuedSource`.
    waiting
        What to do if it cannot be reached.
    """

    def __init__(
        self,
        name: str,
        format: str | None,
        waiting: Waiting,
        keeps: bool,
        say: Callable[[str], object],
    ) -> None:
        super().__init__(name, format, keeps, say)
        self._waiting = waiting
        self._outcome: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def _connect(self) -> None:
        """Reach it.

        Raises
        ------
        OSError
            Why it cannot be reached.
        """

    @abstractmethod
    def _receive(self) -> None:
        """Receive, and :meth:`_put` what comes, until it is lost or :attr:`_stop` is set.

        Raises
        ------
        OSError
            Why it is lost.
        """

    @abstractmethod
    def _disconnect(self) -> None:
        """Let go of it, whatever its state."""

    def open(self) -> None:
        """Connect, and begin to receive; see :class:`Source`."""
        if self._threads:
            return
        for work in (self._supervise, self._hand_over):
            thread = threading.Thread(target=_without_signals, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)
        error = self._outcome.get()
        if error is not None and not self._waiting.at_first:
            self.close()
            raise SourceError(error.errno, f"{self.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Stop receiving; what is kept on the disk stays."""
        self._stop.set()
        self._arrived.put(None)
        for thread in self._threads:
            thread.join()
        if self._spool is not None:
            self._spool.close()

    def _supervise(self) -> None:
        """Connect and receive until closed; come back after a loss, or say why not."""
        error: OSError | None = self._try()
        self._outcome.put(error)
        if error is None or self._waiting.at_first:
            while not self._stop.is_set():
                if error is None:
                    error = self._received()
                if self._stop.is_set():
                    break
                error = self._come_back(error)
                if error is not None:
                    self._arrived.put(error)
                    break
        self._disconnect()

    def _try(self) -> OSError | None:
        try:
            self._connect()
        except OSError as error:
            return error
        return None

    def _received(self) -> OSError | None:
        try:
            self._receive()
        except OSError as error:
            return error
        return None

    def _come_back(self, lost: OSError | None) -> OSError | None:
        """Try until it is reached, closed, or the time is up: then return why."""
        why = (lost.strerror or str(lost)) if lost is not None else "closed by the other side"
        seconds, began = self._waiting.seconds, monotonic()
        if not seconds:
            return OSError(errno.ENODEV, f"{why}. --reconnect SECONDS waits for it")
        self._say(f"{self.name}: {why}; waiting for it to come back")
        for pause in pauses():
            self._disconnect()
            left = began + seconds - monotonic()
            if self._stop.wait(min(pause, max(left, 0))):
                return None
            error = self._try()
            if error is None:
                self.counts.reconnects += 1
                self._say(f"{self.name}: back after {monotonic() - began:.0f} s")
                return None
            if left <= 0:
                why = error.strerror or str(error)
                break
        return OSError(errno.ENODEV, f"{why}. It did not come back within {seconds:g} s")


def _without_signals(work: Callable[[], None]) -> None:
    if hasattr(signal, "pthread_sigmask"):  # signals are for the thread that reads the stream
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    work()
