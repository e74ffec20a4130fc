"""A learner with a memory as an ONNX model: labels and probabilities of the pool, and of recall."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from sweeps import sweep

from export.graph.model import prediction_model
from quant.rule import RULES
from streamlearn import MesuClassifier
from streamlearn.learners.loading import learner_class

K = 4


def data(d: int, n: int) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, K - 1, n)  # the last class is never taught
    x = rng.normal(size=(K, d))[y] + 0.8 * rng.normal(size=(n, d))
    return (x * np.exp(rng.normal(size=d) * 2)).astype(np.float32), y.tolist()


def run(learner: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    given = learner.spec, learner.config, learner.state, learner.arithmetic
    model = prediction_model(*given, [str(label) for label in range(K)])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": x}), strict=True))


def compare(learner: Any, x: np.ndarray) -> None:
    """Assert that every label and every bit of every probability, as float32, is the learner's."""
    found = run(learner, x)
    assert found["label"].tolist() == learner.predict_many(x)
    assert found["recall_label"].tolist() == learner.recall_many(x)
    for name, verb in (("", learner.predict_proba_many), ("recall_", learner.recall_proba_many)):
        expected = verb(x).astype(np.float32)
        assert np.array_equal(found[f"{name}probabilities"], expected)
        if learner.n_samples > 10:
            assert not expected[:, K - 1].any()


@pytest.mark.parametrize(
    ("memory", "features", "n"), sweep(["lda", "mean"], [0, 7, 40], [0, 2, 50, 300])
)
def test_before_while_and_after_the_scale_is_found(memory: str, features: int, n: int) -> None:
    learner = MesuClassifier((9, 8, K), classes=range(K), memory=memory, memory_features=features)
    x, y = data(9, n + 100)
    learner.learn_many(x[:n], y[:n])
    x[n], x[n + 1, 3] = 1e30, -3e38
    compare(learner, x[n:])


@pytest.mark.parametrize(("rule", "front_end"), sweep(list(RULES), ["standardise", "none"]))
def test_beside_every_rule_and_without_a_front_end(rule: str, front_end: str) -> None:
    for arithmetic, kind in RULES[rule].arithmetics.items():
        if kind.numbers == "float32":
            continue  # the network's own sums come in another order there
        learner = learner_class(rule, "categorical")(
            (9, 8, K), classes=range(K), memory="lda", arithmetic=arithmetic, front_end=front_end
        )
        x, y = data(9, 400)
        x = np.clip(x, -1, 1) if front_end == "none" else x
        learner.learn_many(x[:300], y[:300])
        compare(learner, x[300:])


def test_the_network_answers_where_the_pool_is_not_trusted() -> None:
    learner = MesuClassifier((9, 8, K), classes=range(K), memory="lda")
    x, y = data(9, 400)
    learner.learn_many(x[:300], y[:300])
    trusted = learner.predict_proba_many(x[300:])
    state = learner.state
    state["memory_lead"] = -0.1
    learner.state = state
    assert not np.allclose(learner.predict_proba_many(x[300:]), trusted)
    compare(learner, x[300:])


def test_a_row_that_is_not_finite_has_no_label() -> None:
    learner = MesuClassifier((9, 8, K), classes=range(K), memory="lda")
    x, y = data(9, 60)
    learner.learn_many(x[:50], y[:50])
    x[51, 2] = np.nan
    found = run(learner, x[50:53])
    assert found["label"][1] == found["recall_label"][1] == -1
    assert (found["label"][[0, 2]] >= 0).all()
