"""Spiking learners in float32: the C kernel takes the steps of the equations in float64."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spiking_floats import LEARNERS, RECURRENT, apart, made, signal

from export import write_export
from quant.errors import ConfigError, DivergedError, ShapeError
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.sampling.plan import variance_exponent
from quant.spiking import CHARGES, TRACES
from quant.state import init_state, state_from_bytes
from streamlearn import MesuClassifier, SpikingClassifier, load
from streamlearn.engines import make_engine


@pytest.mark.parametrize("name", LEARNERS)
def test_c_takes_the_steps_of_the_equations(name: str) -> None:
    """With a label, without one, and with the mean weights; spikes are the same to the last one."""
    floats, real = (made(name, a) for a in ("float32", "float64"))
    given = floats.spec, floats.config, "float32"
    assert given[0].leaks
    for t, x in enumerate(signal(160, floats.layers[0]) / 3):
        y = int(x[0] > x[1])
        if t == 80:
            floats.reset()
            real.reset()
        for draws in (True, False):
            found, expected = (one.predict_proba_one(x, draws=draws) for one in (floats, real))
            assert all(math.isclose(found[k], expected[k], abs_tol=1e-3) for k in expected), t
        said = [one.test_then_learn_one(x, y if t % 3 else None) for one in (floats, real)]
        assert said[0] == said[1], t
    ours, theirs = floats.state, real.state
    for field in ours.dtype.names:
        if field != "live_inputs":
            limit = 1e-3 if ours[field].dtype.kind == "f" else 0.0
            assert apart(ours[field], theirs[field]) <= limit, field
    # Traces end in C, and go on for ever in float64.
    assert (ours["live_inputs"] <= theirs["live_inputs"]).all()
    assert (ours["live_inputs"] > 0).all()
    assert all(n > 0.2 for n in floats.activity.events[1:]), "units fire, or this compares less"
    assert floats.n_samples == real.n_samples == 106


def test_canary_another_leak_is_seen() -> None:
    one, other = (
        SpikingClassifier((3, 16, 2), arithmetic="float32", leaks=k) for k in ((3, 4), (4, 4))
    )
    for x in signal(20, 3):
        one.step(x)
        other.step(x)
    assert apart(one.state["charge_mean"], other.state["charge_mean"]) > 0.01


def test_membranes_by_hand() -> None:
    """One input of weight 1, one unit, leaks of a half: every number is exact in float32."""
    spec, config = NetworkSpec((1, 1, 2), False, "none", leaks=(1, 1)), MesuConfig(n_draws=1)
    state = init_state(spec, config, "float32")
    state["mu"], state["sigma"] = 1.0, 0.0
    engine = make_engine(spec, config, "float32")
    fired, trace, membrane = [], 0.0, 0.0
    for value in (0.625, 0.625, 0.625, 0.0, 2.0, 0.0, 0.0):
        engine.advance(state, np.array([value]))
        membrane = membrane / 2 + value
        spike = membrane >= 1
        membrane -= spike
        trace = trace / 2 + spike
        fired.append(int(spike))
        assert float(state["output_trace"][0, 0]) == trace
        assert float(state["charge_mean"][0, 0] - state["membrane_reset"][0, 0]) == membrane
    assert fired == [0, 0, 1, 0, 1, 0, 0]


def test_a_charge_keeps_the_weights_of_then() -> None:
    spec = NetworkSpec((12, 16, 9, 3), False, "none", leaks=(3, 4, 2))
    config = MesuConfig(n_draws=4, memory_window=float("inf"), step="fixed")
    state, engine = init_state(spec, config, "float32"), make_engine(spec, config, "float32")
    charge, start = np.zeros(16), state["mu"].copy()
    for t, x in enumerate(np.round(np.clip(signal(120, 12) / 2, -2, 2) * 16) / 16):
        mu = state["mu"][0, : 12 * 16].reshape(12, 16)
        charge = charge * (1 - 2**-3) + x @ mu
        passed = state.copy()
        engine.advance(passed, x)
        engine.learn(state, x, t // 40)
        for name in (*CHARGES, "membrane_reset", "output_trace"):
            assert np.array_equal(state[name], passed[name]), name
        assert np.abs(state["charge_mean"][0, :16] - charge).max() < 1e-4
    assert np.abs(state["mu"] - start).max() > 0.1, "weights move"
    anew = state["input_trace"][0] @ state["mu"][0, : 12 * 16].reshape(12, 16)
    assert np.abs(anew - charge).max() > 0.05, "canary: a sum under the weights of now is another"


@pytest.mark.parametrize("name", ["currents, two hidden layers", "nine draws, no drift"])
def test_traces_end_in_silence(name: str) -> None:
    """A float that is multiplied would become a denormal number, and stay one."""
    learner = made(name, "float32")
    x = signal(30, learner.layers[0])
    for row in x:
        learner.learn_one(row, 1)
    before = learner.activity.live
    still = np.zeros(learner.layers[0]) if learner.threshold is None else x[-1]
    for _ in range(2500):
        learner.step(still)
    kept = [n for n in TRACES if n in learner.state.dtype.names and n != "delta_reference"]
    assert not any(learner.state[n].any() for n in kept)
    assert all(now < then / 5 for now, then in zip(learner.activity.live, before, strict=True))


def test_traces_stay_within_their_ends() -> None:
    learner = SpikingClassifier(
        (1, 2, 2), arithmetic="float32", front_end="none", threshold=None, leaks=(6, 6), mu_init=2.0
    )
    state = learner.state
    state["mu"][0, :2] = 100.0
    learner.state = state
    for _ in range(400):
        learner.step([50.0])
    assert learner.state["input_trace"].max() == np.float32(8 - 2**-9)
    for name in ("membrane_reset", "output_trace"):
        assert 63 < learner.state[name].max() <= np.float32(64 - 2**-9)


def test_sigma_ends_where_that_of_the_integers_does() -> None:
    """A charge keeps the σ of then: nothing in a step's gradient holds a σ that grows."""
    given: dict[str, Any] = {"threshold": None, "front_end": "none", "lr_sigma": 100.0, "seed": 1}
    both = [SpikingClassifier((3, 12, 2), arithmetic=a, **given) for a in ("float32", "float64")]
    exponents = [variance_exponent(n, both[0].config) for n in (3, 12)]
    ends = np.repeat([2.0 ** (v / 2) for v in exponents], [3 * 12, 12 * 2])
    for t, x in enumerate(np.clip(signal(60, 3), -3, 3)):
        for learner in both:
            learner.learn_one(x, t % 2)
            assert (learner.state["sigma"][0] <= ends * (1 + 1e-6)).all(), t
    cuts = [learner.saturations.rho for learner in both]
    assert cuts[0] == cuts[1] > 5
    assert apart(both[0].state["mu"], both[1].state["mu"]) < 1e-3
    dense = MesuClassifier((3, 12, 2), arithmetic="float32", front_end="none", lr_sigma=100.0)
    for t, x in enumerate(np.clip(signal(60, 3), -3, 3)):
        dense.learn_one(x, t % 2)
    assert dense.saturations.rho == 0, "a dense network's floats have no such end"


