"""The Gaussian layers: gradients, the two estimators, noise, starts, and what they refuse."""

from __future__ import annotations

import copy
import io
import math
from functools import partial
from typing import Any

import pytest
from torch_helpers import DEVICES, DenseNet, Tensor, nn, seeded, torch

from quant.network import NetworkSpec
from streamlearn.errors import ConfigError, ShapeError
from streamlearn.torch import (
    BayesianConv2d,
    BayesianLayer,
    BayesianLinear,
    mean_forward,
    monte_carlo,
    nll_loss,
)

DOUBLE = {"dtype": torch.float64}


def conv(**options: Any) -> BayesianConv2d:
    return BayesianConv2d(4, 6, (3, 2), generator=seeded(), **DOUBLE, **options)


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), **DOUBLE)


def move_biases(layer: BayesianLayer) -> None:
    """Biases start at 0, where a mistake in them would not show."""
    with torch.no_grad():
        layer.bias_mu.uniform_(-1, 1, generator=seeded(9))


# -- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["local", "weights", "mean"])
@pytest.mark.parametrize("kind", ["linear", "conv"])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_input_mu_and_sigma(kind: str, sampling: Any, bias: bool) -> None:
    if kind == "linear":
        layer: BayesianLayer = BayesianLinear(3, 2, bias=bias, generator=seeded(), **DOUBLE)
        x, out = normal(4, 3), (4, 2)
    else:
        layer = BayesianConv2d(2, 2, 2, bias=bias, generator=seeded(), **DOUBLE)
        x, out = normal(4, 2, 3, 3), (4, 2, 2, 2)
    layer.sampling, layer.n_draws = sampling, 2
    noise: Any = None
    if sampling == "local":
        noise = normal(*out, seed=2)
    elif sampling == "weights":
        noise = [normal(2, *mu.shape, seed=2) for _, mu, _ in layer.bayesian_pairs()]
    names = [name for name, _ in layer.named_parameters()]

    def forward(x: Tensor, *values: Tensor) -> Tensor:
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, given, (x, noise))

    inputs = [x, *(p.detach() for p in layer.parameters())]
    assert torch.autograd.gradcheck(forward, [v.clone().requires_grad_() for v in inputs])


@pytest.mark.parametrize("kind", [BayesianLinear, BayesianConv2d])
def test_no_nan_where_all_inputs_are_zero(kind: Any) -> None:
    layer = kind(3, 2, **({"kernel_size": 2} if kind is BayesianConv2d else {}), bias=False)
    x = torch.zeros((5, 3) if kind is BayesianLinear else (5, 3, 4, 4), requires_grad=True)
    layer(x).sum().backward()
    for values in (x, *layer.parameters()):
        assert bool(values.grad.isfinite().all())
    assert float(layer.weight_sigma.grad.abs().max()) == 0


# -- local against weights -----------------------------------------------------------------------


def test_local_estimator_is_unbiased_against_weight_sampling_and_less_noisy() -> None:
    """Per parameter, z of the difference of the mean gradients; their rms is 1 if unbiased."""
    spec, n = NetworkSpec((6, 8, 3)), 6000
    torch.manual_seed(0)
    net = DenseNet(spec, mu_init=1.5, sigma_init=1.0)
    for layer in net.layers:
        move_biases(layer)
    x, label = normal(1, 6), torch.tensor([1])
    parameters = {name: p.detach() for name, p in net.named_parameters()}

    def gradients(sampling: Any, epsilon: list) -> dict[str, Tensor]:
        for layer in net.layers:
            layer.sampling = sampling

        def loss(given: dict[str, Tensor], epsilon: list) -> Tensor:
            logits = torch.func.functional_call(net, given, (x, epsilon))
            return -torch.log_softmax(logits, -1)[0, int(label)]

        found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, epsilon)
        return {name: values.flatten(1) for name, values in found.items()}

    local = gradients("local", [normal(n, 1, 8, seed=2), normal(n, 1, 3, seed=3)])
    shapes = [[(8, 6), (8,)], [(3, 8), (3,)]]
    weights = gradients(
        "weights",
        [
            [normal(n, 1, *shape, seed=10 + 2 * i + j) for j, shape in enumerate(pair)]
            for i, pair in enumerate(shapes)
        ],
    )
    ratios, z = {}, []
    for name, values in local.items():
        a, b = values, weights[name]
        error = ((a.var(0) + b.var(0)) / n).sqrt()
        z.append(((a.mean(0) - b.mean(0)) / error)[error > 0])
        ratios[name] = float(b.var(0).sum() / a.var(0).sum())
    scores = torch.cat(z)
    assert len(scores) > 140
    assert 0.8 < float(scores.square().mean().sqrt()) < 1.2
    assert min(ratios.values()) > 0.9
    assert ratios["layers.0.weight_sigma"] > 3
    assert ratios["layers.1.weight_sigma"] > 2


