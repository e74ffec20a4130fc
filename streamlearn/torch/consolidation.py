"""Elastic weight consolidation of binary weights, and the same with importances at random.

References
----------
Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", arXiv 1612.00796;
on binary weights: Laborieux et al., arXiv 2003.03533.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, LabelError, ShapeError
from streamlearn.torch.binary import BinaryLayer, binarise
from streamlearn.torch.draws import check_labels


class BinaryEWC:
    """``(λ/2) Σ_tasks Σ F (W_b - W_b*)²`` on the binary weights.

    Add :meth:`penalty` to the loss, or call :meth:`add_gradients` after ``backward()``.

    F is the empirical Fisher information of each binary weight: the mean over samples of the
    squared gradient of -log p(label), one sample at a time, true labels, without the penalty.

    Parameters
    ----------
    module : torch.nn.Module
        With a :class:`BinaryLayer` in it; it returns logits.
    strength : float
        The paper's λ (5000).
    shuffle : torch.Generator, optional
        Random consolidation: each layer's F is shuffled before it is added, so that as much is
        held fast, but not what matters. On the CPU.

    Raises
    ------
    ConfigError
        If there is no binary layer, or λ makes no sense.

    Notes
    -----
    The sum over tasks needs two tensors per layer, however many tasks there are:
    Σ F (W_b - W_b*)² = A W_b² - 2 C W_b + A with A = Σ F and C = Σ F W_b*, for W_b*² = 1.

    Differs from the authors' code: random consolidation has the shuffled F instead of the true
    one; as published the code adds it to the true one, unless a line is commented out.
    """

    def __init__(
        self, module: nn.Module, strength: float, *, shuffle: torch.Generator | None = None
    ) -> None:
        if not 0 <= strength < math.inf:
            raise ConfigError(f"strength={strength!r}: expected a finite number, 0 or above")
        self._module, self.strength, self._shuffle = module, strength, shuffle
        self._weights = {
            f"{name}.weight" if name else "weight": layer.weight
            for name, layer in module.named_modules()
            if isinstance(layer, BinaryLayer)
        }
        if not self._weights:
            raise ConfigError(
                f"{type(module).__name__} has no binary layer: put a BinaryLinear or BinaryConv2d "
                "in it"
            )
        self._total = {n: torch.zeros_like(w.detach()) for n, w in self._weights.items()}
        self._anchor = {n: torch.zeros_like(w.detach()) for n, w in self._weights.items()}

    def fisher(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return F of each layer, in ``eval()`` mode and with the present normalisation state.

        Parameters
        ----------
        x : Tensor
            ``[n, ...]``, n above 0.
        y : Tensor
            int64 ``[n]``.

        Raises
        ------
        LabelError
            If labels are not int64, or one is no class of the module's.
        ShapeError
            If there is no sample, or not as many labels.
        """
        if len(x) == 0 or len(x) != len(y):
            raise ShapeError(f"{len(x)} samples and {len(y)} labels: expected as many, 1 or more")
        if y.dtype != torch.int64:
            raise LabelError(f"labels are {y.dtype}: expected class indices, int64; y.long()")
        total = {name: torch.zeros_like(w.detach()) for name, w in self._weights.items()}
        training = self._module.training
        self._module.eval()
        try:
            for n in range(len(x)):
                logits = self._module(x[n : n + 1])
                if n == 0:
                    check_labels(y, logits.shape[-1])
                loss = functional.cross_entropy(logits, y[n : n + 1])
                gradients = torch.autograd.grad(loss, list(self._weights.values()))
                for name, g in zip(total, gradients, strict=True):
                    total[name].addcmul_(g, g)
        finally:
            self._module.train(training)
        return {name: values.div_(len(x)) for name, values in total.items()}

    def consolidate(self, x: Tensor, y: Tensor) -> None:
        """Add a task's term: F of its samples, and the present binary weights as W_b*.

        Raises
        ------
        LabelError, ShapeError
            As for :meth:`fisher`.
        """
        for name, values in self.fisher(x, y).items():
            if self._shuffle is not None:
                order = torch.randperm(values.numel(), generator=self._shuffle).to(values.device)
                values = values.flatten()[order].reshape(values.shape)
            self._total[name] += values
            self._anchor[name] += values * binarise(self._weights[name].detach())

    def penalty(self) -> Tensor:
        """Return the penalty, a scalar whose gradient reaches the hidden weights straight through.

        Its gradient with respect to W_b is λ Σ_tasks F (W_b - W_b*).
        """
        parts = []
        for name, weight in self._weights.items():
            b, total = binarise(weight), self._total[name]
            parts.append((total * (b * b + 1) - 2 * self._anchor[name] * b).sum())
        return 0.5 * self.strength * torch.stack(parts).sum()

    def add_gradients(self) -> None:
        """Add the penalty's gradient to that of the loss, after ``backward()``.

        The same as ``(loss + penalty()).backward()``, in a few passes over the weights instead of
        a dozen. A weight without a gradient (its layer took no part) stays without.
        """
        with torch.no_grad():
            for name, weight in self._weights.items():
                if weight.grad is not None:
                    pull = torch.mul(self._total[name], binarise(weight)).sub_(self._anchor[name])
                    weight.grad.add_(pull, alpha=self.strength)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Return copies of Σ F and Σ F W_b* by layer, for a checkpoint."""
        both = {"total": self._total, "anchor": self._anchor}
        return {what: {n: v.clone() for n, v in some.items()} for what, some in both.items()}

    def load_state_dict(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from what :meth:`state_dict` returned.

        Raises
        ------
        ConfigError
            If it is another network's.
        """
        shapes = {name: tuple(weight.shape) for name, weight in self._weights.items()}
        for what in ("total", "anchor"):
            given = {name: tuple(v.shape) for name, v in state.get(what, {}).items()}
            if given != shapes:
                raise ConfigError(f"{what!r} is of another network: {given}, expected {shapes}")
        for name in shapes:
            self._total[name].copy_(state["total"][name])
            self._anchor[name].copy_(state["anchor"][name])
