"""The experiments on binarized metaplastic networks by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.loop.experiment import Experiment
from experiments.metaplastic import (
    columns,
    confidence,
    gas,
    novelty,
    pictures,
    quadratic,
    runs,
    settings,
    tables,
)

EXPERIMENTS: dict[str, Runnable] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "bnn-pmnist",
            settings.PERMUTED_ALGORITHMS,
            3,
            settings.permuted_settings,
            tables.permuted_table,
            pictures.permuted_picture,
            runs.PermutedRun,
            6,
            settings.permuted_full,
        ),
        Experiment(
            "bnn-epochs",
            settings.EPOCHS_ALGORITHMS,
            1,
            settings.epochs_settings,
            tables.permuted_table,
            pictures.permuted_picture,
            runs.PermutedRun,
            6,
        ),
        Experiment(
            "bnn-wide",
            settings.WIDE_ALGORITHMS,
            3,
            settings.wide_settings,
            tables.permuted_table,
            pictures.permuted_picture,
            runs.PermutedRun,
            6,
        ),
        Experiment(
            "bnn-tune",
            settings.TUNED_ALGORITHMS,
            1,
            settings.tuned_settings,
            tables.permuted_table,
            pictures.permuted_picture,
            runs.PermutedRun,
            6,
        ),
        Experiment(
            "bnn-stream",
            settings.STREAM_ALGORITHMS,
            3,
            settings.stream_settings,
            tables.stream_table,
            pictures.stream_picture,
            runs.StreamRun,
            settings.SUBSETS,
            settings.stream_full,
        ),
        Experiment(
            "bnn-quadratic",
            quadratic.ALGORITHMS,
            5,
            quadratic.quadratic_settings,
            tables.quadratic_table,
            pictures.quadratic_picture,
            quadratic.QuadraticRun,
            1,
        ),
        Experiment(
            "bnn-importance",
            settings.IMPORTANCE_ALGORITHMS,
            3,
            settings.importance_settings,
            tables.importance_table,
            pictures.importance_picture,
            runs.ImportanceRun,
            full_settings=settings.importance_full,
        ),
        gas.STUDY,
        columns.STUDY,
        confidence.STUDY,
        novelty.STUDY,
    )
}
