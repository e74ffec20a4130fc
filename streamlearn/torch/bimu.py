"""BiMU: binary weights that know how sure they are, as layers; ``bimu_rule`` is the optimizer.

References
----------
arXiv 2605.30198 (ICML 2026). Kingma et al., arXiv 1506.02557: local reparameterisation.
Float reference: :mod:`streamlearn.rules.bimu.equations` (float64, batch 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from quant.rules.bimu.law import SERIES, SMALL
from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch.binary import binarise
from streamlearn.torch.layers import SAMPLINGS, Sampling, spread_of
from streamlearn.torch.optim import is_number
from streamlearn.torch.pairs import require
from streamlearn.torch.shapes import Dense, Drawn, check_rows

#: Uniform noise stays this far from 0 and 1, where its logit is infinite.
EDGE = 1e-6


class _Gate(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """Forward 1{|a| > 1}, backward +1 around 1 and -1 around -1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        near = (x.abs() > 0.5) & (x.abs() < 1.5)
        ctx.save_for_backward(near * x.sign())
        return (x.abs() > 1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return cast(Tensor, gradient * slope)


def gate(x: Tensor) -> Tensor:
    r"""Return 1 where \|x\| > 1, else 0; the gradient is ±1 where 1/2 < \|x\| < 3/2, else 0."""
    return cast(Callable[[Tensor], Tensor], _Gate.apply)(x)


class Gate(nn.Module):  # type: ignore[misc, unused-ignore]
    """The activation :func:`gate` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """See :func:`gate`."""
        return gate(x)


def _moments(belief: Tensor) -> tuple[Tensor, Tensor]:
    mean = belief.tanh()
    return mean, 1 - mean.square()


def relaxed_moments(belief: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of ``tanh(belief + ½ logit u)``, u uniform, of the same shape.

    As :mod:`quant.rules.bimu.law`, in PyTorch, which finds their derivatives.
    """
    near = belief.abs() < SMALL
    small = torch.where(near, belief, 0)
    square = small.square()
    mean, slope = torch.zeros_like(belief), torch.zeros_like(belief)
    for k, c in reversed(list(enumerate(SERIES))):
        mean = mean * square + c
        slope = slope * square + (2 * k + 1) * c
    far = torch.where(near, 1, belief)
    coth = 1 / far.tanh()
    over = coth.square() - 1
    mean = torch.where(near, mean * small, coth - far * over)
    slope = torch.where(near, slope, 2 * (far * coth - 1) * over)
    return mean, 1 - slope - mean.square()


class _Beliefs(Drawn):
    """λ of each weight, and three ways to run forward; see :class:`BimuLinear`."""

    def __init__(
        self,
        shape: Sequence[int],
        *,
        sampling: Sampling,
        belief_init: float,
        temperature: float,
        relaxed: bool,
        generator: torch.Generator | None,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(shape)
        if sampling not in SAMPLINGS:
            raise ConfigError(f"sampling={sampling!r}: expected one of {', '.join(SAMPLINGS)}")
        for name, value in (("belief_init", belief_init), ("temperature", temperature)):
            within = is_number(value) and 0 < value < math.inf
            require(within, name, value, "a finite number above 0")
        require(isinstance(relaxed, bool), "relaxed", relaxed, "True or False")
        self.sampling, self.n_draws, self.generator = sampling, 1, generator
        self.temperature, self.relaxed = temperature, relaxed
        self.belief = nn.Parameter(torch.empty(tuple(shape), device=device, dtype=dtype))
        with torch.no_grad():
            self.belief.uniform_(-belief_init, belief_init, generator=generator)


class BimuLinear(Dense, _Beliefs):
    """``a = x·w`` with weights ±1, ``P(w = +1) = sigmoid(2λ)``; no biases.

    * ``sampling="local"``: ``a = x·tanh λ + ε √(x²·sech² λ)``, one ε for each output of each row.
    * ``sampling="weights"``, as published: while it trains, relaxed weights
      ``tanh((λ + ½ logit u)/temperature)`` with u uniform; in ``eval()`` weights of ±1. One draw
      for each of `n_draws` blocks of rows.
    * ``sampling="mean"``: ``a = x·tanh λ``.

    With ``relaxed``, "local" and "mean" have the moments of relaxed weights at temperature 1 in the
    place of tanh λ and sech² λ, in ``eval()``, too: ``BimuClassifier(relaxed=1)``.

    Parameters
    ----------
    in_features, out_features : int
    sampling : {"local", "weights", "mean"}
    belief_init : float
        λ starts uniform within ± this.
    temperature : float
        Of relaxed weights that are drawn: towards 0 they are ±1.
    relaxed : bool
        For "local" and "mean".
    generator : torch.Generator, optional
        Of the start and the draws; None is PyTorch's own.
    device : torch.device or str, optional
    dtype : torch.dtype, optional

    Raises
    ------
    ConfigError
        If a value makes no sense.

    Examples
    --------
    >>> import torch
    >>> BimuLinear(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        sampling: Sampling = "local",
        belief_init: float = 0.3,
        temperature: float = 1.0,
        relaxed: bool = False,
        generator: torch.Generator | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            sampling=sampling,
            belief_init=belief_init,
            temperature=temperature,
            relaxed=relaxed,
            generator=generator,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Run forward with sampled weights.

        Parameters
        ----------
        x : Tensor
            ``[rows, ..., in_features]``.
        noise : Tensor, optional
            "local": ε, of the output's shape. "weights": u in (0, 1), ``[n_draws, out, in]``. None
            draws it.

        Raises
        ------
        ShapeError
            If x or noise does not fit, or the rows cannot be cut into n_draws blocks.
        """
        check_rows(x, int(self.belief.shape[1]), 2)
        if self.sampling == "weights":
            return self._drawn(x, noise)
        mean, variance = relaxed_moments(self.belief) if self.relaxed else _moments(self.belief)
        a = functional.linear(x, mean)
        if self.sampling == "mean":
            return a
        spread = spread_of(functional.linear(x.square(), variance))
        return a + spread * self._noise(noise, tuple(a.shape), torch.randn)

    def _drawn(self, x: Tensor, noise: Tensor | None) -> Tensor:
        if len(x) % self.n_draws:
            raise ShapeError(
                f"{len(x)} rows: expected a multiple of n_draws={self.n_draws}, blocks of equal "
                "size; monte_carlo makes them"
            )
        u = self._noise(noise, (self.n_draws, *self.belief.shape), torch.rand)
        shifted = self.belief + u.clamp(EDGE, 1 - EDGE).logit() / 2
        weight = (shifted / self.temperature).tanh() if self.training else binarise(shifted)
        a = torch.bmm(x.reshape(self.n_draws, -1, x.shape[-1]), weight.transpose(1, 2))
        return a.reshape(*x.shape[:-1], a.shape[-1])

    def _noise(
        self, given: Tensor | None, shape: tuple[int, ...], draw: Callable[..., Tensor]
    ) -> Tensor:
        if given is None:
            like = self.belief
            return draw(shape, generator=self.generator, device=like.device, dtype=like.dtype)
        if tuple(given.shape) != shape:
            raise ShapeError(f"noise is {tuple(given.shape)}: expected {shape}")
        return given

    def extra_repr(self) -> str:
        """Return the shapes and what is drawn, for ``print(module)``."""
        relaxed = ", relaxed" * self.relaxed
        return f"{tuple(self.belief.shape)}, sampling={self.sampling!r}{relaxed}"


def bimu_mlp(layers: Sequence[int], **options: Any) -> nn.Sequential:
    """Return the paper's network: (BimuLinear, LayerNorm, Gate)\\*, BimuLinear, LayerNorm.

    Parameters
    ----------
    layers : sequence of int
        Units of each layer, the inputs first.
    **options
        Of :class:`BimuLinear`.

    Raises
    ------
    ConfigError
        If there are fewer than two sizes.
    """
    if len(layers) < 2:
        raise ConfigError(f"layers={tuple(layers)}: expected inputs and outputs at least")
    parts: list[nn.Module] = []
    for n_in, n_out in pairwise(layers):
        parts += [BimuLinear(n_in, n_out, **options)]
        parts += [nn.LayerNorm(n_out, elementwise_affine=False), Gate()]
    return nn.Sequential(*parts[:-1])
