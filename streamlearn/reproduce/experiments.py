"""The experiments by name: which runs each consists of, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamlearn.errors import ConfigError
from streamlearn.reproduce import pictures, tables
from streamlearn.reproduce.learners import Setting
from streamlearn.reproduce.runs import Run

N_TASKS = 200
#: Where the logs lie that several experiments share.
SHARED = "mesu-pmnist"
WINDOWS = (1.8e5, 3e5, 6e5, 1.2e6, 1e15)


@dataclass(frozen=True)
class Experiment:
    """A published result, or a claim of ours, that can be run again.

    Parameters
    ----------
    name : str
        On the command line, and the folder of its table and picture.
    title : str
        One line.
    algorithms : tuple of str
    seeds : tuple of int
        Where the user gives none.
    settings : callable
        The settings of one algorithm, each with the number of seeds it gets at most.
    table, picture : callable
        From records to Markdown and to SVG.
    """

    name: str
    title: str
    algorithms: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: Callable[[str], Sequence[tuple[str, Setting, int]]]
    table: tables.Table
    picture: pictures.Draw

    def runs(
        self,
        algorithms: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Run]:
        """Return the runs, seed by seed, so that a table of few seeds is complete early.

        Raises
        ------
        ConfigError
            If an algorithm is none of the experiment's, or a seed is negative or given twice.
        """
        chosen = self.algorithms if algorithms is None else tuple(algorithms)
        numbers = self.seeds if seeds is None else tuple(seeds)
        for algorithm in chosen:
            if algorithm not in self.algorithms:
                raise ConfigError(
                    f"algorithm {algorithm!r}: {self.name} has {', '.join(self.algorithms)}"
                )
        if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
            raise ConfigError(f"seeds={list(numbers)}: expected different numbers, 0 or above")
        return [
            Run(folder, setting, seed, limit)
            for place, seed in enumerate(numbers)
            for algorithm in chosen
            for folder, setting, n_seeds in self.settings(algorithm)
            if place < n_seeds
        ]


def _usual(algorithm: str) -> list[tuple[str, Setting, int]]:
    return [(SHARED, Setting(algorithm), 1_000_000)]


def _windows(algorithm: str) -> list[tuple[str, Setting, int]]:
    found = []
    for width, n_seeds in ((50, 3), (256, 1)):
        for window in WINDOWS:
            setting = Setting(algorithm, (784, width, 10), window)
            folder = SHARED if setting == Setting(algorithm) else "mesu-window"
            found.append((folder, setting, n_seeds))
    return found


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "mesu-pmnist",
            "200 tasks of permuted MNIST, every algorithm (paper, figure 3)",
            tuple(tables.NAMES),
            (0, 1, 2, 3, 4),
            _usual,
            tables.pmnist_table,
            pictures.pmnist_picture,
        ),
        Experiment(
            "mesu-window",
            "memory window by width (paper, supplement)",
            ("mesu",),
            (0, 1, 2),
            _windows,
            tables.window_table,
            pictures.window_picture,
        ),
        Experiment(
            "vanishing-plasticity",
            "newest task and mean σ along 200 tasks, MESU and BGD (runs of mesu-pmnist)",
            ("mesu", "bgd"),
            (0, 1, 2, 3, 4),
            _usual,
            tables.plasticity_table,
            pictures.plasticity_picture,
        ),
        Experiment(
            "fixed-point",
            "the same tasks in fixed point and in float32 (runs of mesu-pmnist)",
            ("mesu", "mesu-q16", "mesu-factored", "mesu-factored-q16"),
            (0, 1, 2, 3, 4),
            _usual,
            tables.fixed_point_table,
            pictures.fixed_point_picture,
        ),
    )
}


def find_experiment(name: str) -> Experiment:
    """Return an experiment by its name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"no experiment {name!r}: there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
