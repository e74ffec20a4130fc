"""The experiments by name."""

from __future__ import annotations

from experiments.bimu import report, runs, tune
from experiments.catalogue import Runnable
from experiments.loop.experiment import Experiment

EXPERIMENTS: dict[str, Runnable] = {
    runs.FOLDER: Experiment(
        runs.FOLDER,
        tuple(runs.ALGORITHMS),
        runs.N_SEEDS,
        runs.settings_of,
        report.bimu_table,
        report.bimu_picture,
        runs.BimuRun,
        runs.N_TASKS,
    ),
    runs.WINDOW_FOLDER: Experiment(
        runs.WINDOW_FOLDER,
        ("bimu-float",),
        1,
        runs.window_settings_of,
        report.window_table,
        report.window_picture,
        runs.BimuRun,
        runs.N_TASKS,
    ),
    runs.LONG_FOLDER: Experiment(
        runs.LONG_FOLDER,
        runs.LONG,
        1,
        runs.long_settings_of,
        report.bimu_table,
        report.bimu_picture,
        runs.BimuRun,
        runs.N_LONG,
    ),
    runs.ONE_FOLDER: Experiment(
        runs.ONE_FOLDER,
        runs.ONE,
        runs.N_SEEDS,
        runs.one_settings_of,
        report.bimu_table,
        report.bimu_picture,
        runs.BimuRun,
        1,
    ),
    tune.STUDY.name: tune.STUDY,
}
