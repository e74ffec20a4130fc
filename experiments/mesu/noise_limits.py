"""Where does predicted weight noise exceed the signal? The scan behind streamlearn/noise_check.py.

Prequential accuracy on the whole gas stream, float32 kernel, everything else at its default; beside
it what the forecast says. float32, since fixed point hides a divergence. The first table varies
prior and window, which give the noise at rest, the second one learning rate, start and depth, which
give the first steps.
"""

from __future__ import annotations

import argparse
import itertools
import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from experiments.options import add_limit
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier, NoiseWarning
from streamlearn.errors import DivergedError
from streamlearn.evaluation import evaluate, majority_accuracy
from streamlearn.noise_check import (
    NOISE_LIMIT,
    WINDOW_LIMIT,
    forecast_spread,
    forecast_step,
)
from streamlearn.streams import Stream, load_gas_drift

T = TypeVar("T")

LAYERS = (128, 32, 6)
SIGMA_PRIORS = (None, 0.3, 1.0, 3.0)
WINDOWS = (200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1e5, math.inf)
LEARNING_RATES = (1.0, 2.0)
OTHER_LAYERS = ((128, 6), (128, 32, 32, 6), (128, 32, 32, 32, 6))
SIGMA_INITS = (0.5, 1.0, 2.0)
STEP_WINDOWS = (1e4, 1e5)
STEP_RATES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0)


def learn(
    stream: Stream, layers: tuple[int, ...], **settings: float | None
) -> tuple[MesuClassifier, str, str]:
    """Return a learner, whether it warned, and its accuracy."""
    given: dict[str, Any] = settings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NoiseWarning)
        learner = MesuClassifier(layers, classes=range(layers[-1]), arithmetic="float32", **given)
    try:
        result = f"{100 * evaluate(learner, stream).accuracy:.2f}"
    except DivergedError:
        result = f"diverged at {learner.n_samples}"
    return learner, "warns" if caught else "", result


def run_one(stream: Stream, sigma_prior: float | None, window: float, lr: float) -> list[str]:
    """Return the cells of one row of the first table."""
    settings = {"sigma_prior": sigma_prior, "memory_window": window, "lr_mu": lr, "lr_sigma": lr}
    learner, warns, result = learn(stream, LAYERS, **settings)
    spread = max(forecast_spread(fan_in, learner.config) for fan_in in LAYERS[:-1])
    prior = "1/√fan_in" if sigma_prior is None else f"{sigma_prior:g}"
    return [prior, f"{window:g}", f"{lr:g}", f"{spread:.2f}", warns, result]


def run_step(
    stream: Stream, layers: tuple[int, ...], sigma_init: float, window: float, lr_mu: float
) -> list[str]:
    """Return the cells of one row of the second table."""
    settings = {"sigma_init": sigma_init, "memory_window": window, "lr_mu": lr_mu}
    learner, warns, result = learn(stream, layers, **settings)
    step = forecast_step(len(layers) - 1, learner.config)
    shape = "-".join(map(str, layers))
    return [shape, f"{sigma_init:g}", f"{window:g}", f"{lr_mu:g}", f"{step:.2f}", warns, result]


def measure(options: argparse.Namespace) -> Record:
    """Run the whole scan."""
    stream = load_gas_drift(limit=options.limit_samples)

    def some(values: Sequence[T]) -> Sequence[T]:
        return values[:2] if options.quick else values

    rows = []
    for lr, sigma_prior, window in itertools.product(
        LEARNING_RATES, some(SIGMA_PRIORS), some(WINDOWS)
    ):
        rows.append(run_one(stream, sigma_prior, window, lr))
        say(" | ".join(rows[-1]))
    steps = []
    networks: list[tuple[tuple[int, ...], tuple[float, ...]]]
    networks = [(LAYERS, SIGMA_INITS), *((other, (1.0,)) for other in OTHER_LAYERS)]
    for layers, inits in some(networks):
        for setting in itertools.product(some(inits), STEP_WINDOWS, some(STEP_RATES)):
            steps.append(run_step(stream, layers, *setting))
            say(" | ".join(steps[-1]))
    majority = round(100 * majority_accuracy(stream.y), 1)
    return {"samples": len(stream), "majority": majority, "rows": rows, "steps": steps}


def tables(record: Record) -> Mapping[str, str]:
    """Return both tables, and below each what it is of."""
    head = ["σ_prior", "memory_window", "lr", "forecast spread", "warning", "accuracy %"]
    note = (
        f"Gas stream, {record['samples']} samples (majority class: {record['majority']} %), "
        f"network {'-'.join(map(str, LAYERS))}, float32, seed 0; test-then-train. `NoiseWarning` "
        f"when the forecast spread is above {NOISE_LIMIT:g} or memory_window/lr below "
        f'{WINDOW_LIMIT:g}. "Diverged at n": the outputs were no longer finite after n samples.'
    )
    step_head = [
        "network", "σ_init", "memory_window", "lr_mu", "forecast step", "warning", "accuracy %",
    ]  # fmt: skip
    step_note = (
        "The same stream, arithmetic and seed, other settings at their defaults. `NoiseWarning` "
        f"when the forecast step is above {NOISE_LIMIT:g}, or as above."
    )
    return {
        "table": f"{markdown(head, record['rows'])}\n{textwrap.fill(note, 100)}\n",
        "steps": f"{markdown(step_head, record['steps'])}\n{textwrap.fill(step_note, 100)}\n",
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 2, "of the stream")
    parser.add_argument("--quick", action="store_true", help="two settings of each kind")


STUDY = Study("noise-limits", measure, tables, add_options)
