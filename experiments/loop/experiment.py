"""An experiment of the run loop: which runs it consists of, and how they are shown."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ExperimentError
from experiments.loop.display import Display
from experiments.loop.runs import Run, Setting, default_work, read_log, tasks_done
from experiments.loop.workers import ENGINES, execute_all
from experiments.needs import require
from experiments.options import (
    add_engine,
    add_limit,
    add_results,
    add_seeds,
    count,
    names,
    seeds_of,
)
from experiments.pictures import Draw
from experiments.tables import Record, Table
from streamlearn.cli.common import console
from streamlearn.cli.endings import Interrupted
from streamlearn.errors import ConfigError

N_TASKS = 200
#: As many seeds as anybody asks for.
MANY = 1_000_000
TABLE_FILE, PICTURE_FILE = "table.md", "picture.svg"
#: The settings of one algorithm: the folder of its logs, and the number of seeds it gets at most.
Settings = Callable[[str], Sequence[tuple[str, Setting, int]]]


@dataclass(frozen=True)
class Experiment:
    """A published result, or a claim of ours, that can be run again.

    Parameters
    ----------
    name : str
        On the command line, and the folder of its table and picture.
    algorithms : tuple of str
    n_seeds : int
        Where the user gives no number.
    settings : callable
    table, picture : callable
        From records to Markdown and to SVG.
    run_type : type
        What executes a setting.
    n_tasks : int
        Where the user gives no number.
    full_settings : callable, optional
        The settings at the paper's own size, where the usual ones are smaller.
    """

    name: str
    algorithms: tuple[str, ...]
    n_seeds: int
    settings: Settings
    table: Table
    picture: Draw
    run_type: type[Run]
    n_tasks: int = N_TASKS
    full_settings: Settings | None = None

    def runs(
        self,
        algorithms: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        limit: int | None = None,
        full: bool = False,
    ) -> list[Run]:
        """Return the runs, seed by seed, so that a table of few seeds is complete early.

        Raises
        ------
        ConfigError
            If an algorithm is none of the experiment's, a seed is negative or given twice, or
            `full` is asked for where the usual settings are the paper's.
        """
        settings = self.full_settings if full else self.settings
        if settings is None:
            raise ConfigError(f"{self.name} has the paper's size already: leave out --full")
        chosen = self.algorithms if algorithms is None else tuple(algorithms)
        numbers = tuple(range(self.n_seeds)) if seeds is None else tuple(seeds)
        for algorithm in chosen:
            if algorithm not in self.algorithms:
                raise ConfigError(
                    f"algorithm {algorithm!r}: {self.name} has {', '.join(self.algorithms)}"
                )
        if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
            raise ConfigError(f"seeds={list(numbers)}: expected different numbers, 0 or above")
        return [
            self.run_type(folder, setting, seed, limit)
            for place, seed in enumerate(numbers)
            for algorithm in chosen
            for folder, setting, n_seeds in settings(algorithm)
            if place < n_seeds
        ]

    def all_runs(self, limit: int | None = None) -> list[Run]:
        """Return the usual runs and those at the paper's own size."""
        paper = [] if self.full_settings is None else self.runs(limit=limit, full=True)
        return list(dict.fromkeys([*self.runs(limit=limit), *paper]))

    def records(self, runs: Sequence[Run], results: Path) -> list[Record]:
        """Return the logs of the runs that were measured.

        A log of other settings is passed over: it is refused only where its run is asked for.
        """
        return [
            record
            for run in runs
            if (record := read_log(run.log(results))) is not None
            and record["identity"] == run.identity()
            and record["windows"]
        ]

    def write_report(self, runs: Sequence[Run], results: Path) -> Path | None:
        """Write table and picture of the runs that were measured; return the table's path."""
        records = self.records(runs, results)
        if not records:
            return None
        folder = results / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TABLE_FILE).write_text(self.table(records), "utf-8")
        (folder / PICTURE_FILE).write_text(self.picture(records), "utf-8")
        return folder / TABLE_FILE

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--tasks", type=count(1), metavar="N", help=f"tasks to learn; {self.n_tasks} if none"
        )
        add_seeds(parser, self.n_seeds)
        parser.add_argument(
            "--algorithms",
            type=names,
            metavar="A,B",
            help=f"some of {','.join(self.algorithms)}; all if none",
        )
        add_engine(parser, ENGINES)
        add_limit(parser, 2, "images of each set")
        parser.add_argument(
            "--work",
            type=Path,
            metavar="DIR",
            help="folder of checkpoints; in the user's cache if none",
        )
        if self.full_settings is not None:
            parser.add_argument("--full", action="store_true", help="the paper's own size")
        add_results(parser)

    def run(self, options: argparse.Namespace) -> None:
        """Run what is missing, then write table and picture of all logs.

        Raises
        ------
        MissingError
            If a package or data is not here, before anything is started.
        ExperimentError
            If runs failed, the others being in the table.
        Interrupted
            On Ctrl-C, after table and picture of what is there are written.
        """
        results: Path = options.results
        tasks = self.n_tasks if options.tasks is None else options.tasks
        seeds = seeds_of(options)
        full = getattr(options, "full", False)
        runs = self.runs(options.algorithms, seeds, options.limit_samples, full)
        left = [run for run in runs if tasks_done(run, results) < run.until(tasks)]
        left = [] if options.report_only else left
        self._require(left)
        people = console(options.quiet)
        failures: list[str] = []
        interrupted = False
        work = default_work() if options.work is None else options.work
        try:
            with Display(people, runs, left, tasks, results) as display:
                failures = execute_all(
                    left, tasks, results, work, options.processes, display.show, options.engine
                )
        except KeyboardInterrupt:
            interrupted = True
        shown = list(dict.fromkeys([*self.all_runs(options.limit_samples), *runs]))
        made = self.write_report(shown, results)
        if made is not None:
            out = console(options.quiet, results=True)
            out.print(made.read_text("utf-8"), end="", soft_wrap=True)
            people.print(f"table and picture: {made.parent}", soft_wrap=True)
        if interrupted:
            raise Interrupted(f"interrupted; the same command goes on. Logs are in {results}")
        if failures:
            raise ExperimentError(
                f"{len(failures)} of {len(left)} runs failed: {'; '.join(failures)}"
            )
        if made is None:
            raise ExperimentError(f"{results} has no run that was measured: nothing to show")

    def _require(self, runs: Sequence[Run]) -> None:
        needy = [run for run in runs if run.packages or run.data_sets]
        require(
            [name for run in needy for name in run.packages],
            [name for run in needy for name in run.data_sets],
            f"{self.name} ({', '.join(dict.fromkeys(run.setting.algorithm for run in needy))})",
        )
