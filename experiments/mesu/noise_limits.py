"""Where does predicted weight noise exceed the signal? The scan behind streamlearn/noise_check.py.

Prequential accuracy on the whole gas stream, 128-32-6, float32 kernel, everything else at its
default; beside it what the forecast says. float32, since fixed point hides a divergence.
"""

from __future__ import annotations

import argparse
import math
import textwrap
import warnings
from collections.abc import Mapping

from experiments.options import add_limit
from experiments.study import Record, Study, say
from experiments.tables import markdown
from streamlearn import MesuClassifier, NoiseWarning
from streamlearn.errors import DivergedError
from streamlearn.evaluation import evaluate, majority_accuracy
from streamlearn.noise_check import SPREAD_LIMIT, WINDOW_LIMIT, forecast_spread
from streamlearn.streams import Stream, load_gas_drift

LAYERS = (128, 32, 6)
SIGMA_PRIORS = (None, 0.3, 1.0, 3.0)
WINDOWS = (200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1e5, math.inf)
LEARNING_RATES = (1.0, 2.0)


def run_one(stream: Stream, sigma_prior: float | None, window: float, lr: float) -> list[str]:
    """Return the cells of one row."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NoiseWarning)
        learner = MesuClassifier(
            LAYERS,
            classes=range(LAYERS[-1]),
            arithmetic="float32",
            sigma_prior=sigma_prior,
            memory_window=window,
            lr_mu=lr,
            lr_sigma=lr,
            step="fixed",
        )
    try:
        result = f"{100 * evaluate(learner, stream).accuracy:.2f}"
    except DivergedError:
        result = f"diverged at {learner.n_samples}"
    spread = max(forecast_spread(fan_in, learner.config) for fan_in in LAYERS[:-1])
    prior = "1/√fan_in" if sigma_prior is None else f"{sigma_prior:g}"
    warns = "warns" if caught else ""
    return [prior, f"{window:g}", f"{lr:g}", f"{spread:.2f}", warns, result]


def measure(options: argparse.Namespace) -> Record:
    """Run the whole scan."""
    stream = load_gas_drift(limit=options.limit_samples)
    rows = []
    for lr in LEARNING_RATES:
        for sigma_prior in SIGMA_PRIORS:
            for window in WINDOWS:
                rows.append(run_one(stream, sigma_prior, window, lr))
                say(" | ".join(rows[-1]))
    majority = round(100 * majority_accuracy(stream.y), 1)
    return {"samples": len(stream), "majority": majority, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table, and below it what it is of."""
    head = ["σ_prior", "memory_window", "lr", "forecast spread", "warning", "accuracy %"]
    note = (
        f"Gas stream, {record['samples']} samples (majority class: {record['majority']} %), "
        f"network {'-'.join(map(str, LAYERS))}, float32, seed 0; test-then-train. `NoiseWarning` "
        f"when the forecast spread is above {SPREAD_LIMIT:g} or memory_window/lr below "
        f'{WINDOW_LIMIT:g}. "Diverged at n": the outputs were no longer finite after n samples.'
    )
    return {"table": f"{markdown(head, record['rows'])}\n{textwrap.fill(note, 100)}\n"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 2, "of the stream")


STUDY = Study("noise-limits", measure, tables, add_options)
