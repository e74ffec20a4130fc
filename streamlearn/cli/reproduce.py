"""``streamlearn reproduce``: run a published experiment again, or go on with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isnan
from pathlib import Path

from rich.box import SIMPLE_HEAD
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
from rich.table import Table

from streamlearn.cli.common import Interrupted, console
from streamlearn.cli.folders import CommandError
from streamlearn.reproduce import EXPERIMENTS, Experiment, Run, default_work, find_experiment
from streamlearn.reproduce.runs import read_log, tasks_done
from streamlearn.reproduce.workers import Event, execute_all

TABLE_FILE, PICTURE_FILE = "table.md", "picture.svg"


def list_experiments() -> None:
    """Print what there is to reproduce."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("name", "runs", "what"):
        table.add_column(column, no_wrap=column == "name")
    for experiment in EXPERIMENTS.values():
        table.add_row(experiment.name, str(len(experiment.runs())), experiment.title)
    Console(highlight=False, markup=False, emoji=False).print(table)


def reproduce(
    name: str,
    n_tasks: int | None,
    seeds: Sequence[int] | None,
    algorithms: Sequence[str] | None,
    processes: int,
    results: Path,
    work: Path | None,
    limit: int | None,
    report_only: bool,
    document: Path | None,
    full: bool,
    quiet: bool,
) -> None:
    """Run what is missing of an experiment, then write table and picture of all its logs.

    Raises
    ------
    CommandError
        If runs failed, the others being in the table, or the document has no place for it.
    Interrupted
        On Ctrl-C, after table and picture of what is there are written.
    """
    experiment = find_experiment(name)
    if document is not None:
        filled(document, name, "")
    tasks = experiment.n_tasks if n_tasks is None else n_tasks
    runs = experiment.runs(algorithms, seeds, limit, full)
    left = [run for run in runs if tasks_done(run, results) < run.until(tasks)]
    left = [] if report_only else left
    people = console(quiet)
    failures: list[str] = []
    interrupted = False
    folder = work if work is not None else default_work()
    try:
        with Display(people, runs, left, tasks, results) as display:
            failures = execute_all(left, tasks, results, folder, processes, display.show)
    except KeyboardInterrupt:
        interrupted = True
    paper = [] if experiment.full_settings is None else experiment.runs(limit=limit, full=True)
    shown = dict.fromkeys([*experiment.runs(limit=limit), *paper, *runs])
    made = write_report(experiment, list(shown), results)
    if made is not None:
        console(quiet, results=True).print(made.read_text("utf-8"), end="", soft_wrap=True)
        people.print(f"table and picture: {made.parent}", soft_wrap=True)
        if document is not None:
            document.write_text(filled(document, name, made.read_text("utf-8")), "utf-8")
    if interrupted:
        raise Interrupted(f"interrupted; the same command goes on. Logs are in {results}")
    if failures:
        raise CommandError(f"{len(failures)} of {len(left)} runs failed: {'; '.join(failures)}")
    if made is None:
        raise CommandError(f"{results} has no run that was measured: nothing to show")


def write_report(experiment: Experiment, runs: Sequence[Run], results: Path) -> Path | None:
    """Write table and picture of the runs that were measured; return the table's path, if any.

    A log of other settings is passed over: it is refused only where its run is asked for.
    """
    records = [
        record
        for run in runs
        if (record := read_log(run.log(results))) is not None
        and record["identity"] == run.identity()
        and record["windows"]
    ]
    if not records:
        return None
    folder = results / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE_FILE).write_text(experiment.table(records), "utf-8")
    (folder / PICTURE_FILE).write_text(experiment.picture(records), "utf-8")
    return folder / TABLE_FILE


def filled(document: Path, name: str, table: str) -> str:
    """Return a document's text with a table between its ``<!-- name -->`` and ``<!-- /name -->``.

    Raises
    ------
    CommandError
        If the two comments are not there.
    """
    text = document.read_text("utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, opening, rest = text.partition(start)
    _, closing, after = rest.partition(end)
    if not opening or not closing:
        raise CommandError(f"{document} has no lines {start.strip()!r} and {end!r} for the table")
    return f"{before}{start}\n{table}\n{end}{after}"


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
