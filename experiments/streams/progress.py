"""Shows how far thousands of short runs are: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.loop.events import Event

#: Seconds between two lines where there is no terminal.
EVERY_S = 30.0


class Bar:
    """Counts the runs of a bench.

    Parameters
    ----------
    to : Console
    n_runs : int
        Runs that are to be done.
    """

    def __init__(self, to: Console, n_runs: int) -> None:
        self._to, self._n, self._done, self._said = to, n_runs, 0, time.monotonic()
        self._progress = Progress(
            TextColumn("runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[newest]}", markup=False),
            console=to,
            disable=to.quiet or not to.is_terminal,
        )
        self._task = self._progress.add_task("runs", total=n_runs, newest="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(KeyboardInterrupt):  # a second Ctrl-C must leave the terminal whole
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Show what a worker told."""
        self._done += 1
        if event.error:
            self._to.print(f"{event.run.name}: {event.error}", soft_wrap=True)
        self._progress.update(self._task, completed=self._done, newest=event.run.name)
        now = time.monotonic()
        last = self._done == self._n
        if not self._to.is_terminal and (last or now - self._said >= EVERY_S):
            self._said = now
            self._to.print(f"{self._done} of {self._n} runs, newest: {event.run.name}")