@pytest.mark.parametrize("field", ["mu", "sigma"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_weights_that_diverged_are_seen_behind_spikes(field: str, value: float) -> None:
    """A spike is 0 or 1 whatever made it: it must not hide that a membrane is no number."""
    learner = SpikingClassifier((2, 8, 2), arithmetic="float32", front_end="none", threshold=None)
    learner.learn_one([1.0, -1.0], "a")
    engine = make_engine(learner.spec, learner.config, "float32")
    state = learner.state
    state[field][0, 3] = value  # of layer 0
    before = state.tobytes()
    for done in (
        lambda x: engine.learn(state, x, 0),
        lambda x: engine.advance(state, x),
        lambda x: engine.predict(state, x, True),
    ):
        with pytest.raises(DivergedError):
            done(np.array([7.0, 7.0]))
        assert state.tobytes() == before


@pytest.mark.parametrize("name", ["events", *RECURRENT])
def test_a_block_has_the_bits_of_single_steps(name: str) -> None:
    one, block = made(name, "float32"), made(name, "float32")
    x = signal(60, one.layers[0])
    y = [int(row[0] > 0) for row in x]
    for row, label in zip(x, y, strict=True):
        one.learn_one(row, label)
    block.learn_many(x, y)
    assert one.state_sha256 == block.state_sha256


def test_predicting_changes_nothing_and_a_step_is_what_was_predicted() -> None:
    learner = made("events", "float32")
    for x in signal(40, 3):
        learner.learn_one(x, int(x[0] > 0))
    learner.reset()
    assert not any(learner.state[name].any() for name in TRACES)
    for x in signal(20, 3, seed=1):
        before, looked = learner.state_sha256, learner.predict_one(x)
        learner.predict_one(x, draws=False)
        learner.predict_recording(signal(5, 3))
        assert learner.state_sha256 == before
        assert learner.step(x) == looked
        assert learner.state_sha256 != before


def test_a_file_holds_the_time_between_two_steps(tmp_path: Path) -> None:
    learner = made("events", "float32")
    for x in signal(40, 3):
        learner.learn_one(x, int(x[0] > 0))
    learner.save(tmp_path / "state.sls")
    again = load(tmp_path / "state.sls")
    assert isinstance(again, SpikingClassifier)
    assert (again.arithmetic, again.state_sha256) == ("float32", learner.state_sha256)
    assert pickle.loads(pickle.dumps(learner)).step([1.0, 2, 3]) == learner.step([1.0, 2, 3])
    assert SpikingClassifier(**learner.get_params()).spec == learner.spec


def test_a_variance_below_nothing_is_refused() -> None:
    learner = made("events", "float32")
    state = learner.state
    state["charge_variance"][0, 0] = -1.0
    with pytest.raises(ShapeError, match="charge_variance from -1"):
        state_from_bytes(learner.spec, learner.config, "float32", state.tobytes())


def test_its_export_has_c_and_says_why_no_graph_learns(tmp_path: Path) -> None:
    manifest = write_export(made("events", "float32"), tmp_path / "export")
    assert "floats differ in their last bits" in manifest["onnx"]["no_learning_because"]
    assert not list((tmp_path / "export").glob("*.onnx"))


def test_a_rule_without_such_layers_in_an_arithmetic_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'bimu' in q16 has no spiking layers; there are"):
        SpikingClassifier((3, 8, 2), rule="bimu", arithmetic="q16")
