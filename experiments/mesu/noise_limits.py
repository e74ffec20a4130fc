"""Where does the noise of the weights drown the signal? The scan behind streamlearn/noise_check.py.

    python benchmarks/noise_limits.py [--out benchmarks/results/noise_limits.md]

Prequential accuracy on the whole gas stream, 128-32-6, float32 kernel, everything else at its
default; beside it what the forecast says. float32, since fixed point hides a divergence.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import warnings
from pathlib import Path

import numpy as np

from streamlearn import MesuClassifier, NoiseWarning
from streamlearn.errors import DivergedError
from streamlearn.noise_check import SPREAD_LIMIT, WINDOW_LIMIT, forecast_spread
from streamlearn.prequential import evaluate, majority_accuracy
from streamlearn.streams import Stream, load_gas_drift

LAYERS = (128, 32, 6)
SIGMA_PRIORS = (None, 0.3, 1.0, 3.0)
WINDOWS = (200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1e5, math.inf)
LEARNING_RATES = (1.0, 2.0)


def run_one(stream: Stream, sigma_prior: float | None, window: float, lr: float) -> list[str]:
    """Return one row of the table."""
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
        )
    try:
        result = f"{100 * evaluate(learner, stream).accuracy:.2f}"
    except DivergedError:
        result = f"diverged at {learner.n_samples}"
    spread = max(forecast_spread(fan_in, learner.config) for fan_in in LAYERS[:-1])
    prior = "1/√fan_in" if sigma_prior is None else f"{sigma_prior:g}"
    warns = "warns" if caught else ""
    return [prior, f"{window:g}", f"{lr:g}", f"{spread:.2f}", warns, result]


def machine() -> str:
    """Return the processor's name and the number of cores."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def report() -> str:
    """Run the whole scan and return it as Markdown."""
    stream = load_gas_drift()
    columns = ["σ_prior", "memory_window", "lr", "forecast spread", "warning", "accuracy %"]
    lines = [
        "# When the noise of the weights drowns the signal",
        "",
        f"Made by `python benchmarks/noise_limits.py` on {machine()}, NumPy {np.__version__}.",
        "",
        f"Gas stream, {len(stream)} samples (majority class: "
        f"{100 * majority_accuracy(stream.y):.1f} %), network "
        f"{'-'.join(map(str, LAYERS))}, float32, seed 0; test-then-train. `NoiseWarning` when the "
        f"forecast spread is above {SPREAD_LIMIT:g} or memory_window/lr below {WINDOW_LIMIT:g}. "
        '"Diverged at n": the outputs were no longer finite after n samples.',
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
    ]
    for lr in LEARNING_RATES:
        for sigma_prior in SIGMA_PRIORS:
            for window in WINDOWS:
                row = run_one(stream, sigma_prior, window, lr)
                lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    text = report()
    print(text)
    if options.out is not None:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
