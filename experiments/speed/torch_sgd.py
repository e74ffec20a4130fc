"""A network without Bayes by plain SGD in PyTorch, batch 1, derivatives by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]

Array = npt.NDArray[Any]


class SgdLoop:
    """A network without Bayes, by plain SGD: what the rest is measured against for scale."""

    def __init__(self, layers: Sequence[int], lr: float = 0.002, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.weights = [
            torch.empty(n_out, n_in).uniform_(-(n_in**-0.5), n_in**-0.5, generator=generator)
            for n_in, n_out in pairwise(layers)
        ]
        if len(self.weights) != 2:
            raise ValueError(f"layers={tuple(layers)}: this loop has one hidden layer, 3 sizes")
        self._lr = lr
        self._one_hot = torch.eye(layers[2]).unbind(0)

    def learn(self, x: Array, labels: Array) -> None:
        """Learn ``float32[n, features]`` and ``int[n]``, one sample after the other."""
        w1, w2 = self.weights
        w2_t, lr = w2.t(), self._lr
        h, below, mask = (torch.empty(len(w1)) for _ in range(3))
        z, p = torch.empty(len(w2)), torch.empty(len(w2))
        with torch.inference_mode():
            rows = torch.from_numpy(np.ascontiguousarray(x, np.float32)).unbind(0)
            for row, label in zip(rows, labels.tolist(), strict=True):
                torch.mv(w1, row, out=h)
                h.relu_()
                torch.mv(w2, h, out=z)
                torch.softmax(z, 0, out=p)
                p.sub_(self._one_hot[label])
                torch.mv(w2_t, p, out=below)
                torch.sign(h, out=mask)
                below.mul_(mask)
                w2.addr_(p, h, alpha=-lr)
                w1.addr_(below, row, alpha=-lr)
