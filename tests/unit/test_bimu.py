"""BiMU: the equations against a derivative by hand, what it learns, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.network import NetworkSpec
from quant.noise import STREAM_EPSILON, epsilon_q, key_of
from quant.rules.bimu.belief import BELIEFS
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.rule import RULE
from quant.rules.bimu.state import belief_view, stride
from quant.state import init_state
from streamlearn import BimuClassifier, load
from streamlearn.errors import ConfigError, StreamlearnError
from streamlearn.evaluation import evaluate
from streamlearn.rules.bimu import CERTAINTY, equations
from streamlearn.streams import load_gas_drift

SPEC = NetworkSpec((3, 3), front_end="none")
CONFIG = BimuConfig(n_draws=2, cuts=0, memory_window=float("inf"), caution=0.7, lr=0.5, radial=1.0)
Z = np.array([0.5, -1.0, 2.0])


def loss(belief: Any, epsilon: Any, label: int) -> float:
    """-log softmax of the label, mean over the draws, written down without the engine.

    The mean is no part of the gradient of softmax, whose sum is 0.
    """
    x, t = np.append(Z, 1.0), np.tanh(belief)
    spread = np.sqrt((x**2) @ (1 - t**2))
    a = (x @ t)[:, None] + spread[:, None] * epsilon
    logits = CONFIG.logit_scale * (a - a.mean()) / a.std()
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    return float(-np.log(p[label]).mean())


def test_the_step_is_the_papers_of_the_numerical_gradient() -> None:
    state, count = init_state(SPEC, CONFIG, "float64", 3), Saturations()
    belief = belief_view(SPEC, state, 0).copy()
    epsilon = epsilon_q(key_of(state), STREAM_EPSILON, 3, 2) / 256
    g = np.zeros_like(belief)
    for place in np.ndindex(belief.shape):
        apart = np.zeros_like(belief)
        apart[place] = 1e-6
        g[place] = (loss(belief + apart, epsilon, 1) - loss(belief - apart, epsilon, 1)) / 2e-6
    equations.update(
        SPEC, CONFIG, state, equations.forward(SPEC, CONFIG, state, Z, count), 1, count
    )
    t = np.tanh(belief)
    expected = belief - CONFIG.lr * g / (1 + CONFIG.caution * (np.abs(g) + g * t))
    np.testing.assert_allclose(belief_view(SPEC, state, 0), expected, atol=1e-7)


def test_what_is_not_confirmed_fades_over_the_window() -> None:
    """With inputs of 0 there is no gradient; then λ' = -λ sech² λ / N."""
    spec = NetworkSpec((4, 2), bias=False, front_end="none")
    config = BimuConfig(cuts=0, memory_window=500.0, sweep=1)
    faded = {}
    for arithmetic in ARITHMETICS:
        learner = BimuClassifier(
            (4, 2), arithmetic=arithmetic, front_end="none", memory_window=500.0, sweep=1, cuts=0
        )
        state, unit = learner.state, UNITS.get(arithmetic, 1.0)
        belief_view(spec, state, 0)[:] = 1.0 / unit
        learner.state = state
        for _ in range(500):
            learner.learn_one(np.zeros(4), 0)
        faded[arithmetic] = float(belief_view(spec, learner.state, 0).mean()) * unit
    belief = 1.0
    for _ in range(500):
        belief -= belief * (1 - np.tanh(belief) ** 2) / config.memory_window
    assert faded["float64"] == pytest.approx(belief, abs=1e-9)
    assert faded["float32"] == pytest.approx(belief, abs=1e-5)
    assert faded["q16"] == pytest.approx(belief, abs=0.01)
    assert faded["q8"] == pytest.approx(belief, abs=0.1)


#: What an LSB of λ is worth.
UNITS = {name: 2.0**-belief.frac_bits for name, belief in BELIEFS.items()}
ARITHMETICS = (*UNITS, "float32", "float64")


@pytest.mark.parametrize("seed", [0, 1])
def test_defaults_learn_the_gas_stream_in_a_byte(seed: int) -> None:
    """MESU, with four bytes, has 96.0 % here; a byte may cost little more than a point."""
    stream = load_gas_drift()
    learner = BimuClassifier((128, 32, 6), classes=range(6), seed=seed)
    assert evaluate(learner, stream).accuracy > 0.95
    assert learner.state["belief"].nbytes == 129 * stride(32) + 33 * stride(6)


def test_integers_learn_what_float64_learns() -> None:
    stream = load_gas_drift(limit=1200)
    right = {}
    for arithmetic in ARITHMETICS:
        learner = BimuClassifier((128, 32, 6), classes=range(6), arithmetic=arithmetic)
        right[arithmetic] = evaluate(learner, stream).accuracy
    assert right["float64"] > 0.86
    for arithmetic, found in right.items():
        assert abs(found - right["float64"]) < 0.02, arithmetic


