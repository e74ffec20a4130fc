"""Train a backbone with quantisation awareness (Brevitas), freeze it, and take it out as integers.

    net = float_backbone((1, 28, 28), [Conv(16, 5, 2, 2), Conv(32, 3, 2, 1), Pool(2, 2)])
    pretrain(net, images, labels, epochs=2)
    net = quantised(net, images, CodeFormat(8, 7, signed=True))
    pretrain(net, images, labels, epochs=1)
    backbone = freeze(net)

Needs Brevitas beside PyTorch: ``pip install "streamlearn[torch]"``. How well it does:
docs/backbone.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from quant.backbone import Backbone, CodeFormat, MaxPool, Weighted
from quant.backbone.brevitas import read_layers, weight_and_bias
from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch.chain import (
    Chain,
    Conv,
    Dense,
    Part,
    Pool,
    check_chain,
    check_labels,
    float_backbone,
    rows_of,
)

if find_spec("brevitas") is None:
    raise ModuleNotFoundError(
        'streamlearn.torch.backbone needs Brevitas: pip install "streamlearn[torch]"',
        name="brevitas",
    )

import brevitas.nn as qnn  # type: ignore[import-not-found, import-untyped, unused-ignore]
from brevitas.quant import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Int32Bias,
    Uint8ActPerTensorFixedPoint,
)

__all__ = [
    "Chain", "Conv", "Dense", "Part", "Pool", "float_backbone", "freeze", "layers_of", "pretrain",
    "quantised",
]  # fmt: skip

#: Batches in which activations are looked at before their scales are fixed.
LOOKED_AT = 32


def quantised(
    net: Chain,
    samples: Tensor,
    given: CodeFormat,
    *,
    weight_bits: int = 8,
    activation_bits: int = 7,
) -> Chain:
    """Return Brevitas layers with a float network's weights, to be trained on.

    Scales are powers of two, one per tensor. Those of activations are first set by what they are on
    `samples`, and learned from then on.

    Parameters
    ----------
    net : Chain
        As :func:`float_backbone` returns it; not changed.
    samples : Tensor
        Of the first part of the data.
    given : CodeFormat
        Of the raw values.
    weight_bits : int
        2 to 8.
    activation_bits : int
        1 to 8. Products of codes of 7 bits, two by two, stay within 16 bits: runtimes that add them
        so are exact.

    Raises
    ------
    ConfigError
        If a module is none of those, or a number is out of range.
    ShapeError, InputValueError
        If there are no samples, or they are not float32, finite and of the network's size.
    """
    if not 2 <= weight_bits <= 8 or not 1 <= activation_bits <= 8:
        raise ConfigError(
            f"weight_bits={weight_bits}, activation_bits={activation_bits}: expected 2 to 8 and "
            "1 to 8"
        )
    if not isinstance(given, CodeFormat):
        raise ConfigError(f"given={given!r}: expected the CodeFormat of the raw values")
    samples = rows_of(check_chain(net), samples)
    modules: list[nn.Module] = [_rounding(given)]
    for module in net:
        if isinstance(module, nn.ReLU):
            modules.append(_relu(activation_bits, {"collect_stats_steps": LOOKED_AT}))
        elif isinstance(module, nn.Conv2d | nn.Linear):
            new = _like(module, weight_bits, {})
            new.load_state_dict(module.state_dict(), strict=False)
            modules.append(new)
        elif isinstance(module, nn.MaxPool2d | nn.Flatten):
            modules.append(module)
        else:
            raise ConfigError(f"a {type(module).__name__}: expected what float_backbone makes")
    found = Chain(net.input_shape, *modules).train()
    with torch.no_grad():
        for k in range(LOOKED_AT):
            found(samples[torch.arange(k * 64, k * 64 + 64) % len(samples)])
    return found


def pretrain(
    net: Chain,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int = 1,
    learning_rate: float = 2e-3,
    batch: int = 64,
    rotations: bool = False,
    generator: torch.Generator | None = None,
) -> nn.Linear:
    """Train a network and a classifier behind it; return the classifier, which a backbone drops.

    Parameters
    ----------
    net : Chain
        Changed in place: a float network, or one with quantisation.
    x : Tensor
        float32 ``[n, …]``, the first part of the data.
    y : Tensor
        int64[n], from 0 on.
    epochs : int
    learning_rate : float
        Adam's at the start; it falls to 0 along a cosine.
    batch : int
        A multiple of 4 with `rotations`.
    rotations : bool
        Tell images from themselves turned by 90, 180 and 270 degrees: four times the classes. The
        features then tell more than the labels ask for, and classes that come later profit. Square
        images only.
    generator : torch.Generator, optional
        Of order and start; None is PyTorch's own.

    Raises
    ------
    ConfigError
        If `epochs` or `batch` is out of range.
    ShapeError, InputValueError
        If there are fewer samples than a batch, rotated images are not square, or samples or labels
        are of another type, size or range.
    """
    check_chain(net)
    for name, value in (("epochs", epochs), ("batch", batch)):
        if type(value) is not int or value < 1:
            raise ConfigError(f"{name}={value!r}: expected a whole number above 0")
    x = rows_of(net, x)
    check_labels(y, len(x))
    if len(x) < batch or (rotations and (batch % 4 or net.input_shape[-1] != net.input_shape[-2])):
        raise ShapeError(
            f"{len(x)} samples of {net.input_shape} in batches of {batch}: expected a whole batch, "
            "and with rotations a multiple of 4 and square images"
        )
    n_classes = (int(y.max()) + 1) * (4 if rotations else 1)
    with torch.no_grad():
        n_features = net(x[:2]).shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(1 << 31, (), generator=generator)))
        head = nn.Linear(n_features, n_classes)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], learning_rate)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    net.train()
    for rows, labels in _batches(net, x, y, epochs, batch, rotations, generator):
        optimizer.zero_grad()
        loss: Any = functional.cross_entropy(head(net(rows)), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    return head


def freeze(net: Chain) -> Backbone:
    """Take the integers and formats out of a network with quantisation; it learns no more.

    Raises
    ------
    ConfigError, ShapeError
        As :func:`quant.backbone.brevitas.read_layers`; if it is no Chain.
    """
    check_chain(net).eval().requires_grad_(False)
    return read_layers(net, net.input_shape)


def layers_of(backbone: Backbone) -> Chain:
    """Give a backbone's integers and formats back as Brevitas layers, frozen.

    The result is the same features, bit for bit, and :func:`freeze` takes the same backbone out.
    """
    modules: list[nn.Module] = [_rounding(backbone.given)]
    shape = torch.Size(backbone.input_shape)
    for at, layer in enumerate(backbone.layers):
        given = backbone.formats[at]
        if isinstance(layer, MaxPool):
            modules.append(nn.MaxPool2d(layer.size, layer.stride))
        else:
            if not layer.is_conv and len(shape) == 3:
                modules.append(nn.Flatten())
            modules += _frozen(layer, given)
        shape = torch.Size(backbone.shapes[at + 1])
    return Chain(backbone.input_shape, *modules).eval().requires_grad_(False)


def _batches(
    net: Chain,
    x: Tensor,
    y: Tensor,
    epochs: int,
    batch: int,
    rotations: bool,
    generator: torch.Generator | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        for start in range(0, len(x) - batch + 1, batch):
            at = order[start : start + batch]
            rows, labels = x[at].reshape(batch, *net.input_shape), y[at]
            if rotations:
                parts = rows.chunk(4)
                rows = torch.cat([part.rot90(k, (2, 3)) for k, part in enumerate(parts)])
                labels = 4 * labels + torch.arange(4).repeat_interleave(batch // 4)
            yield rows, labels


def _rounding(given: CodeFormat) -> Any:
    kind = Int8ActPerTensorFixedPoint if given.signed else Uint8ActPerTensorFixedPoint
    return qnn.QuantIdentity(
        act_quant=kind,
        bit_width=given.bits,
        scaling_impl_type="const",
        scaling_init=given.scale * 2.0 ** (given.bits - given.signed),
        return_quant_tensor=True,
    )


def _relu(bits: int, options: dict[str, Any]) -> Any:
    return qnn.QuantReLU(
        act_quant=Uint8ActPerTensorFixedPoint, bit_width=bits, return_quant_tensor=True, **options
    )


def _like(module: nn.Module, bits: int, options: dict[str, Any]) -> Any:
    more = {
        "bias": True,
        "weight_quant": Int8WeightPerTensorFixedPoint,
        "weight_bit_width": bits,
        "bias_quant": Int32Bias,
        "return_quant_tensor": True,
        **options,
    }
    if isinstance(module, nn.Linear):
        return qnn.QuantLinear(module.in_features, module.out_features, **more)
    window = (module.kernel_size, module.stride, module.padding)
    return qnn.QuantConv2d(module.in_channels, module.out_channels, *window, **more)


def _frozen(layer: Weighted, given: CodeFormat) -> list[nn.Module]:
    if layer.is_conv:
        outputs, channels, *window = layer.weight.shape
        kind: nn.Module = nn.Conv2d(channels, outputs, tuple(window), layer.stride, layer.padding)
    else:
        kind = nn.Linear(*reversed(layer.weight.shape))
    form, out = layer.weight_format, layer.out
    fixed = {
        "weight_scaling_impl_type": "const",
        "weight_scaling_init": form.scale * 2.0 ** (form.bits - 1),
    }
    module = _like(kind, form.bits, fixed)
    weight, bias = weight_and_bias(layer, given)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight))
        module.bias.copy_(torch.from_numpy(bias))
    ends = {"scaling_impl_type": "const", "scaling_init": out.scale * 2.0**out.bits}
    return [module, _relu(out.bits, ends)]
