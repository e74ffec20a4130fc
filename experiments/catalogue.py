"""The experiments by name: which runs each consists of, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamlearn.errors import ConfigError
from streamlearn.reproduce import (
    bnn,
    bnn_pictures,
    bnn_quadratic,
    bnn_settings,
    bnn_tables,
    hessian,
    hessian_report,
    pictures,
    streaming,
    streaming_report,
    streaming_settings,
    tables,
)
from streamlearn.reproduce.learners import Setting
from streamlearn.reproduce.runs import WINDOW_FOLDER, FashionRun, Run

N_TASKS = 200
#: Where the logs lie that several experiments share.
SHARED, FASHION = "mesu-pmnist", "mesu-pmnist-fashion"
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
    run_type : type
        What executes a setting.
    n_tasks : int
        Where the user gives no number.
    full_settings : callable, optional
        The settings at the paper's own size, where the usual ones are smaller.
    """

    name: str
    title: str
    algorithms: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: Callable[[str], Sequence[tuple[str, Setting, int]]]
    table: tables.Table
    picture: pictures.Draw
    run_type: type[Run] = Run
    n_tasks: int = N_TASKS
    full_settings: Callable[[str], Sequence[tuple[str, Setting, int]]] | None = None

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
        numbers = self.seeds if seeds is None else tuple(seeds)
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


def _usual(algorithm: str) -> list[tuple[str, Setting, int]]:
    return [(SHARED, Setting(algorithm), 1_000_000)]


def _windows(algorithm: str) -> list[tuple[str, Setting, int]]:
    found = []
    for width, n_seeds in ((50, 3), (256, 1)):
        for window in WINDOWS:
            setting = Setting(algorithm, (784, width, 10), window)
            folder = SHARED if setting == Setting(algorithm) else WINDOW_FOLDER
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
            FASHION,
            "the same with the authors' foreign images, where Fashion-MNIST's files are at hand",
            tuple(tables.NAMES),
            (0, 1, 2, 3, 4),
            lambda algorithm: [(FASHION, Setting(algorithm), 1_000_000)],
            tables.pmnist_table,
            pictures.pmnist_picture,
            FashionRun,
        ),
        Experiment(
            WINDOW_FOLDER,
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
        Experiment(
            "mesu-hessian",
            "1/σ² against the Hessian's diagonal; a task is 500 steps (paper, supplement 1)",
            hessian.ALGORITHMS,
            (0, 1, 2),
            hessian.hessian_settings,
            hessian_report.hessian_table,
            hessian_report.hessian_picture,
            hessian.HessianRun,
        ),
        Experiment(
            "bnn-pmnist",
            "binarized metaplastic network: 6 tasks of permuted MNIST (Laborieux, figure 2)",
            bnn_settings.PERMUTED_ALGORITHMS,
            (0, 1, 2),
            bnn_settings.permuted_settings,
            bnn_tables.permuted_table,
            bnn_pictures.permuted_picture,
            bnn.PermutedRun,
            6,
            bnn_settings.permuted_full,
        ),
        Experiment(
            "bnn-stream",
            "MNIST in 60 subsets, each seen alone, against all at once (Laborieux, figure 4)",
            bnn_settings.STREAM_ALGORITHMS,
            (0, 1, 2),
            bnn_settings.stream_settings,
            bnn_tables.stream_table,
            bnn_pictures.stream_picture,
            bnn.StreamRun,
            bnn_settings.SUBSETS,
            bnn_settings.stream_full,
        ),
        Experiment(
            "bnn-quadratic",
            "a quadratic loss of binary weights: importance and divergence (Laborieux, figure 5)",
            bnn_quadratic.ALGORITHMS,
            (0, 1, 2, 3, 4),
            bnn_quadratic.quadratic_settings,
            bnn_tables.quadratic_table,
            bnn_pictures.quadratic_picture,
            bnn_quadratic.QuadraticRun,
            1,
        ),
        Experiment(
            "bnn-importance",
            "what switching weights of each hidden magnitude costs (Laborieux, figure 5)",
            bnn_settings.IMPORTANCE_ALGORITHMS,
            (0, 1, 2),
            bnn_settings.importance_settings,
            bnn_tables.importance_table,
            bnn_pictures.importance_picture,
            bnn.ImportanceRun,
            full_settings=bnn_settings.importance_full,
        ),
        Experiment(
            "streaming-pmnist",
            "20 permuted tasks in one pass: one byte a synapse, integers, no task boundaries",
            tuple(streaming_report.NAMES),
            (0, 1, 2),
            streaming_settings.streaming_settings,
            streaming_report.streaming_table,
            streaming_report.streaming_picture,
            streaming.StreamingRun,
            max(streaming_settings.MILESTONES),
        ),
        Experiment(
            "streaming-gated",
            "the same tasks at H = 512, each sample in the blocks of units that answer to it",
            tuple(streaming_settings.GATES),
            (0, 1, 2),
            streaming_settings.gated_settings,
            streaming_report.streaming_table,
            streaming_report.streaming_picture,
            streaming.StreamingRun,
            max(streaming_settings.MILESTONES),
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
