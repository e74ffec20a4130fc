"""The ONNX model of prediction: the golden model's integers, bit for bit, for any input."""

from __future__ import annotations

import json
import timeit
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from export.graph.heads.categorical import NO_LABEL
from export.graph.model import prediction_model
from quant.counters import Saturations
from quant.description import from_json
from quant.errors import ConfigError, ShapeError
from quant.front_end import golden as integer_front_end
from quant.heads.categorical import golden as categorical
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rule import arithmetic_of
from quant.rules.mesu import golden as mesu_q16
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import RHO_MAX, exponent_view, most_exponent
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.sampling.config import SamplingConfig
from quant.sampling.golden import block_inputs
from quant.state import State, init_state, state_sha256
from streamlearn import MesuClassifier
from streamlearn.front_end import standardise
from streamlearn.rules.mesu import equations as mesu
from streamlearn.streams.gas_drift import load_gas_drift
from streamlearn.version import __version__

Rows = npt.NDArray[np.float32]
GAS = NetworkSpec((128, 32, 6))
CLASSES = ("a", "b", "c", "d", "e", "f")
TINY, FLT_MAX = np.finfo(np.float32).tiny, np.finfo(np.float32).max
#: Large weights and weakly constrained: sums of inputs need block shifts in every layer.
LOUD_SETTINGS: dict[str, Any] = {"mu_init": 20, "sigma_init": 8, "sigma_prior": 1.0}
LOUD = MesuConfig(**LOUD_SETTINGS)


def trained(
    spec: NetworkSpec, config: SamplingConfig, arithmetic: str, n: int, seed: int = 7
) -> tuple[State, Rows]:
    """A state after ``n`` samples of the gas stream, and the rows that follow."""
    stream = load_gas_drift()
    x, y = stream.x[:, : spec.n_features], stream.y % spec.n_classes
    if spec.front_end == "none":
        x = standardised(x)
    state = init_state(spec, config, arithmetic, seed)
    NativeKernel(spec, config, arithmetic).learn(state, x[:n], y[:n].astype(np.uint32))
    return state, np.ascontiguousarray(x[n:])


def standardised(x: Rows) -> Rows:
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)


