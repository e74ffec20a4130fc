"""The metaplastic learner: its equations, what it refuses, its files, and how good it is."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamlearn
from export import write_export
from quant.counters import Saturations
from quant.description import from_json, to_json
from quant.errors import ConfigError, LabelError, StateFormatError
from quant.image import Image, decode_image, encode_image
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.plan import let_through_table, make_metaplastic_plan
from quant.rules.metaplastic.state import stride, weight_view
from quant.state import init_state, state_dtype
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.baselines import SgdMlpClassifier
from streamlearn.by_index import ByIndex
from streamlearn.engines import make_engine
from streamlearn.evaluation import evaluate
from streamlearn.rules.metaplastic import equations as metaplastic
from streamlearn.streams.gas_drift import load_gas_drift
from streamlearn.uncertainty import auc, expected_calibration_error

GAS = (128, 128, 6)
GATES: list[dict[str, int]] = [{}, {"n_blocks": 16, "n_active": 8}]


def network(*layers: int, **more: Any) -> NetworkSpec:
    return NetworkSpec(layers, **{"bias": False, "front_end": "none", **more})


# -- the equations -------------------------------------------------------------------------------


def small(**config: Any) -> tuple[NetworkSpec, MetaplasticConfig, Any]:
    """A 2-2-2 network whose numbers one can follow by hand."""
    spec = network(2, 2, 2)
    settings = MetaplasticConfig(
        **{
            "skip": 0.0,
            "window": 1.0,
            "metaplasticity": 1.5,
            "metaplasticity_output": 0.5,
            "lr": 1,
            "lr_output": 1,
            "clamp": 1,
            "logit_scale": 1,
            **config,
        }
    )
    state = init_state(spec, settings, "float64", 0)
    weight_view(spec, state, 0)[:] = [[0.5, 0.2], [0.25, -0.3]]
    weight_view(spec, state, 1)[:] = [[0.0, -0.1], [-0.4, 0.6]]
    return spec, settings, state


def test_forward_by_hand() -> None:
    """a = (1 + 2, 1 - 2), h = (1, -1), sums (1 + 1, -1 - 1), |h| = √2; sign(0) = +1."""
    spec, config, state = small(logit_scale=0.5)
    passed = metaplastic.forward(spec, config, state, np.array([1.0, 2.0]), Saturations())
    np.testing.assert_array_equal(passed.sums[0], [3.0, -1.0])
    np.testing.assert_array_equal(passed.sums[1], [2.0, -2.0])
    np.testing.assert_allclose(passed.logits, [0.5 * 2 / np.sqrt(2), -0.5 * 2 / np.sqrt(2)])
    assert metaplastic.undecided(spec, config, passed) == 1  # |-1| <= √5 < 3


def test_update_by_hand() -> None:
    """Only unit 1 is inside the window; a step towards zero shrinks by 1 - tanh²(m |W|)."""
    spec, config, state = small(lr=2.0)
    old = [weight_view(spec, state, layer).copy() for layer in (0, 1)]
    z = np.array([1.0, 2.0])
    passed = metaplastic.forward(spec, config, state, z, Saturations())
    metaplastic.update(spec, config, state, passed, 1, Saturations())
    p = 1 / (1 + np.exp(-2 * np.sqrt(2)))  # of class 0
    delta = np.array([p, -p])

    def moved(w: np.ndarray, step: np.ndarray, m: float) -> np.ndarray:
        inward = (step < 0) != (w < 0)
        return w + step * np.where(inward, 1 - np.tanh(m * np.abs(w)) ** 2, 1.0)

    h = np.array([1.0, -1.0])
    new = weight_view(spec, state, 1)
    np.testing.assert_allclose(new, moved(old[1], -np.outer(h, delta) / 128, 0.5), rtol=1e-12)
    through = np.array([0.0, delta @ [-1.0, 1.0]])
    new = weight_view(spec, state, 0)
    np.testing.assert_allclose(new, moved(old[0], -2 * np.outer(z, through) / 128, 1.5), rtol=1e-12)
    np.testing.assert_array_equal(new[:, 0], old[0][:, 0])


@pytest.mark.parametrize("arithmetic", ["float64", "q8"])
def test_a_sample_that_is_right_enough_moves_no_weight(arithmetic: Any) -> None:
    spec = network(3, 8, 2)
    for skip, moves in ((1.0, False), (0.0, True)):
        config = MetaplasticConfig(skip=skip, window=16.0, lr=8.0, lr_output=8.0)
        engine, state = make_engine(spec, config, arithmetic), init_state(spec, config, arithmetic)
        before = state["hidden_weight"].tobytes()
        for t in range(20):
            engine.learn(state, np.array([1.0, -2.0, 0.5]), t % 2)
        assert (state["hidden_weight"].tobytes() != before) is moves
        assert state["n_samples"] == 20


def test_f_meta_is_the_papers() -> None:
    table = let_through_table(2.0)
    size = (np.arange(128) + 0.5) / 128
    np.testing.assert_allclose((table + 1.0) / 65536, 1 - np.tanh(2 * size) ** 2, atol=1e-5)
    assert (np.diff(table.astype(int)) <= 0).all()
    assert (let_through_table(0.0) == 65535).all()


def test_a_firm_network_forgets_less() -> None:
    """Two opposed tasks: with metaplasticity more of the first is left, and m = 0 keeps less."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 20)).astype(np.float32)
    one, two = (x @ rng.normal(size=20) > 0), (x @ rng.normal(size=20) > 0)
    left = []
    for m in (0.0, 4.0):
        learner = MetaplasticClassifier((20, 64, 2), classes=(False, True), metaplasticity=m)
        for y in (one, two):
            for row, label in zip(x, y.tolist(), strict=True):
                learner.learn_one(row, label)
        left.append(np.mean([learner.predict_one(r) == y for r, y in zip(x, one, strict=True)]))
    assert left[1] > left[0] + 0.05, left


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("metaplasticity", -1.0, "metaplasticity=-1.0: expected 0 to 16"),
        ("metaplasticity", float("nan"), "metaplasticity=nan: expected 0 to 16"),
        ("clamp", 1.5, "clamp=1.5: expected 1/64 to 1"),
        ("clamp", 0.0, "clamp=0.0"),
        ("metaplasticity_output", 17.0, "metaplasticity_output=17.0: expected 0 to 16"),
        ("weight_init_output", -1.0, "weight_init_output=-1.0: expected 0 to 1"),
        ("bias_input", 8.0, "bias_input=8.0: expected 1/16 to 7.9"),
        ("weight_init", 2.0, "weight_init=2.0: expected 0 to 1"),
        ("window", 0.0, "window=0.0: expected 1/256 to 16"),
        ("skip", 1.1, "skip=1.1: expected 0 to 1"),
        ("lr", 17.0, "lr=17.0: expected 1/256 to 16"),
        ("lr_output", True, "lr_output=True: expected a number"),
        ("logit_scale", 9.0, "logit_scale=9.0: expected 1/16 to 8"),
        ("calibration_window", 100, "calibration_window=100: expected a power of two, 64 to 65536"),
        ("calibration_window", 64.0, "calibration_window=64.0: expected a whole number"),
        ("front_end_window", 1, "front_end_window=1: expected 2 to 32768 samples"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MetaplasticClassifier((3, 4, 2), **{name: value})


def test_what_belongs_to_the_other_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="'q16': expected one of q8, float32, float64"):
        MetaplasticClassifier((3, 4, 2), arithmetic="q16")
    with pytest.raises(ConfigError, match="'q8': expected one of q16, float32, float64"):
        MesuClassifier((3, 4, 2), arithmetic="q8")
    for name, value in (("mu_frac_bits", 9), ("memory_window", 100)):
        with pytest.raises(TypeError, match=f"MetaplasticClassifier has no parameter {name}: "):
            MetaplasticClassifier((3, 4, 2), **{name: value})
        described = to_json(NetworkSpec((3, 2)), MetaplasticConfig())
        described["config"][name] = value
        with pytest.raises(ConfigError, match=name):
            from_json(described)
    with pytest.raises(ConfigError, match=r"backend='c': float64 runs on 'numpy'"):
        MetaplasticClassifier((3, 4, 2), arithmetic="float64", backend="c")


