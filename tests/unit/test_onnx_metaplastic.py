"""The metaplastic rule as an ONNX model: the golden model's integers, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from export.graph.heads.categorical import NO_LABEL
from export.graph.model import prediction_model
from quant.counters import Saturations
from quant.front_end import golden as front_end
from quant.network import NetworkSpec
from quant.rules.metaplastic import golden as metaplastic_q8
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.state import State, init_state
from streamlearn.engines import make_engine
from streamlearn.streams.gas_drift import load_gas_drift

FLOAT32_MAX = np.finfo(np.float32).max
CASES = {
    "one hidden layer": ((128, 20, 6), False, "standardise"),
    "two, biases": ((128, 9, 7, 6), True, "standardise"),
    "no hidden layer": ((128, 6), True, "standardise"),
    "no front end": ((128, 12, 6), False, "none"),
    "neither": ((128, 6), False, "none"),
    "gates": ((128, 40, 6), False, "standardise"),
    "gates, two hidden layers, biases": ((128, 24, 7, 6), True, "none"),
}
GATES = {"gates": (40, 9), "gates, two hidden layers, biases": (8, 3)}


def trained(
    case: str, arithmetic: Any
) -> tuple[NetworkSpec, MetaplasticConfig, State, npt.NDArray[np.float32]]:
    """A state after 150 samples, and rows that follow: ordinary, absurd and empty."""
    layers, bias, front_end = CASES[case]
    n_blocks, n_active = GATES.get(case, (0, 0))
    spec = NetworkSpec(layers, bias, front_end)
    config = MetaplasticConfig(skip=0.0, logit_scale=1.5, n_blocks=n_blocks, n_active=n_active)
    stream = load_gas_drift()
    x = stream.x if front_end == "standardise" else stream.x / np.float32(4096)
    engine, state = make_engine(spec, config, arithmetic), init_state(spec, config, arithmetic, 4)
    for row, label in zip(x[:150].astype(np.float64), stream.y.tolist(), strict=False):
        engine.learn(state, row, label)
    rows = x[150:250].copy()
    rows[1], rows[2, ::2], rows[3] = 0, FLOAT32_MAX, -1e-45
    return spec, config, state, rows


def run(model: Any, x: npt.NDArray[np.float32]) -> list[Any]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, {"x": x}))


@pytest.mark.parametrize("case", CASES)
def test_q8_equals_golden_bit_for_bit(case: str) -> None:
    spec, config, state, x = trained(case, "q8")
    model = prediction_model(spec, config, state, "q8", list("abcdef"))
    labels, sums, probabilities = run(model, x)
    golden, plan = make_engine(spec, config, "q8", "numpy"), make_metaplastic_plan(spec, config)
    for t, row in enumerate(x.astype(np.float64)):
        predicted, logits = golden.predict(state, row)
        count = Saturations()
        z_q = front_end.inputs(spec.front_end, config.front_end_window, state, row, count)[1]
        passed = metaplastic_q8.forward(spec, plan, state, z_q, count)
        assert labels[t] == predicted
        assert np.array_equal(sums[t], passed.logits)
        expected = np.exp(logits - logits.max())
        np.testing.assert_allclose(probabilities[t], expected / expected.sum(), atol=1e-6)
    assert len(set(labels.tolist())) > 1
    reference = ReferenceEvaluator(model).run(None, {"x": x[:8]})
    assert np.array_equal(reference[1], sums[:8])


@pytest.mark.parametrize("case", CASES)
def test_float64_gives_the_learners_labels(case: str) -> None:
    spec, config, state, x = trained(case, "float64")
    labels, logits, _ = run(prediction_model(spec, config, state, "float64", list("abcdef")), x)
    engine = make_engine(spec, config, "float64")
    same = [engine.predict(state, row)[0] for row in x.astype(np.float64)] == labels
    assert np.mean(same) >= 0.97  # a unit whose sum is 0 up to rounding may turn over
    assert np.isfinite(logits).all()


def test_a_row_that_is_not_finite_has_no_label() -> None:
    spec, config, state, x = trained("one hidden layer", "q8")
    x[0, 3] = np.nan
    labels, sums, _ = run(prediction_model(spec, config, state, "q8", list("abcdef")), x)
    assert labels[0] == NO_LABEL
    assert not sums[0].any()
    assert (labels[1:] != NO_LABEL).all()