def golden(
    spec: NetworkSpec, config: SamplingConfig, state: State, x: Rows
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Labels and sums of logits of single predictions, row by row, all from one state."""
    model, window = arithmetic_of(spec, config, "q16").golden, config.front_end_window
    assert model is not None
    plan, labels, sums = model.plan(spec, config), [], []
    for row in x:
        count = Saturations()
        z_q = integer_front_end.inputs(spec.front_end, window, state, row, count)[1]
        forward = model.forward(spec, plan, state, z_q, count)
        labels.append(categorical.predict(state, forward, count).class_index)
        sums.append(forward.outputs.sum(axis=1))
    return np.array(labels), np.array(sums)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def predict(model: onnx.ModelProto, x: Rows) -> list[Any]:
    """The first outputs; the entropies come behind them."""
    return list(session(model).run(None, {"x": x}))[:3]


def assert_golden(
    spec: NetworkSpec, config: SamplingConfig, state: State, x: Rows, batch: int = 64
) -> onnx.ModelProto:
    classes = [str(k) for k in range(spec.n_classes)]
    model = prediction_model(spec, config, state, "q16", classes)
    run = session(model)
    parts = [run.run(None, {"x": x[i : i + batch]}) for i in range(0, len(x), batch)]
    labels, sums = golden(spec, config, state, x)
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), labels)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), sums)
    return model


def edge_rows(n_features: int) -> Rows:
    """Each hard value alone, everywhere, and mixed with all the others."""
    values = [0.0, -0.0, 1e-45, -1e-45, TINY, -TINY, TINY / 2, 1.0, -1.0, 1e38, -1e38, FLT_MAX]
    values += [-FLT_MAX, 1e-30, 1e-10, 3e5, -3e5, 2.0**28, 2.0**-20, 0.5, 0.03125, -0.03125]
    rng = np.random.default_rng(5)
    alone = np.zeros((len(values), n_features), np.float32)
    alone[:, n_features // 2] = values
    everywhere = np.repeat(np.array(values, np.float32)[:, None], n_features, axis=1)
    mixed = rng.choice(np.array(values, np.float32), (30, n_features))
    return np.concatenate([alone, everywhere, mixed])


@pytest.mark.parametrize(
    ("spec", "config", "n"),
    [
        (GAS, MesuConfig(), 3000),
        (GAS, MesuConfig(n_draws=1), 500),
        (GAS, MesuConfig(n_draws=3, front_end_window=50), 500),
        (GAS, MesuConfig(n_draws=64), 200),
        (NetworkSpec((128, 6)), MesuConfig(), 500),
        (NetworkSpec((128, 24, 16, 6)), MesuConfig(), 500),
        (NetworkSpec((128, 32, 6), bias=False), MesuConfig(), 500),
        (NetworkSpec((128, 6), bias=False), MesuConfig(n_draws=3), 500),
        (NetworkSpec((128, 32, 6), front_end="none"), MesuConfig(), 500),
        (NetworkSpec((1, 2)), MesuConfig(), 200),
        (NetworkSpec((128, 300, 6)), LOUD, 0),
        (NetworkSpec((128, 300, 6)), LOUD, 100),
        (GAS, MesuFactoredConfig(), 3000),
        (NetworkSpec((128, 300, 6)), MesuFactoredConfig(**LOUD_SETTINGS), 100),
        (NetworkSpec((128, 6), bias=False), MesuFactoredConfig(n_draws=3), 500),
    ],
    ids=str,
)
def test_gas_rows_equal_the_golden_model(spec: NetworkSpec, config: SamplingConfig, n: int) -> None:
    state, x = trained(spec, config, "q16", n)
    assert_golden(spec, config, state, x[:: len(x) // 300][:300])


def test_block_shifts_of_every_sign_occur() -> None:
    """Canary of the test above: its loud network does shift its inputs, by different amounts."""
    spec = NetworkSpec((128, 300, 6))
    state, x = trained(spec, LOUD, "q16", 100)
    plan = make_plan(spec, LOUD)
    shifts = set()
    for row in x[:: len(x) // 300]:
        z_q = integer_front_end.standardise(state, row, LOUD.front_end_window)[1]
        hidden = mesu_q16.forward(spec, plan, state, z_q, Saturations()).inputs[1]
        shifts.add(block_inputs(hidden)[1])
    assert max(shifts) > 0
    assert len(shifts) > 1


@pytest.mark.parametrize("bias", [True, False])
def test_mnist_sized_network_equals_the_golden_model(bias: bool) -> None:
    """784 inputs at ±8 need a block shift of negative inputs, which truncates towards zero."""
    spec, config = NetworkSpec((784, 50, 10), bias=bias, front_end="none"), MesuConfig()
    state = init_state(spec, config, "q16", 3)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 784)).astype(np.float32) * rng.choice([0.0, 0.1, 1, 9], (60, 1))
    assert_golden(spec, config, state, x.astype(np.float32))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("spread", [0, 3, 31])
def test_rows_of_unlike_exponents_equal_the_golden_model(spread: int, bias: bool) -> None:
    """The row of the largest exponent has an input now and then; without a bias no row may have."""
    spec = NetworkSpec((20, 12, 8, 3), bias=bias, front_end="none")
    config = MesuConfig(n_draws=3, sigma_prior=4.0, sigma_init=4.0, lr_mu=0.1)
    state, rng = init_state(spec, config, "q16", 5), np.random.default_rng(spread)
    state["rho"] = rng.integers(1, RHO_MAX + 1, spec.n_synapses)
    for layer, mine in enumerate(make_plan(spec, config).layers):
        most = most_exponent(mine.v_exponent)
        exponents = exponent_view(spec, state["rho_exponent"][0], layer)
        exponents[:] = rng.integers(most - spread, most + 1, len(exponents))
    shown = rng.random((80, 20)) < rng.choice([0.0, 0.1, 0.5, 1.0], (80, 1))
    x = rng.normal(size=(80, 20)) * rng.choice([0.1, 1.0, 9.0], (80, 1)) * shown
    assert_golden(spec, config, state, x.astype(np.float32))


@pytest.mark.parametrize("front_end_count", [0, 1, 2, 40, 400])
def test_edge_inputs_equal_the_golden_model(front_end_count: int) -> None:
    config = MesuConfig()
    state, _ = trained(GAS, config, "q16", front_end_count)
    assert_golden(GAS, config, state, edge_rows(128))


@pytest.mark.parametrize("value", [0.0, 1e-45, 5.0, 1e-30, 1e38, -FLT_MAX])
def test_constant_features_equal_the_golden_model(value: float) -> None:
    """Variance 0 and the exponents that such a sensor leaves behind, then a jump."""
    spec, config = NetworkSpec((4, 8, 3)), MesuConfig()
    for n in (1, 2, 30):
        state = init_state(spec, config, "q16", 1)
        x = np.full((n, 4), value, np.float32)
        NativeKernel(spec, config, "q16").learn(state, x, np.zeros(n, np.uint32))
        assert_golden(spec, config, state, np.concatenate([x[:1], edge_rows(4)]))


@pytest.mark.parametrize("offset", [0.0, 2.0**20, 1e6, -(2.0**30)])
@pytest.mark.parametrize("size", [2.0, 1e-3, 4 * TINY, 2000.0])
def test_offsets_and_smallest_sensors_equal_the_golden_model(offset: float, size: float) -> None:
    """Means that leave a small variance no room, a power of two crossed, subnormals that count."""
    spec, config = NetworkSpec((16, 8, 3)), MesuConfig()
    rng = np.random.default_rng(11)
    x = (offset + rng.normal(size=(300, 16)) * size).astype(np.float32)
    state = init_state(spec, config, "q16", 1)
    NativeKernel(spec, config, "q16").learn(state, x[:100], np.zeros(100, np.uint32))
    subnormal = (rng.uniform(-1, 1, (50, 16)) * TINY).astype(np.float32)
    assert_golden(spec, config, state, np.concatenate([x[100:], subnormal, edge_rows(16)]))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bits", [27, 28])
@pytest.mark.parametrize("variance", [1000, 1 << 27])
def test_inputs_that_outgrow_their_bits_equal_the_golden_model(
    sign: int, bits: int, variance: int
) -> None:
    """A slow ramp's state, which takes thousands of samples to reach: mean just below 2^bits."""
    spec, config = NetworkSpec((1, 2)), MesuConfig()
    state = init_state(spec, config, "q16", 1)
    state["feature_count"], state["exponent"], state["variance"] = 50, 10, variance
    state["mean"] = sign * ((1 << bits) - 1000)
    x = sign * (2.0 ** (bits - 10) + np.linspace(-2, 2, 129))
    assert_golden(spec, config, state, x.astype(np.float32)[:, None])


def test_without_front_end_edge_inputs_equal_the_c_kernel() -> None:
    """The C kernel, not the golden model, whose int64 cast of 1e38 wraps."""
    spec, config = NetworkSpec((128, 32, 6), front_end="none"), MesuConfig()
    state, _ = trained(spec, config, "q16", 300)
    x, kernel = edge_rows(128), NativeKernel(spec, config, "q16")
    label, logit_sum, _ = predict(prediction_model(spec, config, state, "q16", CLASSES), x)
    for row, row_label, row_sum in zip(x, label, logit_sum, strict=True):
        expected, mean_logits = kernel.predict(state, row)
        assert expected == row_label
        np.testing.assert_array_equal(mean_logits, row_sum / (config.n_draws * 65536))


def test_ties_go_to_the_lowest_class() -> None:
    spec, config = NetworkSpec((128, 6), bias=False), MesuConfig()
    state, x = trained(spec, config, "q16", 50)
    state["mu"], state["rho"] = 0, 0
    label, logit_sum, _ = predict(prediction_model(spec, config, state, "q16", CLASSES), x[:3])
    assert not logit_sum.any()
    np.testing.assert_array_equal(label, 0)


def test_rows_of_a_batch_do_not_see_each_other() -> None:
    spec, config = NetworkSpec((128, 300, 6)), LOUD
    state, x = trained(spec, config, "q16", 100)
    x = np.concatenate([x[:20], edge_rows(128)])
    run = session(prediction_model(spec, config, state, "q16", CLASSES))
    together = run.run(None, {"x": x})
    for i in range(len(x)):
        alone = run.run(None, {"x": x[i : i + 1]})
        assert alone[0][0] == together[0][i]
        np.testing.assert_array_equal(alone[1][0], together[1][i])


def test_reference_evaluator_gives_the_same_bits() -> None:
    config = MesuConfig()
    state, x = trained(GAS, config, "q16", 400)
    x = np.concatenate([x[:40], edge_rows(128), np.full((1, 128), np.nan, np.float32)])
    model = prediction_model(GAS, config, state, "q16", CLASSES)
    slow, fast = ReferenceEvaluator(model).run(None, {"x": x}), predict(model, x)
    np.testing.assert_array_equal(slow[0], fast[0])
    np.testing.assert_array_equal(slow[1], fast[1])
    np.testing.assert_allclose(slow[2], fast[2], atol=1e-6)


@pytest.mark.parametrize("field", ["mu", "rho"])
def test_one_flipped_bit_of_the_state_changes_the_logits(field: str) -> None:
    """Canary: the comparison with the golden model can fail."""
    config = MesuConfig()
    state, x = trained(GAS, config, "q16", 500)
    other = state.copy()
    layer_view(GAS, other, field, 1)[-1, 2] ^= 1 << 10
    model = prediction_model(GAS, config, other, "q16", CLASSES)
    changed = predict(model, x[:50])[1] != golden(GAS, config, state, x[:50])[1]
    assert changed[:, 2].all()
    assert not changed[:, [0, 1, 3, 4, 5]].any()


@pytest.mark.parametrize("field", ["seed", "n_samples", "feature_count"])
def test_noise_and_front_end_are_those_of_the_state(field: str) -> None:
    config = MesuConfig()
    state, x = trained(GAS, config, "q16", 100)
    other = state.copy()
    other[field] += 1
    before = predict(prediction_model(GAS, config, state, "q16", CLASSES), x[:20])[1]
    after = predict(prediction_model(GAS, config, other, "q16", CLASSES), x[:20])[1]
    assert (before != after).any()


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_have_no_label(arithmetic: str, bad: float) -> None:
    config = MesuConfig()
    state = init_state(GAS, config, arithmetic, 2)
    state["feature_count"] = 5
    x = load_gas_drift(limit=6).x.copy()
    model = prediction_model(GAS, config, state, arithmetic, CLASSES)
    clean = predict(model, x)
    x[2, 7], x[4, :] = bad, bad
    label, logits, probabilities = predict(model, x)
    np.testing.assert_array_equal(label[[2, 4]], NO_LABEL)
    np.testing.assert_array_equal(logits[[2, 4]], 0)
    np.testing.assert_allclose(probabilities[[2, 4]], 1 / 6, rtol=1e-6)
    np.testing.assert_array_equal(label[[0, 1, 3, 5]], clean[0][[0, 1, 3, 5]])
    np.testing.assert_array_equal(logits[[0, 1, 3, 5]], clean[1][[0, 1, 3, 5]])


def test_probabilities_are_the_softmax_of_the_mean_logits() -> None:
    config = MesuConfig(n_draws=3)
    state, x = trained(GAS, config, "q16", 500)
    _, sums, probabilities = predict(prediction_model(GAS, config, state, "q16", CLASSES), x[:50])
    power = np.exp(sums / (3 * 65536) - (sums / (3 * 65536)).max(axis=1, keepdims=True))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, power / power.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("layers", [(128, 6), (128, 32, 6), (128, 24, 16, 6)])
@pytest.mark.parametrize("bias", [True, False])
def test_float64_equals_the_reference_up_to_the_order_of_sums(
    layers: tuple[int, ...], bias: bool
) -> None:
    spec, config = NetworkSpec(layers, bias=bias), MesuConfig()
    state = init_state(spec, config, "float64", 4)
    rows = load_gas_drift(limit=200).x
    for row in rows[:100].astype(np.float64):
        statistics, z, _ = standardise(state, row, config.front_end_window)
        forward = mesu.forward(spec, config, state, z, Saturations())
        mesu.update(spec, config, state, forward, 1, Saturations())
        for name, value in statistics.items():
            state[name] = value
    state["taught"] = 63  # all six
    label, logits, _ = predict(prediction_model(spec, config, state, "float64", CLASSES), rows)
    assert logits.dtype == np.float64
    for row, row_label, row_logits in zip(rows, label, logits, strict=True):
        z = standardise(state, row.astype(np.float64), config.front_end_window)[1]
        expected = mesu.forward(spec, config, state, z, Saturations()).outputs.mean(axis=1)
        np.testing.assert_allclose(row_logits, expected, rtol=1e-10, atol=1e-10)
        assert row_label == np.argmax(row_logits)


@pytest.mark.parametrize("front_end", ["standardise", "none"])
def test_float32_follows_the_c_kernel(front_end: Any) -> None:
    spec, config = NetworkSpec((128, 32, 6), front_end=front_end), MesuConfig()
    state, x = trained(spec, config, "float32", 500)
    x = x[:200] * np.float32(3) if front_end == "none" else x[:200]
    kernel = NativeKernel(spec, config, "float32")
    label, logits, _ = predict(prediction_model(spec, config, state, "float32", CLASSES), x)
    expected = [kernel.predict(state, row) for row in x]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, [mean for _, mean in expected], rtol=1e-3, atol=1e-3)
    assert np.mean(label == [best for best, _ in expected]) > 0.99


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
def test_model_says_where_it_comes_from(arithmetic: str) -> None:
    config = MesuConfig(memory_window=float("inf"))
    state = init_state(GAS, config, arithmetic, 9)
    before = state.copy()
    model = prediction_model(GAS, config, state, arithmetic, [*CLASSES[:5], "Äthanol"])
    onnx.checker.check_model(model, full_check=True)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties["producer"] == model.producer_name == "streamlearn"
    assert properties["version"] == __version__
    assert properties["arithmetic"] == arithmetic
    assert properties["state_sha256"] == state_sha256(state)
    assert properties["n_samples"] == "0"
    assert from_json(json.loads(properties["spec"])) == (GAS, config)
    assert json.loads(properties["classes"])[-1] == "Äthanol"
    assert model.ir_version == 10
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    np.testing.assert_array_equal(state, before)


