"""The experiment by name."""

from __future__ import annotations

from experiments.bimu import report, runs
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
    )
}
