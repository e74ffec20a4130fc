"""Posteriors into and out of torch's layers and safetensors files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamlearn import BimuClassifier, MesuClassifier, MesuFactoredClassifier
from streamlearn.errors import ConfigError, ShapeError, StateFormatError
from streamlearn.interchange import load_posterior, posterior, save_posterior, set_posterior

LAYERS = (3, 5, 2)
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def taught(arithmetic: str = "q16", **more: Any) -> MesuClassifier:
    backend = None if arithmetic == "float64" else "numpy"
    learner = MesuClassifier(
        LAYERS, classes=(0, 1), arithmetic=arithmetic, front_end="none", backend=backend, **more
    )
    for x in X:
        learner.learn_one(x, int(x[0] > 0))
    return learner


@pytest.mark.parametrize("bias", [True, False])
def test_torch_layers_say_what_the_learner_says(bias: bool) -> None:
    torch = pytest.importorskip("torch")
    from streamlearn.torch import BayesianLinear, mean_forward

    learner = taught("float64", bias=bias)
    net = torch.nn.Sequential(
        BayesianLinear(3, 5, bias=bias, dtype=torch.float64),
        torch.nn.ReLU(),
        BayesianLinear(5, 2, bias=bias, dtype=torch.float64),
    )
    net.load_state_dict({name: torch.tensor(v) for name, v in posterior(learner).items()})
    logits = mean_forward(net, torch.tensor(X, dtype=torch.float64)).detach().numpy()
    ours = [learner._engine.predict(learner._held, x, False).logits for x in X.astype(np.float64)]
    assert np.allclose(logits, ours, atol=1e-12)
    fresh = MesuClassifier(
        LAYERS, classes=(0, 1), arithmetic="float64", front_end="none", bias=bias
    )
    set_posterior(fresh, net.state_dict())
    for name in ("mu", "sigma"):
        assert np.array_equal(fresh.state[name], learner.state[name])


def test_q16_takes_the_nearest_and_gives_it_back() -> None:
    learner = taught()
    before = posterior(learner)
    fresh = MesuClassifier(LAYERS, classes=(0, 1), front_end="none", backend="numpy")
    set_posterior(fresh, before)
    for name, value in posterior(fresh).items():
        close = 2.0**-13 if name.endswith("mu") else 2.0**-12 * value.max()
        assert np.abs(value - before[name]).max() <= close, name
    assert fresh.n_samples == 0
    fresh.learn_one(X[0], 1)


def test_a_file_has_the_posterior(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    learner = taught()
    save_posterior(learner, tmp_path / "p.safetensors")
    with safetensors.safe_open(tmp_path / "p.safetensors", "numpy") as file:
        assert file.metadata()["state_sha256"] == learner.state_sha256
        assert set(file.keys()) == set(posterior(learner))
    other = taught(seed=3)
    load_posterior(other, tmp_path / "p.safetensors")
    for name, value in posterior(other).items():
        assert np.allclose(value, posterior(learner)[name], atol=1e-3)
    (tmp_path / "bad").write_bytes(b"\xff" * 40)
    with pytest.raises(StateFormatError, match="no safetensors file"):
        load_posterior(other, tmp_path / "bad")


def test_refusals() -> None:
    learner, kept = taught(), taught().state_sha256
    good = posterior(learner)
    for change, message in (
        ({"0.weight_mu": np.zeros((2, 2))}, r"0\.weight_mu: shape \(2, 2\)"),
        ({"0.weight_sigma": good["0.weight_sigma"] * 0}, "above 0"),
        ({"2.bias_mu": good["2.bias_mu"] * np.nan}, "finite"),
        ({"4.bias_mu": good["2.bias_mu"]}, "names are"),
    ):
        with pytest.raises(ShapeError, match=message):
            set_posterior(learner, {**good, **change})
    with pytest.raises(ConfigError, match="q16 holds means within ±8"):
        set_posterior(learner, {**good, "0.weight_mu": good["0.weight_mu"] + 9})
    assert learner.state_sha256 == kept, "a refused posterior was taken"
    for kind in (MesuFactoredClassifier, BimuClassifier):
        one = kind((3, 8, 2), backend="numpy")
        with pytest.raises(ConfigError, match="cannot take any posterior"):
            set_posterior(one, posterior(one))
