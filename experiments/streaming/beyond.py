"""What else might make a full binary learner remember more, at the bytes of 784-512-10.

Permuted tasks of the first 50,000 training images, each seen once, one at a time; accuracies on the
last 10,000, so that no test image has a say. The rule is :mod:`streamlearn.rules.metaplastic`'s
with the library's constants; what is changed about it is a row of the table in docs/binarized.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.compiler import compiled
from experiments.data import (
    Digits,
    Floats,
    Integers,
    Permutations,
    load_digits,
    split_for_validation,
)
from experiments.options import add_seeds, count, seeds_of
from experiments.streaming.beyond_loop import N_F, learn
from experiments.study import Record, Study, say
from experiments.tables import markdown
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import METAPLASTICITY, MetaplasticConfig
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state
from streamlearn.rules.metaplastic.equations import LSB

N_FEATURES, N_HIDDEN, N_CLASSES = 784, 512, 10


@dataclass(frozen=True)
class Variant:
    """The rule with something changed in its first layer.

    Attributes
    ----------
    family, setting : str
        What is changed, and to what.
    hidden : tuple of int
        Units of the hidden layers.
    m, clamp : float
        Metaplasticity; hidden weights stay within ±clamp.
    floor : float
        The least share of a step towards zero that is let through.
    fast, slow : float
        Two-speed weights: a weight that has been moved closes ``fast`` of the gap to its slow copy,
        the copy ``slow`` of it.
    window : float
        Samples over which the hidden weights of both layers decay by e; infinite: they do not.
    connections : float
        The share of the inputs, drawn at random, that a unit sees.
    threshold : float
        Pixels above it are 1 and all others 0; 0: pixels as they are.
    """

    family: str
    setting: str
    hidden: tuple[int, ...] = (N_HIDDEN,)
    m: float = METAPLASTICITY
    clamp: float = MetaplasticConfig.clamp
    floor: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    window: float = math.inf
    connections: float = 1.0
    threshold: float = 0.0

    @property
    def layers(self) -> tuple[int, ...]:
        """Inputs, hidden units, classes."""
        return (N_FEATURES, *self.hidden, N_CLASSES)

    @property
    def n_bytes(self) -> int:
        """Bytes of the weights, one each, and one more for a slow copy; unseen inputs have none."""
        first, *later = [n * h for n, h in zip(self.layers, self.layers[1:], strict=False)]
        return round(first * self.connections) * (2 if self.slow else 1) + sum(later)


def spec_of(variant: Variant) -> NetworkSpec:
    """Return the network as the library knows it."""
    return NetworkSpec(variant.layers, bias=False, front_end="none")


VARIANTS = (
    Variant("as it is", ""),
    *(Variant("two-speed, half the units", f"fast {f:g}, slow {s:g}", (256,), fast=f, slow=s)
      for f, s in ((0.03, 0.03), (0.1, 0.1), (0.1, 0.01), (0.3, 0.03))),
    Variant("two-speed, half the units", "fast 0.1, slow 0.1, m 0", (256,), 0, fast=0.1, slow=0.1),
    Variant("two-speed, all units", "fast 0.1, slow 0.1", fast=0.1, slow=0.1),
    *(Variant("window of steps, no clamp", f"f at least {f:g}", floor=f, clamp=7.9)
      for f in (0.05, 0.1, 0.2)),
    *(Variant("memory window", f"N = {n:,.0f}", window=n) for n in (3e5, 1e6, 3e6)),
    *(Variant("memory window, no clamp", f"N = {n:,.0f}", window=n, clamp=7.9)
      for n in (3e5, 1e6)),
    Variant("sparse connections", "half the inputs, 1024 units", (1024,), connections=0.5),
    Variant("sparse inputs", "pixels above 0.5", threshold=0.5),
    Variant("several layers", "784-480-50-10", (480, 50)),
    Variant("several layers", "784-440-128-10", (440, 128)),
)  # fmt: skip


class OneHidden:
    """The rule's float reference with one hidden layer and a variant's changes."""

    def __init__(self, variant: Variant, seed: int, loop: Callable[..., None]) -> None:
        config = MetaplasticConfig(metaplasticity=variant.m)
        layers, n_hidden = variant.layers, variant.hidden[0]
        sized = config.for_sizes(layers)
        rng = np.random.default_rng((seed, 5))
        init, init_output = sized.weight_init, config.weight_init_output
        self._w1 = rng.uniform(-init, init, layers[:2]).astype(np.float32)
        self._w2 = rng.uniform(-init_output, init_output, layers[:0:-1]).astype(np.float32)
        chosen = rng.random(layers[:2]) < variant.connections
        self._seen = chosen.astype(np.float32)
        self._twin = self._w1.copy()
        self._signs = np.where(self._w1 < 0, -self._seen, self._seen)
        sizes = np.arange(N_F) * LSB
        share = np.maximum(1 - np.tanh(variant.m * sizes) ** 2, variant.floor)
        share_output = 1 - np.tanh(config.metaplasticity_output * sizes) ** 2
        shift = 2.0 ** make_metaplastic_plan(spec_of(variant), config).backward_shifts[1]
        self._loop = loop
        self._options = (
            share.astype(np.float32), share_output.astype(np.float32), variant.clamp, config.clamp,
            variant.fast, variant.slow, math.exp(-1000 / variant.window),
            (LSB * sized.lr / shift, LSB * sized.lr_output, sized.window, config.skip,
             sized.logit_scale / math.sqrt(n_hidden)),
            self._seen,
        )  # fmt: skip

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn a task, sample by sample."""
        weights = self._w1, self._twin, self._signs, self._w2
        self._loop(*self._options, *weights, images, labels)

    def classify(self, images: Floats) -> Integers:
        """Return the class of each image."""
        hidden = np.where(images @ self._signs < 0, -1.0, 1.0)
        found: Integers = (hidden @ np.where(self._w2 < 0, -1.0, 1.0).T).argmax(axis=1)
        return found


