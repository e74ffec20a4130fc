"""EWC on binary weights, random consolidation, and normalisation states of tasks."""

from __future__ import annotations

import math

import pytest
from torch_helpers import Tensor, nn, seeded, torch

from streamlearn.errors import ConfigError, LabelError, ShapeError
from streamlearn.torch import (
    BinaryEWC,
    BinaryLinear,
    NormalisationStates,
    batch_statistics,
    binarise,
    binary_mlp,
)


def network() -> nn.Sequential:
    net = binary_mlp((6, 5, 3), dtype=torch.float64, generator=seeded(1))
    for seed in range(3):  # so that the running statistics are not those of the start
        net(torch.randn(16, 6, generator=seeded(seed)).double())
    return net


def samples(n: int, seed: int = 5) -> tuple[Tensor, Tensor]:
    return torch.randn(n, 6, generator=seeded(seed)).double(), torch.arange(n) % 3


def flip(net: nn.Module, seed: int) -> None:
    """Turn about half of the binary weights."""
    with torch.no_grad():
        for layer in (net[0], net[3]):
            turn = torch.randint(0, 2, layer.weight.shape, generator=seeded(seed)) * 2 - 1
            layer.weight.mul_(turn)


def test_fisher_is_the_mean_squared_gradient_of_single_samples() -> None:
    net = network()
    x, y = samples(7)
    assert net.training
    found = BinaryEWC(net, 1.0).fisher(x, y)
    assert net.training
    assert list(found) == ["0.weight", "3.weight"]
    net.eval()
    for name, layer in (("0.weight", net[0]), ("3.weight", net[3])):
        total = torch.zeros_like(layer.weight)
        for n in range(7):
            net.zero_grad()
            nn.functional.cross_entropy(net(x[n : n + 1]), y[n : n + 1]).backward()
            total += layer.weight.grad**2
        torch.testing.assert_close(found[name], total / 7, rtol=1e-12, atol=0)
        assert float(found[name].max()) > 0


def test_the_penalty_is_the_sum_over_tasks_and_its_gradient_goes_straight_through() -> None:
    net, strength = network(), 5000.0
    ewc = BinaryEWC(net, strength)
    assert float(ewc.penalty().detach()) == 0, "no task, no penalty"
    terms = []
    for task in range(3):
        x, y = samples(5, task)
        fisher = ewc.fisher(x, y)
        ewc.consolidate(x, y)
        terms.append((fisher, {n: binarise(ewc_weight(net, n).detach()) for n in fisher}))
        flip(net, task)
    net.zero_grad()
    penalty = ewc.penalty()
    penalty.backward()
    expected = sum(
        float((f[n] * (binarise(ewc_weight(net, n).detach()) - b[n]) ** 2).sum())
        for f, b in terms
        for n in f
    )
    assert float(penalty.detach()) == pytest.approx(strength / 2 * expected, rel=1e-12)
    for name in terms[0][0]:
        b = binarise(ewc_weight(net, name).detach())
        g = strength * sum(f[name] * (b - old[name]) for f, old in terms)
        torch.testing.assert_close(ewc_weight(net, name).grad, g, rtol=1e-10, atol=1e-12)
        assert float(g.abs().max()) > 0


