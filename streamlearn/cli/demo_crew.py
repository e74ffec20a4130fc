"""The demo's parts at once: this process does the longest one, helpers the others.

Helpers are processes, not threads, since most of the work is Python's. This process alone hears
Ctrl-C and tells the helpers, which end between two samples and hand over what they have.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

import firmware_sim
from streamlearn.cli.demo_parts import (
    Outcome,
    for_helpers,
    for_this_process,
    in_turn,
    run_part,
)
from streamlearn.cli.demo_results import STREAM_SEED, Demo
from streamlearn.cli.endings import CommandError
from streamlearn.cli.whole_samples import Stops
from streamlearn.errors import StreamlearnError
from streamlearn.streams.gas_drift import load_gas_drift

if TYPE_CHECKING:
    from typing_extensions import Self

#: More have nothing to do: the golden model alone takes a third of the time.
MOST = 3
#: Below this a helper takes longer to start than what it would do.
SHORT = 1000
STOP = None
WAIT_S, END_S = 0.2, 10.0


def processes_for(n_samples: int) -> int:
    """Return how many processes a demo of so many samples takes by itself."""
    known = getattr(os, "sched_getaffinity", None)
    cores = len(known(0)) if known else os.cpu_count() or 1
    return 1 if n_samples < SHORT else max(1, min(cores, MOST))


class Helper:
    """A process that does parts, one after the other.

    Parameters
    ----------
    number : int
    found : Demo
        With the firmware; its stream is loaded again there.
    """

    def __init__(self, number: int, found: Demo) -> None:
        self.name = f"helper {number}"
        self.part: str | None = None
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        given = (theirs, self.name, len(found.stream), found.seed, found.firmware)
        self._process: SpawnProcess = context.Process(target=help_out, args=given, daemon=True)
        with _ignored_while_starting():
            self._process.start()
        theirs.close()

    def begin(self, part: str) -> None:
        """Let it do a part."""
        self.part = part
        self.connection.send(part)

    def stop(self) -> None:
        """Ask it to end its part between two samples."""
        with suppress(OSError):
            self.connection.send(STOP)

    def hear(self) -> Any:
        """Return what it says next: a number of samples, or an outcome.

        Raises
        ------
        CommandError
            If the part failed, or the process is gone.
        """
        try:
            said = self.connection.recv()
        except (EOFError, OSError):
            self._process.join(END_S)
            raise CommandError(
                f"{self.part}: its process ended with exit code {self._process.exitcode}; "
                "--processes 1 does all parts in one"
            ) from None
        if isinstance(said, str):
            raise CommandError(f"{self.part}: {said}")
        return said

    def end(self) -> None:
        """Let it go."""
        self.connection.close()
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


class Crew:
    """Does all parts.

    Parameters
    ----------
    found : Demo
        Every outcome is put there.
    processes : int
        At most so many at once, this one included.
    show : callable
        Called with a part's name and its number of samples.
    """

    def __init__(self, found: Demo, processes: int, show: Callable[[str, int], None]) -> None:
        self._found, self._show = found, show
        self.outcomes: list[Outcome] = []
        self._shared: deque[str] = deque(for_helpers() if processes > 1 else ())
        self._mine: deque[str] = deque(for_this_process() if processes > 1 else in_turn())
        n = min(processes - 1, len(self._shared))
        self._helpers = [Helper(number + 1, found) for number in range(n)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.end()

    def run(self) -> None:
        """Do all parts.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted; what was done by then is in the result.
        StreamlearnError
            If a part failed.
        """
        for helper in self._helpers:
            self._next(helper)
        try:
            while self._mine or self._shared:
                name = (self._mine or self._shared).popleft()
                self._take(run_part(name, self._found, self._reporter(name), "main"))
            while any(helper.part for helper in self._helpers):
                self._look(WAIT_S)
        except KeyboardInterrupt:
            self._stop()
            raise

    def _reporter(self, name: str) -> Callable[[int], None]:
        def report(n: int) -> None:
            self._show(name, n)
            self._look(0)

        return report

    def _next(self, helper: Helper) -> None:
        helper.part = None
        if self._shared:
            helper.begin(self._shared.popleft())

    def _take(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        outcome.put(self._found)
        if outcome.interrupted:
            raise KeyboardInterrupt

    def _look(self, seconds: float) -> None:
        """Hear what the helpers say, as long as they say something; no signal cuts a word."""
        with Stops() as stops:
            stops.begin()
            for helper in self._speaking(seconds):
                said = helper.hear()
                if isinstance(said, Outcome):
                    self._next(helper)
                    self._take(said)
                else:
                    self._show(str(helper.part), said)
            stops.counted()

    def _speaking(self, seconds: float) -> Iterator[Helper]:
        while busy := {helper.connection: helper for helper in self._helpers if helper.part}:
            ready: Iterable[Any] = wait(list(busy), seconds)
            if not ready:
                return
            seconds = 0
            for connection in ready:
                yield busy[connection]

    def _stop(self) -> None:
        """End every helper's part, and take what it has."""
        self._shared.clear()
        busy = [helper for helper in self._helpers if helper.part]
        for helper in busy:
            helper.stop()
        for helper in busy:
            while not isinstance(said := helper.hear(), Outcome):
                pass
            helper.part = None
            self.outcomes.append(said)
            said.put(self._found)


def help_out(
    connection: Connection, name: str, limit: int, seed: int, firmware: firmware_sim.Firmware
) -> None:
    """Do the parts that come over a connection, until it closes: the life of a helper."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    found = Demo(load_gas_drift(STREAM_SEED, limit), seed, firmware)

    def report(n: int) -> None:
        connection.send(n)
        if connection.poll() and connection.recv() is STOP:
            raise KeyboardInterrupt

    with suppress(EOFError, ConnectionError):  # the demo is over, or was killed
        while True:
            part = connection.recv()
            if part is STOP:  # the part that it was for is done
                continue
            try:
                connection.send(run_part(part, found, report, name))
            except (StreamlearnError, firmware_sim.FirmwareSimError) as error:
                connection.send(str(error))


@contextmanager
def _ignored_while_starting() -> Iterator[None]:
    """Let a process that starts now ignore Ctrl-C, which reaches it as well, from its first line.

    One that comes in these milliseconds is lost.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