def test_z_scores_find_a_bias() -> None:
    """Canary of the test above: without x's second term the gradient's mean is off."""
    n = 6000
    layer = BayesianLinear(6, 3, mu_init=1.5, generator=seeded(), **DOUBLE)
    x = normal(1, 6).abs().repeat(n, 1).requires_grad_()
    epsilon = normal(n, 3, seed=4)
    target = torch.ones(n, dtype=torch.int64)
    (whole,) = torch.autograd.grad(nll_loss(layer(x, epsilon)[None], target), x)
    spread = (x.square() @ layer.weight_sigma.square().T + layer.bias_sigma.square()).sqrt()
    lame = layer.mean_forward(x) + spread.detach() * epsilon
    (part,) = torch.autograd.grad(nll_loss(lame[None], target), x)
    z = (whole.mean(0) - part.mean(0)) / ((whole.var(0) + part.var(0)) / n).sqrt()
    assert float(z.square().mean().sqrt()) > 5


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_each_output_has_the_same_law_in_both(kind: str) -> None:
    n = 40_000
    if kind == "linear":
        layer: BayesianLayer = BayesianLinear(5, 4, generator=seeded(), **DOUBLE)
        x = normal(1, 5)
    else:
        layer, x = BayesianConv2d(2, 3, 2, generator=seeded(), **DOUBLE), normal(1, 2, 3, 3)
    move_biases(layer)
    with torch.no_grad():
        a, b = (
            monte_carlo(layer, x, n, sampling=sampling, generator=seeded(7)).flatten(1)
            for sampling in ("local", "weights")
        )
    z = (a.mean(0) - b.mean(0)) / ((a.var(0) + b.var(0)) / n).sqrt()
    assert float(z.abs().max()) < 4
    torch.testing.assert_close(a.std(0), b.std(0), rtol=0.03, atol=0)