def test_gradients_may_be_added_after_backward() -> None:
    net = network()
    ewc = BinaryEWC(net, 50.0)
    ewc.consolidate(*samples(6))
    flip(net, 1)
    x, y = samples(8, 2)
    net.eval()
    found = []
    for separately in (True, False):
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        (loss if separately else loss + ewc.penalty()).backward()
        if separately:
            plain = net[0].weight.grad.clone()
            ewc.add_gradients()
            assert not torch.allclose(net[0].weight.grad, plain)
        found.append([layer.weight.grad.clone() for layer in (net[0], net[3])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)
    net.zero_grad()
    ewc.add_gradients()
    assert net[0].weight.grad is None


def ewc_weight(net: nn.Module, name: str) -> Tensor:
    return dict(net.named_parameters())[name]


def test_right_after_a_task_nothing_pulls() -> None:
    net = network()
    ewc = BinaryEWC(net, 10.0)
    ewc.consolidate(*samples(6))
    penalty = ewc.penalty()
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(0, abs=1e-12)
    assert all(float(layer.weight.grad.abs().max()) < 1e-12 for layer in (net[0], net[3]))


def test_random_consolidation_holds_as_much_elsewhere() -> None:
    net = network()
    true, random = BinaryEWC(net, 1.0), BinaryEWC(net, 1.0, shuffle=seeded(3))
    again = BinaryEWC(net, 1.0, shuffle=seeded(3))
    for one in (true, random, again):
        one.consolidate(*samples(6))
    for name in ("0.weight", "3.weight"):
        a, b = (e.state_dict()["total"][name] for e in (true, random))
        assert not torch.equal(a, b)
        assert torch.equal(a.flatten().sort().values, b.flatten().sort().values)
        anchor = random.state_dict()["anchor"][name]
        assert torch.equal(anchor, b * binarise(ewc_weight(net, name).detach()))
        assert torch.equal(b, again.state_dict()["total"][name])


def test_ewc_goes_on_from_its_state() -> None:
    net = network()
    ewc, other = BinaryEWC(net, 3.0), BinaryEWC(net, 3.0)
    ewc.consolidate(*samples(6))
    flip(net, 0)
    other.load_state_dict(ewc.state_dict())
    assert float(other.penalty().detach()) == float(ewc.penalty().detach()) > 0
    with pytest.raises(ConfigError, match="'total' is of another network"):
        BinaryEWC(BinaryLinear(2, 2), 1.0).load_state_dict(ewc.state_dict())


def test_ewc_refuses() -> None:
    with pytest.raises(ConfigError, match="Linear has no binary layer"):
        BinaryEWC(nn.Linear(2, 2), 1.0)
    with pytest.raises(ConfigError, match="strength=-1"):
        BinaryEWC(network(), -1)
    with pytest.raises(ShapeError, match="0 samples and 0 labels"):
        BinaryEWC(network(), 1.0).fisher(torch.empty(0, 6).double(), torch.arange(0))
    with pytest.raises(ShapeError, match="2 samples and 3 labels"):
        BinaryEWC(network(), 1.0).fisher(torch.ones(2, 6).double(), torch.arange(3))
    for label in (-1, 1000):
        with pytest.raises(LabelError, match=f"label {label}: the network has classes 0 to"):
            BinaryEWC(network(), 1.0).consolidate(
                torch.ones(2, 6).double(), torch.tensor([0, label])
            )
    with pytest.raises(LabelError, match=r"labels are torch\.float64: expected class indices"):
        BinaryEWC(network(), 1.0).fisher(torch.ones(2, 6).double(), torch.ones(2).double())


# -- normalisation states ------------------------------------------------------------------------


def test_each_task_is_tested_with_its_own_state_and_the_present_one_comes_back() -> None:
    net = network()
    states = NormalisationStates(net)
    x, _ = samples(9)
    outputs, present = {}, None
    for task in ("a", "b"):
        with torch.no_grad():
            net[1].weight.add_(1)
            net[4].bias.add_(torch.arange(3.0))
        net.train()
        net(torch.randn(32, 6, generator=seeded(8)).double() + (task == "b"))
        net.eval()
        states.save(task)
        outputs[task] = net(x)
    with torch.no_grad():
        net[4].weight.add_(1)
    present = net(x)
    assert "a" in states
    assert "c" not in states
    for task, expected in outputs.items():
        with states.of(task):
            assert torch.equal(net(x), expected)
        assert torch.equal(net(x), present)
        assert not torch.equal(expected, present)
    with pytest.raises(RuntimeError, match="inside"), states.of("a"):
        raise RuntimeError("inside")
    assert torch.equal(net(x), present), "after an error too"
    states.load("b")
    assert torch.equal(net(x), outputs["b"])


def test_states_survive_a_checkpoint() -> None:
    net = network()
    states, other = NormalisationStates(net), NormalisationStates(net)
    states.save(3)
    saved = states.state_dict()
    expected = net.eval()(samples(4)[0])
    with torch.no_grad():
        net[1].weight.mul_(-2)
    other.load_state_dict(saved)
    with other.of(3):
        assert torch.equal(net(samples(4)[0]), expected)
    small = binary_mlp((6, 4, 3))
    with pytest.raises(ConfigError, match="state of task 3 is of another network"):
        NormalisationStates(small).load_state_dict(saved)


def test_states_refuse() -> None:
    states = NormalisationStates(network())
    states.save(0)
    with pytest.raises(ConfigError, match="no normalisation state of task 1: saved are 0"):
        states.load(1)
    stateless = binary_mlp((3, 2), normalisation="instance", affine=False)
    for module in (nn.Linear(2, 2), stateless):
        with pytest.raises(ConfigError, match="no normalisation layer with a state"):
            NormalisationStates(module)
    NormalisationStates(nn.LayerNorm(2)).save(0)


def test_batch_statistics_are_those_of_the_rows_beside_and_change_nothing() -> None:
    net = network().eval()
    x, _ = samples(9)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    running = net(x)
    with batch_statistics(net):
        own = net(x)
    assert not torch.allclose(own, running)
    logits = own.detach()
    torch.testing.assert_close(logits.mean(0), net[4].bias.detach())
    torch.testing.assert_close(
        logits.var(0, unbiased=False), torch.ones(3).double(), rtol=1e-4, atol=0
    )
    assert torch.equal(net(x), running)
    assert not net[1].training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    net.train()
    with batch_statistics(net):
        net(x)
    assert net[1].training
    assert net[1].track_running_stats
    assert not math.isnan(float(net[1].running_mean.sum()))
