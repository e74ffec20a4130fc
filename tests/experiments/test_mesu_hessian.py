"""mesu-hessian: closed forms against autograd, runs that stop, what the table is made of."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from stopping import whole_and_stopped, without_time
from with_torch import seeded, torch

from experiments.catalogue import load as find_experiment
from experiments.loop.runs import read_log
from experiments.mesu import hessian, hessian_nets, hessian_report
from streamlearn.cli import run as command_line
from streamlearn.errors import ConfigError, DivergedError, StreamFormatError
from streamlearn.streams import load_mnist
from streamlearn.torch import BayesianLinear, nll_loss

EXPERIMENT = find_experiment("mesu-hessian")


def layers(dtype=torch.float64):
    options = {"dtype": dtype, "generator": seeded(1), "mu_init": 2.0, "sigma_init": 0.7}
    first, last = BayesianLinear(6, 5, **options), BayesianLinear(5, 3, **options)
    with torch.no_grad():
        for layer in (first, last):
            layer.bias_mu.normal_(generator=seeded(2))
            for _, _, sigma in layer.bayesian_pairs():
                sigma.mul_(torch.rand(sigma.shape, generator=seeded(3), dtype=dtype) + 0.5)
    return first, last


def batch(n=4, n_draws=3):
    x = torch.randn(n, 6, generator=seeded(4), dtype=torch.float64)
    shapes = ((n_draws, n, 5), (n_draws, n, 3))
    epsilon = tuple(torch.randn(s, generator=seeded(5), dtype=torch.float64) for s in shapes)
    return x, torch.tensor([0, 2, 1, 2])[:n], epsilon


def loss_of(first, last, x, y, epsilon):
    n = len(epsilon[0])
    hidden = first(x.repeat(n, 1), epsilon[0].flatten(0, 1)).relu()
    logits = last(hidden, epsilon[1].flatten(0, 1))
    return nll_loss(logits.view(epsilon[1].shape), y)


def test_gradients_and_curvature_are_autograds():
    first, last = layers()
    x, y, epsilon = batch()
    loss = loss_of(first, last, x, y, epsilon)
    parameters = [*first.parameters(), *last.parameters()]
    expected = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        found = hessian_nets.gradients(first, last, x, y, epsilon)
    for parameter, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-10, atol=1e-12)

    def by_mu(mu):
        pre = first(x.repeat(3, 1), epsilon[0].flatten(0, 1)).relu().detach()
        plain = torch.nn.functional.linear(pre, mu, last.bias_mu)
        noise = last(pre, epsilon[1].flatten(0, 1)) - last.mean_forward(pre)
        return nll_loss((plain + noise).view(3, 4, 3), y)

    full = torch.autograd.functional.hessian(by_mu, last.weight_mu.detach())
    diagonal = torch.diagonal(full.reshape(15, 15)).view(3, 5)
    assert diagonal.max() > 0.1
    torch.testing.assert_close(found, diagonal, rtol=1e-10, atol=1e-12)


def test_the_measured_hessian_is_that_of_sampled_weights():
    """Against double autograd by μ, with the same draws of the weights."""
    net = hessian_nets.make_learner(hessian_settings("mesu"), 0)
    images, labels = some(64)
    found = net.measure(images, labels, 7)["hessian"]
    generator = seeded(7)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    first, last = net._first, net._last
    total = torch.zeros(10, 50)
    for _ in range(hessian.N_DRAWS):
        drawn = []
        for layer in (first, last):
            for _, mu, sigma in layer.bayesian_pairs():
                noise = torch.randn(mu.shape, generator=generator)
                drawn.append((mu.detach(), (sigma * noise).detach()))
        (w1, e1), (b1, f1), (w2, e2), (b2, f2) = drawn
        hidden = torch.nn.functional.linear(x, w1 + e1, b1 + f1).relu()

        def by_weight(w, hidden=hidden, bias=b2 + f2):
            logits = torch.nn.functional.linear(hidden, w, bias)
            return torch.nn.functional.cross_entropy(logits, y, reduction="sum")

        w = (w2 + e2).requires_grad_()
        (g,) = torch.autograd.grad(by_weight(w), w, create_graph=True)
        for k, j in ((0, 0), (3, 17), (9, 49)):
            total[k, j] += torch.autograd.grad(g[k, j], w, retain_graph=True)[0][k, j]
    for k, j in ((0, 0), (3, 17), (9, 49)):
        expected = float(total[k, j]) * 32 / (20 * 64)
        assert found[k, j] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def hessian_settings(algorithm):
    return hessian.hessian_settings(algorithm)[0][1]


def some(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=n)
    means = np.random.default_rng(99).normal(size=(10, 784))
    x = means[labels] * 0.3 + rng.normal(size=(n, 784))
    return x.astype(np.float32), labels


def test_precision_is_the_sum_of_the_curvatures_along_the_run():
    """The claim itself, where it is exact: small steps, and the sum instead of the last H."""
    net = hessian_nets.make_learner(hessian_settings("bgd"), 0)
    images, labels = some(3200)
    for start in range(0, 3200, 32):
        net.step(images[start : start + 32], labels[start : start + 32])
    found = net.measure(images, labels, 0)
    precision = found["sigma"].ravel() ** -2.0
    assert hessian_report.spearman(precision, found["integral"].ravel()) > 0.97


def test_sgds_importances():
    net = hessian_nets.make_learner(hessian_settings("sgd"), 0)
    images, labels = some(64)
    start = net._w[2].detach().numpy().copy()
    path = np.zeros((10, 50), np.float32)
    for _ in range(3):
        for rows in (slice(0, 32), slice(32, 64)):
            before = net._w[2].detach().numpy().copy()
            net.step(images[rows], labels[rows])
            moved = net._w[2].detach().numpy() - before
            path += moved * moved / hessian.SGD_LR  # -g · Δw, as Δw = -lr g
    found = net.measure(images, labels, 0)
    moved = net._w[2].detach().numpy() - start
    np.testing.assert_allclose(found["si"], path / (moved**2 + 1e-3), rtol=1e-3, atol=1e-7)
    one_by_one, batches = np.zeros((10, 50)), np.zeros((10, 50))
    for place in range(64):
        g = gradient(net, images[place : place + 1], labels[place : place + 1])
        one_by_one += g**2
    for rows in (slice(0, 32), slice(32, 64)):
        batches += gradient(net, images[rows], labels[rows]) ** 2
    np.testing.assert_allclose(found["fisher"], one_by_one * 32 / 64, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found["fisher_batch"], batches / 2, rtol=1e-3, atol=1e-6)


def gradient(net, images, labels):
    _, logits = net._forward(torch.from_numpy(images))
    target = torch.from_numpy(labels)
    loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
    return torch.autograd.grad(loss, net._w[2])[0].numpy()


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(hessian, "STEPS_PER_TASK", 3)
    monkeypatch.setattr(hessian, "MILESTONES", (6,))
    return hessian.Digits(*some(96), *some(40, 1))


def run_of(algorithm, seed=0):
    folder, setting, _ = hessian.hessian_settings(algorithm)[0]
    return hessian.HessianRun(folder, setting, seed)


@pytest.mark.parametrize("algorithm", hessian.ALGORITHMS)
def test_a_run_that_stopped_ends_like_one_that_did_not(tmp_path, short, algorithm):
    run = run_of(algorithm)
    whole, _, parts = whole_and_stopped(run, short, tmp_path)
    assert without_time(parts) == without_time(whole)
    assert [w["steps"] for w in whole["windows"].values()] == [6, 12]
    assert read_log(run.log(tmp_path / "a")) == whole
    other = run_of(algorithm, 1).execute(4, short, tmp_path / "a", tmp_path / "aw")
    assert other["windows"]["4"]["hessian"] != whole["windows"]["4"]["hessian"]


def test_weights_that_are_no_longer_finite_end_a_run(tmp_path, short):
    short.train[40] = np.nan
    with pytest.raises(DivergedError, match="mesu-seed0"):
        run_of("mesu").execute(1, short, tmp_path, tmp_path)


def test_batches_are_every_row_once_an_epoch():
    order = hessian.Batches(3, 100)
    epochs = [np.concatenate([order[e * 3 + k] for k in range(3)]) for e in range(2)]
    assert all(len(set(rows.tolist())) == 96 for rows in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    assert hessian.Batches(3, 100)[5].tolist() == order[5].tolist()


def test_correlations_and_slope():
    x = np.array([1.0, 2.0, 2.0, 4.0, 9.0])
    np.testing.assert_allclose(hessian_report.ranks(x), [0, 1.5, 1.5, 3, 4])
    assert hessian_report.spearman(x, x**3) == pytest.approx(1)
    assert hessian_report.spearman(x, -x) == pytest.approx(-1)
    # 1, 2, 3, 4, 5 against 5, 6, 7, 8, 7: ranks 1, 2, 3.5, 5, 3.5; the textbook value
    a, b = np.arange(5.0), np.array([5.0, 6, 7, 8, 7])
    assert hessian_report.spearman(a, b) == pytest.approx(0.8207826816681233)
    assert hessian_report.pearson(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert hessian_report.slope(x, 7 * x) == pytest.approx(1)
    assert hessian_report.slope(x, 7 * x + 7 * x.mean()) == pytest.approx(0.5)
    assert np.isnan(hessian_report.spearman(x, np.ones(5)))


def exact(algorithm, seed, steps):
    """A record of a run for which the claim holds to the letter."""
    h = np.random.default_rng(seed).uniform(0.1, 5, 500)
    identity = {**run_of(algorithm, seed).identity()}
    window = {"steps": steps, "hessian": h.tolist()}
    if algorithm == "sgd":
        window |= {name: (2 * h).tolist() for name in ("fisher", "fisher_batch", "si")}
    elif algorithm == "bgd":
        window |= {"sigma": ((h * steps) ** -0.5).tolist(), "integral": (h * steps).tolist()}
    else:
        n, floor = identity["memory_window"], identity["sigma_prior"] ** -2
        window |= {"sigma": ((h * n + floor) ** -0.5).tolist(), "integral": (h * n).tolist()}
    return {"identity": identity, "windows": {"2": window}, "newest": [[90.0], [91.0]]}


def test_where_the_claim_holds_the_table_says_so():
    records = [exact(a, seed, 1000) for a in hessian.ALGORITHMS for seed in (0, 1)]
    text = EXPERIMENT.table(records)
    ones = " | ".join(["1.000 ± 0.000"] * 6)
    assert f"| MESU, (1/σ² - 1/σ_prior²)/N | 1,000 × 2 | {ones} | 91.00 ± 0.00 |" in text
    assert f"| BGD, 1/(σ² L) | 1,000 × 2 | {ones} | 91.00 ± 0.00 |" in text
    assert "| EWC's Fisher, image by image | 1,000 × 2 | 1.000 ± 0.000 |" in text
    assert "| 2.000 ± 0.000 | – | – |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1
    picture = EXPERIMENT.picture(records)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == EXPERIMENT.picture(records)


def test_the_command(tmp_path, capsys):
    try:
        load_mnist("test")
    except StreamFormatError:
        pytest.skip("MNIST is absent (set STREAMLEARN_DATA)")
    folders = ["--results", str(tmp_path / "r"), "--work", str(tmp_path / "w")]
    common = ["reproduce", "mesu-hessian", *folders, "--seed", "0", "--tasks", "1"]
    assert command_line([*common, "--algorithms", "sgd", "--limit-samples", "320"]) == 0
    assert "| EWC's Fisher, image by image | 500 × 1 |" in capsys.readouterr().out
    log = tmp_path / "r" / "mesu-hessian" / "sgd-seed0.json"
    assert json.loads(log.read_text())["newest"][0][0] > 50
    assert command_line([*common, "--algorithms", "bgd", "--limit-samples", "20"]) == 1
    assert "limit=20: expected 32 samples or more" in capsys.readouterr().err


def test_without_pytorch_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "experiments.mesu.hessian_nets")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"needs torch, not installed: pip install"):
        run_of("mesu").execute(1, None, tmp_path, tmp_path)
