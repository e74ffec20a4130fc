"""The adaptive step: what its slope is, where its multiplier goes, and that all engines agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.errors import ConfigError, DivergedError
from quant.network import NetworkSpec, layer_view
from quant.rooms import part
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.sampling import step as q
from quant.sampling.config import SamplingConfig
from quant.state import init_state
from streamlearn.adaptive_step import Step
from streamlearn.heads import HEADS
from streamlearn.learners.loading import learner_class
from streamlearn.rules.mesu.equations import forward, update

ADAPTIVE = [name for name, rule in RULES.items() if issubclass(rule.config, SamplingConfig)]
BOTH = pytest.mark.parametrize("rule", ADAPTIVE)


def turning(n: int, seed: int = 0, period: float = 1500.0) -> tuple[np.ndarray, np.ndarray]:
    """A line between two classes that turns once in ``period`` samples."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    angle = 2 * np.pi * np.arange(n) / period
    return x, (np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1] > 0).astype(int)


def resting(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A line that stays, and one label in five wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    return x, ((x[:, 0] + x[:, 1] > 0) ^ (rng.random(n) < 0.2)).astype(int)


def log2(learner: Any) -> float:
    """log2 of a learner's multiplier."""
    unit = 1 << q.LOG2_FRAC_BITS if learner.arithmetic == "q16" else 1
    return float(learner.state["step_log2"][0]) / unit


def run(rule: str, x: np.ndarray, y: np.ndarray, **settings: Any) -> tuple[np.ndarray, list[float]]:
    """Test, then train: which were right, and log2 m after every 100 samples."""
    learner = learner_class(rule, "categorical")((6, 16, 2), classes=[0, 1], **settings)
    right, path = [], []
    for start in range(0, len(x), 100):
        block = slice(start, start + 100)
        found = learner.test_then_learn_many(x[block], y[block])
        right += list(np.asarray(found) == y[block])
        path.append(log2(learner) if learner.config.step == "adaptive" else 0.0)
    return np.array(right), path


@BOTH
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_it_rises_where_the_concept_moves_and_learns_more(rule: str, arithmetic: str) -> None:
    x, y = turning(6000)
    right, path = run(rule, x, y, arithmetic=arithmetic)
    still, _ = run(rule, x, y, arithmetic=arithmetic, step="fixed")
    assert np.mean(path[20:]) > 1.0
    assert right.mean() > still.mean() + 0.05


@BOTH
def test_it_comes_back_where_the_concept_rests(rule: str) -> None:
    x, y = resting(8000)
    _, path = run(rule, x, y)
    assert np.mean(path[40:]) < 0.5
    # From the other end too.
    learner = learner_class(rule, "categorical")((6, 16, 2), classes=[0, 1])
    learner.learn_many(x[:4000], y[:4000])
    learner.state["step_log2"] = q.LOG2_MAX
    learner.learn_many(x[4000:], y[4000:])
    assert log2(learner) < 1.5


@BOTH
def test_it_rises_after_a_switch_and_falls_again(rule: str) -> None:
    x, y = resting(9000)
    _, calm = run(rule, x, y)
    wrong = np.random.default_rng(10).random(4000) < 0.2
    y[5000:] = ((x[5000:, 2] - x[5000:, 3] > 0) ^ wrong).astype(int)
    _, path = run(rule, x, y)
    assert path[:50] == calm[:50]
    assert max(path[50:65]) > max(calm[50:65]) + 1.0
    assert np.mean(path[75:]) < max(path[50:65]) - 1.0


@BOTH
def test_fixed_point_follows_the_equations(rule: str) -> None:
    x, y = turning(2500)
    runs = [run(rule, x, y, arithmetic=kind)[1] for kind in ("q16", "float64")]
    assert np.abs(np.subtract(*runs)).mean() < 0.35
    assert min(np.mean(path[10:]) for path in runs) > 0.7


@BOTH
def test_float32_in_c_follows_the_equations(rule: str) -> None:
    x, y = turning(300)
    runs = [run(rule, x, y, arithmetic=kind)[1] for kind in ("float32", "float64")]
    np.testing.assert_allclose(*runs, atol=1e-2)


@BOTH
def test_a_number_that_moves_is_followed(rule: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((6000, 4)).astype(np.float32)
    angle = 2 * np.pi * np.arange(6000) / 3000
    y = 10 * np.cos(angle) * x[:, 0] + 10 * np.sin(angle) * x[:, 1] + rng.normal(size=6000)
    errors = []
    for step in ("adaptive", "fixed"):
        learner = learner_class(rule, "gaussian")((4, 16, 1), step=step)
        found = learner.test_then_learn_many(x, y.astype(np.float32))
        errors.append(float(np.sqrt(np.mean((found[:, 0] - y)[1000:] ** 2))))
        if step == "adaptive":
            assert log2(learner) > 1.0
    assert errors[0] < 0.8 * errors[1]


def test_the_slope_is_the_derivative_of_the_loss_along_the_movement() -> None:
    spec, config = NetworkSpec((3, 5, 4, 3), front_end="none"), MesuConfig(n_draws=1)
    state = init_state(spec, config, "float64", 3)
    rng = np.random.default_rng(0)
    state["slow"] += rng.normal(size=state["slow"].shape)
    moved = layer_view(spec, state, "mu", 2) - state["slow"][0].reshape(5, 3)
    z, target, count = np.array([0.5, -1.0, 2.0]), 1, Saturations()

    def loss(along: float) -> float:
        other = state.copy()
        layer_view(spec, other, "mu", 2)[:] += along * moved
        out = forward(spec, config, other, z, count).outputs[:, 0]
        return float(np.log(np.exp(out).sum()) - out[target])

    passed = forward(spec, config, state, z, count)
    delta = HEADS["categorical"].output_gradient(passed.outputs, target, count)
    found = Step.of(spec, config, state, passed, delta)
    assert found.slope == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-4)


def test_a_falling_slope_raises_the_multiplier() -> None:
    """Where the movement still points downhill, the step was too short."""
    assert q.follow(0, 1 << 20, 1000, -(1 << 16))[0] > 0 > q.follow(0, 1 << 20, 1000, 1 << 16)[0]
    assert q.follow(0, 1 << 20, 1000, 0) == (q.PUSH, (1 << 20) - (1 << 12))


@pytest.mark.parametrize("now", [0, 1, -1, 70000, -70000, 1 << 24, -(1 << 24), q.SLOPE_MAX])
@pytest.mark.parametrize("n_samples", [0, 1, 300])
@pytest.mark.parametrize("at", [-0.5, 0.0, 1.25, 3.0])
def test_the_move_is_that_of_the_equations(now: int, n_samples: int, at: float) -> None:
    spec, config = NetworkSpec((2, 2)), MesuConfig()
    state = init_state(spec, config, "float64", 0)
    usual = 90000 << q.USUAL_MORE_BITS
    state["n_samples"], state["step_log2"], state["step_usual"] = n_samples, at, 90000.0
    Step(2.0**at, float(now)).commit(spec, state)
    log2_q, usual_q = q.follow(round(at * 65536), usual, n_samples, now)
    assert log2_q / 65536 == pytest.approx(float(state["step_log2"][0]), abs=2e-5)
    assert usual_q / 16 == pytest.approx(float(state["step_usual"][0]), rel=1e-5, abs=1)


@pytest.mark.parametrize("at", [-0.5, -0.25, 0.0, 0.4, 1.0, 2.9, 3.0])
def test_the_multiplier_is_two_to_its_logarithm(at: float) -> None:
    assert q.multiplier(round(at * 65536)) / q.ONE == pytest.approx(2**at, rel=3e-3)
    assert q.multiplier(0) == q.ONE


@BOTH
def test_the_guard_holds_a_step_that_would_not_converge(rule: str) -> None:
    """Inputs at the ends of their range and labels without sense: a fixed step diverges."""
    x = np.sign(turning(400)[0]) * np.float32(7.9)
    y = np.random.default_rng(1).integers(0, 2, 400)
    settings = {"classes": [0, 1], "front_end": "none", "arithmetic": "float32"}
    make = learner_class(rule, "categorical")
    learner = make((6, 16, 2), **settings).learn_many(x, y)
    assert np.abs(learner.state["mu"]).max() < 4
    with pytest.raises(DivergedError):
        make((6, 16, 2), step="fixed", **settings).learn_many(x, y)


def test_a_step_adapts_or_is_fixed() -> None:
    assert MesuConfig().step == "adaptive"
    for word in ("adapt", None, 1.0):
        with pytest.raises(ConfigError, match=r"step=.*: expected 'adaptive' or 'fixed'"):
            MesuConfig(step=word)  # type: ignore[arg-type]


@BOTH
def test_a_fixed_step_keeps_nothing(rule: str) -> None:
    config = RULES[rule].config(step="fixed")
    for arithmetic in RULES[rule].arithmetics:
        names = init_state(NetworkSpec((3, 4, 2)), config, arithmetic).dtype.names
        assert not {"step_log2", "step_usual", "slow"} & set(names)


def test_the_slow_copy_follows_by_a_quarter_every_64_samples() -> None:
    spec, config = NetworkSpec((2, 70, 2), front_end="none"), MesuConfig()
    state = init_state(spec, config, "float64", 0)
    state["slow"] = 5.0
    before = layer_view(spec, state, "mu", 1).copy()
    for _ in range(64):
        passed = forward(spec, config, state, np.zeros(2), Saturations())
        update(spec, config, state, passed, 0, Saturations())
    moved = (state["slow"][0].reshape(71, 2) - 5.0) / (before - 5.0)
    np.testing.assert_allclose(moved, 0.25, atol=0.1)


def test_the_slow_copy_follows_the_format_of_mu() -> None:
    state = init_state(NetworkSpec((2, 2)), part("mesu_factored", "quant").RULE.config(), "q16")
    state["slow"] = [[5, -5, 20000, -20000, 0, 1]]
    q.rescale_slow(state, 1)
    assert state["slow"][0].tolist() == [10, -10, 32767, -32768, 0, 2]
    q.rescale_slow(state, -1)
    assert state["slow"][0].tolist() == [5, -5, 16383, -16384, 0, 1]
