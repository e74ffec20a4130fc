"""What else might make a full binary learner remember more, at the bytes of 784-512-10.

python benchmarks/metaplastic_beyond.py [--tasks 20] [--seeds 2] [--only two-speed]

Permuted tasks of the first 50,000 training images, each seen once, one at a time; accuracies on the
last 10,000, so that no test image has a say. The rule is :mod:`streamlearn.metaplastic`'s with the
library's constants; what is changed about it is a row of the table, which docs/binarized.md has.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks_machine import machine

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state
from streamlearn.reproduce.kernels import compiled
from streamlearn.reproduce.pmnist import Permutations
from streamlearn.reproduce.streaming import Digits, load_digits, split_for_validation
from streamlearn.reproduce.tables import markdown

Floats = npt.NDArray[np.float32]

N_FEATURES, N_HIDDEN, N_CLASSES = 784, 512, 10
LSB = 1 / 128
#: Entries of the table of f, one for each 1/128 of a hidden weight's size, to 8.
N_F = 1024


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
        Two-speed weights: a weight that has been moved closes ``fast`` of the gap to its slow twin,
        the twin ``slow`` of it.
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
    m: float = MetaplasticConfig.metaplasticity
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
        """Bytes of the weights, one each, and one more for a slow twin; unseen inputs have none."""
        first, *later = [n * h for n, h in zip(self.layers, self.layers[1:], strict=False)]
        return round(first * self.connections) * (2 if self.slow else 1) + sum(later)


def spec_of(variant: Variant) -> NetworkSpec:
    """Return the network as the library knows it."""
    return NetworkSpec(variant.layers, bias=False, front_end="none", rule="metaplastic")


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


def learn(
    share: Floats,
    share_output: Floats,
    clamp: float,
    clamp_output: float,
    fast: float,
    slow: float,
    keep: float,
    rates: tuple[float, float, float, float, float],
    seen: Floats,
    w1: Floats,
    twin: Floats,
    signs: Floats,
    w2: Floats,
    images: Floats,
    labels: npt.NDArray[np.int64],
) -> None:
    """Learn every sample once, in place.

    Parameters
    ----------
    share, share_output : float32[N_F]
        What is let through of a step towards zero, by the hidden weight's size in 1/128.
    keep : float
        What a decay once in 1000 samples leaves of a hidden weight.
    rates : tuple
        Steps of both layers, window, skip and the logits' scale.
    seen, w1, twin, signs : float32[n_features, n_hidden]
        1 where a unit sees an input, hidden weights, their slow twins, and ``seen`` with the
        weights' signs.
    w2 : float32[n_classes, n_hidden]
    images : float32[n, n_features]
    labels : int64[n]
    """
    lr, lr_output, window, skip, scale = rates
    n_in, n_hidden = w1.shape
    n_out = len(w2)
    signs2 = np.where(w2 < 0, np.float32(-1), np.float32(1))
    a, g = np.zeros(n_hidden, np.float32), np.zeros(n_hidden, np.float32)
    size = np.zeros(n_hidden, np.float32)
    z = np.zeros(n_out)
    used, units = np.zeros(n_in, np.int64), np.zeros(n_hidden, np.int64)
    dense = seen.min() > 0
    for n in range(len(labels)):
        if keep < 1 and n % 1000 == 0:
            w1 *= keep
            w2 *= keep
        x = images[n]
        n_used = 0
        a[:] = 0
        size[:] = 0
        squares = np.float32(0)
        for i in range(n_in):
            v = x[i]
            if v != 0:
                used[n_used] = i
                n_used += 1
                squares += v * v
                row = signs[i]
                for j in range(n_hidden):
                    a[j] += v * row[j]
                if not dense:
                    for j in range(n_hidden):
                        size[j] += v * v * seen[i, j]
        if dense:
            size[:] = squares
        for k in range(n_out):
            votes = np.float32(0)
            for j in range(n_hidden):
                votes += -signs2[k, j] if a[j] < 0 else signs2[k, j]
            z[k] = votes
        z -= z.max()
        z = np.exp(z * scale)
        z /= z.sum()
        z[labels[n]] -= 1
        if np.abs(z).max() <= skip:
            continue
        n_units = 0
        for j in range(n_hidden):
            if abs(a[j]) <= window * np.sqrt(size[j]):
                below = 0.0
                for k in range(n_out):
                    below += z[k] * signs2[k, j]
                g[n_units] = below * lr
                units[n_units] = j
                n_units += 1
        for k in range(n_out):
            for j in range(n_hidden):
                step = z[k] * lr_output if a[j] < 0 else -z[k] * lr_output
                old = w2[k, j]
                if (step < 0) != (old < 0):
                    step *= share_output[int(abs(old) * 128)]
                new = min(max(old + step, -clamp_output), clamp_output)
                w2[k, j] = new
                signs2[k, j] = -1 if new < 0 else 1
        for q in range(n_used):
            i = used[q]
            v = x[i]
            for b in range(n_units):
                j = units[b]
                if seen[i, j] == 0:
                    continue
                step = -v * g[b]
                old = w1[i, j]
                if (step < 0) != (old < 0):
                    step *= share[int(abs(old) * 128)]
                new = old + step
                if slow > 0:
                    gap = new - twin[i, j]
                    new -= fast * gap
                    twin[i, j] += slow * gap
                new = min(max(new, -clamp), clamp)
                w1[i, j] = new
                signs[i, j] = -1 if new < 0 else 1


class OneHidden:
    """The rule's float twin with one hidden layer and a variant's changes."""

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

    def learn(self, images: Floats, labels: npt.NDArray[np.int64]) -> None:
        """Learn a task, sample by sample."""
        weights = self._w1, self._twin, self._signs, self._w2
        self._loop(*self._options, *weights, images, labels)

    def classify(self, images: Floats) -> npt.NDArray[np.int64]:
        """Return the class of each image."""
        hidden = np.where(images @ self._signs < 0, -1.0, 1.0)
        found: npt.NDArray[np.int64] = (hidden @ np.where(self._w2 < 0, -1.0, 1.0).T).argmax(axis=1)
        return found


class Layers:
    """The library's kernel in integers, for networks of several layers."""

    def __init__(self, variant: Variant, seed: int) -> None:
        self._spec, config = spec_of(variant), MetaplasticConfig()
        self._kernel = NativeKernel(self._spec, config, "q8")
        self._state = init_state(self._spec, config, "q8", seed)

    def learn(self, images: Floats, labels: npt.NDArray[np.int64]) -> None:
        """Learn a task, sample by sample."""
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def classify(self, images: Floats) -> npt.NDArray[np.int64]:
        """Return the class of each image: what the kernel predicts, many at once."""
        x = np.floor(images * 16 + np.float32(0.5))
        for layer in range(len(self._spec.shapes)):
            w = weight_view(self._spec, self._state, layer)
            z = x @ np.where(w < 0, -1, 1).astype(np.float32)
            x = np.where(z < 0, np.float32(-1), np.float32(1))
        found: npt.NDArray[np.int64] = z.argmax(axis=1)
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


def main() -> None:
    """Learn every variant on every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", help="variants whose family begins with this")
    options = parser.parse_args()
    loop, digits = compiled(learn), split_for_validation(load_digits())
    rows = []
    for variant in VARIANTS:
        if not variant.family.startswith(options.only or ""):
            continue
        runs = []
        for seed in range(options.seeds):
            several = len(variant.hidden) > 1
            made = Layers(variant, seed) if several else OneHidden(variant, seed, loop)
            runs.append(validate(made, variant, seed, digits, options.tasks))
        found = np.array(runs)
        accuracies = f"{found.mean():.1f}", f"{found[:, -1].mean():.1f}"
        row = [variant.family, variant.setting, f"{variant.n_bytes:,}", *accuracies]
        print(" | ".join(row), file=sys.stderr, flush=True)
        rows.append(row)
    print(f"T = {options.tasks}, {options.seeds} seeds, on {machine()}\n")
    print(markdown(["changed", "to", "bytes", "mean %", "last %"], rows))


if __name__ == "__main__":
    main()
