"""The convolution whose weights are independent Gaussians."""

from __future__ import annotations

from torch import Tensor  # type: ignore[import-not-found, unused-ignore]

from streamlearn.torch.layers import BayesianLayer
from streamlearn.torch.shapes import Convolution, check_images


class BayesianConv2d(Convolution, BayesianLayer):
    """2-D convolution with Gaussian weights: ``[rows, in_channels, h, w]``, zero padding.

    Parameters and errors are those of ``torch.nn.Conv2d`` and, as options by name, of
    :class:`BayesianLayer`; ``groups`` must divide both numbers of channels.

    Notes
    -----
    "local" draws each output pixel on its own. Each pixel has the law of "weights", but pixels
    of one image, which there share a weight draw, are independent here: the loss is exactly that
    of "weights" only where there is one output pixel. Local is the usual, less noisy choice;
    "weights" is the exact one.
    """

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
