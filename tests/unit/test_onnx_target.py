"""A regressor's ONNX model equals its golden model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime
import pytest

from export.graph.model import prediction_model
from quant.counters import Saturations
from quant.errors import ConfigError, ShapeError
from quant.front_end import golden as front_end
from quant.heads.gaussian import golden as gaussian_q16
from quant.network import NetworkSpec
from quant.rule import RULES, arithmetic_of
from quant.rules.metaplastic.config import MetaplasticConfig
from streamlearn import MesuRegressor
from streamlearn.learners.loading import learner_class
from streamlearn.learners.regressor import StreamRegressor
from streamlearn.streams import load_gas_concentration

#: The rules that learn a number.
NUMBER = [name for name, rule in RULES.items() if "gaussian" in rule.heads]


def learned(
    rule: str, layers: tuple[int, ...], n: int, **more: Any
) -> tuple[StreamRegressor, np.ndarray]:
    """A regressor after ``n`` samples of the gas stream's first sensors, and the rows after."""
    stream = load_gas_concentration(limit=n + 40)
    kind: Any = learner_class(rule, "gaussian")
    learner = kind(layers, **more)
    rows = stream.x[:, : layers[0]]
    if more.get("front_end") == "none":
        rows = rows / np.float32(4096)
    for x, y in zip(rows[:n], stream.y[:n], strict=True):
        learner.learn_one(x, y)
    return learner, rows[n:]


def run(learner: StreamRegressor, x: np.ndarray) -> list[np.ndarray]:
    model = prediction_model(learner.spec, learner.config, learner.state, learner.arithmetic)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return list(session.run(None, {"x": x}))


def ulps(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32)).max())


CASES = {
    "deep": ((32, 12, 9, 1), {}),
    "one layer, one draw": ((32, 1), {"n_draws": 1, "bias": False}),
    "raw inputs": ((32, 8, 1), {"front_end": "none", "n_draws": 3}),
}


@pytest.mark.parametrize("rule", NUMBER)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [0, 1, 150])
def test_integer_sums_are_the_golden_models_and_predictions_its_to_one_ulp(
    rule: str, name: str, n: int
) -> None:
    layers, more = CASES[name]
    learner, rows = learned(rule, layers, n, **more)
    prediction, sums = run(learner, rows)
    spec, state, config = learner.spec, learner.state, learner.config
    model = arithmetic_of(spec, config, learner.arithmetic).golden
    assert model is not None
    count, plan = Saturations(), model.plan(spec, config)
    for row, found in zip(rows, sums, strict=True):
        z_q = front_end.inputs(spec.front_end, config.front_end_window, state, row, count)[1]
        passed = model.forward(spec, plan, state, z_q, count)
        expected = gaussian_q16.sums(
            passed.outputs, passed.inverse_spread[-1], passed.epsilon[-1], count
        )
        assert tuple(found) == expected
    direct = np.array([learner.predict_distribution_one(row) for row in rows], np.float32)
    assert ulps(prediction + np.float32(0), direct) <= 1  # -0 is 0
    assert np.isinf(direct[:, 1:]).all() == (n < 2)


@pytest.mark.parametrize(("arithmetic", "rtol"), [("float64", 1e-7), ("float32", 1e-5)])
@pytest.mark.parametrize("rule", NUMBER)
@pytest.mark.parametrize("name", CASES)
def test_float_predictions_are_the_learners(
    rule: str, name: str, arithmetic: Any, rtol: float
) -> None:
    layers, more = CASES[name]
    learner, rows = learned(rule, layers, 150, arithmetic=arithmetic, **more)
    (prediction,) = run(learner, rows)
    direct = [learner.predict_distribution_one(row) for row in rows]
    np.testing.assert_allclose(prediction, np.array(direct), rtol=rtol)


@pytest.mark.parametrize("rule", NUMBER)
@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_rows_that_are_not_finite_have_no_prediction(rule: str, arithmetic: Any) -> None:
    learner, rows = learned(rule, (32, 4, 1), 20, arithmetic=arithmetic)
    alone = run(learner, rows[:3])[0]
    bad = rows[:3].copy()
    bad[1, 7] = math.nan
    found = run(learner, bad)[0]
    assert np.isnan(found[1]).all()
    assert np.array_equal(found[[0, 2]], alone[[0, 2]])


def test_wrong_arguments_are_refused() -> None:
    learner = MesuRegressor((3, 1))
    spec, config, state = learner.spec, learner.config, learner.state
    with pytest.raises(ShapeError, match="expected one element of the float32 state"):
        prediction_model(spec, config, state, "float32")
    with pytest.raises(ShapeError, match="expected 0 names, one for each class of 3-1"):
        prediction_model(spec, config, state, "q16", ["low"])
    classes = NetworkSpec((3, 2))
    with pytest.raises(ShapeError, match="expected one element of the q16 state of a 3-2 network"):
        prediction_model(classes, config, state, "q16", ["low", "high"])
    with pytest.raises(ConfigError, match="head='gaussian': the rule 'metaplastic' learns with"):
        prediction_model(spec, MetaplasticConfig(), state, "q8")