def test_duplicate_classes_are_refused() -> None:
    with pytest.raises(LabelError, match="expected different labels"):
        MetaplasticClassifier((3, 4, 2), classes=("a", "a"))


# -- the state and its files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ((784, 512, 10), (0.24, 0.55, 1.5, 1.3, 1.0)),
        ((784, 200, 10), (0.24, 0.5, 1.5, 1.3, 1.0)),
        ((128, 128, 6), (0.594, 1.0, 0.75, 2.0, 1.573)),
        ((3, 64, 32, 2), (0.75, 1.0, 0.75, 2.0, 2.0)),
        ((4096, 2), (0.105, 0.5, 1.5, 1.0, 1.0)),
    ],
)
def test_constants_follow_from_the_sizes(layers: tuple[int, ...], expected: tuple[Any]) -> None:
    assert MetaplasticConfig().for_sizes(layers) == pytest.approx(expected, abs=0.002)
    given = MetaplasticConfig(weight_init=0.1, window=3.0, logit_scale=2.0, lr=0.5, lr_output=4.0)
    assert given.for_sizes(layers) == (0.1, 3.0, 2.0, 0.5, 4.0)


@pytest.mark.parametrize("front_end", ["standardise", "none"])
@pytest.mark.parametrize("layers", [(5, 7, 3), (4, 8, 2), (1, 1, 2), (9, 4)])
def test_one_byte_a_synapse(layers: tuple[int, ...], front_end: Any) -> None:
    spec = network(*layers, front_end=front_end)
    dtype = state_dtype(spec, MetaplasticConfig(cuts=0), "q8")
    weights = sum(a * stride(b) for a, b in pairwise(layers))
    features = layers[0]
    statistics = 16 * features + 4 * (-(-features // 4) * 4) if front_end == "standardise" else 0
    assert dtype.itemsize == 20 + statistics + weights
    assert dtype.fields is not None
    assert dtype.fields["hidden_weight"][1] % 4 == 0


def test_the_start_is_the_same_in_both_arithmetics() -> None:
    spec, config = network(20, 30, 10), MetaplasticConfig(weight_init=0.5, weight_init_output=0.5)
    fixed, real = (init_state(spec, config, a, 3) for a in ("q8", "float64"))
    for layer in (0, 1):
        q, w = weight_view(spec, fixed, layer), weight_view(spec, real, layer)
        assert np.abs((q + 0.5) / 128 - w).max() <= 0.5 / 128 + 1e-12
        assert np.array_equal(q < 0, w < 0)
        assert q.min() == -65
        assert q.max() == 64


def test_an_image_describes_a_learner_completely() -> None:
    learner = MetaplasticClassifier((3, 5, 2), classes=("a", "b"), metaplasticity=3.0)
    image = decode_image(learner.to_bytes())
    assert image.spec == learner.spec
    assert image.config == learner.config
    description = json.loads(json.dumps(to_json(learner.spec, learner.config)))
    assert description["rule"] == "metaplastic"
    assert "mu_frac_bits" not in description["config"]
    assert from_json(description) == (learner.spec, learner.config)
    description["config"]["momentum"] = 1
    with pytest.raises(ConfigError, match=r"not a description of a learner: .*momentum"):
        from_json(description)


def test_a_file_of_the_other_rule_is_refused_and_load_reads_any(tmp_path: Path) -> None:
    kinds: list[Any] = [MesuClassifier, MetaplasticClassifier]
    for kind, other in (kinds, kinds[::-1]):
        learner = kind((3, 5, 2), classes=("a", "b"))
        path = tmp_path / "learner.sls"
        learner.save(path)
        with pytest.raises(StateFormatError, match=r"learner.sls: holds a learner of the rule"):
            other.load(path)
        again = streamlearn.load(path)
        assert type(again) is kind
        assert again.state_sha256 == learner.state_sha256


@pytest.mark.parametrize("arithmetic", ["q16", "q4"])
def test_an_image_whose_arithmetic_is_not_its_rules_is_refused(arithmetic: Any) -> None:
    spec, config = network(3, 5, 2), MetaplasticConfig()
    whole = Image(spec, config, "q8", init_state(spec, config, "q8"), (), None)
    data = encode_image(dataclasses.replace(whole, arithmetic=arithmetic))
    with pytest.raises(StateFormatError, match=f"arithmetic='{arithmetic}': expected one of"):
        decode_image(data)


def test_float64_is_not_exported(tmp_path: Path) -> None:
    learner = MetaplasticClassifier((3, 5, 2), arithmetic="float64")
    with pytest.raises(ConfigError, match=r"float64 learner cannot be exported: .*arithmetic q8"):
        write_export(learner, tmp_path)


# -- how good ------------------------------------------------------------------------------------


def accuracies(make: Any, seeds: int = 2) -> list[float]:
    return [100 * evaluate(make(seed), load_gas_drift(seed)).accuracy for seed in range(seeds)]


@pytest.fixture(scope="module")
def q8() -> list[float]:
    """Five seeds: one has a standard deviation of a quarter of a point."""
    return accuracies(lambda s: ByIndex(MetaplasticClassifier(GAS, classes=range(6), seed=s)), 5)


def test_within_one_and_a_half_points_of_the_best_rule_at_the_same_bytes(q8: list[float]) -> None:
    """128-128-6 in one byte a synapse, beside MESU and SGD at 128-32-6 in four."""
    layers = (128, 32, 6)
    mesu = accuracies(lambda s: ByIndex(MesuClassifier(layers, classes=range(6), seed=s)))
    sgd = accuracies(lambda s: SgdMlpClassifier(layers, seed=s))
    sizes = [init_state(network(*GAS, front_end="standardise"), MetaplasticConfig(), "q8").nbytes]
    sizes.append(init_state(NetworkSpec(layers), MesuConfig(), "q16").nbytes)
    print(f"metaplastic {q8}, MESU {mesu}, SGD {sgd}; bytes {sizes}")
    assert np.mean(q8) >= max(np.mean(mesu), np.mean(sgd)) - 1.5
    assert sizes[0] <= 1.05 * sizes[1]


def test_integers_learn_what_the_equations_learn(q8: list[float]) -> None:
    float64 = accuracies(
        lambda s: ByIndex(
            MetaplasticClassifier(GAS, classes=range(6), arithmetic="float64", seed=s)
        ),
        seeds=5,
    )
    print(f"q8 {q8}, float64 {float64}")
    assert abs(np.mean(q8) - np.mean(float64)) <= 0.5


@pytest.mark.parametrize("gates", GATES, ids=["all units", "gates"])
def test_probabilities_are_calibrated_as_they_are_given(gates: dict[str, int]) -> None:
    """Prequential, before each lesson; against the same logits without the temperature."""
    stream, learner = load_gas_drift(), MetaplasticClassifier(GAS, classes=range(6), **gates)
    given, raw = [], []
    for x, y in zip(stream.x, stream.y.tolist(), strict=True):
        p = np.array(list(learner.predict_proba_one(x).values()))
        sharp = p**2.0 ** (int(learner.state["log_temperature"][0]) / 65536)
        given.append(p)
        raw.append(sharp / sharp.sum())
        learner.learn_one(x, y)
    error, without = (expected_calibration_error(np.array(p), stream.y) for p in (given, raw))
    print(f"ECE {error:.4f}, without the temperature {without:.4f}")
    assert error <= 0.02
    assert error < without / 2


@pytest.mark.parametrize("gates", GATES, ids=["all units", "gates"])
def test_a_gas_never_seen_is_novel(gates: dict[str, int]) -> None:
    stream = load_gas_drift()
    learner, unseen = MetaplasticClassifier(GAS, classes=range(6), **gates), 5
    known = np.flatnonzero(stream.y != unseen)[:3000]
    for t in known:
        learner.learn_one(stream.x[t], int(stream.y[t]))
    near = np.arange(known[-1] - 1500, known[-1] + 1500)
    scores = [np.array([learner.novelty_one(stream.x[t]) for t in near[stream.y[near] != unseen]])]
    scores.append(np.array([learner.novelty_one(stream.x[t]) for t in near[stream.y[near] == 5]]))
    assert all((s >= 0).all() and (s <= 1).all() for s in scores)
    found = auc(scores[0], scores[1])
    print(f"area under the ROC curve {found:.3f}")
    assert found > 0.75


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_novelty_changes_nothing_and_needs_no_hidden_layer(backend: Any) -> None:
    for layers in ((3, 4, 2), (3, 2)):
        learner = MetaplasticClassifier(layers, backend=backend)
        before = learner.state_sha256
        assert 0 <= learner.novelty_one([1, 2, 3]) <= 1
        assert learner.state_sha256 == before


def test_the_plan_of_the_defaults() -> None:
    plan = make_metaplastic_plan(network(784, 512, 10), MetaplasticConfig())
    assert (plan.clamp_q, plan.window_q, plan.skip_q) == (115, 141, 639)
    assert plan.gains == (333, 256)
    assert plan.backward_shifts[-1] == 0
