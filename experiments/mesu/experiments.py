"""MESU's experiments by name."""

from __future__ import annotations

from experiments.catalogue import Runnable
from experiments.loop.experiment import MANY, Experiment
from experiments.loop.runs import Setting
from experiments.mesu import (
    formats,
    hessian,
    hessian_report,
    noise_limits,
    pictures,
    regression,
    sigma_bias,
    sigma_parts,
    tables,
)
from experiments.mesu.runs import WINDOW_FOLDER, FashionRun, PermutedRun

#: Where the logs lie that several experiments share.
SHARED, FASHION = "mesu-pmnist", "mesu-pmnist-fashion"
USUAL = tuple(name for name in tables.NAMES if name not in tables.SAMPLED[1:])
WINDOWS = (1.8e5, 3e5, 6e5, 1.2e6, 1e15)


def _usual(algorithm: str) -> list[tuple[str, Setting, int]]:
    return [(SHARED, Setting(algorithm), MANY)]


def _fashion(algorithm: str) -> list[tuple[str, Setting, int]]:
    return [(FASHION, Setting(algorithm), MANY)]


def _windows(algorithm: str) -> list[tuple[str, Setting, int]]:
    found = []
    for width, n_seeds in ((50, 3), (256, 1)):
        for window in WINDOWS:
            setting = Setting(algorithm, (784, width, 10), window)
            folder = SHARED if setting == Setting(algorithm) else WINDOW_FOLDER
            found.append((folder, setting, n_seeds))
    return found


EXPERIMENTS: dict[str, Runnable] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            SHARED,
            USUAL,
            5,
            _usual,
            tables.pmnist_table,
            pictures.pmnist_picture,
            PermutedRun,
        ),
        Experiment(
            FASHION,
            USUAL,
            5,
            _fashion,
            tables.pmnist_table,
            pictures.pmnist_picture,
            FashionRun,
        ),
        Experiment(
            "mesu-sampling",
            tables.SAMPLED,
            5,
            _fashion,
            tables.sampling_table,
            pictures.pmnist_picture,
            FashionRun,
        ),
        Experiment(
            WINDOW_FOLDER,
            ("mesu",),
            3,
            _windows,
            tables.window_table,
            pictures.window_picture,
            PermutedRun,
        ),
        Experiment(
            "vanishing-plasticity",
            ("mesu", "bgd"),
            5,
            _usual,
            tables.plasticity_table,
            pictures.plasticity_picture,
            PermutedRun,
        ),
        Experiment(
            "fixed-point",
            ("mesu", "mesu-q16", "mesu-factored", "mesu-factored-q16"),
            5,
            _usual,
            tables.fixed_point_table,
            pictures.fixed_point_picture,
            PermutedRun,
        ),
        Experiment(
            "mesu-hessian",
            hessian.ALGORITHMS,
            3,
            hessian.hessian_settings,
            hessian_report.hessian_table,
            hessian_report.hessian_picture,
            hessian.HessianRun,
        ),
        noise_limits.STUDY,
        regression.STUDY,
        formats.STUDY,
        sigma_parts.STUDY,
        sigma_bias.STUDY,
    )
}
