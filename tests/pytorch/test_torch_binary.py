"""Binary layers: signs forward, gradients straight through; a convolution equals a dense layer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from torch_helpers import DEVICES, nn, seeded, tensor, torch

from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch import (
    BinaryConv2d,
    BinaryLinear,
    BinarySign,
    MetaplasticAdam,
    binarise,
    binary_mlp,
    sign,
)


@pytest.mark.parametrize("device", DEVICES)
def test_signs_and_their_gradients(device: str) -> None:
    values = [-3.0, -1.0, -0.5, -0.0, 0.0, 1e-30, 1.0, 1.0000001, 3e38]
    expected = [-1.0, -1, -1, 1, 1, 1, 1, 1, 1]
    weight = torch.tensor(values, device=device, requires_grad=True)
    upstream = torch.arange(1.0, 10, device=device)
    for function, inside in (
        (binarise, [1] * 9),
        (sign, [0, 1, 1, 1, 1, 1, 1, 0, 0]),
        (BinarySign(0.5), [0, 0, 1, 1, 1, 1, 0, 0, 0]),
        (BinarySign(math.inf), [1] * 9),
    ):
        weight.grad = None
        out = function(weight)
        assert out.tolist() == expected
        (out * upstream).sum().backward()
        assert weight.grad.tolist() == (upstream.cpu() * torch.tensor(inside)).tolist()


def test_what_is_not_finite_becomes_nan() -> None:
    """A network that diverged must not look like one of signs."""
    bad = torch.tensor([math.nan, math.inf, -math.inf, 1.0])
    for out in (binarise(bad), sign(bad)):
        assert out.isnan().tolist() == [True, True, True, False]


def test_dense_layers_use_the_signs_and_hand_their_gradient_to_the_hidden_weights() -> None:
    layer = BinaryLinear(5, 3, dtype=torch.float64, generator=seeded())
    with torch.no_grad():
        layer.weight.mul_(100)
    x = torch.randn(4, 5, generator=seeded(1)).double().requires_grad_()
    upstream = torch.randn(4, 3, generator=seeded(2)).double()
    b = torch.where(layer.weight >= 0, 1.0, -1.0).double().requires_grad_()
    (layer(x) * upstream).sum().backward()
    torch.testing.assert_close(layer(x), x @ b.T)
    torch.testing.assert_close(layer.weight.grad, upstream.T @ x.detach())
    torch.testing.assert_close(x.grad, upstream @ b)
    assert float(layer.weight.detach().abs().max()) > 1, "hidden weights are not clipped"
    assert layer(x[None]).shape == (1, 4, 3)


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2}, {"padding": "same"}],
)
def test_a_convolution_is_a_dense_layer_on_every_patch(options: Any) -> None:
    layer = BinaryConv2d(2, 4, 3, dtype=torch.float64, generator=seeded(), **options)
    x = torch.randn(3, 2, 7, 6, generator=seeded(1)).double()
    side = {key: value for key, value in options.items() if key in ("stride", "dilation")}
    padding = {"same": 1}.get(options.get("padding"), options.get("padding", 0))
    patches = nn.functional.unfold(x, 3, padding=padding, **side)
    groups = options.get("groups", 1)
    dense = [BinaryLinear(18 // groups, 4 // groups, dtype=torch.float64) for _ in range(groups)]
    parts = []
    for g, one in enumerate(dense):
        own = slice(g * 4 // groups, (g + 1) * 4 // groups)
        with torch.no_grad():
            one.weight.copy_(layer.weight[own].flatten(1))
        rows = patches[:, g * 18 // groups : (g + 1) * 18 // groups].transpose(1, 2)
        parts.append(one(rows).transpose(1, 2))
    expected, out = torch.cat(parts, 1), layer(x)
    torch.testing.assert_close(out.flatten(2), expected)
    upstream = torch.randn(out.shape, generator=seeded(2)).double()
    (out * upstream).sum().backward()
    (expected * upstream.flatten(2)).sum().backward()
    gradients = torch.cat([one.weight.grad for one in dense]).reshape(layer.weight.shape)
    torch.testing.assert_close(layer.weight.grad, gradients)


def test_the_start() -> None:
    layer = BinaryLinear(200, 50, generator=seeded(3))
    again = BinaryLinear(200, 50, generator=seeded(3))
    assert torch.equal(layer.weight, again.weight)
    top = float(layer.weight.detach().abs().max())
    assert 0.0499 < top <= 0.05
    assert abs(float(layer.weight.detach().mean())) < 0.002
    wide = BinaryConv2d(1, 2, (3, 4), weight_init=nn.init.ones_)
    assert wide.weight.shape == (2, 1, 3, 4)
    assert torch.equal(wide.binary_weight, torch.ones(2, 1, 3, 4))
    assert float(BinaryLinear(9, 9, weight_init=2.0).weight.detach().abs().max()) > 1
    assert str(layer) == "BinaryLinear((50, 200))"
    assert str(BinarySign()) == "BinarySign(window=1.0)"


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="every size must be 1 or above"):
        BinaryLinear(0, 3)
    with pytest.raises(ConfigError, match="weight_init=0: expected a number above 0"):
        BinaryLinear(2, 3, weight_init=0)
    with pytest.raises(ConfigError, match="groups=2"):
        BinaryConv2d(3, 4, 3, groups=2)
    with pytest.raises(ConfigError, match="window=nan"):
        BinarySign(math.nan)
    with pytest.raises(ShapeError, match=r"x is \(2, 4\): expected \[rows, \.\.\., 3\]"):
        BinaryLinear(3, 2)(torch.ones(2, 4))
    with pytest.raises(ShapeError, match=r"x is \(2, 3, 5\): expected \[rows, 3, h, w\]"):
        BinaryConv2d(3, 2, 3)(torch.ones(2, 3, 5))
    with pytest.raises(ConfigError, match=r"layers=\(3,\)"):
        binary_mlp((3,))
    with pytest.raises(ConfigError, match="normalisation='layer'"):
        binary_mlp((3, 2), normalisation="layer")  # type: ignore[arg-type]


def test_the_papers_network() -> None:
    net = binary_mlp((784, 16, 12, 10))
    kinds = [type(module).__name__ for module in net]
    assert kinds == ["BinaryLinear", "BatchNorm1d", "BinarySign"] * 2 + kinds[:2]
    assert [tuple(p.shape) for p in net[0].parameters()] == [(16, 784)]
    plain = binary_mlp((4, 3, 2), affine=False, window=0.5)
    assert [tuple(p.shape) for p in plain.parameters()] == [(3, 4), (2, 3)]
    assert plain[2].window == 0.5


def test_instance_normalisation_of_rows_is_that_of_the_authors_layer() -> None:
    """InstanceNorm1d takes [rows, units] for one sample of so many channels."""
    x = tensor([[1.0, 2, 4], [0, 5, -7]])
    with pytest.warns(UserWarning, match="num_features"):
        theirs = nn.InstanceNorm1d(3)(x)
    ours = binary_mlp((3, 3), normalisation="instance", affine=False, dtype=torch.float64)[1](x)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("normalisation", ["batch", "instance"])
def test_digits_of_bars_are_learned(normalisation: Any) -> None:
    """Dense and convolutional: is the bright bar a row or a column?"""
    generator = seeded(1)
    y = torch.randint(0, 2, (640,), generator=generator)
    x = 0.3 * torch.randn(640, 1, 6, 6, generator=generator)
    for image, label in zip(x, y, strict=True):
        at = int(torch.randint(0, 6, (1,), generator=generator))
        image[0, at if label else slice(None), slice(None) if label else at] += 2
    middle = nn.BatchNorm2d if normalisation == "batch" else nn.InstanceNorm2d
    outputs = 2 if normalisation == "batch" else 8  # of two outputs only their order would be left
    dense = binary_mlp((36, 64, outputs), normalisation=normalisation, generator=seeded(1))
    nets = [
        nn.Sequential(nn.Flatten(), dense),
        nn.Sequential(
            BinaryConv2d(1, 16, 3, generator=seeded(2)),
            middle(16, affine=True),
            BinarySign(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            binary_mlp((64, 2), normalisation="batch", generator=seeded(3)),
        ),
    ]
    for net in nets:
        optimizer = MetaplasticAdam(net.parameters(), 0.005, 1.35, weight_decay=1e-7)
        for _ in range(16):
            for rows, labels in zip(x[:512].split(32), y[:512].split(32), strict=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(rows), labels).backward()
                optimizer.step()
        net.eval()
        with torch.no_grad():
            right = net(x[512:]).argmax(-1) == y[512:]
        assert float(right.double().mean()) > 0.8, "half is chance"
