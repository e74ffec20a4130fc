"""The experiments by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.loop.experiment import Experiment
from experiments.multilevel import capacity, report, runs

EXPERIMENTS: dict[str, Runnable] = {
    runs.SPLIT: Experiment(
        runs.SPLIT,
        tuple(runs.DEVICES),
        runs.N_SEEDS,
        runs.split_settings,
        report.split_table,
        report.split_picture,
        runs.SplitRun,
        runs.N_PAIRS,
    ),
    runs.LEVELS: Experiment(
        runs.LEVELS,
        tuple(map(str, runs.LEVELS_STUDIED)),
        3,
        runs.sets_settings,
        report.sets_table,
        report.sets_picture,
        runs.SetsRun,
        runs.N_SETS,
    ),
    capacity.CAPACITY: Experiment(
        capacity.CAPACITY,
        tuple(capacity.SYNAPSES),
        capacity.N_SEEDS,
        capacity.settings_of,
        report.capacity_table,
        report.capacity_picture,
        capacity.CapacityRun,
        len(capacity.PATTERNS),
    ),
}
