"""The convolution whose weights are independent Gaussians."""

from __future__ import annotations

from typing import Any

from torch import Tensor  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch.layers import BayesianLayer

Size = int | tuple[int, int]


def kernel_shape(
    in_channels: int, out_channels: int, kernel_size: Size, groups: int
) -> tuple[int, int, int, int]:
    """Return the shape of a convolution's weights, as in ``torch.nn.Conv2d``.

    Raises
    ------
    ConfigError
        If ``groups`` does not divide both numbers of channels.
    """
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise ConfigError(
            f"groups={groups}: expected a divisor of in_channels={in_channels} and "
            f"out_channels={out_channels}"
        )
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    return (out_channels, in_channels // groups, *kernel)


def check_images(x: Tensor, channels: int) -> None:
    """Refuse what is not ``[rows, channels, h, w]`` with a ShapeError."""
    if x.dim() != 4 or x.shape[1] != channels:
        raise ShapeError(f"x is {tuple(x.shape)}: expected [rows, {channels}, h, w]")


class BayesianConv2d(BayesianLayer):
    """2-D convolution with Gaussian weights: ``[rows, in_channels, h, w]``, zero padding.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        As for ``torch.nn.Conv2d``.
    **options
        Those of :class:`BayesianLayer`.

    Raises
    ------
    ConfigError
        If ``groups`` does not divide both numbers of channels, or a size makes no sense.

    Notes
    -----
    "local" draws each output pixel on its own. Each pixel has the law of "weights", but pixels
    of one image, which there share a weight draw, are independent here: the loss is exactly that
    of "weights" only where there is one output pixel. Local is the usual, less noisy choice;
    "weights" is the exact one.
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
        shape = kernel_shape(in_channels, out_channels, kernel_size, groups)
        super().__init__(shape, **options)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def _check_input(self, x: Tensor) -> None:
        check_images(x, int(self.weight_mu.shape[1]) * self.groups)

    def _affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._convolve(x, weight, bias, self.groups)

    def _drawn_affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # The draws become groups: [S rows, C, ...] -> [rows, S C, ...], one convolution for all.
        n, (_, channels, height, width) = len(weight), x.shape
        side = x.reshape(n, -1, channels, height, width).transpose(0, 1)
        a = self._convolve(
            side.reshape(-1, n * channels, height, width),
            weight.flatten(0, 1),
            None if bias is None else bias.flatten(),
            n * self.groups,
        )
        return a.reshape(len(a), n, -1, *a.shape[2:]).transpose(0, 1).flatten(0, 1)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        return functional.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, groups)
