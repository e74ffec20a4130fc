"""Monte-Carlo draws of a whole module, and what is computed from them: loss, prediction, entropies.

Logits of S draws are ``[S, rows, classes]`` throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn

from streamlearn.errors import ConfigError, LabelError, ShapeError
from streamlearn.torch.layers import SAMPLINGS, Sampling
from streamlearn.torch.shapes import Drawn


@contextmanager
def _settings(
    module: nn.Module, n_draws: int, sampling: Sampling | None, generator: torch.Generator | None
) -> Iterator[None]:
    layers = [layer for layer in module.modules() if isinstance(layer, Drawn)]
    if not layers:
        raise ConfigError(f"{type(module).__name__} has no Bayesian layer: nothing to draw")
    before = [(layer.sampling, layer.n_draws, layer.generator) for layer in layers]
    try:
        for layer in layers:
            layer.n_draws = n_draws
            layer.sampling = sampling or layer.sampling
            layer.generator = generator or layer.generator
        yield
    finally:
        for layer, values in zip(layers, before, strict=True):
            layer.sampling, layer.n_draws, layer.generator = values


def monte_carlo(
    module: nn.Module,
    x: Tensor,
    n_draws: int,
    *,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Run a module with `n_draws` independent draws of its weights.

    The batch is repeated draw by draw to ``[S rows, ...]``, any layers may stand between
    the Bayesian ones.

    Parameters
    ----------
    module : torch.nn.Module
        Any with a Bayesian layer; it must return one row for each row of `x`.
    x : Tensor
        ``[rows, ...]``.
    n_draws : int
        1 or above.
    sampling : {"local", "weights", "mean"}, optional
        For this pass, instead of the layers' own. "weights" is right for the evaluation of
        uncertainty: all rows share the draws, as in the authors' code.
    generator : torch.Generator, optional
        On the module's device; the same state gives the same draws.

    Returns
    -------
    Tensor
        ``[n_draws, rows, ...]``.

    Raises
    ------
    ConfigError
        If there is no Bayesian layer or an argument makes no sense.
    ShapeError
        If the module returns another number of rows.
    """
    if not isinstance(n_draws, int) or n_draws < 1:
        raise ConfigError(f"n_draws={n_draws!r}: expected 1 draw or more")
    if sampling is not None and sampling not in SAMPLINGS:
        raise ConfigError(f"sampling={sampling!r}: expected one of {', '.join(SAMPLINGS)}")
    with _settings(module, n_draws, sampling, generator):
        y: Tensor = module(x.repeat(n_draws, *[1] * (x.dim() - 1)))
    if y.shape[0] != n_draws * x.shape[0]:
        raise ShapeError(
            f"{type(module).__name__} returned {y.shape[0]} rows for {n_draws} draws of "
            f"{x.shape[0]}: expected one per row and draw"
        )
    return y.reshape(n_draws, x.shape[0], *y.shape[1:])


def mean_forward(module: nn.Module, x: Tensor) -> Tensor:
    """Run a module with the mean of all weights, without noise: ``[rows, ...]``.

    Raises
    ------
    ConfigError
        If there is no Bayesian layer.
    """
    return monte_carlo(module, x, 1, sampling="mean")[0]


def log_probabilities(logits: Tensor) -> Tensor:
    """Mean over the draws of log softmax, ``[rows, classes]``: the authors' prediction.

    The exponentials do not sum to 1: it is the geometric mean of the draws' probabilities.

    Raises
    ------
    ShapeError
        If `logits` is not ``[S, rows, classes]``.
    """
    _check_logits(logits)
    return torch.log_softmax(logits, -1).mean(0)


def nll_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``Σ_rows mean_S -log softmax(logits)[target]``: the authors' loss, and MESU's.

    Parameters
    ----------
    logits : Tensor
        ``[S, rows, classes]``.
    target : Tensor
        int64 ``[rows]``, class indices.

    Raises
    ------
    LabelError
        If labels are no integers, or one is not in 0 to classes - 1.
    ShapeError
        If the shapes do not fit.
    """
    log_p = log_probabilities(logits)
    if target.shape != log_p.shape[:1]:
        raise ShapeError(f"target is {tuple(target.shape)}: expected ({log_p.shape[0]},)")
    if target.dtype not in (torch.int32, torch.int64):
        raise LabelError(f"labels are {target.dtype}: expected class indices, int64; target.long()")
    check_labels(target, log_p.shape[1])
    return -log_p.gather(1, target[:, None]).sum()


def check_labels(labels: Tensor, n_classes: int) -> None:
    """Raise a LabelError if one of ``labels[rows]`` is not in 0 to ``n_classes`` - 1."""
    outside = (labels < 0) | (labels >= n_classes)
    if bool(outside.any()):
        raise LabelError(
            f"label {int(labels[outside][0])}: the network has classes 0 to {n_classes - 1}"
        )


def predict(logits: Tensor) -> Tensor:
    """int64 ``[rows]``: the class of the largest mean log softmax."""
    return log_probabilities(logits).argmax(-1)


def entropies(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Predictive, aleatoric and epistemic entropy in bits, each ``[rows]``.

    With p of each draw: ``H(mean p)``, ``mean H(p)``, and their difference, the mutual
    information of label and weights.

    Raises
    ------
    ShapeError
        If `logits` is not ``[S, rows, classes]``.
    """
    _check_logits(logits)
    log_p = torch.log_softmax(logits, -1)
    aleatoric = -(log_p.exp() * log_p).sum(-1).mean(0) / math.log(2)
    p = log_p.exp().mean(0)
    predictive = -torch.special.xlogy(p, p).sum(-1) / math.log(2)
    return predictive, aleatoric, predictive - aleatoric


def _check_logits(logits: Tensor) -> None:
    if logits.dim() != 3:
        raise ShapeError(f"logits are {tuple(logits.shape)}: expected [draws, rows, classes]")