def test_the_same_state_gives_the_same_bytes() -> None:
    config = MesuConfig()
    state = init_state(GAS, config, "q16", 9)
    models = [prediction_model(GAS, config, state, "q16", CLASSES) for _ in range(2)]
    assert models[0].SerializeToString() == models[1].SerializeToString()


def test_wrong_arguments_are_refused() -> None:
    config = MesuConfig()
    state = init_state(GAS, config, "q16")
    with pytest.raises(ShapeError, match="expected 6 names"):
        prediction_model(GAS, config, state, "q16", CLASSES[:5])
    with pytest.raises(ShapeError, match="expected 6 names"):
        prediction_model(GAS, config, state, "q16", "abcdef")
    with pytest.raises(ShapeError, match="one element of the float32 state"):
        prediction_model(GAS, config, state, "float32", CLASSES)
    with pytest.raises(ShapeError, match="one element of the q16 state"):
        prediction_model(NetworkSpec((128, 31, 6)), config, state, "q16", CLASSES)
    with pytest.raises(ConfigError, match="expected one of"):
        prediction_model(GAS, config, state, "q8", CLASSES)


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
@pytest.mark.parametrize("taught", [range(6), range(2, 4)])
def test_entropies_are_the_learners(arithmetic: Any, taught: range) -> None:
    stream = load_gas_drift(limit=700)
    learner = MesuClassifier((128, 9, 6), classes=range(6), arithmetic=arithmetic)
    for row, label in zip(stream.x[:500], stream.y[:500].tolist(), strict=True):
        if label in taught:
            learner.learn_one(row, label)
    given = learner.spec, learner.config, learner.state, arithmetic
    names = [f"{kind}_entropy" for kind in ("predictive", "aleatoric", "epistemic")]
    rows = stream.x[500:520].astype(np.float32)
    found = session(prediction_model(*given, CLASSES)).run(names, {"x": rows})
    expected = [learner.predict_uncertainty_one(row) for row in rows]
    tolerance = 1e-6 if arithmetic == "q16" else 1e-3
    for name, values in zip(("predictive", "aleatoric", "epistemic"), found, strict=True):
        np.testing.assert_allclose(values, [getattr(u, name) for u in expected], atol=tolerance)
    assert found[0].max() > 0.1
    rows[0, 0] = np.nan
    silent = session(prediction_model(*given, CLASSES)).run(names, {"x": rows[:2]})
    assert all(np.isnan(values[0]) and np.isfinite(values[1]) for values in silent)


