"""MESU and BGD as optimizers: options, groups, saving, and what they refuse."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from torch_helpers import DEVICES, Tensor, nn, tensor, torch

from streamlearn.errors import ConfigError, InputValueError, ShapeError
from streamlearn.torch import BGD, MESU, BayesianLinear, bayesian_parameters


def pair(
    n: int = 4, sigma: float = 0.3, dtype: Any = torch.float64, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    return (
        torch.linspace(-1, 1, n, dtype=dtype, device=device).requires_grad_(),
        torch.full((n,), sigma, dtype=dtype, device=device).requires_grad_(),
    )


def give_gradients(mu: Tensor, sigma: Tensor, scale: float = 1.0) -> None:
    mu.grad, sigma.grad = torch.full_like(mu, scale), torch.full_like(sigma, -scale)


def mixed() -> nn.Sequential:
    return nn.Sequential(BayesianLinear(3, 4), nn.BatchNorm1d(4), BayesianLinear(4, 2, bias=False))


# -- BGD -----------------------------------------------------------------------------------------


def bgd_step(sigma: Any, g_sigma: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    mu, sigma = torch.ones(len(sigma)).double().requires_grad_(), tensor(sigma).requires_grad_()
    mu.grad, sigma.grad = torch.full_like(mu, 2.0), tensor(g_sigma)
    BGD([(mu, sigma)], **options).step()
    return mu.detach().numpy(), sigma.detach().numpy()


def test_bgd_is_the_papers_step() -> None:
    sigma, g = np.array([0.1, 0.2, 0.5, 0.3]), np.array([-3.0, 0.0, 2.0, 1e-9])
    mu, new = bgd_step(sigma, g, lr_mu=3.0)
    np.testing.assert_allclose(mu, 1 - 3 * sigma**2 * 2, rtol=1e-15)
    paper = sigma * np.sqrt(1 + (sigma * g / 2) ** 2) - sigma**2 * g / 2
    np.testing.assert_allclose(new, paper, rtol=1e-15)


def test_bgd_with_the_sign_of_the_authors_code() -> None:
    sigma, g = np.array([0.1, 0.2, 0.5, 1.0]), np.array([-3.0, 0.0, 2.0, 1.6])
    _, new = bgd_step(sigma, g, repo_sign=True)
    v = sigma**2
    code = sigma - (0.5 * v * g + sigma * (np.sqrt(1 + v * g**2 / 4) - 1))
    np.testing.assert_allclose(new, code, rtol=0, atol=1e-15)
    assert new[3] < 0, "u > 3/4: the wrong sign makes σ negative"


def test_bgd_keeps_sigma_above_zero_where_the_roots_difference_cancels() -> None:
    u = np.array([1.0, 1e3, 1e8, 1e12])
    _, new = bgd_step(np.ones(4), 2 * u)
    assert (np.sqrt(1 + u**2) - u)[3] == 0, "the plain form fails here"
    np.testing.assert_allclose(new[1:], 0.5 / u[1:], rtol=1e-6)


def test_bgd_and_mesu_without_forgetting_agree_to_first_order() -> None:
    results = []
    for rule in (lambda p: BGD(p), lambda p: MESU(p, math.inf)):
        mu, sigma = pair()
        give_gradients(mu, sigma, 1e-4)
        rule([(mu, sigma)]).step()
        results.append((mu.detach(), sigma.detach()))
    assert torch.equal(results[0][0], results[1][0])
    assert float((results[0][1] - results[1][1]).abs().max()) < 1e-9
    assert not torch.equal(results[0][1], torch.full_like(results[0][1], 0.3))


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["mesu", "bgd"])
def test_clamp_grad_limits_both_gradients_to_c_over_sigma(rule: str) -> None:
    def stepped(scale: float, **options: Any) -> tuple[Tensor, Tensor]:
        mu, sigma = pair()
        give_gradients(mu, sigma, scale)
        optimizer = BGD([(mu, sigma)], **options)
        if rule == "mesu":
            optimizer = MESU([(mu, sigma)], 100, **options)
        optimizer.step()
        return mu.detach(), sigma.detach()

    limit = 0.1 / 0.3
    for clamped, by_hand in [
        (stepped(50.0, clamp_grad=0.1), stepped(limit)),
        (stepped(-50.0, clamp_grad=0.1), stepped(-limit)),
        (stepped(limit / 2, clamp_grad=0.1), stepped(limit / 2)),
    ]:
        torch.testing.assert_close(clamped, by_hand, rtol=0, atol=1e-15)


def test_groups_have_their_own_hyperparameters_and_plain_parameters_sgd() -> None:
    (mu_a, sigma_a), (mu_b, sigma_b), plain = pair(), pair(), torch.ones(2, requires_grad=True)
    optimizer = MESU(
        [
            {"pairs": [(mu_a, sigma_a)]},
            {"pairs": [(mu_b, sigma_b)], "lr_mu": 0.0, "lr_sigma": 0.0},
            {"params": [plain], "lr": 0.25},
        ],
        memory_window=100,
    )
    give_gradients(mu_a, sigma_a)
    give_gradients(mu_b, sigma_b)
    plain.grad = torch.tensor([1.0, -2.0])
    before = mu_a.detach().clone()
    optimizer.step()
    assert not torch.equal(mu_a, before)
    assert torch.equal(mu_b, before)
    assert torch.equal(plain.detach(), torch.tensor([0.75, 1.5]))


def test_closure_is_called_once_with_gradients_on_and_its_loss_returned() -> None:
    mu, sigma = pair()
    optimizer, calls = MESU([(mu, sigma)], 100), []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (mu**2 + sigma**2).sum()
        loss.backward()
        calls.append(float(loss.detach()))
        return loss

    with torch.no_grad():
        assert float(optimizer.step(closure).detach()) == calls[0]
    assert len(calls) == 1
    assert optimizer.step() is None


def test_pairs_without_any_gradient_stay() -> None:
    (mu, sigma), (other_mu, other_sigma) = pair(), pair()
    optimizer = MESU([(mu, sigma), (other_mu, other_sigma)], 100)
    give_gradients(mu, sigma)
    optimizer.step()
    assert torch.equal(other_sigma, torch.full_like(other_sigma, 0.3))
    optimizer.zero_grad()
    optimizer.step()


def test_added_groups_are_learned() -> None:
    (mu, sigma), (late_mu, late_sigma) = pair(), pair()
    optimizer = MESU([(mu, sigma)], 100)
    optimizer.add_param_group({"pairs": [(late_mu, late_sigma)], "sigma_prior": 0.5})
    give_gradients(late_mu, late_sigma)
    optimizer.step()
    assert not torch.equal(late_sigma, torch.full_like(late_sigma, 0.3))
    assert optimizer.param_groups[1]["sigma_prior"] == 0.5
    assert optimizer.param_groups[1]["memory_window"] == 100


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rule", [BGD, lambda p: MESU(p, 10.0)], ids=["bgd", "mesu"])
def test_float32_on_every_device_follows_float64(rule: Any, device: str) -> None:
    exact, single = pair(), pair(dtype=torch.float32, device=device)
    for mu, sigma in (exact, single):
        optimizer = rule([(mu, sigma)])
        for _ in range(20):
            give_gradients(mu, sigma, 0.3)
            optimizer.step()
    for wide, narrow in zip(exact, single, strict=True):
        assert narrow.dtype == torch.float32
        torch.testing.assert_close(narrow.double().cpu(), wide, rtol=1e-5, atol=1e-6)


# -- saving --------------------------------------------------------------------------------------


def test_state_dict_round_trip() -> None:
    net = mixed()
    groups = bayesian_parameters(net, plain_lr=0.1)
    saved = MESU(groups, 123.0, 0.5, 0.1, 0.9, 1.1, clamp_grad=2.0).state_dict()
    saved = pickle.loads(pickle.dumps(saved))
    fresh = MESU(groups, 1.0)
    fresh.load_state_dict(saved)
    assert fresh.state_dict() == saved
    for group in fresh.param_groups:
        assert group["memory_window"] == 123.0
        assert group["clamp_grad"] == 2.0
    assert fresh.param_groups[0]["names"] == ["0.weight", "0.bias", "2.weight"]


def test_a_copy_is_an_optimizer_too() -> None:
    mu, sigma = pair()
    twin = copy.deepcopy(MESU([(mu, sigma)], 100))
    mu, sigma = twin.param_groups[0]["params"]
    give_gradients(mu, sigma)
    twin.step()
    twin.add_param_group({"pairs": [pair()]})
    assert not torch.equal(sigma, torch.full_like(sigma, 0.3))


def test_state_of_another_optimizer_or_network_is_refused() -> None:
    ours = MESU([pair()], 100)
    sgd = torch.optim.SGD([torch.ones(2, requires_grad=True)], 0.1)
    for foreign in (sgd, BGD([pair()]), MESU([pair(), pair()], 100)):
        with pytest.raises(ConfigError, match="not that of a MESU over these parameters"):
            ours.load_state_dict(foreign.state_dict())
    damaged = ours.state_dict()
    damaged["param_groups"][0]["memory_window"] = -1
    with pytest.raises(ConfigError, match="memory_window=-1"):
        ours.load_state_dict(damaged)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("memory_window", bad) for bad in (0, -5.0, math.nan, None, True)),
        *(("sigma_prior", bad) for bad in (0, -1.0, math.inf, math.nan, None)),
        *(("mu_prior", bad) for bad in (math.inf, math.nan, "0")),
        *(("lr_mu", bad) for bad in (-1.0, math.inf, math.nan)),
        *(("lr_sigma", bad) for bad in (-1.0, math.inf, math.nan)),
        *(("clamp_grad", bad) for bad in (-0.1, math.inf, math.nan)),
        ("check_gradients", 1),
    ],
)
def test_mesu_refuses_hyperparameters(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name}="):
        MESU([pair()], **{"memory_window": 100, name: value})
    with pytest.raises(ConfigError, match=f"^{name}="):
        MESU([{"pairs": [pair()], name: value}], 100)


def test_bgd_refuses_hyperparameters() -> None:
    with pytest.raises(ConfigError, match="repo_sign=1"):
        BGD([pair()], repo_sign=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="lr_mu=-1"):
        BGD([pair()], lr_mu=-1)


SHARED, MU = pair(), torch.zeros(2, requires_grad=True)
BAD_GROUPS: dict[str, tuple[Any, type[Exception], str]] = {
    "module": (mixed(), ConfigError, r"bayesian_parameters\(module\)"),
    "tensors": ([MU], ConfigError, r"expected \(mu, sigma\)"),
    "nothing": ([], ConfigError, "without parameters"),
    "neither": ([{"lr_mu": 1.0}], ConfigError, "either 'pairs'"),
    "both": ([{"pairs": [pair()], "params": [MU]}], ConfigError, "either 'pairs'"),
    "plain without lr": ([{"params": [MU]}], ConfigError, "lr=None of the plain"),
    "misspelt": ([{"pairs": [pair()], "sigma_piror": 1.0}], ConfigError, "unknown sigma_piror"),
    "names": ([{"pairs": [pair()], "names": ["a", "b"]}], ConfigError, "2 names for 1"),
    "shapes": ([(pair(3)[0], pair(4)[1])], ShapeError, r"mu is \(3,\) and sigma \(4,\)"),
    "dtypes": ([(pair()[0], pair(dtype=torch.float32)[1])], ConfigError, "expected the same"),
    "half": ([pair(dtype=torch.float16)], ConfigError, "expected float32 or float64"),
    "frozen": ([(MU, torch.ones(2))], ConfigError, "must both have requires_grad"),
    "same": ([(MU, MU)], ConfigError, "same tensor"),
    "twice": ([SHARED, SHARED], ConfigError, "appears twice"),
    "two groups": ([{"pairs": [SHARED]}, {"pairs": [SHARED]}], ConfigError, "appears twice"),
    "zero sigma": ([pair(sigma=0.0)], ConfigError, "sigma must be finite and above 0"),
    "nan sigma": ([pair(sigma=math.nan)], ConfigError, "sigma must be finite and above 0"),
    "nan mu": (
        [(torch.full((2,), math.nan, requires_grad=True), pair(2, dtype=torch.float32)[1])],
        ConfigError,
        "mu must be finite",
    ),
}


@pytest.mark.parametrize("case", BAD_GROUPS)
def test_groups_that_make_no_sense_are_refused(case: str) -> None:
    params, error, message = BAD_GROUPS[case]
    with pytest.raises(error, match=message):
        MESU(params, 100)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("role", [0, 1])
def test_a_bad_gradient_names_its_parameter_and_changes_nothing(bad: float, role: int) -> None:
    net = mixed()
    optimizer = MESU(bayesian_parameters(net, plain_lr=0.1), 100)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    broken = (net[2].weight_mu, net[2].weight_sigma)[role]
    broken.grad[1, 2] = bad
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with pytest.raises(
        InputValueError, match=rf"2.weight, gradient of {('mu', 'sigma')[role]}: 1 of 8 values"
    ):
        optimizer.step()
    assert all(map(torch.equal, before, net.parameters()))
    net[2].weight_mu.grad, net[1].bias.grad[0] = torch.ones(2, 4), math.nan
    net[2].weight_sigma.grad = torch.ones(2, 4)
    with pytest.raises(InputValueError, match=r"1\.bias, gradient: 1 of 4"):
        optimizer.step()


def test_large_finite_gradients_pass_the_check_and_it_can_be_switched_off() -> None:
    mu, sigma = pair(dtype=torch.float32)
    mu.grad, sigma.grad = torch.full_like(mu, 3e38), torch.zeros_like(sigma)
    MESU([(mu, sigma)], 100, lr_mu=0.0).step()
    mu.grad = torch.full_like(mu, math.nan)
    MESU([(mu, sigma)], 100, check_gradients=False).step()
    assert bool(mu.isnan().all())


def test_half_a_pair_of_gradients_is_refused() -> None:
    layer = BayesianLinear(3, 2, bias=False)
    optimizer = MESU(bayesian_parameters(layer), 100)
    layer.mean_forward(torch.ones(1, 3)).sum().backward()
    with pytest.raises(InputValueError, match="weight: mu has a gradient and sigma has none"):
        optimizer.step()
    layer.weight_sigma.grad, layer.weight_mu.grad = torch.ones(2, 3), None
    with pytest.raises(InputValueError, match="weight: sigma has a gradient and mu has none"):
        optimizer.step()


def test_sparse_gradients_are_refused() -> None:
    mu, sigma = pair()
    give_gradients(mu, sigma)
    mu.grad = mu.grad.to_sparse()
    with pytest.raises(InputValueError, match="pair 0: sparse"):
        MESU([(mu, sigma)], 100).step()


# -- bayesian_parameters -------------------------------------------------------------------------


def test_bayesian_parameters_of_a_module() -> None:
    net = mixed()
    bayesian, plain = bayesian_parameters(net, plain_lr=0.1)
    assert bayesian["names"] == ["0.weight", "0.bias", "2.weight"]
    assert bayesian["pairs"][0][0] is net[0].weight_mu
    assert bayesian["pairs"][0][1] is net[0].weight_sigma
    assert plain["names"] == ["1.weight", "1.bias"]
    by_layer = bayesian_parameters(net, plain_lr=0.1, sigma_prior="fan_in")
    assert [group.get("sigma_prior") for group in by_layer] == [3**-0.5, 0.5, None]
    assert bayesian_parameters(BayesianLinear(2, 2))[0]["names"] == ["weight", "bias"]


def test_shared_and_frozen_parameters() -> None:
    shared = BayesianLinear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared, BayesianLinear(3, 2), nn.Linear(2, 2))
    net[3].requires_grad_(False)
    net[4].requires_grad_(False)
    (group,) = bayesian_parameters(net)
    assert group["names"] == ["0.weight", "0.bias"]


def test_bayesian_parameters_refuses() -> None:
    with pytest.raises(ConfigError, match=r"1\.weight, 1\.bias: parameters without sigma"):
        bayesian_parameters(mixed())
    with pytest.raises(ConfigError, match="Linear has no Bayesian layer"):
        bayesian_parameters(nn.Linear(2, 2))
    with pytest.raises(ConfigError, match=r"sigma_prior=1\.0"):
        bayesian_parameters(mixed(), sigma_prior=1.0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="lr=-1"):
        MESU(bayesian_parameters(mixed(), plain_lr=-1), 100)
    with pytest.raises(ConfigError, match="unknown sigma_prior"):
        BGD(bayesian_parameters(mixed(), plain_lr=0.1, sigma_prior="fan_in"))
