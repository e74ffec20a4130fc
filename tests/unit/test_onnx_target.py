"""A regressor's ONNX model equals its golden model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime
import pytest

from export.graph.model import prediction_model, target_model
from quant.errors import ConfigError, ShapeError
from quant.front_end.golden import quantise_input
from quant.heads.gaussian import golden as gaussian_q16
from quant.rules.mesu import golden as mesu_q16
from quant.rules.mesu.plan import make_plan
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.streams import load_gas_concentration


def learned(layers: tuple[int, ...], n: int, **more: Any) -> tuple[MesuRegressor, np.ndarray]:
    """A regressor after ``n`` samples of the gas stream's first sensors, and the rows after."""
    stream = load_gas_concentration(limit=n + 40)
    learner = MesuRegressor(layers, **more)
    rows = stream.x[:, : layers[0]]
    if more.get("front_end") == "none":
        rows = rows / np.float32(4096)
    for x, y in zip(rows[:n], stream.y[:n], strict=True):
        learner.learn_one(x, y)
    return learner, rows[n:]


def run(learner: MesuRegressor, x: np.ndarray) -> list[np.ndarray]:
    model = target_model(learner.spec, learner.config, learner.state, learner.arithmetic)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return list(session.run(None, {"x": x}))


def ulps(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32)).max())


CASES = {
    "deep": ((32, 12, 9, 1), {}),
    "one layer, one draw": ((32, 1), {"n_draws": 1, "bias": False}),
    "raw inputs": ((32, 8, 1), {"front_end": "none", "n_draws": 3}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [0, 1, 150])
def test_q16_sums_are_the_golden_models_and_predictions_its_to_one_ulp(name: str, n: int) -> None:
    layers, more = CASES[name]
    learner, rows = learned(layers, n, **more)
    prediction, sums = run(learner, rows)
    state, config = learner.state, learner.config
    count, plan = mesu_q16.Saturations(), make_plan(learner.spec, config)
    for row, found in zip(rows, sums, strict=True):
        if learner.spec.front_end == "standardise":
            z_q = standardise_q16(state, row, config.front_end_window)[1]
        else:
            z_q = quantise_input(row)[0]
        passed = mesu_q16.forward(learner.spec, plan, state, z_q, count)
        expected = gaussian_q16.sums(
            passed.logits, passed.inverse_spread[-1], passed.epsilon[-1], count
        )
        assert tuple(found) == expected
    direct = np.array([learner.predict_distribution_one(row) for row in rows], np.float32)
    assert ulps(prediction + np.float32(0), direct) <= 1  # -0 is 0
    assert np.isinf(direct[:, 1:]).all() == (n < 2)


@pytest.mark.parametrize(("arithmetic", "rtol"), [("float64", 1e-7), ("float32", 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_float_predictions_are_the_learners(name: str, arithmetic: Any, rtol: float) -> None:
    layers, more = CASES[name]
    learner, rows = learned(layers, 150, arithmetic=arithmetic, **more)
    (prediction,) = run(learner, rows)
    direct = [learner.predict_distribution_one(row) for row in rows]
    np.testing.assert_allclose(prediction, np.array(direct), rtol=rtol)


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_rows_that_are_not_finite_have_no_prediction(arithmetic: Any) -> None:
    learner, rows = learned((32, 4, 1), 20, arithmetic=arithmetic)
    alone = run(learner, rows[:3])[0]
    bad = rows[:3].copy()
    bad[1, 7] = math.nan
    found = run(learner, bad)[0]
    assert np.isnan(found[1]).all()
    assert np.array_equal(found[[0, 2]], alone[[0, 2]])


def test_wrong_arguments_are_refused() -> None:
    regressor, classifier = MesuRegressor((3, 1)), MesuClassifier((3, 2))
    with pytest.raises(ConfigError, match="a model of a target is of 'gaussian'"):
        target_model(classifier.spec, classifier.config, classifier.state, "q16")
    with pytest.raises(ConfigError, match=r"use export\.onnx_target\.target_model"):
        prediction_model(regressor.spec, regressor.config, regressor.state, "q16", [])
    with pytest.raises(ShapeError, match="expected one element of the float32 state"):
        target_model(regressor.spec, regressor.config, regressor.state, "float32")
