"""The graph that learns: the golden model's state after every sample, in any ONNX runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from newest_opset import newest_opset
from onnx.reference import ReferenceEvaluator
from onnx_steps import State, models, session, sha256, start_of

from export import write_export
from export.graph.learning import why_not
from quant.errors import ConfigError
from quant.rule import RULES
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MesuRegressor,
    MetaplasticClassifier,
)
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift
from streamlearn.streams.mnist import load_mnist

CLASSIFIERS, REGRESSORS = (
    tuple(learner_class(name, head) for name, rule in RULES.items() if head in rule.heads)
    for head in ("categorical", "gaussian")
)
NEWEST = newest_opset()


def gas(kind: Any, n: int, start: int = 0, **settings: Any) -> tuple[Any, Any, Any]:
    """A learner that has learned nothing, and ``n`` samples of the gas stream, again and again."""
    stream = load_gas_drift()
    at = np.arange(start, start + n) % len(stream.x)
    x = stream.x[at].astype(np.float32)
    if kind in REGRESSORS:
        return kind((128, 16, 1), **settings), x, stream.x[at - 1, 3].astype(np.float32)
    learner = kind((128, 16, 6), classes=range(6), **settings)
    return learner, x, stream.y[at].astype(np.int64)


def run(runtime: Any, state: State, x: Any, targets: Any) -> tuple[State, dict[str, Any]]:
    """The new state, and what else comes out."""
    names = [output.name for output in runtime.get_outputs()]
    taught = "label" if "probabilities" in names else "target"
    outputs = runtime.run(None, {"x": x, taught: np.asarray(targets), **state})
    found = dict(zip(names, outputs, strict=True))
    return {name: found.pop(f"{name}_next") for name in state}, found


def learn(learner: Any, x: Any, targets: Any) -> list[Any]:
    return [
        learner.test_then_learn_one(row, target)
        for row, target in zip(x, targets.tolist(), strict=True)
    ]


@pytest.mark.parametrize("kind", [*CLASSIFIERS, *REGRESSORS])
def test_a_block_of_the_gas_stream_ends_with_the_golden_state(kind: Any) -> None:
    learner, x, targets = gas(kind, 120)
    after, _ = run(session(models(learner)[1]), start_of(learner), x, targets)
    learn(learner, x, targets)
    assert sha256(learner, after) == learner.state_sha256


def test_samples_one_by_one_are_the_block() -> None:
    learner, x, labels = gas(MesuClassifier, 12)
    step, block = (session(model) for model in models(learner))
    state, predictions = start_of(learner), []
    for row, label in zip(x, labels, strict=True):
        state, found = run(step, state, row, label)
        predictions.append(int(found["prediction"]))
        assert abs(found["probabilities"].sum() - 1) < 1e-6
    after, outputs = run(block, start_of(learner), x, labels)
    assert outputs["prediction"].tolist() == predictions
    assert sha256(learner, after) == sha256(learner, state)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("label", [-1, 6])
def test_a_label_that_is_no_class_only_predicts(kind: Any, label: int) -> None:
    learner, x, labels = gas(kind, 30)
    learn(learner, x, labels)
    state = start_of(learner)
    after, found = run(session(models(learner)[0]), state, x[0], np.array(label))
    assert int(found["prediction"]) == learner.predict_one(x[0])
    assert sha256(learner, after) == learner.state_sha256
    expected = list(learner.predict_proba_one(x[0]).values())
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)


def test_a_row_that_is_not_finite_teaches_nothing() -> None:
    learner, x, labels = gas(MesuClassifier, 30)
    learn(learner, x, labels)
    bad = x[0].copy()
    bad[7] = np.inf
    step = session(models(learner)[0])
    after, found = run(step, start_of(learner), bad, np.array(2))
    assert int(found["prediction"]) == -1
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize("target", [np.nan, np.inf])
def test_a_target_that_is_not_finite_only_predicts(target: float) -> None:
    learner, x, targets = gas(MesuRegressor, 30)
    learn(learner, x, targets)
    given = np.array(target, np.float32)
    after, found = run(session(models(learner)[0]), start_of(learner), x[0], given)
    expected = learner.predict_distribution_one(x[0])
    np.testing.assert_allclose(found["prediction"], expected, rtol=1e-6)
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize("kind", [MesuFactoredClassifier, MesuRegressor])
def test_the_reference_of_onnx_learns_the_same_bits(kind: Any) -> None:
    learner, x, targets = gas(kind, 40)
    learn(learner, x[:38], targets[:38])
    reference = ReferenceEvaluator(models(learner)[0])
    state = start_of(learner)
    taught = "label" if kind in CLASSIFIERS else "target"
    for row, target in zip(x[38:], targets[38:], strict=True):
        given = {"x": row, taught: np.array(target), **state}
        found = dict(zip(reference.output_names, reference.run(None, given), strict=True))
        state = {name: found[f"{name}_next"] for name in state}
    learn(learner, x[38:], targets[38:])
    assert sha256(learner, state) == learner.state_sha256


@pytest.mark.parametrize("kind", [MesuClassifier, MetaplasticClassifier])
def test_the_newest_operators_give_the_same_bits(kind: Any) -> None:
    learner, x, labels = gas(kind, 40)
    model = models(learner, opset=NEWEST)[1]
    assert model.opset_import[0].version == NEWEST > 18
    after, _ = run(session(model), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": (128, 6), "bias": False},
        {"layers": (128, 9, 7, 6), "n_draws": 64, "sweep": 1, "step": "fixed"},
        {"layers": (128, 9, 6), "front_end": "frozen", "front_end_window": 20, "mu_init": 20.0},
        {"layers": (128, 40, 6), "front_end": "none", "sigma_prior": 1.0},
    ],
    ids=["one layer", "three, many draws", "frozen", "none"],
)
@pytest.mark.parametrize("kind", [MesuClassifier, MesuFactoredClassifier])
def test_other_settings_of_both_mesu_rules(kind: Any, settings: dict[str, Any]) -> None:
    _, x, labels = gas(kind, 40)
    learner = kind(classes=range(6), **settings)
    if learner.spec.front_end == "none":
        x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    x[21], x[22, ::2], x[23] = 0, np.finfo(np.float32).max, -1e-45
    after, _ = run(session(models(learner)[1]), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": (128, 24, 7, 6), "n_blocks": 8, "n_active": 3, "bias": True, "skip": 0.0},
        {"layers": (128, 6), "step": "adaptive", "skip": 0.0},
        {"layers": (128, 18, 6), "cuts": 3},
    ],
    ids=["gates", "one layer", "cuts"],
)
def test_other_settings_of_the_metaplastic_rule(settings: dict[str, Any]) -> None:
    _, x, labels = gas(MetaplasticClassifier, 40)
    learner = MetaplasticClassifier(classes=range(6), **settings)
    after, _ = run(session(models(learner)[1]), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize("relaxed", [0, 1])
@pytest.mark.parametrize(
    "settings",
    [
        {"layers": (128, 9, 7, 6), "n_draws": 64, "sweep": 1, "sides": 2, "radial": 1.0},
        {"layers": (128, 6), "n_draws": 1, "memory_window": 1.0, "belief_init": 3.96},
        {"layers": (128, 9, 6), "gather": 8, "settle": 4.0, "lr": 64.0, "caution": 0.0},
        {"layers": (128, 9, 6), "arithmetic": "q16", "settle": 4.0, "threshold": 0.0},
    ],
    ids=["three, many draws", "one layer", "gathered", "two bytes"],
)
def test_other_settings_of_bimu(settings: dict[str, Any], relaxed: int) -> None:
    _, x, labels = gas(BimuClassifier, 40)
    learner = BimuClassifier(classes=range(6), relaxed=relaxed, **settings)
    after, _ = run(session(models(learner)[1]), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert sha256(learner, after) == learner.state_sha256


def test_the_counter_wraps() -> None:
    learner, x, labels = gas(MesuClassifier, 8)
    late = learner.state
    late["n_samples"] = 0xFFFFFFFC
    learner.state = late
    after, _ = run(session(models(learner)[1]), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert int(after["n_samples"]) == 4
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"arithmetic": "float32"}, "arithmetic float32"),
        ({"memory": "lda"}, "memory='lda'"),
        ({"replay_bytes": 2000}, "replay_bytes=2000"),
    ],
)
def test_what_cannot_learn_in_onnx_is_refused_and_the_manifest_says_why(
    settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    learner = gas(MesuClassifier, 1, **settings)[0]
    with pytest.raises(ConfigError, match=f"no ONNX graph that learns: .*{words}"):
        models(learner)
    reason = write_export(learner, tmp_path)["onnx"]["no_learning_because"]
    assert reason == why_not(learner.spec, learner.config, learner.arithmetic)
    assert words in reason
    assert not list(tmp_path.glob("learn*.onnx"))


def test_only_standard_operators_with_names_for_a_reader() -> None:
    learner = gas(MesuClassifier, 1)[0]
    step, block = models(learner)
    nodes = list(step.graph.node)
    assert {node.domain for node in nodes} == {""}
    assert [(node.op_type, node.name) for node in block.graph.node] == [("Scan", "samples")]
    places = {node.name.split("/")[0] for node in nodes}
    assert {"front_end", "noise", "layer_0", "layer_1", "answer", "learn_or_keep"} <= places


def test_the_manifest_describes_every_field(tmp_path: Path) -> None:
    learner = gas(MetaplasticClassifier, 1)[0]
    manifest = write_export(learner, tmp_path)
    inputs = {i.name: i for i in onnx.load(tmp_path / "learn.onnx").graph.input}
    for field in manifest["state_fields"]:
        shape = [dim.dim_value for dim in inputs[field["name"]].type.tensor_type.shape.dim]
        assert shape == field["shape"]
    assert len(inputs) == 2 + len(manifest["state_fields"])


@pytest.mark.slow
@pytest.mark.parametrize("opset", [18, NEWEST])
@pytest.mark.parametrize("kind", [*CLASSIFIERS, *REGRESSORS])
def test_ten_thousand_samples_of_the_gas_stream(kind: Any, opset: int) -> None:
    learner, x, targets = gas(kind, 10_000)
    after, _ = run(session(models(learner, opset=opset)[1]), start_of(learner), x, targets)
    learn(learner, x, targets)
    assert sha256(learner, after) == learner.state_sha256


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_two_thousand_images(kind: Any) -> None:
    stream = load_mnist("test")
    learner = kind((784, 50, 10), classes=range(10), front_end="none")
    x, labels = stream.x[:2000].astype(np.float32), stream.y[:2000].astype(np.int64)
    after, _ = run(session(models(learner)[1]), start_of(learner), x, labels)
    learn(learner, x, labels)
    assert sha256(learner, after) == learner.state_sha256