# -- convolution ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_local_convolution_is_an_unfolded_linear_layer(
    stride: int, padding: int, dilation: int
) -> None:
    layer = conv(stride=stride, padding=padding, dilation=dilation)
    move_biases(layer)
    x = normal(3, 4, 7, 6)
    linear = BayesianLinear(4 * 3 * 2, 6, **DOUBLE)
    with torch.no_grad():
        for (_, *ours), (_, *theirs) in zip(
            linear.bayesian_pairs(), layer.bayesian_pairs(), strict=True
        ):
            for mine, other in zip(ours, theirs, strict=True):
                mine.copy_(other.reshape(mine.shape))
    unfold = nn.Unfold((3, 2), dilation, padding, stride)
    patches = unfold(x).transpose(1, 2)
    epsilon = normal(3, patches.shape[1], 6, seed=5)
    expected = linear(patches, epsilon).transpose(1, 2)
    shape = layer.mean_forward(x).shape
    a = layer(x, epsilon.transpose(1, 2).reshape(shape))
    torch.testing.assert_close(a, expected.reshape(shape), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", [1, "same"])
def test_drawn_convolution_is_one_convolution_a_draw(
    groups: int, bias: bool, padding: int | str
) -> None:
    options = {"groups": groups, "bias": bias, "padding": padding, "generator": seeded()}
    layer = BayesianConv2d(4, 6, 3, sampling="weights", **options, **DOUBLE)
    layer.n_draws = 3
    x = normal(6, 4, 5, 5)
    noise = [normal(3, *mu.shape, seed=i) for i, (_, mu, _) in enumerate(layer.bayesian_pairs())]
    a = layer(x, noise)
    for draw in range(3):
        weight = layer.weight_mu + layer.weight_sigma * noise[0][draw]
        shift = layer.bias_mu + layer.bias_sigma * noise[1][draw] if bias else None
        rows = slice(2 * draw, 2 * draw + 2)
        expected = nn.functional.conv2d(x[rows], weight, shift, padding=padding, groups=groups)
        torch.testing.assert_close(a[rows], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_drawn_linear_is_one_product_a_draw(bias: bool) -> None:
    layer = BayesianLinear(4, 3, bias=bias, sampling="weights", generator=seeded(), **DOUBLE)
    layer.n_draws = 2
    x = normal(6, 5, 4)
    noise = [normal(2, *mu.shape, seed=i) for i, (_, mu, _) in enumerate(layer.bayesian_pairs())]
    a = layer(x, noise if bias else noise[0])
    for draw in range(2):
        weight = layer.weight_mu + layer.weight_sigma * noise[0][draw]
        shift = layer.bias_mu + layer.bias_sigma * noise[1][draw] if bias else None
        rows = slice(3 * draw, 3 * draw + 3)
        expected = nn.functional.linear(x[rows], weight, shift)
        torch.testing.assert_close(a[rows], expected, rtol=0, atol=1e-12)


# -- draws ---------------------------------------------------------------------------------------


class Branched(nn.Module):
    """Bayesian layers among ordinary ones, with a branch around one."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(BayesianConv2d(1, 3, 3, **options), nn.ReLU(), nn.MaxPool2d(2))
        self.around = BayesianConv2d(3, 3, 3, padding="same", **options)
        self.head = nn.Sequential(nn.Flatten(), BayesianLinear(27, 2, **options))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(x + self.around(x).relu())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sampling", ["local", "weights"])
def test_monte_carlo_of_any_module(sampling: Any, device: str) -> None:
    net, x = Branched(device=device), torch.randn(4, 1, 8, 8, device=device)

    def draw(seed: int) -> Tensor:
        generator = torch.Generator(device).manual_seed(seed)
        return monte_carlo(net, x, 5, sampling=sampling, generator=generator)

    first = draw(0)
    assert first.shape == (5, 4, 2)
    assert first.device == x.device
    assert torch.equal(first, draw(0))
    assert not torch.equal(first, draw(1))
    assert float((first[0] - first[1]).detach().abs().min()) > 0
    layers = [layer for layer in net.modules() if isinstance(layer, BayesianLayer)]
    assert {(m.sampling, m.n_draws, m.generator) for m in layers} == {("local", 1, None)}


def test_settings_come_back_after_an_error() -> None:
    layer = BayesianLinear(3, 2)
    with pytest.raises(ShapeError, match="expected"):
        monte_carlo(layer, torch.zeros(2, 4), 3, sampling="weights")
    assert (layer.sampling, layer.n_draws) == ("local", 1)


def test_rows_share_the_weights_only_in_weight_sampling() -> None:
    layer = BayesianLinear(3, 2)
    x = torch.ones(2, 3)
    shared = monte_carlo(layer, x, 4, sampling="weights")
    torch.testing.assert_close(shared[:, 0], shared[:, 1])
    own = monte_carlo(layer, x, 4)
    assert float((own[:, 0] - own[:, 1]).detach().abs().min()) > 0


def test_mean_forward_has_no_noise() -> None:
    net, x = Branched(), torch.randn(3, 1, 8, 8)
    assert torch.equal(mean_forward(net, x), mean_forward(net, x))
    layer = BayesianLinear(3, 2, sampling="mean")
    x = torch.randn(5, 3)
    expected = nn.functional.linear(x, layer.weight_mu, layer.bias_mu)
    assert torch.equal(layer(x), expected)
    assert torch.equal(layer.mean_forward(x), expected)


def test_layers_run_on_another_device_without_touching_this_one() -> None:
    """PyTorch's "meta" device has shapes only, and refuses to mix with the CPU."""
    net = Branched(device="meta", mu_init=nn.init.zeros_, sigma_init=nn.init.ones_)
    for sampling in ("local", "weights", "mean"):
        y = monte_carlo(net, torch.empty(2, 1, 8, 8, device="meta"), 3, sampling=sampling)
        assert (y.device.type, y.shape) == ("meta", (3, 2, 2))


# -- starts and saving ---------------------------------------------------------------------------


def test_start_is_the_authors() -> None:
    layer = BayesianLinear(400, 50, generator=seeded())
    assert float(layer.weight_mu.detach().abs().max()) == pytest.approx(4 / 20, rel=0.01)
    assert float(layer.weight_mu.detach().std()) == pytest.approx(0.2 / math.sqrt(3), rel=0.02)
    assert torch.equal(layer.weight_sigma.detach(), torch.full((50, 400), 0.1))
    assert torch.equal(layer.bias_sigma.detach(), torch.full((50,), 0.1))
    assert not layer.bias_mu.any()
    assert BayesianConv2d(4, 6, (3, 2), groups=2).fan_in == 2 * 3 * 2


def test_own_starts() -> None:
    layer = BayesianLinear(
        4, 3, mu_init=nn.init.eye_, sigma_init=partial(nn.init.constant_, val=0.06)
    )
    assert torch.equal(layer.weight_mu.detach(), torch.eye(3, 4))
    assert torch.equal(layer.bias_sigma.detach(), torch.full((3,), 0.06))
    layer.reset_parameters(0.0, 1.0)
    assert not layer.weight_mu.any()
    assert torch.equal(layer.weight_sigma.detach(), torch.full((3, 4), 0.5))


def test_a_generator_makes_the_start_and_the_noise() -> None:
    def run() -> Tensor:
        return BayesianLinear(4, 3, generator=seeded(4))(torch.ones(2, 4))

    assert torch.equal(run(), run())


def test_copies_and_state_dicts() -> None:
    net, x = Branched(generator=seeded()), torch.randn(2, 1, 8, 8)
    fresh, file = Branched(), io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    twin = copy.deepcopy(net)
    for other in (fresh, twin):
        assert torch.equal(mean_forward(net, x), mean_forward(other, x))
    assert torch.equal(net(x), twin(x)), "a copy has its own generator in the same state"
    assert "sampling='local'" in repr(net)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": "both"}, "sampling='both'"),
        ({"mu_init": -1.0}, "mu_init=-1.0"),
        ({"mu_init": math.nan}, "mu_init=nan"),
        ({"sigma_init": 0.0}, "sigma_init=0.0"),
        ({"sigma_init": math.inf}, "sigma_init=inf"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BayesianLinear(3, 2, **options)
    with pytest.raises(ConfigError, match=message):
        BayesianConv2d(3, 2, 2, **options)


def test_shapes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 or above"):
        BayesianLinear(0, 2)
    with pytest.raises(ConfigError, match="1 or above"):
        BayesianConv2d(2, 2, 0)
    for groups in (0, 2):
        with pytest.raises(ConfigError, match=f"groups={groups}"):
            BayesianConv2d(3, 2, 2, groups=groups)


@pytest.mark.parametrize("shape", [(3,), (2, 4), ()])
@pytest.mark.parametrize("verb", ["forward", "mean_forward"])
def test_linear_refuses_other_inputs(shape: tuple[int, ...], verb: str) -> None:
    with pytest.raises(ShapeError, match=r"expected \[rows, ..., 3\]"):
        getattr(BayesianLinear(3, 2), verb)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 3, 8, 8)])
