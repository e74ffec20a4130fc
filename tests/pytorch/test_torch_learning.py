"""Networks that learn with it, and the program of docs/torch.md."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from torch_helpers import nn, seeded, torch

from streamlearn.streams import Stream
from streamlearn.torch import (
    BGD,
    MESU,
    BayesianConv2d,
    BayesianLinear,
    bayesian_parameters,
    mean_forward,
    monte_carlo,
    nll_loss,
    predict,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("sampling", ["local", "weights"])
@pytest.mark.parametrize(
    "rule", [lambda p: MESU(p, 1000, 0.2), lambda p: BGD(p)], ids=["mesu", "bgd"]
)
def test_gas_stream_is_learned_sample_by_sample(gas: Stream, rule: Any, sampling: Any) -> None:
    """Test-then-train over 500 samples; chance is 1/6, the largest class 23 %."""
    x = torch.from_numpy(gas.x[:500]).float()
    x = ((x - x.mean(0)) / (x.std(0) + 1e-6)).clamp(-8, 8)
    y = torch.from_numpy(gas.y[:500].astype("int64"))
    torch.manual_seed(0)
    layers = {"sigma_init": 1.0, "sampling": sampling}
    net = nn.Sequential(
        BayesianLinear(128, 16, **layers), nn.ReLU(), BayesianLinear(16, 6, **layers)
    )
    optimizer = rule(bayesian_parameters(net))
    n_right = 0
    for row, label in zip(x.split(1), y.split(1), strict=True):
        logits = monte_carlo(net, row, 5)
        n_right += int(predict(logits.detach()) == label)
        optimizer.zero_grad()
        nll_loss(logits, label).backward()
        optimizer.step()
    largest_class = int(y.bincount().max())
    assert n_right > 1.5 * largest_class
    for name, values in net.named_parameters():
        assert bool(values.isfinite().all())
        assert "sigma" not in name or float(values.detach().min()) > 0


def test_a_convolution_learns_from_batches() -> None:
    """Where is the bright bar: batches of 16, a plain batch norm between."""
    generator = seeded(1)
    y = torch.randint(0, 2, (320,), generator=generator)
    x = 0.3 * torch.randn(320, 1, 6, 6, generator=generator)
    for image, label in zip(x, y, strict=True):
        at = int(torch.randint(0, 6, (1,), generator=generator))
        image[0, at if label else slice(None), slice(None) if label else at] += 1
    torch.manual_seed(1)
    net = nn.Sequential(
        BayesianConv2d(1, 4, 3, sigma_init=0.5),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        BayesianLinear(16, 2, sigma_init=0.5),
    )
    optimizer = MESU(bayesian_parameters(net, plain_lr=0.01), math.inf)
    start = float(net[0].weight_sigma.detach().mean())
    for _ in range(6):
        for rows, labels in zip(x[:256].split(16), y[:256].split(16), strict=True):
            optimizer.zero_grad()
            nll_loss(monte_carlo(net, rows, 3), labels).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        right = mean_forward(net, x[256:]).argmax(-1) == y[256:]
        sampled = predict(monte_carlo(net, x[256:], 10, sampling="weights")) == y[256:]
    assert float(right.double().mean()) > 0.8
    assert float(sampled.double().mean()) > 0.8
    assert float(net[0].weight_sigma.detach().mean()) < start


def test_the_program_of_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/torch.md").read_text()
    program, sure_signs, binarized, moved = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program, "docs/torch.md", "exec"), {})
    printed = capsys.readouterr().out
    lines = re.findall(r"accuracy (\d\.\d\d), epistemic entropy (\d\.\d\d) bits\n", printed)
    assert len(lines) == 2 == printed.count("\n")
    (_, unsure), (accuracy, sure) = [tuple(map(float, line)) for line in lines]
    assert accuracy > 0.95
    assert sure < unsure / 5
    exec(compile(sure_signs, "docs/torch.md", "exec"), {})
    found = re.fullmatch(r"accuracy (\d\.\d\d)\nepistemic .* bits\n", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > 0.85
    names: dict[str, Any] = {}
    exec(compile(binarized, "docs/torch.md", "exec"), names)
    lines = re.findall(r"task (\d): accuracy (\d\.\d\d)\n", capsys.readouterr().out)
    assert [task for task, _ in lines] == ["1", "2"]
    assert all(float(accuracy) > 0.9 for _, accuracy in lines)
    assert names["first"].shape == (1500, 10)
    exec(compile(moved, "docs/torch.md", "exec"), {})
    assert f"```text\n{capsys.readouterr().out}```" in text