def test_float32_clamps_huge_values_as_the_kernel() -> None:
    learner = MesuClassifier((3, 4, 2), classes=range(2), arithmetic="float32")
    rng = np.random.default_rng(0)
    for t in range(40):
        learner.learn_one((rng.normal(size=3) * 1e17).astype(np.float32), t % 2)
    rows = np.array([[3e38, 0, 0], [-3e38, 1e20, 0], [1e19, -2e18, 1e17]], np.float32)
    model = prediction_model(learner.spec, learner.config, learner.state, "float32", ["a", "b"])
    labels, _, probabilities = predict(model, rows)
    assert labels.tolist() == [learner.predict_one(row) for row in rows]
    expected = [list(learner.predict_proba_one(row).values()) for row in rows]
    np.testing.assert_allclose(probabilities, expected, atol=1e-3)


def measure() -> None:
    """Print the sizes and latencies of docs/onnx.md."""
    for layers, front_end, arithmetic in (
        ((128, 32, 6), "standardise", "q16"),
        ((784, 50, 10), "none", "q16"),
        ((128, 32, 6), "standardise", "float32"),
        ((128, 32, 6), "standardise", "float64"),
    ):
        spec, config = NetworkSpec(layers, front_end=front_end), MesuConfig()
        state = init_state(spec, config, arithmetic)
        state["front_end_count"] = 100
        classes = [str(k) for k in range(spec.n_classes)]
        model = prediction_model(spec, config, state, arithmetic, classes)
        print(f"{spec} {arithmetic}: {len(model.graph.node)} nodes, {model.ByteSize()} bytes")
        run = session(model)
        for batch in (1, 100, 1000):
            x = np.random.default_rng(0).normal(size=(batch, spec.n_features)).astype(np.float32)
            calls = max(2, 300 // batch)
            times = timeit.repeat(lambda: run.run(None, {"x": x}), number=calls, repeat=6)  # noqa: B023
            print(f"  batch {batch}: {min(times) / calls / batch * 1e6:.0f} us a sample")


if __name__ == "__main__":
    measure()
