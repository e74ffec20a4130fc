"""Formats and integers out of Brevitas layers, and what gives them back.

Nothing is imported: a layer is asked for what it has. It has to be in evaluation mode.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from quant.backbone import Backbone, CodeFormat, Layer, MaxPool, Weighted
from quant.errors import ConfigError


def read_layers(modules: Iterable[Any], input_shape: tuple[int, ...]) -> Backbone:
    """Read a backbone out of a chain of modules.

    Parameters
    ----------
    modules : iterable of torch.nn.Module
        ``QuantIdentity``; then ``QuantConv2d`` or ``QuantLinear``, each with a ``QuantReLU`` behind
        it, ``MaxPool2d`` and ``Flatten`` where they are wanted.
    input_shape : tuple of int
        ``(channels, rows, columns)``, or ``(features,)``.

    Raises
    ------
    ConfigError
        If a module is another one, a scale is no power of two or not one per tensor, or a layer has
        what integers here do not have, such as groups.
    """
    chain = [module for module in modules if _kind(module) != "Flatten"]
    if not chain or _kind(chain[0]) != "QuantIdentity":
        raise ConfigError("expected a QuantIdentity first: it rounds the raw values")
    given, at = _activation(chain[0]), 1
    layers: list[Layer] = []
    now = given
    while at < len(chain):
        module, kind = chain[at], _kind(chain[at])
        if kind == "MaxPool2d":
            layers.append(_pool(module))
            at += 1
        elif kind in ("QuantConv2d", "QuantLinear"):
            if at + 1 == len(chain) or _kind(chain[at + 1]) != "QuantReLU":
                raise ConfigError(f"module {at}: expected a QuantReLU behind a {kind}")
            layer = read_layer(module, now, _activation(chain[at + 1]))
            layers.append(layer)
            now = layer.out
            at += 2
        else:
            raise ConfigError(
                f"module {at} is a {kind}: expected QuantConv2d, QuantLinear, QuantReLU, MaxPool2d "
                "or Flatten; merge a normalisation into the layer before it"
            )
    return Backbone(input_shape, given, tuple(layers))


def read_layer(module: Any, given: CodeFormat, out: CodeFormat) -> Weighted:
    """Read one layer of weights.

    Parameters
    ----------
    module : QuantConv2d or QuantLinear
        With its bias quantised by the scale of its sum (``Int32Bias``), or without one.
    given, out : CodeFormat
        Of its input, and of what the activation behind it gives.

    Raises
    ------
    ConfigError
        As :func:`read_layers`.
    """
    quantised = module.quant_weight()
    form = CodeFormat(
        _int(quantised.bit_width), _frac_bits(quantised.scale, "a weight"), bool(quantised.signed)
    )
    weight = _array(quantised.int()).astype(np.int8)
    unit = 2.0 ** -(given.frac_bits + form.frac_bits)
    bias = np.zeros(len(weight), np.int64)
    if module.bias is not None:
        # The layer's own quantiser rounds so: half to even, to the sum's unit.
        bias = np.rint(_array(module.bias).astype(np.float64) / unit).astype(np.int64)
    if np.abs(bias).max() >= 1 << 31:
        raise ConfigError(f"a bias of {np.abs(bias).max()} units of the sum: expected 32 bits")
    stride = padding = 0
    if weight.ndim == 4:
        plain = {"groups": 1, "dilation": 1, "padding_mode": "zeros"}
        for name, expected in plain.items():
            found = getattr(module, name)
            if found not in (expected, (expected, expected)):
                raise ConfigError(f"a convolution with {name}={found!r}: expected {expected!r}")
        stride, padding = (_same(getattr(module, name), name) for name in ("stride", "padding"))
    return Weighted(weight, form, bias.astype(np.int32), out, stride or 1, padding)


def weight_and_bias(layer: Weighted, given: CodeFormat) -> tuple[Any, Any]:
    """Return a layer's weights and biases as numbers, float32, exactly: what Brevitas is given."""
    unit = 2.0 ** -(given.frac_bits + layer.weight_format.frac_bits)
    weight = (layer.weight * layer.weight_format.scale).astype(np.float32)
    return weight, (layer.bias * unit).astype(np.float32)


def _pool(module: Any) -> MaxPool:
    plain = {"padding": 0, "dilation": 1, "ceil_mode": False}
    for name, expected in plain.items():
        if getattr(module, name) != expected:
            raise ConfigError(
                f"MaxPool2d with {name}={getattr(module, name)!r}: expected {expected!r}"
            )
    size = _same(module.kernel_size, "kernel_size")
    return MaxPool(size, _same(module.stride, "stride"))


def _activation(module: Any) -> CodeFormat:
    quantiser = module.act_quant
    return CodeFormat(
        _int(quantiser.bit_width()),
        _frac_bits(quantiser.scale(), "an activation"),
        bool(quantiser.is_signed),
    )


def _frac_bits(scale: Any, what: str) -> int:
    found = _array(scale).astype(np.float64).reshape(-1)
    if len(found) != 1:
        raise ConfigError(f"{len(found)} scales of {what}: expected one per tensor")
    fraction, exponent = math.frexp(float(found[0]))
    if fraction != 0.5:
        raise ConfigError(
            f"a scale of {what} is {found[0]!r}: expected a power of two, as the quantisers called "
            "…PerTensorFixedPoint have"
        )
    return 1 - exponent


def _kind(module: Any) -> str:
    return type(module).__name__


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy()


def _int(tensor: Any) -> int:
    return int(_array(tensor))


def _same(pair: Any, name: str) -> int:
    values = set(pair) if isinstance(pair, tuple) else {pair}
    if len(values) != 1 or not isinstance(next(iter(values)), int):
        raise ConfigError(f"{name}={pair!r}: expected one number for rows and columns")
    return int(values.pop())
