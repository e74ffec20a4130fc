"""MetaplasticAdam: the paper's equations in NumPy beside it, groups, saving, what it refuses."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from torch_helpers import DEVICES, Tensor, nn, tensor, torch

from streamlearn.errors import ConfigError, InputValueError
from streamlearn.torch import BinaryLinear, MetaplasticAdam, binary_mlp

B1, B2, EPS = 0.9, 0.999, 1e-8


def paper_step(
    w: np.ndarray,
    g: np.ndarray,
    moments: tuple[np.ndarray, np.ndarray],
    t: int,
    lr: float,
    meta: float,
    decay: float,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """One step to the letter of the paper's code, element by element."""
    m, s = moments[0].copy(), moments[1].copy()
    new = w.copy()
    a = lr * math.sqrt(1 - B2**t) / (1 - B1**t)
    for at in np.ndindex(w.shape):
        grad = g[at] + decay * w[at]
        m[at] = B1 * m[at] + (1 - B1) * grad
        s[at] = B2 * s[at] + (1 - B2) * grad**2
        f = 1.0
        if w.ndim > 1 and np.sign(w[at]) * m[at] > 0:
            f = 1 - np.tanh(meta * abs(w[at])) ** 2
        new[at] = w[at] - a * f * m[at] / (math.sqrt(s[at]) + EPS)
    return new, (m, s)


def run_both(w: np.ndarray, lr: float, meta: float, decay: float, steps: int = 25) -> int:
    """Compare after every step; return how often momentum and gradient pointed apart."""
    rng = np.random.default_rng(2)
    parameter = tensor(w).requires_grad_()
    optimizer = MetaplasticAdam([parameter], lr, meta, weight_decay=decay)
    moments = (np.zeros_like(w), np.zeros_like(w))
    apart = 0
    for t in range(1, steps + 1):
        g = rng.normal(size=w.shape)
        w, moments = paper_step(w, g, moments, t, lr, meta, decay)
        parameter.grad = tensor(g)
        optimizer.step()
        np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=0, atol=1e-14)
        apart += int(np.sum((moments[0] > 0) != (g > 0)))
    return apart


@pytest.mark.parametrize("meta", [0.0, 1.35, 20.0])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 2, 2), (7,)])
def test_steps_are_the_papers(shape: tuple[int, ...], decay: float, meta: float) -> None:
    w = np.random.default_rng(1).normal(size=shape)
    w.flat[0] = 0.0
    apart = run_both(w, 0.05, meta, decay)
    assert apart > 10, "the test must meet steps where the gradient's sign would decide otherwise"


def test_the_momentum_decides_not_the_gradient() -> None:
    """After two large steps down a small gradient up does not turn the momentum."""
    results = []
    for meta in (0.0, 3.0):
        w = torch.full((1, 1), 1.0, dtype=torch.float64, requires_grad=True)
        optimizer = MetaplasticAdam([w], 0.1, meta)
        for g in (1.0, 1.0, -0.01):
            before = float(w.detach())
            w.grad = torch.full_like(w, g)
            optimizer.step()
        results.append(before - float(w.detach()))
    plain, held = results
    assert plain > 0, "it still moves towards zero"
    assert 0 < held < 0.05 * plain


def test_without_metaplasticity_it_is_adam() -> None:
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double() for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    ours = MetaplasticAdam(nets[0].parameters(), 0.01, eps=1e-14, weight_decay=0.1)
    theirs = torch.optim.Adam(nets[1].parameters(), 0.01, eps=1e-14, weight_decay=0.1)
    for _ in range(30):
        x = torch.randn(8, 6).double()
        for net, optimizer in zip(nets, (ours, theirs), strict=True):
            optimizer.zero_grad()
            (net(x) ** 2).sum().backward()
            optimizer.step()
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_scales_and_shifts_of_normalisation_are_plain_adam() -> None:
    net = nn.BatchNorm1d(4).double()
    twin = copy.deepcopy(net)
    optimizers = [
        MetaplasticAdam(net.parameters(), 0.1, 5.0),
        MetaplasticAdam(twin.parameters(), 0.1),
    ]
    for module, optimizer in zip((net, twin), optimizers, strict=True):
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert all(map(torch.equal, net.parameters(), twin.parameters()))
    assert not torch.equal(net.weight, torch.ones_like(net.weight))


