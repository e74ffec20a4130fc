"""Formats of MESU chosen from data, on the bundled stream and on permuted digits.

``python benchmarks/formats.py`` prints Markdown; docs/formats.md says how to read it.
"""

from __future__ import annotations

import numpy as np

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from streamlearn.reproduce.pmnist import Permutations, load_images
from streamlearn.rules.mesu.formats import plan_formats
from streamlearn.streams import load_gas_drift

N_TASKS = 10
#: The first layer's μ grows sevenfold in another 190 tasks, the last layer's shrinks.
HEADROOM = (8, 1)


def main() -> None:
    """Print both plans."""
    gas = load_gas_drift()
    print("The gas stream, 128-32-6, defaults:\n")
    print(plan_formats(NetworkSpec((128, 32, 6)), MesuConfig(), gas.x, gas.y).to_markdown())

    images, permutations = load_images(), Permutations(0)
    x = np.concatenate([images.train[:, permutations[task]] for task in range(N_TASKS)])
    spec = NetworkSpec((784, 50, 10), bias=False, front_end="none")
    config = MesuConfig(300_000, sigma_prior=1.0, sigma_init=2.0, lr_mu=1.0, lr_sigma=1.0)
    labels = np.tile(images.train_labels, N_TASKS)
    print(f"\n{N_TASKS} tasks of permuted MNIST, 784-50-10, the paper's hyperparameters:\n")
    print(plan_formats(spec, config, x, labels, headroom=HEADROOM).to_markdown())


if __name__ == "__main__":
    main()
