"""Prediction graphs of plain operators, with random bits as an input, of networks of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from newest_opset import newest_opset
from random_networks import drawn

from export.graph.model import prediction_model
from quant import noise
from quant.errors import ConfigError
from quant.rule import RULES
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import learner_class, variants_of
from streamlearn.streams import load_mnist

ROWS = np.random.default_rng(3).normal(0, 2, (40, 5)).astype(np.float32)


def made(rule: str, head: str = "categorical", n: int = 30, **more: Any) -> StreamLearner:
    """A learner of five features after n samples; one of its classes was never taught."""
    kind: Any = learner_class(rule, head)
    last, given = (4, {"classes": range(4)}) if head == "categorical" else (1, {})
    learner = kind((5, 8, last), **{"backend": "numpy", **given, **more})
    for i, x in enumerate(ROWS[:n]):
        learner.learn_one(x, (0, 1, 3)[i % 3] if head == "categorical" else float(x[0]))
    return learner  # type: ignore[no-any-return]


def model(learner: StreamLearner, **choices: Any) -> Any:
    names = [str(label) for label in learner.labels]
    given = learner.spec, learner.config, learner.state, learner.arithmetic
    return prediction_model(*given, names, **choices)


def run(found: Any, **given: Any) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        found.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": ROWS, **given}), strict=True))


CASES = [
    (rule, variant, settings)
    for rule in RULES
    for variant, settings in {"": {}, **variants_of(rule, "categorical")}.items()
]


@pytest.mark.parametrize(("rule", "variant", "settings"), CASES)
def test_plain_operators_say_the_same(rule: str, variant: str, settings: Any) -> None:
    del variant
    learner = made(rule, n=6, **settings)
    if learner.spec.leaks:
        pytest.skip("a spiking network has no graph")
    usual, plain = model(learner), model(learner, plain=True)
    newest = model(learner, opset=newest_opset())
    kinds = {node.op_type for node in plain.graph.node}
    assert not kinds & {"ArgMax", "TopK"}
    assert {node.op_type for node in usual.graph.node} & {"ArgMax", "TopK"}, "canary"
    one, other = run(usual), run(plain)
    for name, values in one.items():
        assert np.array_equal(values, other[name], equal_nan=values.dtype.kind == "f"), name
    assert newest.opset_import[0].version > usual.opset_import[0].version == 18
    assert np.array_equal(run(newest)["label"], one["label"])
    assert one["label"].tolist() == [learner.predict_one(x) for x in ROWS]


@pytest.mark.parametrize(
    ("rule", "arithmetic"), [(r, a) for r in RULES for a in RULES[r].arithmetics]
)
def test_a_node_says_where_it_stands(rule: str, arithmetic: str) -> None:
    """Names for who reads the graph in a viewer: its place, or the output that it makes."""
    found = model(made(rule, n=3, arithmetic=arithmetic, backend=None, memory="lda")).graph
    outputs = {output.name for output in found.output}
    places = {node.name.rpartition("/")[0] for node in found.node if node.name not in outputs}
    assert {"finite", "front_end", "answer", "memory"} <= places
    assert {"network/layer_0", "network/layer_1"} <= places
    assert "" not in places


def test_a_memory_in_plain_operators() -> None:
    learner = made("mesu", memory="lda")
    one, other = run(model(learner)), run(model(learner, plain=True))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("head", ["categorical", "gaussian"])
@pytest.mark.parametrize("rule", [name for name in RULES if RULES[name].draws])
def test_random_bits_are_an_optional_input(rule: str, head: str) -> None:
    if head not in RULES[rule].heads:
        pytest.skip("another head")
    learner = made(rule, head)
    found, usual = model(learner, random_inputs=True), run(model(learner))
    names = [given.name for given in found.graph.input]
    assert names == ["x", "random_bits_0", "random_bits_1"]
    alone = run(found)
    for name, values in usual.items():
        assert np.array_equal(values, alone[name]), name
    state = learner.state
    state["n_samples"] += 1  # the noise of the next sample, given from outside
    key = noise.key_of(state)
    draws = learner.config.n_draws
    bits = {}
    for layer, n in enumerate((8, learner.spec.n_outputs)):
        words = noise.words(key, noise.STREAM_EPSILON + layer, (n * draws + 3) // 4)
        octets = words.astype("<u4").view(np.uint8)[: n * draws]
        bits[f"random_bits_{layer}"] = np.ascontiguousarray(octets.reshape(n, draws).T)
    learner.state = state
    next_one, given = run(model(learner)), run(found, **bits)
    assert any(not np.array_equal(values, alone[name]) for name, values in next_one.items())
    for name, values in next_one.items():
        assert np.array_equal(values, given[name]), name


def test_random_bits_of_floats_and_refusals() -> None:
    learner = made("mesu", arithmetic="float64", backend=None)
    usual, found = run(model(learner)), run(model(learner, random_inputs=True))
    assert np.array_equal(usual["logits"], found["logits"])
    with pytest.raises(ConfigError, match="this graph draws nothing"):
        model(made("metaplastic"), random_inputs=True)
    with pytest.raises(ConfigError, match="this graph draws nothing"):
        model(made("mesu"), random_inputs=True, draws=False)


# -- many networks -----------------------------------------------------------------------------


def differences(seed: int) -> int:
    """How many labels of a network differ between ONNX Runtime and the engine."""
    learner, x = drawn(seed)
    if learner.spec.leaks:
        return 0
    found = run(model(learner, plain=bool(seed % 2)), x=x)
    return int(np.sum(found["label"] != [learner.predict_one(row) for row in x]))


@pytest.mark.parametrize("seed", range(12))
def test_networks_with_classes_missing(seed: int) -> None:
    assert differences(seed) == 0


@pytest.mark.slow
def test_1000_networks_with_classes_missing() -> None:
    assert {seed: n for seed in range(1000) if (n := differences(seed))} == {}


@pytest.mark.slow
def test_all_mnist_test_images() -> None:
    train, test = load_mnist("train"), load_mnist("test")
    kind: Any = learner_class("mesu", "categorical")
    learner = kind((784, 50, 10), classes=range(10), front_end="none")
    learner.learn_many(train.x[:2000], train.y[:2000])
    found = model(learner)
    labels = np.concatenate([run(found, x=x)["label"] for x in np.array_split(test.x, 100)])
    assert len(labels) == 10_000
    assert np.array_equal(labels, learner.predict_many(test.x))
