"""Shows runs while they go on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isnan
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from experiments.loop.events import Event
from experiments.loop.runs import Run, tasks_done


class Display:
    """Live bars, one for all tasks and one for each run in progress.

    Where there is no terminal, one line for each run that ends.
    """

    def __init__(
        self, to: Console, runs: Sequence[Run], left: Sequence[Run], n_tasks: int, results: Path
    ) -> None:
        self._to, self._n_tasks = to, n_tasks
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[newest]}", markup=False),
            console=to,
            disable=to.quiet or not to.is_terminal,
        )
        done = sum(min(tasks_done(run, results), run.until(n_tasks)) for run in runs)
        total = sum(run.until(n_tasks) for run in runs) if left else done
        self._all = self._progress.add_task("tasks", total=total, completed=done, newest="")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(KeyboardInterrupt):  # a second Ctrl-C must leave the terminal whole
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Show what a worker told."""
        name = event.run.name
        if event.error:
            self._to.print(f"{name}: {event.error}", soft_wrap=True)
            return
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(
                name, total=event.run.until(self._n_tasks), completed=event.tasks - 1, newest=""
            )
        newest = "" if isnan(event.newest) else f", newest {event.newest:.2f} %"
        self._progress.update(self._bars[name], completed=event.tasks, newest=newest[2:])
        self._progress.advance(self._all)
        if event.tasks >= event.run.until(self._n_tasks):
            self._progress.remove_task(self._bars.pop(name))
            self._to.print(f"{name}: {event.tasks} tasks{newest}")
