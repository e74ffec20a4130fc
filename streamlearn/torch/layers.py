"""Layers whose weights are independent Gaussians: the base, and the dense one.

References
----------
Kingma et al., "Variational dropout and the local reparameterization trick", arXiv 1506.02557.
Float reference of the dense layer: :func:`streamlearn.rules.mesu.equations.forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch.shapes import Dense, Drawn, check_rows

Sampling = Literal["local", "weights", "mean"]
SAMPLINGS: tuple[Sampling, ...] = ("local", "weights", "mean")
#: A factor of 1/√fan_in, or a function that fills a tensor in place, as those of torch.nn.init.
Init = float | Callable[[Tensor], Any]


def spread_of(variance: Tensor) -> Tensor:
    """√variance, with gradient 0 where the variance is 0 (all inputs 0), not infinity.

    Some convolution algorithms return an exact 0 as a tiny negative number; that is 0 too.
    """
    positive = variance > 0
    root = torch.where(positive, variance, torch.ones_like(variance)).sqrt()
    return torch.where(positive, root, torch.zeros_like(root))


class BayesianLayer(Drawn):
    """Base of the layers: μ and σ of weights and biases, and three ways to run forward.

    * ``sampling="local"``: ``a = f(x; μ) + ε √f(x²; σ²)``, one ε for each output of each row.
    * ``sampling="weights"``: ``a = f(x; μ + ε σ)``, one ε for each weight, shared by the batch.
      With ``n_draws`` = S the rows are S equal blocks, one after the other, each with its own draw.
    * ``sampling="mean"``: ``a = f(x; μ)``.

    The layer samples in ``eval()`` too; :func:`monte_carlo` sets the attributes ``sampling``,
    ``n_draws`` and ``generator`` of all layers of a module for one forward pass.

    Parameters
    ----------
    shape : sequence of int
        Of the weights; the first is the number of outputs.
    bias : bool
        Gaussian biases too: μ starts at 0, σ as the weights'.
    sampling : {"local", "weights", "mean"}
    mu_init, sigma_init : float or callable
        Numbers: μ uniform in ±mu_init/√fan_in, σ = sigma_init/√fan_in; 4 and 2 are the MESU
        authors'. Or a function that fills the weights' tensor in place, such as
        ``torch.nn.init.xavier_uniform_``.
    generator : torch.Generator, optional
        Of the initial weights and the layer's noise, on the layer's device; None is PyTorch's own.
    device, dtype
        As for any layer of PyTorch.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        bias: bool = True,
        sampling: Sampling = "local",
        mu_init: Init = 4.0,
        sigma_init: Init = 2.0,
        generator: torch.Generator | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(shape)
        if sampling not in SAMPLINGS:
            raise ConfigError(f"sampling={sampling!r}: expected one of {', '.join(SAMPLINGS)}")
        self.sampling: Sampling = sampling
        self.n_draws = 1
        self.generator = generator

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight_mu, self.weight_sigma = parameter(*shape), parameter(*shape)
        self.bias_mu = parameter(shape[0]) if bias else None
        self.bias_sigma = parameter(shape[0]) if bias else None
        self.reset_parameters(mu_init, sigma_init)

    @property
    def fan_in(self) -> int:
        """Number of weights into one output, bias not counted."""
        return int(self.weight_mu[0].numel())

    def reset_parameters(self, mu_init: Init = 4.0, sigma_init: Init = 2.0) -> None:
        """Start anew; the parameters are the class's.

        Raises
        ------
        ConfigError
            If a number is out of range.
        """
        with torch.no_grad():
            if callable(mu_init):
                mu_init(self.weight_mu)
            elif not 0 <= mu_init < float("inf"):
                raise ConfigError(f"mu_init={mu_init!r}: expected a number, 0 or above")
            else:
                limit = mu_init * self.fan_in**-0.5
                self.weight_mu.uniform_(-limit, limit, generator=self.generator)
            if self.bias_mu is not None:
                self.bias_mu.zero_()
            for sigma in (self.weight_sigma, self.bias_sigma):
                if sigma is None:
                    continue
                if callable(sigma_init):
                    sigma_init(sigma)
                elif not 0 < sigma_init < float("inf"):
                    raise ConfigError(f"sigma_init={sigma_init!r}: expected a number above 0")
                else:
                    sigma.fill_(sigma_init * self.fan_in**-0.5)

    def bayesian_pairs(self) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
        """Yield ``(name, mu, sigma)`` of the weights and, if there are any, the biases."""
        yield "weight", self.weight_mu, self.weight_sigma
        if self.bias_mu is not None and self.bias_sigma is not None:
            yield "bias", self.bias_mu, self.bias_sigma

    def forward(self, x: Tensor, epsilon: Tensor | Sequence[Tensor] | None = None) -> Tensor:
        """Run forward with sampled weights.

        Parameters
        ----------
        x : Tensor
            ``[rows, ...]``, as the ordinary layer's.
        epsilon : Tensor or pair of Tensor, optional
            The noise itself. "local": of the output's shape. "weights": ``[S, *weights]``, with
            biases ``([S, *weights], [S, n_out])``. None draws it from ``generator``.

        Raises
        ------
        ShapeError
            If x or epsilon does not fit, or the rows cannot be cut into n_draws blocks.
        """
        self._check_input(x)
        if self.sampling == "mean":
            return self.mean_forward(x)
        if self.sampling == "local":
            return self._local_forward(x, epsilon)
        return self._weights_forward(x, epsilon)

    def mean_forward(self, x: Tensor) -> Tensor:
        """Run forward with the mean weights, without noise."""
        self._check_input(x)
        return self._affine(x, self.weight_mu, self.bias_mu)

    def extra_repr(self) -> str:
        """Return the shapes for ``print(module)``."""
        bias = self.bias_mu is not None
        return f"{tuple(self.weight_mu.shape)}, bias={bias}, sampling={self.sampling!r}"

    def _local_forward(self, x: Tensor, epsilon: Tensor | Sequence[Tensor] | None) -> Tensor:
        mean = self._affine(x, self.weight_mu, self.bias_mu)
        v_bias = None if self.bias_sigma is None else self.bias_sigma.square()
        spread = spread_of(self._affine(x.square(), self.weight_sigma.square(), v_bias))
        if epsilon is None:
            epsilon = self._noise(tuple(mean.shape), mean)
        noise = _fitting(epsilon, tuple(mean.shape), "epsilon of sampling='local'")
        return mean + spread * noise

    def _weights_forward(self, x: Tensor, epsilon: Tensor | Sequence[Tensor] | None) -> Tensor:
        n, rows = self.n_draws, int(x.shape[0])
        if rows % n:
            raise ShapeError(
                f"{rows} rows: expected a multiple of n_draws={n}, blocks of equal size"
            )
        pairs = list(self.bayesian_pairs())
        if epsilon is None:
            given: Sequence[Any] = [None] * len(pairs)
        else:
            given = [epsilon] if isinstance(epsilon, Tensor) else list(epsilon)
        if len(given) != len(pairs):
            raise ShapeError(
                f"epsilon of sampling='weights': expected {len(pairs)} tensors "
                f"({', '.join(name for name, _, _ in pairs)}), got {len(given)}"
            )
        drawn: list[Tensor | None] = []
        for (name, mu, sigma), noise in zip(pairs, given, strict=True):
            shape = (n, *mu.shape)
            if noise is None:
                noise = self._noise(shape, mu)
            drawn.append(mu + sigma * _fitting(noise, shape, f"epsilon of {name}"))
        weight = cast(Tensor, drawn[0])
        return self._drawn_affine(x, weight, drawn[1] if len(drawn) > 1 else None)

    def _noise(self, shape: Sequence[int], like: Tensor) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=like.device, dtype=like.dtype)

    def _check_input(self, x: Tensor) -> None:
        raise NotImplementedError

    def _affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The ordinary layer."""
        raise NotImplementedError

    def _drawn_affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The ordinary layer on S blocks of rows with ``[S, *weights]`` and ``[S, n_out]``."""
        raise NotImplementedError