def test_each_group_has_its_own_metaplasticity() -> None:
    first, second = (torch.ones(2, 2, requires_grad=True) for _ in range(2))
    optimizer = MetaplasticAdam(
        [{"params": [first]}, {"params": [second], "metaplasticity": 2.0}], 0.1, 0.0
    )
    first.grad, second.grad = torch.ones(2, 2), torch.ones(2, 2)
    optimizer.step()
    torch.testing.assert_close(1 - first.detach(), torch.full((2, 2), 0.1))
    torch.testing.assert_close(1 - second.detach(), torch.full((2, 2), 0.1 / math.cosh(2) ** 2))


def network_and_optimizer() -> tuple[nn.Module, MetaplasticAdam]:
    net = binary_mlp((6, 5, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    return net, MetaplasticAdam(net.parameters(), 0.02, 1.35, weight_decay=1e-3)


def train(net: nn.Module, optimizer: Any, steps: range) -> None:
    for step in steps:
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step)).double()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), torch.arange(8) % 3).backward()
        optimizer.step()


def test_a_network_step_by_hand() -> None:
    """Forward, straight-through backward and update of a normalised two-layer network in NumPy."""
    net, optimizer = network_and_optimizer()
    values = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(9)).double()
    y = np.arange(8) % 3

    def normalise(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        root = np.sqrt(a.var(axis=0) + 1e-5)
        return (a - a.mean(axis=0)) / root, root

    def through(d: np.ndarray, z: np.ndarray, root: np.ndarray) -> np.ndarray:
        return (d - d.mean(axis=0) - z * (d * z).mean(axis=0)) / root

    b1, b2 = np.where(values["0.weight"] >= 0, 1, -1), np.where(values["3.weight"] >= 0, 1, -1)
    z1, root1 = normalise(x.numpy() @ b1.T)
    n1 = z1 * values["1.weight"] + values["1.bias"]
    h = np.where(n1 >= 0, 1, -1)
    z2, root2 = normalise(h @ b2.T)
    logits = z2 * values["4.weight"] + values["4.bias"]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    d = (p - np.eye(3)[y]) / 8
    gradients = {"4.weight": (d * z2).sum(axis=0), "4.bias": d.sum(axis=0)}
    d = through(d * values["4.weight"], z2, root2)
    gradients["3.weight"] = d.T @ h
    d = (d @ b2) * (np.abs(n1) <= 1)
    assert 0 < np.mean(np.abs(n1) <= 1) < 1
    gradients |= {"1.weight": (d * z1).sum(axis=0), "1.bias": d.sum(axis=0)}
    gradients["0.weight"] = through(d * values["1.weight"], z1, root1).T @ x.numpy()
    train_loss = nn.functional.cross_entropy(net(x), torch.from_numpy(y))
    train_loss.backward()
    optimizer.step()
    for name, parameter in net.named_parameters():
        np.testing.assert_allclose(parameter.grad.numpy(), gradients[name], rtol=0, atol=1e-13)
        zero = np.zeros_like(values[name])
        new, _ = paper_step(values[name], gradients[name], (zero, zero), 1, 0.02, 1.35, 1e-3)
        # Adam's first step is lr · g/|g|: where g is almost 0, its rounding is as large as it
        clear = np.abs(gradients[name]) > 1e-6
        np.testing.assert_allclose(
            parameter.detach().numpy()[clear], new[clear], rtol=0, atol=1e-12
        )
        assert clear.mean() > 0.5


@pytest.mark.parametrize("device", DEVICES)
def test_float32_on_every_device_follows_float64(device: str) -> None:
    exact = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4).requires_grad_()
    single = exact.detach().to(device, torch.float32).requires_grad_()
    for w in (exact, single):
        optimizer = MetaplasticAdam([w], 0.01, 1.0)
        for t in range(20):
            w.grad = torch.cos(torch.arange(12.0, device=w.device) * t).reshape(3, 4).to(w.dtype)
            optimizer.step()
    torch.testing.assert_close(single.double().cpu(), exact, rtol=1e-5, atol=1e-5)