class Layers:
    """The library's kernel in integers, for networks of several layers."""

    def __init__(self, variant: Variant, seed: int) -> None:
        self._spec, config = spec_of(variant), MetaplasticConfig()
        self._kernel = NativeKernel(self._spec, config, "q8")
        self._state = init_state(self._spec, config, "q8", seed)

    def learn(self, images: Floats, labels: Integers) -> None:
        """Learn a task, sample by sample."""
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def classify(self, images: Floats) -> Integers:
        """Return the class of each image: what the kernel predicts, many at once."""
        x = np.floor(images * 16 + np.float32(0.5))
        for layer in range(len(self._spec.shapes)):
            w = weight_view(self._spec, self._state, layer)
            z = x @ np.where(w < 0, -1, 1).astype(np.float32)
            x = np.where(z < 0, np.float32(-1), np.float32(1))
        found: Integers = z.argmax(axis=1)
        return found


def validate(learner: Any, variant: Variant, seed: int, digits: Digits, tasks: int) -> list[float]:
    """Return the accuracy on every task after the last, in %."""

    def shown(images: Floats, task: int) -> Floats:
        permuted = np.take(images, orders[task], axis=1)
        threshold = variant.threshold
        return (permuted > threshold).astype(np.float32) if threshold else permuted

    orders = Permutations(seed, N_FEATURES)
    for task in range(tasks):
        learner.learn(shown(digits.train, task), digits.train_labels)
    return [
        100 * float(np.mean(learner.classify(shown(digits.test, task)) == digits.test_labels))
        for task in range(tasks)
    ]


def measure(options: argparse.Namespace) -> Record:
    """Learn every variant on every seed."""
    loop, digits = compiled(learn), split_for_validation(load_digits())
    seeds, rows = seeds_of(options), []
    for variant in VARIANTS:
        if not variant.family.startswith(options.only):
            continue
        say(f"{variant.family}, {variant.setting}")
        several = len(variant.hidden) > 1
        runs = []
        for seed in seeds:
            made = Layers(variant, seed) if several else OneHidden(variant, seed, loop)
            runs.append(validate(made, variant, seed, digits, options.tasks))
        rows.append(
            {
                "changed": variant.family,
                "to": variant.setting,
                "bytes": variant.n_bytes,
                "mean": float(np.mean(runs)),
                "last": float(np.mean(runs, 0)[-1]),
            }
        )
    return {"tasks": options.tasks, "seeds": list(seeds), "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table: average accuracy of all tasks and last-task accuracy, in %."""
    rows = [
        [r["changed"], r["to"], f"{r['bytes']:,}", f"{r['mean']:.1f}", f"{r['last']:.1f}"]
        for r in record["rows"]
    ]
    return {"table": markdown(["changed", "to", "bytes", "mean %", "last %"], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 2)
    parser.add_argument(
        "--tasks", type=count(1), default=20, metavar="N", help="permuted tasks; 20 if none"
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="variants whose first column begins with it"
    )


STUDY = Study("streaming-beyond", measure, tables, add_options)