def test_convolution_refuses_other_inputs(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \[rows, 4, h, w\]"):
        conv(groups=2)(torch.zeros(shape))


def test_noise_that_does_not_fit_is_refused() -> None:
    layer, x = BayesianLinear(3, 2), torch.zeros(4, 3)
    with pytest.raises(ShapeError, match=r"expected a tensor of shape \(4, 2\), got \(2, 4\)"):
        layer(x, torch.zeros(2, 4))
    layer.sampling = "weights"
    with pytest.raises(ShapeError, match=r"expected 2 tensors \(weight, bias\), got 1"):
        layer(x, torch.zeros(1, 2, 3))
    with pytest.raises(ShapeError, match=r"epsilon of bias: .* got list"):
        layer(x, [torch.zeros(1, 2, 3), [0.0, 0.0]])
    layer.n_draws = 3
    with pytest.raises(ShapeError, match="4 rows: expected a multiple of n_draws=3"):
        layer(x)


def test_monte_carlo_refuses() -> None:
    x = torch.zeros(4, 3)
    with pytest.raises(ConfigError, match="Linear has no Bayesian layer"):
        monte_carlo(nn.Linear(3, 2), x, 2)
    for n_draws in (0, 1.5):
        with pytest.raises(ConfigError, match="n_draws="):
            monte_carlo(BayesianLinear(3, 2), x, n_draws)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="sampling='both'"):
        monte_carlo(BayesianLinear(3, 2), x, 2, sampling="both")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="returned 2 rows for 2 draws of 4"):
        monte_carlo(
            nn.Sequential(BayesianLinear(3, 2), nn.Flatten(0), nn.Unflatten(0, (2, 8))), x, 2
        )
