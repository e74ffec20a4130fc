"""Layers with binary weights, the sign activation, and a network of them.

References
----------
Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
Straight-through gradients: Courbariaux et al., "Binarized neural networks", arXiv 1602.02830.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError
from streamlearn.torch.shapes import Convolution, Dense, Weighted, check_images, check_rows

Normalisation = Literal["batch", "instance"]
#: Uniform in ± this number, or a function that fills a tensor in place, as those of torch.nn.init.
WeightInit = float | Callable[[Tensor], Any]


def _signs(x: Tensor) -> Tensor:
    """Return the sign, +1 at 0 (also at -0.0, which + 0.0 makes 0.0); NaN where not finite.

    Not ``x.sign()``, which is 0 at NaN and at 0; not ``torch.where``, which is seven times slower.
    """
    return x.mul(0).add_(1).copysign_(x + 0.0)


class _Binarise(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """Forward sign, backward identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return _signs(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        del ctx
        return gradient


class _Sign(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """Forward sign, backward the gradient inside the window."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: float) -> Tensor:
        ctx.save_for_backward(x.abs() <= window)
        return _signs(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None


def binarise(hidden_weight: Tensor) -> Tensor:
    """Return the binary weights, ``W_b = sign(W_h)``; ∂L/∂W_b goes straight to W_h.

    Parameters
    ----------
    hidden_weight : Tensor
        Of any shape.

    Returns
    -------
    Tensor
        -1 and +1, in the hidden weights' dtype; NaN where they are NaN or infinite.

    Notes
    -----
    Differs from the authors' code: sign(0) = +1, as everywhere in streamlearn; theirs has 0, a
    third value of a weight.
    """
    apply = cast(Callable[[Tensor], Tensor], _Binarise.apply)
    return apply(hidden_weight)


def sign(x: Tensor, window: float = 1.0) -> Tensor:
    """Return sign(x), +1 at 0; its gradient is that of the output where \\|x\\| ≤ window, else 0.

    NaN and infinity become NaN, so that a network that diverged does not look like one of signs.

    Parameters
    ----------
    x : Tensor
    window : float
        Half the width of the straight-through window; the paper has 1, a hard tanh's.
    """
    apply = cast(Callable[[Tensor, float], Tensor], _Sign.apply)
    return apply(x, window)


class BinarySign(nn.Module):  # type: ignore[misc, unused-ignore]
    """The activation :func:`sign` as a layer.

    Parameters
    ----------
    window : float
        Above 0; ``inf`` lets every gradient through.

    Raises
    ------
    ConfigError
        If the window is not above 0.
    """

    def __init__(self, window: float = 1.0) -> None:
        super().__init__()
        if not window > 0:
            raise ConfigError(f"window={window!r}: expected a number above 0, the paper's is 1")
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        """Run forward."""
        return sign(x, self.window)

    def extra_repr(self) -> str:
        """Return the window for ``print(module)``."""
        return f"window={self.window}"


class BinaryLayer(Weighted):
    """Base of the layers: hidden weights ``weight``, and their signs in the forward pass.

    Hidden weights are not clipped; their magnitude protects a synapse from change. No bias: a
    normalisation layer comes after.

    Parameters
    ----------
    shape : sequence of int
        Of the weights; the first is the number of outputs.
    weight_init : float or callable
        Hidden weights start uniform in ± this number (the authors' 0.05), or as a function of
        ``torch.nn.init`` leaves them.
    generator : torch.Generator, optional
        Of the start, on the layer's device; None is PyTorch's own.
    device, dtype
        As for any layer of PyTorch.

    Raises
    ------
    ConfigError
        If a size or ``weight_init`` makes no sense.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        weight_init: WeightInit = 0.05,
        generator: torch.Generator | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(shape)
        self.weight = nn.Parameter(torch.empty(tuple(shape), device=device, dtype=dtype))
        with torch.no_grad():
            if callable(weight_init):
                weight_init(self.weight)
            elif 0 < weight_init < float("inf"):
                self.weight.uniform_(-weight_init, weight_init, generator=generator)
            else:
                raise ConfigError(
                    f"weight_init={weight_init!r}: expected a number above 0, or a function that "
                    "fills a tensor"
                )

    @property
    def binary_weight(self) -> Tensor:
        """The binary weights, with their straight-through gradient."""
        return binarise(self.weight)

    def extra_repr(self) -> str:
        """Return the shape for ``print(module)``."""
        return f"{tuple(self.weight.shape)}"


class BinaryLinear(Dense, BinaryLayer):
    """``a = x·sign(W_h)ᵀ`` from ``[rows, ..., in_features]``.

    Options are those of :class:`BinaryLayer`.

    Examples
    --------
    >>> BinaryLinear(3, 2, weight_init=torch.nn.init.ones_).binary_weight.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Run forward.

        Raises
        ------
        ShapeError
            If the last axis of `x` is not the number of inputs.
        """
        check_rows(x, int(self.weight.shape[1]), 1)
        return functional.linear(x, self.binary_weight)


class BinaryConv2d(Convolution, BinaryLayer):
    """2-D convolution with binary weights: ``[rows, in_channels, h, w]``, zero padding.

    Parameters and errors are those of ``torch.nn.Conv2d`` and, as options by name, of
    :class:`BinaryLayer`; ``groups`` must divide both numbers of channels.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Run forward.

        Raises
        ------
        ShapeError
            If `x` has not four axes or another number of channels.
        """
        check_images(x, int(self.weight.shape[1]) * self.groups)
        return self._convolve(x, self.binary_weight, None, self.groups)


def binary_mlp(
    layers: Sequence[int],
    *,
    normalisation: Normalisation = "batch",
    affine: bool = True,
    **options: Any,
) -> nn.Sequential:
    """Return the paper's dense network: (BinaryLinear, normalisation, BinarySign)*, no last sign.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``, two or more.
    normalisation : {"batch", "instance"}
        "batch" is ``BatchNorm1d`` with running statistics, which batches of one row cannot train.
        "instance" normalises each row over its own units: what ``InstanceNorm1d`` computes on
        ``[rows, units]`` in the authors' code, here as ``LayerNorm``.
    affine : bool
        A learned scale and shift in each normalisation layer.
    **options
        Those of :class:`BinaryLayer`, and ``window`` of :class:`BinarySign`.

    Raises
    ------
    ConfigError
        If there are fewer than two layers, or another normalisation is asked for.
    """
    if len(layers) < 2:
        raise ConfigError(f"layers={tuple(layers)}: expected (n_features, ..., n_classes)")
    if normalisation not in ("batch", "instance"):
        raise ConfigError(f"normalisation={normalisation!r}: expected 'batch' or 'instance'")
    window = options.pop("window", 1.0)
    where = {key: options[key] for key in ("device", "dtype") if key in options}
    modules: list[nn.Module] = []
    for n_in, n_out in pairwise(layers):
        modules.append(BinaryLinear(n_in, n_out, **options))
        if normalisation == "batch":
            modules.append(nn.BatchNorm1d(n_out, affine=affine, **where))
        else:
            modules.append(nn.LayerNorm(n_out, elementwise_affine=affine, **where))
        modules.append(BinarySign(window))
    return nn.Sequential(*modules[:-1])
