"""Spiking learners: time, events, and one step in integers, in C and in equations."""

from __future__ import annotations

import copy
import functools
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import recfunctions as rfn

from export import open_export, write_export
from export.graph.model import prediction_model
from quant.errors import ConfigError, InputValueError, LabelError, ShapeError, StateFormatError
from quant.network import NetworkSpec
from quant.rules.bimu.config import BimuConfig
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.spiking import TRACES
from quant.state import init_state, state_from_bytes
from streamlearn import MesuClassifier, SpikingClassifier, load
from streamlearn.engines import make_engine

#: Layers, leaks, events, what stands before them.
NETWORKS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str]] = [
    ((12, 16, 3), (3, 4), (), "none"),
    ((12, 16, 9, 3), (3, 4, 2), (8, 5), "standardise"),
    ((12, 3), (6,), (1, 0), "frozen"),
]

#: What the integers of each rule that spikes are, and settings that move it.
RULES = [
    ("q16", MesuConfig(n_draws=3, sigma_init=2.0)),
    *(("q8", BimuConfig(n_draws=3, threshold=0.2, belief_init=2.0, relaxed=r)) for r in (0, 1)),
    ("q8", MetaplasticConfig(window=0.2)),
]


def signal(n: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, n_features)), axis=0).astype(np.float32).astype(float)


def tone(low: bool, phase: float, n: int = 50) -> np.ndarray:
    t = np.arange(n)
    return 2 * np.sin(t * (0.3 if low else 0.9) + phase)[:, None]


@functools.cache
def _heard() -> SpikingClassifier:
    learner = SpikingClassifier((1, 24, 2), front_end="none")
    for k in range(50):
        learner.learn_recording(tone(k % 2 == 0, k), "low" if k % 2 == 0 else "high")
    return learner


def hearing() -> SpikingClassifier:
    """A learner that knows two tones."""
    return copy.deepcopy(_heard())


@pytest.mark.parametrize(("arithmetic", "config"), RULES)
@pytest.mark.parametrize(("layers", "leaks", "delta", "front_end"), NETWORKS)
def test_c_has_the_golden_models_bits_in_steps_with_and_without_a_label(
    layers: tuple[int, ...],
    leaks: tuple[int, ...],
    delta: tuple[int, ...],
    front_end: str,
    arithmetic: str,
    config: Any,
) -> None:
    spec = NetworkSpec(layers, False, front_end, leaks=leaks, delta=delta)
    golden, c = (make_engine(spec, config, arithmetic, backend) for backend in ("numpy", "c"))
    states = init_state(spec, config, arithmetic, 1), init_state(spec, config, arithmetic, 1)
    for t, x in enumerate(signal(90, spec.n_features) / 2):
        asked = [e.predict(s, x, t % 2 == 0) for e, s in zip((golden, c), states, strict=True)]
        assert asked[0].class_index == asked[1].class_index
        assert np.array_equal(asked[0].logits, asked[1].logits)
        if t % 3:
            done = [e.learn(s, x, t % 2) for e, s in zip((golden, c), states, strict=True)]
            assert done[0] == done[1]
        else:
            past = [e.advance(s, x) for e, s in zip((golden, c), states, strict=True)]
            assert np.array_equal(past[0].logits, past[1].logits)
        assert states[0].tobytes() == states[1].tobytes(), t
    assert golden.saturations == c.saturations
    assert states[0]["time_steps"] == 90
    assert states[0]["n_samples"] == 60
    assert (states[0]["live_inputs"] > 0).all()


def test_the_integers_follow_the_equations() -> None:
    """Events are the same, and predictions mostly so: rounding moves a spike now and then."""
    learners = [SpikingClassifier((3, 16, 2), arithmetic=a, seed=2) for a in ("q16", "float64")]
    same = 0
    for x in signal(150, 3):
        y = int(x[0] > x[1])
        same += len({learner.test_then_learn_one(x, y) for learner in learners}) == 1
    assert same > 130
    activity = [learner.activity for learner in learners]
    assert math.isclose(activity[0].events[0], activity[1].events[0], rel_tol=0.1)
    assert math.isclose(activity[0].events[1], activity[1].events[1], rel_tol=0.3)


