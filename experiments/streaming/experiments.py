"""The experiments on permuted MNIST in one pass by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.loop.experiment import Experiment
from experiments.streaming import beyond, report, runs, settings, tune

EXPERIMENTS: dict[str, Runnable] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "streaming-pmnist",
            tuple(report.NAMES),
            3,
            settings.streaming_settings,
            report.streaming_table,
            report.streaming_picture,
            runs.StreamingRun,
            max(settings.MILESTONES),
        ),
        Experiment(
            "streaming-gated",
            tuple(settings.GATES),
            3,
            settings.gated_settings,
            report.streaming_table,
            report.streaming_picture,
            runs.StreamingRun,
            max(settings.MILESTONES),
        ),
        Experiment(
            settings.HUNDRED,
            settings.LONG,
            1,
            settings.hundred_settings,
            report.hundred_table,
            report.hundred_picture,
            runs.StreamingRun,
            settings.N_HUNDRED,
        ),
        tune.STUDY,
        beyond.STUDY,
    )
}
