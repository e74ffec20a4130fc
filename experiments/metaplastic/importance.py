"""What it costs to switch binary weights of small and of large hidden magnitude (paper, figure 5).

The paper's claim: the magnitude of a hidden weight says how important its binary weight is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from experiments.metaplastic.quadratic import BINS
from streamlearn.torch import BinaryLayer

#: Weights that are switched at once in each layer, as in the paper; and choices of them.
SWITCHED, CHOICES = (1000, 2000, 100), 20
#: Training images that the loss is measured on (the paper: all), a random choice of the seed.
IMAGES = 10_000
CHOICE = 8


def importance(net: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    """Return the loss and the accuracy lost by switching weights, by layer and magnitude.

    Parameters
    ----------
    net : torch.nn.Sequential
        Of :func:`streamlearn.torch.binary_mlp`; with its running statistics.
    x : Tensor
        ``[n, features]``.
    y : Tensor
        int64 ``[n]``.
    seed : int

    Returns
    -------
    dict
        ``loss`` and ``accuracy`` (%) without any switch; ``layers``, for each layer ``largest``
        magnitude and ``bins``: in each that has weights ``weights`` in it, ``switched`` of them
        at once, ``loss`` (mean and standard deviation over the choices of the increase, divided
        by ``switched``) and ``accuracy`` (of the points lost by all that were switched).
    """
    rng = np.random.default_rng((seed, CHOICE))
    rows = torch.from_numpy(rng.permutation(len(y))[:IMAGES]).to(x.device)
    x, y = x[rows], y[rows]
    places = [place for place, layer in enumerate(net) if isinstance(layer, BinaryLayer)]
    net.eval()
    layers: list[dict[str, Any]] = []
    with torch.no_grad():
        base_loss, base_accuracy = _measure(net, 0, x, y)
        below, start = x, 0
        for place, together in zip(places, SWITCHED, strict=True):
            below, start = net[start:place](below), place
            weight = net[place].weight
            magnitude = weight.abs().flatten()
            largest = float(magnitude.max())
            bin_of = (magnitude / largest * BINS).long().clamp_(max=BINS - 1)
            bins: list[dict[str, Any]] = []
            for number in range(BINS):
                members = (bin_of == number).nonzero().flatten()
                if not len(members):
                    continue
                count = min(together, len(members))
                lost = []
                for _ in range(CHOICES):
                    chosen = members[rng.permutation(len(members))[:count]]
                    weight.view(-1)[chosen] *= -1
                    loss, accuracy = _measure(net, place, below, y)
                    weight.view(-1)[chosen] *= -1
                    lost.append(((loss - base_loss) / count, base_accuracy - accuracy))
                loss_lost, accuracy_lost = np.array(lost).T
                bins.append(
                    {
                        "bin": number,
                        "weights": len(members),
                        "switched": count,
                        "loss": _summary(loss_lost),
                        "accuracy": _summary(accuracy_lost),
                    }
                )
            layers.append({"largest": float(f"{largest:.5g}"), "bins": bins})
    return {
        "loss": float(f"{base_loss:.6g}"),
        "accuracy": round(base_accuracy, 2),
        "layers": layers,
    }


def _summary(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in (values.mean(), values.std(ddof=1))]


def _measure(net: Any, place: int, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return loss and accuracy in % of what stands at a layer's input."""
    logits = net[place:](x)
    loss = float(functional.cross_entropy(logits, y))
    return loss, 100 * float((logits.argmax(-1) == y).double().mean())