def test_what_was_never_seen_is_more_novel_and_more_is_learned_of_it() -> None:
    stream = load_gas_drift(limit=3000)
    keep = stream.y != 5
    learner = BimuClassifier((128, 32, 6), classes=range(6))
    for x, y in zip(stream.x[keep], stream.y[keep], strict=True):
        learner.learn_one(x, int(y))
    known = [learner.novelty_one(x) for x in stream.x[keep][-100:]]
    new = [learner.novelty_one(x) for x in stream.x[~keep][-100:]]
    assert np.median(new) > 2 * np.median(known)
    found = learner.predict_uncertainty_one(stream.x[~keep][-1])
    assert found.predictive == pytest.approx(found.aleatoric + found.epistemic, abs=1e-6)


def test_certainty_is_the_magnitude_of_lambda_in_every_arithmetic() -> None:
    for arithmetic in ARITHMETICS:
        learner = BimuClassifier((5, 8, 3), arithmetic=arithmetic, belief_init=1.0)
        values = CERTAINTY.values(learner.spec, learner.config, learner.state)
        assert [v.shape for v in values] == [(5 * 25 + 1, 8), (9, 3)]
        assert 0 <= min(v.min() for v in values) < 0.1 < 0.9 < max(v.max() for v in values) <= 1


@pytest.mark.parametrize("relaxed", [0, 1])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_means_and_deviations_are_those_of_the_weights_that_are_drawn(
    arithmetic: str, relaxed: int
) -> None:
    learner = BimuClassifier((5, 8, 3), arithmetic=arithmetic, belief_init=3.0, relaxed=relaxed)
    given = learner.spec, learner.config, learner.state
    u = (np.arange(4000) + 0.5) / 4000
    assert CERTAINTY.means is not None
    assert CERTAINTY.deviations is not None
    mean, deviation = CERTAINTY.means(*given)[1], CERTAINTY.deviations(*given)[1]
    belief = CERTAINTY.values(*given)[1] * np.sign(mean)
    drawn = belief[..., None] + 0.5 * np.log(u / (1 - u))
    weights = np.tanh(drawn) if relaxed else np.sign(drawn)
    np.testing.assert_allclose(mean, weights.mean(axis=-1), atol=1e-3)
    np.testing.assert_allclose(deviation**2, weights.var(axis=-1), atol=2e-3)


@pytest.mark.parametrize("arithmetic", BELIEFS)
def test_a_state_with_a_belief_beyond_its_ends_is_refused(arithmetic: str, tmp_path: Any) -> None:
    learner = BimuClassifier((5, 8, 3), arithmetic=arithmetic)
    check, most = RULE.arithmetics[arithmetic].check_state, BELIEFS[arithmetic].most
    assert check is not None
    for belief in (-most - 1, most + 1)[: 1 if arithmetic == "q8" else 2]:
        state = learner.state
        state["belief"][0, 0] = belief
        with pytest.raises(StreamlearnError, match=f"of {belief}: expected -{most} to {most}"):
            check(learner.spec, learner.config, state)
    learner.learn_one([1, 2, 3, 4, 5], "a").save(tmp_path / "kept.sls")
    assert load(tmp_path / "kept.sls").state_sha256 == learner.state_sha256


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": 0}, "lr=0: expected 1/64 to 64"),
        ({"caution": -1}, "caution=-1: expected 0 to 64"),
        ({"belief_init": 4}, "belief_init=4: expected 0 to 3.96"),
        ({"n_draws": 65}, "n_draws=65: expected 1 to 64 draws"),
        ({"n_draws": 2.5}, "n_draws=2.5: expected a whole number"),
        ({"memory_window": 0.5}, "memory_window=0.5: expected a number of samples, 1 or above"),
        ({"sweep": 3}, "sweep=3: expected a power of two"),
        ({"cuts": 32}, "cuts=32: expected 0 to 31"),
        ({"sides": 3}, "sides=3: expected 1 or 2"),
        ({"sides": 1.5}, "sides=1.5: expected a whole number"),
        ({"threshold": -1}, "threshold=-1: expected 0 to 4"),
        ({"window": 0}, "window=0: expected 1/256 to 4"),
        ({"settle": -1}, "settle=-1: expected 0 to 4"),
        ({"gather": 3}, "gather=3: expected a power of two, 1 to 64"),
        ({"gather": 128}, "gather=128: expected a power of two, 1 to 64"),
        ({"gather": 2.0}, "gather=2.0: expected a whole number"),
        ({"radial": 2}, "radial=2: expected 0 to 1"),
        ({"logit_scale": 9}, "logit_scale=9: expected 1/16 to 8"),
        ({"front_end_window": 1}, "front_end_window=1: expected 2 to 32768"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BimuClassifier((5, 8, 3), **given)


def test_caution_follows_the_inputs_of_the_first_layer() -> None:
    assert BimuConfig().caution_of(784) == pytest.approx(4.99, abs=0.01)
    assert (BimuConfig().caution_of(5), BimuConfig().caution_of(5000)) == (0.5, 5.0)
    assert BimuConfig(caution=0).caution_of(784) == 0
