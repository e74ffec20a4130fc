"""Gates: which blocks of hidden units a sample concerns, and that the others do nothing."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from quant import noise
from quant.counters import Saturations
from quant.description import from_json, to_json
from quant.errors import ConfigError, ShapeError, StateFormatError
from quant.image import Image, decode_image, encode_image
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic import golden as metaplastic_q8
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.gates import active_units, gate_bits, gates_of, strongest
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.state import init_state, state_from_bytes
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.by_index import ByIndex
from streamlearn.engines import make_engine
from streamlearn.evaluation import evaluate
from streamlearn.rules.metaplastic import equations as metaplastic
from streamlearn.streams.gas_drift import load_gas_drift


def network(*layers: int, bias: bool = False) -> NetworkSpec:
    return NetworkSpec(layers, bias, "none")


def gated(blocks: int, active: int, **more: Any) -> MetaplasticConfig:
    return MetaplasticConfig(n_blocks=blocks, n_active=active, **more)


ENGINES = [("float64", "numpy"), ("q8", "numpy"), ("q8", "c")]

# -- which blocks --------------------------------------------------------------------------------


def test_a_gate_is_a_bit_of_the_noise() -> None:
    """Of feature 2 and block 37 of 40: bit 5 of word 2·2 + 1."""
    bits = gate_bits(7, 40, 9)
    drawn = noise.words(noise.sample_key(9, 2**32 - 1), 96, 14)
    for feature in range(7):
        for block in range(40):
            word = int(drawn[2 * feature + block // 32])
            assert bits[feature, block] == word >> block % 32 & 1
    assert not np.array_equal(bits, gate_bits(7, 40, 10))
    assert abs(gate_bits(784, 64, 0).mean() - 0.5) < 0.01


def test_the_strongest_and_of_equals_the_first() -> None:
    answers = np.array([[3, 5, 5, 3, 3, -1], [0, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(strongest(answers, 4)[0], [1, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(strongest(answers, 2)[1], [1, 1, 0, 0, 0, 0])


def test_sums_of_what_counts_order_blocks_as_half_spaces_do() -> None:
    rng = np.random.default_rng(0)
    gates = gates_of(network(30, 48, 2), gated(12, 5))
    x = rng.integers(-127, 128, (200, 30)) * rng.integers(0, 2, (200, 30))
    signs = gate_bits(30, 12, 3) * 2.0 - 1
    blocks = strongest(x @ signs, 5)
    np.testing.assert_array_equal(active_units(gates, 3, x), np.repeat(blocks, 4, axis=1))
    assert len(np.unique(blocks, axis=0)) > 100


# -- what they do --------------------------------------------------------------------------------


def test_forward_by_hand() -> None:
    """Two of four units vote: h of the others is 0 and |h| = √2, whatever their sums."""
    spec, config = network(6, 4, 2), gated(2, 1, logit_scale=1.0)
    state, z = init_state(spec, config, "float64", 1), np.array([1.0, -2.0, 0.0, 3.0, 0.5, 1.0])
    on = active_units(gates_of(spec, config), 1, z)
    assert sorted((on[:2].all(), on[2:].all())) == [False, True]
    passed = metaplastic.forward(spec, config, state, z, Saturations())
    h = np.where(z @ metaplastic.binary(weight_view(spec, state, 0)) < 0, -1.0, 1.0) * on
    np.testing.assert_array_equal(passed.inputs[1], h)
    sums = h @ metaplastic.binary(weight_view(spec, state, 1))
    np.testing.assert_allclose(passed.logits, sums / np.sqrt(2), rtol=1e-15)

    fixed = init_state(spec, config, "q8", 1)
    plan = make_metaplastic_plan(spec, config)
    found = metaplastic_q8.forward(spec, plan, fixed, (16 * z).astype(np.int64), Saturations())
    np.testing.assert_array_equal(found.inputs[1], h)
    np.testing.assert_allclose(found.logits / 65536, passed.logits, atol=2e-4)


@pytest.mark.parametrize(("arithmetic", "backend"), ENGINES)
def test_units_that_take_no_part_neither_count_nor_learn(arithmetic: Any, backend: Any) -> None:
    spec = network(20, 24, 9, 3, bias=True)
    config = gated(6, 2, skip=0.0, window=16.0, lr=16.0, lr_output=16.0, metaplasticity=0.0)
    engine, state = (
        make_engine(spec, config, arithmetic, backend),
        init_state(spec, config, arithmetic, 2),
    )
    gates = gates_of(spec, config)
    rng, moved = np.random.default_rng(0), 0
    for t in range(60):
        x = np.round(rng.normal(size=20) * 16) / 16
        on, before = active_units(gates, 2, x), [weight_view(spec, state, k).copy() for k in (0, 1)]
        assert on.sum() == 8
        assert engine.undecided(state, x) == 8 + 9 == gates.n_selected
        engine.learn(state, x, t % 3)
        first, second = (weight_view(spec, state, k) for k in (0, 1))
        np.testing.assert_array_equal(first[:, ~on], before[0][:, ~on])
        np.testing.assert_array_equal(second[:24][~on], before[1][:24][~on])
        moved += int(np.any(first[:, on] != before[0][:, on]))
        moved += int(np.any(second[:24][on] != before[1][:24][on]))
    assert moved > 60


@pytest.mark.parametrize(("arithmetic", "backend"), ENGINES)
def test_all_blocks_active_is_the_rule_without_gates(arithmetic: Any, backend: Any) -> None:
    states = []
    spec = network(12, 16, 3)
    for blocks in (0, 4):
        config = gated(blocks, blocks, skip=0.0, window=2.0)
        state, rng = init_state(spec, config, arithmetic, 6), np.random.default_rng(1)
        engine = make_engine(spec, config, arithmetic, backend)
        for t in range(50):
            engine.learn(state, np.round(rng.normal(size=12) * 16) / 16, t % 3)
        states.append(state)
    assert states[0]["hidden_weight"].tobytes() == states[1]["hidden_weight"].tobytes()
    assert states[0]["log_temperature"] == states[1]["log_temperature"]


def test_novelty_and_probabilities_are_of_the_units_that_take_part() -> None:
    """All active units undecided and nothing known: 1, however many units are idle."""
    learner = MetaplasticClassifier(
        (8, 32, 2), classes=("a", "b"), n_blocks=8, n_active=2, window=16.0, front_end="none"
    )
    assert gates_of(learner.spec, learner.config).n_selected == 8
    for t in range(40):
        x = np.random.default_rng(t).normal(size=8)
        p = learner.predict_proba_one(x)
        entropy = -sum(q * np.log2(q) for q in p.values())
        assert learner.novelty_one(x) == pytest.approx((2 + entropy) / 3, abs=1e-6)
        learner.learn_one(x, "ab"[t % 2])


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "gates", "message"),
    [
        (
            (3, 8, 2),
            (3, 1),
            "first hidden layer's 8 units cannot be divided into 3 blocks of equal",
        ),
        ((3, 8, 2), (4, 5), "n_blocks=4, n_active=5: expected 1 to n_blocks active blocks"),
        ((3, 8, 2), (4, 0), "n_blocks=4, n_active=0: expected 1 to n_blocks active blocks"),
        ((3, 8, 2), (0, 2), "n_blocks=0, n_active=2: expected 1 to n_blocks active blocks"),
        ((3, 8, 2), (-4, -4), "n_blocks=-4: expected a whole number, 0 or above"),
        ((3, 8, 2), (4, -1), "n_active=-1: expected a whole number, 0 or above"),
        ((3, 8, 2), (4.0, 1), "n_blocks=4.0: expected a whole number"),
        ((3, 8, 2), (4, 1.0), "n_active=1.0: expected a whole number"),
        ((3, 8, 2), (True, True), "n_blocks=True: expected a number"),
        ((3, 2), (1, 1), r"layers=\(3, 2\) has no hidden units to divide into blocks"),
    ],
)
def test_impossible_gates_are_refused(layers: Any, gates: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MetaplasticClassifier(layers, n_blocks=gates[0], n_active=gates[1])


def test_gates_are_the_metaplastic_rules() -> None:
    described = to_json(network(3, 8, 2), MesuConfig())
    described["config"].update(n_blocks=4, n_active=1)
    with pytest.raises(ConfigError, match="n_blocks"):
        from_json(described)
    with pytest.raises(TypeError, match="n_blocks"):
        MesuClassifier((3, 8, 2), n_blocks=4, n_active=1)


@pytest.mark.parametrize("arithmetic", ["q8", "float64"])
def test_a_state_of_other_gates_is_refused(arithmetic: Any) -> None:
    spec = network(3, 8, 2)
    configs = [gated(*gates) for gates in ((4, 2), (4, 1), (8, 2), (0, 0))]
    states = [init_state(spec, config, arithmetic, 0).tobytes() for config in configs]
    for ours, config in enumerate(configs):
        for theirs, data in enumerate(states):
            if ours == theirs:
                assert state_from_bytes(spec, config, arithmetic, data).tobytes() == data
                continue
            with pytest.raises(ShapeError, match="was it written for another network"):
                state_from_bytes(spec, config, arithmetic, data)
    with pytest.raises(ShapeError, match=r"state with 1 of 4 blocks .*: this network has 2 of 4"):
        state_from_bytes(spec, configs[0], arithmetic, states[1])


def test_an_image_carries_its_gates() -> None:
    learner = MetaplasticClassifier((3, 8, 2), classes=("a", "b"), n_blocks=4, n_active=2, seed=8)
    data = learner.to_bytes()
    image = decode_image(data)
    assert (image.config.n_blocks, image.config.n_active) == (4, 2)
    description = json.loads(json.dumps(to_json(image.spec, image.config)))
    assert from_json(description) == (learner.spec, learner.config)
    assert MetaplasticClassifier.from_bytes(data).to_bytes() == data
    assert repr(learner).startswith("MetaplasticClassifier(3-8-2, 2 of 4 blocks, q8, ")
    other = dataclasses.replace(image.config, n_active=3)
    whole = Image(image.spec, other, "q8", image.state, image.labels, None)
    with pytest.raises(StateFormatError, match="2 of 4 blocks of hidden units active"):
        decode_image(encode_image(whole))
    assert "n_blocks" not in to_json(NetworkSpec((3, 2)), MesuConfig())["config"]


# -- how good ------------------------------------------------------------------------------------


def test_integers_learn_what_the_equations_learn() -> None:
    """The whole gas stream, half of sixteen blocks at a time."""
    found = {}
    for arithmetic in ("q8", "float64"):
        learner = MetaplasticClassifier(
            (128, 128, 6), classes=range(6), n_blocks=16, n_active=8, arithmetic=arithmetic
        )
        found[arithmetic] = 100 * evaluate(ByIndex(learner), load_gas_drift()).accuracy
    print(found)
    assert abs(found["q8"] - found["float64"]) <= 0.5
    assert min(found.values()) > 90


def test_what_many_tasks_leave_of_each_other() -> None:
    """Eight tasks that share no feature's place, in a row: gates keep more of all of them."""
    rng, kept = np.random.default_rng(0), {}
    prototypes = (rng.random((10, 100)) < 0.2) * rng.uniform(0.4, 1, (10, 100))
    y = rng.integers(0, 10, 1500)
    x = np.where(rng.random((1500, 100)) < 0.15, 0, prototypes[y]).astype(np.float32)
    orders = [rng.permutation(100) for _ in range(8)]
    for gates in ((0, 0), (32, 8)):
        spec, config = network(100, 128, 10), gated(*gates)
        kernel, state = NativeKernel(spec, config, "q8"), init_state(spec, config, "q8", 0)
        for order in orders:
            kernel.learn(state, x[:1200, order], y[:1200].astype(np.uint32))
        right = [
            kernel.predict(state, row[order])[0] == label
            for order in orders
            for row, label in zip(x[1200:], y[1200:], strict=True)
        ]
        kept[gates] = 100 * float(np.mean(right))
    print(kept)
    assert kept[32, 8] > kept[0, 0] + 3
