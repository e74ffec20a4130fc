"""Chains of layers in floats that know the shape of a sample: what a backbone begins as."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn

from streamlearn.errors import ConfigError, InputValueError, ShapeError


@dataclass(frozen=True)
class Conv:
    """A convolution of square windows with ReLU behind it."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Dense:
    """A dense layer with ReLU behind it."""

    units: int


@dataclass(frozen=True)
class Pool:
    """The maximum of square windows."""

    size: int
    stride: int


Part = Conv | Dense | Pool


class Chain(nn.Sequential):  # type: ignore[misc, unused-ignore]
    """Layers one after another that know the shape of a sample.

    Parameters
    ----------
    input_shape : tuple of int
    *modules : torch.nn.Module
    """

    def __init__(self, input_shape: tuple[int, ...], *modules: nn.Module) -> None:
        super().__init__(*modules)
        self.input_shape = input_shape

    def forward(self, x: Any) -> Tensor:
        """Return the features of samples of any shape with as many values: ``[n, n_features]``."""
        for module in self:
            x = module(x.reshape(len(x), *self.input_shape) if module is self[0] else x)
        values = x if isinstance(x, Tensor) else x.value
        return values.flatten(1)


def float_backbone(
    input_shape: tuple[int, ...],
    parts: Sequence[Part],
    generator: torch.Generator | None = None,
) -> Chain:
    """Return a float network to begin with: PyTorch's own layers.

    Parameters
    ----------
    input_shape : tuple of int
        ``(channels, rows, columns)``, or ``(features,)``.
    parts : sequence of Conv, Dense and Pool
    generator : torch.Generator, optional
        Of the weights; None is PyTorch's own.

    Raises
    ------
    ShapeError
        If a convolution or a pool has no image before it, or a larger window than that.
    ConfigError
        If there are no parts, or one is none.
    """
    shape = tuple(input_shape)
    if len(shape) not in (1, 3) or not all(type(n) is int and n > 0 for n in shape):
        raise ShapeError(
            f"input_shape={input_shape}: expected (channels, rows, columns) or (features,)"
        )
    if not parts:
        raise ConfigError("parts=[]: expected a Dense or a Conv, or more")
    seed = int(torch.randint(1 << 31, (), generator=generator))
    modules: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in parts:
            _check_part(part)
            if not isinstance(part, Dense) and len(shape) != 3:
                raise ShapeError(f"{part} behind {list(shape)}: expected channels, rows, columns")
            if isinstance(part, Conv):
                window = (part.kernel, part.stride, part.padding)
                new = [nn.Conv2d(shape[0], part.channels, *window), nn.ReLU()]
            elif isinstance(part, Dense):
                flat = [nn.Flatten()] if len(shape) == 3 else []
                new = [*flat, nn.Linear(math.prod(shape), part.units), nn.ReLU()]
            else:
                new = [nn.MaxPool2d(part.size, part.stride)]
            modules += new
            try:
                with torch.no_grad():
                    shape = tuple(nn.Sequential(*new)(torch.zeros(1, *shape)).shape[1:])
            except RuntimeError as error:
                raise ShapeError(f"{part} behind {list(shape)}: {error}") from None
    return Chain(tuple(input_shape), *modules)


def _check_part(part: Any) -> None:
    if not isinstance(part, Part):
        raise ConfigError(f"a part is {part!r}: expected a Conv, a Dense or a Pool")
    for name, value in vars(part).items():
        if type(value) is not int or value < (name != "padding"):
            raise ConfigError(f"{part}: {name}={value!r}: expected a whole number above 0")


def check_chain(net: Any) -> Chain:
    """Return it.

    Raises
    ------
    ConfigError
        If it is no Chain.
    """
    if not isinstance(net, Chain):
        raise ConfigError(
            f"a {type(net).__name__}: expected a Chain, which knows the shape of a sample: "
            "Chain(input_shape, *modules)"
        )
    return net


def rows_of(net: Chain, x: Any) -> Tensor:
    """Return samples, checked.

    Raises
    ------
    ShapeError, InputValueError
        If there are none, or they are not float32, finite and of the network's size.
    """
    if not isinstance(x, Tensor) or x.dtype != torch.float32:
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise InputValueError(f"x is {kind}: expected a float32 tensor, torch.tensor(…).float()")
    size = math.prod(net.input_shape)
    if not len(x) or x[0].numel() != size:
        raise ShapeError(f"x is {list(x.shape)}: expected [n, …] with {size} values in a sample")
    if not bool(torch.isfinite(x).all()):
        raise InputValueError("x holds NaN or infinity: expected finite numbers")
    return x


def check_labels(y: Any, n: int) -> None:
    """Refuse labels that are none.

    Raises
    ------
    ShapeError, InputValueError
        If there are not as many as samples, or they are not whole numbers from 0 on.
    """
    if not isinstance(y, Tensor) or y.dtype != torch.int64:
        kind = y.dtype if isinstance(y, Tensor) else type(y).__name__
        raise InputValueError(f"y is {kind}: expected an int64 tensor, torch.tensor(…).long()")
    if tuple(y.shape) != (n,):
        raise ShapeError(f"y is {list(y.shape)}: expected [{n}], a label per sample")
    if int(y.min()) < 0:
        raise InputValueError(f"y holds {int(y.min())}: expected classes from 0 on")