def test_a_membrane_adds_up_leaks_and_is_reset() -> None:
    """By hand: one input of weight 1, one unit, leaks of a half."""
    spec = NetworkSpec((1, 1, 2), False, "none", leaks=(1, 1))
    config = MesuConfig(n_draws=1)
    state = init_state(spec, config, "float64")
    state["mu"], state["sigma"] = 1.0, 0.0
    engine = make_engine(spec, config, "float64")
    fired, trace, membrane = [], 0.0, 0.0
    for value in (0.6, 0.6, 0.6, 0.0, 2.0, 0.0, 0.0):
        engine.advance(state, np.array([value]))
        membrane = membrane / 2 + value  # as textbooks have it: the reset leaks with it
        spike = membrane >= 1
        membrane -= spike
        trace = trace / 2 + spike
        fired.append(int(spike))
        assert float(state["output_trace"][0, 0]) == trace
    assert fired == [0, 0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("threshold", [0.5, None])
def test_charges_and_membranes_follow_the_equations_step_by_step(
    bias: bool, threshold: float | None
) -> None:
    """Of the same weights, which do not move: what the integers round stays far below a spike."""
    settings: dict[str, Any] = {"threshold": threshold, "bias": bias, "drift": 0}
    settings["leaks"] = (5, 2, 4)
    learners = [
        SpikingClassifier((3, 16, 9, 2), arithmetic=a, seed=2, front_end="none", **settings)
        for a in ("q16", "float64")
    ]
    for x in np.round(signal(200, 3) % 3 * 16) / 16:
        for learner in learners:
            learner.step(x)
        q16, real = (learner.state for learner in learners)
        first = np.abs(q16["charge_mean"][0, :16] / 2**16 - real["charge_mean"][0, :16])
        assert first.max() < 0.02
        variance = q16["charge_variance"][0, :16] / 2**20
        assert np.allclose(variance, real["charge_variance"][0, :16], rtol=0.01, atol=1e-4)
    activity = [learner.activity for learner in learners]
    events = activity[1].events[2]
    assert events > 0.2, "the second hidden layer fires, or this compares less"
    assert math.isclose(activity[0].events[1], activity[1].events[1], rel_tol=0.05)
    assert math.isclose(activity[0].events[2], events, rel_tol=0.1)


@pytest.mark.parametrize("arithmetic", ["float64", "q16"])
def test_a_charge_keeps_the_weights_of_then(arithmetic: str) -> None:
    """Learning moves weights, and no membrane: only what arrives later has the new ones."""
    spec = NetworkSpec((12, 16, 3), False, "none", leaks=(3, 4))
    config = MesuConfig(n_draws=4, memory_window=float("inf"), step="fixed", mu_frac_bits=12)
    state, engine = init_state(spec, config, arithmetic), make_engine(spec, config, arithmetic)
    one = (2.0**12, 2.0**16) if arithmetic == "q16" else (1.0, 1.0)
    charge, now, start = np.zeros(16), np.zeros(16), state["mu"].copy()
    for t, x in enumerate(np.round(np.clip(signal(120, 12) / 2, -2, 2) * 16) / 16):
        mu = state["mu"][0, : 12 * 16].reshape(12, 16) / one[0]
        charge = charge * (1 - 2**-3) + x @ mu
        passed = state.copy()
        engine.advance(passed, x)
        engine.learn(state, x, t // 40)
        for name in ("charge_mean", "charge_variance", "membrane_reset", "output_trace"):
            assert np.array_equal(state[name], passed[name]), name
        now = state["charge_mean"][0] / one[1]
        assert np.abs(now - charge).max() < (1e-9 if one[0] == 1 else 0.01)
    assert np.abs(state["mu"] - start).max() > 0.1 * one[0], "weights move"
    trace = state["input_trace"][0] / (512 if one[0] != 1 else 1)
    anew = trace @ (state["mu"][0, : 12 * 16].reshape(12, 16) / one[0])
    assert np.abs(anew - now).max() > 0.05, "canary: a sum under the weights of now is another"


def test_a_state_from_before_charges_is_refused_with_a_sentence() -> None:
    learner = SpikingClassifier((3, 8, 2))
    state = learner.state
    older = [name for name in state.dtype.names if not name.startswith("charge_")]
    data = np.ascontiguousarray(rfn.repack_fields(state[older])).tobytes()
    with pytest.raises(ShapeError, match="before membranes kept charges"):
        state_from_bytes(learner.spec, learner.config, "q16", data)


def test_what_one_instant_cannot_tell_is_learned() -> None:
    learner = hearing()
    right = sum(
        learner.predict_recording(tone(low, 0.5 + k)) == ("low" if low else "high")
        for k in range(10)
        for low in (True, False)
    )
    assert right >= 18
    instant = MesuClassifier((1, 24, 2), front_end="none")
    for k in range(50):
        for x in tone(k % 2 == 0, k):
            instant.learn_one(x, "low" if k % 2 == 0 else "high")
    guessed = sum(
        instant.predict_one(x) == ("low" if low else "high")
        for low in (True, False)
        for x in tone(low, 0.5, 500)
    )
    assert guessed < 700, "canary: without time it is a guess"


def test_predicting_changes_nothing_and_a_step_is_what_was_predicted() -> None:
    learner = hearing()
    learner.reset()
    for x in tone(True, 1.0):
        before = learner.state_sha256
        looked = learner.predict_one(x)
        learner.predict_recording(tone(False, 1.0))
        assert learner.state_sha256 == before
        assert learner.step(x) == looked
        assert learner.state_sha256 != before


def test_a_step_without_a_label_lets_time_pass_and_learns_nothing() -> None:
    learner, other = hearing(), hearing()
    weights = learner.state["mu"].copy()
    learner.learn_one([1.5], None)
    other.step([1.5])
    assert learner.state_sha256 == other.state_sha256
    assert np.array_equal(learner.state["mu"], weights)
    assert learner.n_samples == 50 * 50


def test_a_block_has_steps_without_a_label_and_is_learned_whole_or_not_at_all() -> None:
    one, block = (SpikingClassifier((1, 8, 3), front_end="none") for _ in range(2))
    x, labels = tone(True, 0.5, 9), ["low", None, None, "high", "low", None, "high", None, "low"]
    said = [one.test_then_learn_one(row, label) for row, label in zip(x, labels, strict=True)]
    assert block.test_then_learn_many(x, labels) == said
    assert block.state_sha256 == one.state_sha256
    assert (block.n_samples, block.activity.steps) == (5, 9)
    for wrong, why in ((x[:8], "9 labels for 8 steps"), (np.full((9, 1), np.nan), "row 0")):
        with pytest.raises((ShapeError, InputValueError), match=why):
            block.learn_many(wrong, labels)
    with pytest.raises(LabelError, match="row 3: label 'c' is unknown"):
        block.learn_many(x[:4], [None, "a", None, "c"])
    assert block.state_sha256 == one.state_sha256
    assert block.labels == ("low", "high")


def test_reset_forgets_time_and_keeps_what_was_learned() -> None:
    learner = hearing()
    before = learner.state
    learner.reset()
    after = learner.state
    changed = {name for name in before.dtype.names if (before[name] != after[name]).any()}
    assert changed == set(TRACES)
    assert not any(after[name].any() for name in changed)


def test_every_second_step_is_enough_and_the_others_pass() -> None:
    learner = SpikingClassifier((1, 8, 2), front_end="none")
    learner.learn_recording(tone(True, 0.0), "low", every=2)
    assert learner.n_samples == 25
    assert learner.activity.steps == 50
    other = SpikingClassifier((1, 8, 2), front_end="none")
    for at, row in enumerate(tone(True, 0.0), 1):
        other.learn_one(row, None if at % 2 else "low")
    assert other.state_sha256 == learner.state_sha256


def test_silence_costs_nothing() -> None:
    learner = SpikingClassifier((4, 8, 2), front_end="none")
    for _ in range(5):
        learner.learn_one([0.0] * 4, "still")
    assert learner.activity.synaptic_operations == 0
    assert learner.activity.dense_operations == 8 * 8 + 8 * 2
    learner.learn_one([1.0, 0, 0, 0], "moves")
    assert learner.activity.events[0] == 1 / 6
    assert learner.activity.synaptic_operations > 0


def test_a_file_holds_the_time_between_two_steps(tmp_path: Path) -> None:
    learner = hearing()
    learner.step([1.0])
    learner.save(tmp_path / "state.sls")
    again = load(tmp_path / "state.sls")
    assert isinstance(again, SpikingClassifier)
    assert again.state_sha256 == learner.state_sha256
    assert pickle.loads(pickle.dumps(learner)).step([0.5]) == learner.step([0.5])
    made = SpikingClassifier(**learner.get_params())
    assert made.get_params() == learner.get_params()
    assert made.spec == learner.spec
    with pytest.raises(StateFormatError, match=r"spiking.*dense"):
        MesuClassifier.load(tmp_path / "state.sls")


def test_the_export_has_c_and_the_graphs_that_learn(tmp_path: Path) -> None:
    learner = hearing()
    manifest = write_export(learner, tmp_path / "export")
    written = {file.name for file in (tmp_path / "export").glob("*.onnx")}
    assert written == {"learn.onnx", "learn_block.onnx"}
    assert manifest["n_features"] == 1
    assert open_export(tmp_path / "export").learner.state_sha256 == learner.state_sha256
    with pytest.raises(ConfigError, match=r"learn\.onnx predicts"):
        prediction_model(learner.spec, learner.config, learner.state, "q16")
