"""Formats of MESU chosen from data, on the bundled stream and on permuted digits.

docs/formats.md says how to read the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from experiments.data import Permutations, load_images
from experiments.options import add_limit
from experiments.study import Record, Study, say
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from streamlearn.rules.mesu.formats import plan_formats
from streamlearn.streams import load_gas_drift

N_TASKS = 10
#: The first layer's μ grows sevenfold in another 190 tasks, the last layer's shrinks.
HEADROOM = (8, 1)


def measure(options: argparse.Namespace) -> Record:
    """Make both plans: the gas stream with defaults, ten tasks with the paper's hyperparameters."""
    n: int | None = options.limit_samples
    gas = load_gas_drift(limit=n)
    say("gas stream")
    plans = {"gas": plan_formats(NetworkSpec((128, 32, 6)), MesuConfig(), gas.x, gas.y)}
    images, permutations = load_images(n), Permutations(0)
    x = np.concatenate([images.train[:, permutations[task]] for task in range(N_TASKS)])
    spec = NetworkSpec((784, 50, 10), bias=False, front_end="none")
    config = MesuConfig(300_000, sigma_prior=1.0, sigma_init=2.0, lr_mu=1.0, lr_sigma=1.0)
    labels = np.tile(images.train_labels, N_TASKS)
    say(f"{N_TASKS} tasks of permuted MNIST")
    plans["pmnist"] = plan_formats(spec, config, x, labels, headroom=HEADROOM)
    return {"plans": {name: plan.to_markdown() for name, plan in plans.items()}}


def tables(record: Record) -> Mapping[str, str]:
    """Return the table of each plan."""
    return {name: f"{text}\n" for name, text in record["plans"].items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_limit(parser, 2, "of each set")


STUDY = Study("formats", measure, tables, add_options)
