"""BiMU in PyTorch: the rule to the letter, the layers' laws, and the float reference's steps."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from torch_helpers import nn, seeded, tensor, torch

from quant.counters import Saturations
from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.state import belief_view
from quant.state import init_state
from streamlearn.errors import ConfigError, InputValueError, ShapeError
from streamlearn.rules.bimu import equations
from streamlearn.torch import (
    BiMU,
    BimuLinear,
    bimu_mlp,
    entropies,
    gate,
    monte_carlo,
    nll_loss,
    predict,
)


def test_one_step_is_the_paper_to_the_letter() -> None:
    rng = np.random.default_rng(0)
    belief, gradient = rng.normal(size=(2, 4, 5))
    n, lr, lr_max, kappa, likelihood = 70.0, 4.9, 0.01, 3.76, 161.3
    g, t, v = likelihood * gradient, np.tanh(belief), 1 / np.cosh(belief) ** 2
    alpha = 1 / (kappa * v + 2 * g * t + 2 * np.abs(g) + 1 / lr_max)
    expected = belief - alpha * (lr * g + kappa * belief * v / n)
    found = tensor(belief).requires_grad_()
    found.grad = tensor(gradient)
    BiMU([found], n, lr, lr_max, kappa, likelihood).step()
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-14)


def test_without_a_gradient_nothing_is_forgotten_and_a_bad_one_changes_nothing() -> None:
    one, other = (torch.ones(3, requires_grad=True) for _ in range(2))
    optimizer = BiMU([one, other], 1.0)
    one.grad = torch.zeros(3)
    optimizer.step()
    assert float(one.detach().max()) < 1 == float(other.detach().min())
    before = one.detach().clone()
    one.grad, other.grad = torch.ones(3), torch.tensor([0.0, math.nan, 0.0])
    with pytest.raises(InputValueError, match="group 0, parameter 1"):
        optimizer.step()
    assert torch.equal(before, one.detach())


def normalised(a: torch.Tensor, radial: bool) -> torch.Tensor:
    """LayerNorm over units and draws; of its own gradient the part along itself, or none."""
    apart = a - a.detach().mean()
    size = apart.square().mean().sqrt()
    return apart / (size if radial else size.detach())


@pytest.mark.parametrize("relaxed", [0, 1])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("layers", [(4, 3), (5, 6, 3)])
def test_steps_equal_the_reference(layers: tuple[int, ...], sides: int, relaxed: int) -> None:
    """The same noise in, the same λ out, with the reference's LayerNorm and gates.

    Of relaxed weights the gradient alone: the reference's caution has their mean for tanh λ.
    """
    spec = NetworkSpec(layers, bias=False, front_end="none")
    config = BimuConfig(
        memory_window=math.inf,
        lr=0.2 if relaxed else 2.0,
        caution=0.0 if relaxed else 1.5,
        relaxed=relaxed,
        belief_init=1.5,
        n_draws=3,
        cuts=0,
        radial=1.0,
        sides=sides,
        threshold=sides / 2,
        window=0.5,
    )
    state = init_state(spec, config, "float64", 3)
    net = [
        BimuLinear(i, o, relaxed=bool(relaxed), dtype=torch.float64) for i, o in pairwise(layers)
    ]
    for index, layer in enumerate(net):
        layer.belief.data.copy_(tensor(belief_view(spec, state, index).T))
    likelihood = 1.5 / 2
    beliefs = [layer.belief for layer in net]
    optimizer: torch.optim.Optimizer = torch.optim.SGD(beliefs, lr=0.2)
    if not relaxed:
        optimizer = BiMU(beliefs, math.inf, 2.0 / likelihood, 1.0, 0.0, likelihood)
    rng = np.random.default_rng(5)
    for sample in range(5):
        z, label = rng.normal(size=layers[0]), sample % layers[-1]
        reference = equations.forward(spec, config, state, z, Saturations())
        x = tensor(z).repeat(config.n_draws, 1)
        for index, layer in enumerate(net):
            if index:
                x = gate(x) if sides == 2 else gate(x.relu() + 0.5)
            a = layer(x, tensor(reference.epsilon[index].T))
            x = normalised(a, radial=index == len(net) - 1)
        logits = config.logit_scale * x
        np.testing.assert_allclose(logits.detach().numpy().T, reference.outputs, atol=1e-12)
        optimizer.zero_grad()
        nll_loss(logits[:, None], torch.tensor([label])).backward()
        optimizer.step()
        equations.update(spec, config, state, reference, label, Saturations())
        for index, belief in enumerate(beliefs):
            expected = belief_view(spec, state, index).T
            np.testing.assert_allclose(belief.detach().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("relaxed", [False, True])
def test_drawn_weights_have_the_mean_and_variance_of_sampled_sums(relaxed: bool) -> None:
    """Weights of ±1 in eval; relaxed and differentiable while it trains, as published."""
    layer = BimuLinear(6, 2, belief_init=1.5, relaxed=relaxed, generator=seeded(1)).train(relaxed)
    x = torch.randn(1, 6, generator=seeded(2))
    moments = []
    for sampling in ("local", "weights"):
        with torch.no_grad():
            a = monte_carlo(layer, x, 40_000, sampling=sampling, generator=seeded(3))[:, 0]
        moments.append((a.mean(0), a.var(0)))
    for one, other in zip(*moments, strict=True):
        torch.testing.assert_close(one, other, rtol=0.03, atol=0.04)
    u = torch.tensor([0.2, 0.9]).repeat_interleave(6).reshape(1, 2, 6)
    layer.sampling = "weights"
    drawn = (layer.belief + u.logit() / 2).tanh()[0]
    torch.testing.assert_close(layer.train()(x, u), x @ drawn.T)
    torch.testing.assert_close(layer.eval()(x, u), x @ drawn.sign().T)


def test_the_gate_opens_on_both_sides() -> None:
    x = torch.tensor([-2.0, -1.2, -0.8, 0.0, 0.8, 1.2, 2.0], requires_grad=True)
    out = gate(x)
    out.sum().backward()
    assert out.tolist() == [1, 1, 0, 0, 0, 1, 1]
    assert x.grad.tolist() == [0, -1, -1, 0, 1, 1, 0]


@pytest.mark.parametrize("sampling", ["local", "weights"])
def test_the_papers_network_learns(sampling: str) -> None:
    generator = seeded(1)
    means = torch.randn(4, 30, generator=generator)
    y = torch.arange(440) % 4
    x = means[y] + torch.randn(440, 30, generator=generator)
    net = bimu_mlp((30, 40, 4), sampling=sampling, generator=generator)
    optimizer = BiMU(net.parameters(), 700)
    for row, label in zip(x[:240], y[:240], strict=True):
        optimizer.zero_grad()
        nll_loss(monte_carlo(net, row[None], 5), label[None]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        logits = monte_carlo(net, x[240:], 10, sampling="weights")
        far = monte_carlo(net, torch.randn(200, 30, generator=generator), 10, sampling="weights")
    assert float((predict(logits) == y[240:]).float().mean()) > 0.9
    assert entropies(far)[2].mean() > entropies(logits)[2].mean(), "strange rows are less certain"


def test_what_makes_no_sense_is_refused() -> None:
    belief = torch.zeros(2, requires_grad=True)
    for options in ({"memory_window": 0}, {"memory_window": 9, "lr_max": 0}):
        with pytest.raises(ConfigError):
            BiMU([belief], **options)
    with pytest.raises(ConfigError):
        BimuLinear(3, 2, sampling="exact")
    for relaxed in (1, "no", None):
        with pytest.raises(ConfigError, match=r"relaxed=.*: expected True or False"):
            BimuLinear(3, 2, relaxed=relaxed)
    assert repr(BimuLinear(3, 2, relaxed=True)).endswith("sampling='local', relaxed)")
    with pytest.raises(ShapeError):
        BimuLinear(3, 2)(torch.zeros(4, 3), torch.zeros(3, 2))
    layer = BimuLinear(3, 2, sampling="weights")
    layer.n_draws = 3
    with pytest.raises(ShapeError, match="multiple"):
        layer(torch.zeros(4, 3))
    with pytest.raises(ConfigError):
        bimu_mlp((3,))
    assert isinstance(bimu_mlp((3, 4, 2))[1], nn.LayerNorm)


def test_foreign_groups_states_and_types_are_refused() -> None:
    belief, other = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    with pytest.raises(ConfigError, match="unknown memory_windw"):
        BiMU([{"params": [belief], "memory_windw": 5}], 700)
    with pytest.raises(ConfigError, match="expected float32 or float64"):
        BiMU([torch.zeros(2, dtype=torch.float16, requires_grad=True)], 700)
    optimizer = BiMU([belief, other], 700)
    foreign = torch.optim.SGD([belief, other], 0.1).state_dict()
    with pytest.raises(ConfigError, match="not that of a BiMU"):
        optimizer.load_state_dict(foreign)
    with pytest.raises(ConfigError, match=r"groups of \[1\] tensors, expected \[2\]"):
        optimizer.load_state_dict(BiMU([belief], 700).state_dict())
    again = BiMU([belief, other], 9)
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["memory_window"] == 700