class BayesianLinear(Dense, BayesianLayer):
    """``a = x·w + b`` with Gaussian w and b, from ``[rows, ..., in_features]``.

    "local" has, for one row, exactly the law of "weights"; its gradient is the conditional
    expectation of that of "weights" given a: the same mean, less noise.

    Options are those of :class:`BayesianLayer`.

    Examples
    --------
    >>> import torch
    >>> BayesianLinear(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def _check_input(self, x: Tensor) -> None:
        check_rows(x, int(self.weight_mu.shape[1]), 2)

    def _affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight, bias)

    def _drawn_affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        blocks = x.reshape(len(weight), -1, x.shape[-1])
        if bias is None:
            a = torch.bmm(blocks, weight.transpose(1, 2))
        else:
            a = torch.baddbmm(bias[:, None, :], blocks, weight.transpose(1, 2))
        return a.reshape(*x.shape[:-1], a.shape[-1])


def _fitting(epsilon: Tensor | Sequence[Tensor], shape: tuple[int, ...], what: str) -> Tensor:
    if not isinstance(epsilon, Tensor) or tuple(epsilon.shape) != shape:
        got = tuple(epsilon.shape) if isinstance(epsilon, Tensor) else type(epsilon).__name__
        raise ShapeError(f"{what}: expected a tensor of shape {shape}, got {got}")
    return epsilon