# -- saving --------------------------------------------------------------------------------------


def test_state_dict_round_trip_goes_on_to_the_same_bits() -> None:
    whole_net, whole = network_and_optimizer()
    train(whole_net, whole, range(10))
    net, first = network_and_optimizer()
    train(net, first, range(5))
    saved = pickle.loads(pickle.dumps((net.state_dict(), first.state_dict())))
    other, second = network_and_optimizer()
    second.param_groups[0]["lr"] = 9.0
    other.load_state_dict(saved[0])
    second.load_state_dict(saved[1])
    train(other, second, range(5, 10))
    assert all(map(torch.equal, other.parameters(), whole_net.parameters()))
    assert second.param_groups[0]["lr"] == 0.02
    twin = copy.deepcopy(second)
    assert [state["step"] for state in twin.state.values()] == [10] * 6


def test_foreign_states_are_refused() -> None:
    net, optimizer = network_and_optimizer()
    adam = torch.optim.Adam(net.parameters()).state_dict()
    with pytest.raises(ConfigError, match="not that of a MetaplasticAdam"):
        optimizer.load_state_dict(adam)
    with pytest.raises(ConfigError, match=r"groups of \[1\] tensors, expected \[6\]"):
        optimizer.load_state_dict(MetaplasticAdam([net[0].weight]).state_dict())
    bad = optimizer.state_dict()
    bad["param_groups"][0]["metaplasticity"] = -1
    with pytest.raises(ConfigError, match="metaplasticity=-1"):
        optimizer.load_state_dict(bad)


# -- what it does besides, and refuses -----------------------------------------------------------


def test_closure_and_tensors_without_gradient() -> None:
    w, other = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    optimizer = MetaplasticAdam([w, other], 0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = w.sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert float(optimizer.step(closure).detach()) == 4.0
    assert torch.equal(other, torch.ones(2, 2))
    assert float(w.detach().max()) < 1
    assert optimizer.step() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr=-1: expected a finite number, 0 or above"),
        ({"metaplasticity": math.inf}, "metaplasticity=inf"),
        ({"weight_decay": math.nan}, "weight_decay=nan"),
        ({"eps": 0}, "eps=0: expected a finite number above 0"),
        ({"betas": (0.9, 1.0)}, r"betas=\(0.9, 1.0\): expected two numbers"),
        ({"betas": 0.9}, "betas=0.9"),
        ({"check_gradients": 1}, "check_gradients=1: expected True or False"),
    ],
)
def test_hyperparameters_that_make_no_sense_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MetaplasticAdam([torch.ones(2, 2, requires_grad=True)], **options)
    with pytest.raises(ConfigError, match=message):
        MetaplasticAdam([{"params": [torch.ones(2, 2, requires_grad=True)], **options}])


def test_groups_that_make_no_sense_are_refused() -> None:
    w = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(ConfigError, match="unknown metaplastcity; known are betas"):
        MetaplasticAdam([{"params": [w], "metaplastcity": 1.0}])
    half = torch.ones(2, dtype=torch.float16, requires_grad=True)
    with pytest.raises(ConfigError, match=r"torch\.float16: expected float32 or float64"):
        MetaplasticAdam([half])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_gradient_names_its_parameter_and_changes_nothing(bad: float) -> None:
    net, optimizer = network_and_optimizer()
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    net[3].weight.grad[1, 2] = bad
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with pytest.raises(InputValueError, match="group 0, parameter 3, gradient: 1 of 15 values"):
        optimizer.step()
    assert all(map(torch.equal, before, net.parameters()))
    assert not optimizer.state
    unchecked = MetaplasticAdam(net.parameters(), check_gradients=False)
    unchecked.step()
    assert bool(net[3].weight.isnan().any())


def test_sparse_gradients_are_refused() -> None:
    layer = BinaryLinear(3, 2)
    layer.weight.grad = torch.ones(2, 3).to_sparse()
    with pytest.raises(InputValueError, match="parameter 0: sparse gradient"):
        MetaplasticAdam(layer.parameters()).step()
