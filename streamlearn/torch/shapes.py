"""What a dense layer and a convolution are, whatever their weights: sizes and checks of them.

Each is a part to inherit from, before the base that holds the weights: that base takes
``(shape, **options)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, ShapeError

Size = int | tuple[int, int]


class Weighted(nn.Module):  # type: ignore[misc, unused-ignore]
    """A layer with weights of a shape; its first size is the number of outputs.

    Raises
    ------
    ConfigError
        If a size is below 1.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        if any(not isinstance(n, int) or n < 1 for n in shape):
            raise ConfigError(f"weights of shape {tuple(shape)}: every size must be 1 or above")


class Drawn(Weighted):
    """A layer whose weights are drawn: what one Monte-Carlo pass over a module sets in it.

    Attributes
    ----------
    sampling : str
    n_draws : int
        The rows are so many equal blocks.
    generator : torch.Generator or None
    """

    sampling: Any
    n_draws: int
    generator: Any


def check_images(x: Tensor, channels: int) -> None:
    """Refuse what is not ``[rows, channels, h, w]`` with a ShapeError."""
    if x.dim() != 4 or x.shape[1] != channels:
        raise ShapeError(f"x is {tuple(x.shape)}: expected [rows, {channels}, h, w]")


def check_rows(x: Tensor, n_in: int, axes: int) -> None:
    """Refuse what is not ``[rows, ..., n_in]`` or has fewer axes, with a ShapeError."""
    if x.dim() < axes or x.shape[-1] != n_in:
        raise ShapeError(f"x is {tuple(x.shape)}: expected [rows, ..., {n_in}]")


class Dense(nn.Module):  # type: ignore[misc, unused-ignore]
    """A layer from ``in_features`` to ``out_features``; its weights are ``[out, in]``."""

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__((out_features, in_features), **options)


class Convolution(nn.Module):  # type: ignore[misc, unused-ignore]
    """A 2-D convolution, with the sizes of ``torch.nn.Conv2d`` and zero padding.

    Raises
    ------
    ConfigError
        If ``groups`` does not divide both numbers of channels, or a size makes no sense.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        **options: Any,
    ) -> None:
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ConfigError(
                f"groups={groups}: expected a divisor of in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        super().__init__((out_channels, in_channels // groups, *kernel), **options)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        return functional.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, groups)
