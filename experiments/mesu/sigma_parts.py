"""Which of q16's roundings makes σ of the last layer smaller than float32's.

Permuted MNIST, the learners of ``fixed-point``: both engines, and a loop in floats of which one
quantisation of the last layer at a time is switched on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from experiments.compiler import compiled
from experiments.data import Floats, Integers, Permutations, load_digits, standardised
from experiments.loop.runs import Setting
from experiments.mesu.learners import MesuLearner
from experiments.mesu.sigma_loop import PARTS, learn_block
from experiments.options import add_limit, add_seeds, count, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import encode, least_exponent, most_exponent
from quant.sampling.plan import effective_sweep
from quant.tables import EPSILON, EXP2

BLOCK = 256
#: Fraction bits that μ has fewer where it is coarser.
COARSER = 3
SETTING = Setting("mesu")


class Loop:
    """The loop in floats with some of its parts switched on.

    Parameters
    ----------
    start : MesuLearner
        In float32: what the loop goes on from.
    seed : int
        Of its noise.
    parts : sequence of str
        Of :data:`~experiments.mesu.sigma_loop.PARTS`.
    fewer : int
        Fraction bits that μ has fewer than in q16.
    """

    def __init__(
        self, start: MesuLearner, seed: int, parts: tuple[str, ...], fewer: int = 0
    ) -> None:
        spec, config = start.spec, start.config
        plan = make_plan(spec, config)
        (mu1, sigma1), (mu2, sigma2) = (start.moments(layer) for layer in range(2))
        self._first = np.array(mu1), np.array(sigma1)
        self._last = np.array(mu2, np.float64), np.array(sigma2, np.float64) ** 2
        last = plan.layers[1]
        _, self._exponent = encode(self._last[1])
        self._limits = np.array(
            [least_exponent(last.v_exponent), most_exponent(last.v_exponent)], np.int64
        )
        self._exponent = np.minimum(self._exponent, self._limits[1])
        self._on = np.array([name in parts for name in PARTS], np.int64)
        self._sweep = effective_sweep(config)
        pull = self._sweep / config.memory_window
        rates = -config.lr_mu / config.n_draws, -config.lr_sigma / config.n_draws
        self._constants = np.array([*rates, config.lr_mu * pull, config.lr_sigma * pull])
        self._gains = np.array([*plan.gain_mu, *plan.gain_sigma], np.int64)
        self._frac_bits = last.mu_frac_bits - fewer
        self._rng = np.random.default_rng((seed, 2))
        self._n_samples = 0

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """Learn a task's samples, one after the other."""
        del task
        n_hidden, n_out = self._last[0].shape
        learn = compiled(learn_block)
        table = (EPSILON / 256).astype(np.float32)
        for at in range(0, len(labels), BLOCK):
            x, y = images[at : at + BLOCK], labels[at : at + BLOCK]
            octets = self._rng.integers(
                0, 256, (len(y), SETTING.n_draws, n_hidden + n_out), np.uint8
            )
            epsilon = table[octets]
            u = self._rng.random((len(y), n_hidden, n_out, 4), np.float32)
            learn(
                self._on, *self._first, *self._last, self._exponent, self._limits,
                self._frac_bits, self._constants, self._gains, EXP2.astype(np.float64),
                self._sweep, self._n_samples, x, y, epsilon[..., :n_hidden].copy(),
                epsilon[..., n_hidden:].copy(), u,
            )  # fmt: skip
            self._n_samples += len(y)

    def mean_sigma(self) -> list[float]:
        """Return the mean σ of each layer."""
        return [float(self._first[1].mean()), float(np.sqrt(self._last[1]).mean())]


def cases() -> dict[str, tuple[tuple[str, ...], int]]:
    """Return the loops by name: their parts, and by how many bits μ is coarser."""
    one = {name: ((name,), 0) for name in PARTS}
    return {
        "none": ((), 0),
        **one,
        "all": (tuple(PARTS), 0),
        "mu, coarser": (("mu",), COARSER),
    }


def measure(options: argparse.Namespace) -> Record:
    """Learn some tasks in float32, then a few more by every loop, each from there."""
    digits = load_digits(options.limit_samples)
    images = standardised(digits.train)
    rows = []
    for seed in seeds_of(options):
        permutations = Permutations(seed)
        tasks = [images[:, permutations[options.start + n]] for n in range(options.tasks)]
        start = MesuLearner(SETTING, seed, "float32")
        for task in range(options.start):
            start.learn(images[:, permutations[task]], digits.train_labels, task)
        say(f"seed {seed}: mean σ {start.mean_sigma()} after {options.start} tasks")
        for name, (parts, fewer) in cases().items():
            loop = Loop(start, seed, parts, fewer)
            for task, permuted in enumerate(tasks):
                loop.learn(permuted, digits.train_labels, task)
            sigma = [round(value, 8) for value in loop.mean_sigma()]
            say(f"seed {seed}, {name}: mean σ {sigma}")
            rows.append({"seed": seed, "name": name, "sigma": sigma})
    return {
        "samples": len(images),
        "start": options.start,
        "tasks": options.tasks,
        "seeds": list(seeds_of(options)),
        "rows": rows,
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: σ of both layers beside that of the loop with no part on."""
    by = {(row["seed"], row["name"]): row["sigma"] for row in record["rows"]}
    rows = []
    for name in dict.fromkeys(row["name"] for row in record["rows"]):
        apart = [
            [
                100 * (by[seed, name][layer] / by[seed, "none"][layer] - 1)
                for seed in record["seeds"]
            ]
            for layer in range(2)
        ]
        rows.append([name, PARTS.get(name, ""), *(cell(each, 2, "+") for each in apart)])
    head = ["on", "what it does to the last layer", "σ of layer 1, %", "σ of layer 2, %"]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--start", type=count(0), default=20, metavar="N",
        help="tasks learned in float32 before; 20 if none",
    )  # fmt: skip
    parser.add_argument(
        "--tasks", type=count(1), default=6, metavar="N", help="learned by every loop; 6 if none"
    )
    add_seeds(parser, 1)
    add_limit(parser, 2, "of MNIST's training images")


STUDY = Study("sigma-parts", measure, tables, add_options)
