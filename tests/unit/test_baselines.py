"""The baselines: exact statistics, exact gradients, and how well they do."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamlearn.baselines import (
    MajorityClassifier,
    NoChangeClassifier,
    OnlineClassifier,
    RiverClassifier,
    SgdMlpClassifier,
    river_adapter,
    tune,
)
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ConfigError, InputValueError, LabelError, ShapeError
from streamlearn.evaluation import evaluate
from streamlearn.streams import load_gas_drift

NOTHING = np.empty(0, np.float32)


def follow(learner, labels):
    said = []
    for y in labels:
        said.append(learner.predict_one(NOTHING))
        learner.learn_one(NOTHING, y)
    return said


def test_no_change_says_the_previous_label():
    assert follow(NoChangeClassifier(), [3, 1, 1, 2]) == [0, 3, 1, 1]


@given(st.lists(st.integers(0, 4), max_size=50))
def test_majority_says_the_most_frequent_lowest_among_equals(labels):
    obvious = [int(np.argmax(np.bincount(labels[:i], minlength=5))) for i in range(len(labels))]
    assert follow(MajorityClassifier(), labels) == obvious


@pytest.mark.parametrize("learner", [NoChangeClassifier(), MajorityClassifier()])
def test_negative_label(learner):
    with pytest.raises(LabelError, match="from 0, got -1"):
        learner.learn_one(NOTHING, -1)


VALUES = arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(-1e3, 1e3)
)


@given(VALUES)
def test_standardizer_equals_two_passes_over_everything_seen(x):
    running = RunningStandardizer(3, window=np.inf)
    for i, row in enumerate(x):
        before = running.standardize(row)
        z = running.update(row)
        assert np.array_equal(before, z)
        assert np.abs(z).max() <= 8
        seen = x[: i + 1]
        np.testing.assert_allclose(running.mean, seen.mean(0), atol=1e-9)
        np.testing.assert_allclose(running.variance, seen.var(0), atol=1e-8, rtol=1e-9)


def test_standardizer_follows_a_drift_over_its_window():
    running = RunningStandardizer(1, window=10)
    for value in [0.0] * 100 + [100.0] * 100:
        running.update(np.array([value]))
    assert running.mean[0] == pytest.approx(100, abs=0.01)


def test_standardizer_of_a_constant_feature_is_zero():
    running = RunningStandardizer(2)
    for value in (1.0, 2.0, 3.0):
        z = running.update(np.array([7.0, value]))
        assert z[0] == 0
    assert z[1] == pytest.approx(1 / np.sqrt(2 / 3))


def test_standardizer_clips_at_eight():
    running = RunningStandardizer(1)
    for _ in range(999):
        running.update(np.zeros(1))
    assert running.update(np.ones(1)) == [8]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [(4, 3), (4, 5, 3), (4, 6, 5, 3)])
def test_gradients_equal_finite_differences(layers, bias):
    learner = SgdMlpClassifier(layers, 0.1, 1, bias)
    z, y, h = np.array([0.3, -1.2, 0.8, 2.0]), 2, 1e-6
    loss, weight_gradients, bias_gradients = learner.loss_and_gradients(z, y)
    assert loss > 0
    groups = [(learner.weights, weight_gradients)]
    groups += [(learner.biases, bias_gradients)] if bias else []
    for parameters, gradients in groups:
        assert len(parameters) == len(gradients) == len(layers) - 1
        for parameter, gradient in zip(parameters, gradients, strict=True):
            assert parameter.shape == gradient.shape
            for where in np.ndindex(parameter.shape):
                kept = parameter[where]
                parameter[where] = kept + h
                above = learner.loss_and_gradients(z, y)[0]
                parameter[where] = kept - h
                below = learner.loss_and_gradients(z, y)[0]
                parameter[where] = kept
                assert gradient[where] == pytest.approx((above - below) / (2 * h), abs=1e-8)


def test_one_step_is_lr_times_the_gradient():
    learner = SgdMlpClassifier((2, 3, 2), lr=0.25, seed=3)
    learner.learn_one([1.0, 5.0], 0)
    z = learner.standardizer.standardize(np.array([2.0, 1.0]))
    weights = [w.copy() for w in learner.weights]
    biases = [b.copy() for b in learner.biases]
    _, weight_gradients, bias_gradients = learner.loss_and_gradients(z, 1)
    learner.learn_one([2.0, 1.0], 1)
    for k in range(2):
        np.testing.assert_allclose(learner.weights[k], weights[k] - 0.25 * weight_gradients[k])
        np.testing.assert_allclose(learner.biases[k], biases[k] - 0.25 * bias_gradients[k])


def test_prediction_changes_nothing():
    learner = SgdMlpClassifier((2, 3, 2), 0.1, 0)
    learner.learn_one([1.0, 2.0], 1)
    before = (learner.standardizer.n, learner.standardizer.mean.copy(), learner.weights[0].copy())
    learner.predict_one([5.0, -2.0])
    assert learner.standardizer.n == before[0]
    assert np.array_equal(learner.standardizer.mean, before[1])
    assert np.array_equal(learner.weights[0], before[2])


def test_probabilities_sum_to_one_and_agree_with_the_prediction():
    learner = SgdMlpClassifier((2, 8, 4), 0.1, 0)
    learner.learn_one([1.0, 2.0], 1)
    p = learner.predict_proba_one([3.0, -1.0])
    assert p.shape == (4,)
    assert p.sum() == pytest.approx(1)
    assert learner.predict_one([3.0, -1.0]) == np.argmax(p)


def test_no_bias_means_no_bias():
    assert SgdMlpClassifier((2, 2), 0.1, 0, bias=False).biases is None


def test_same_seed_same_predictions():
    stream = load_gas_drift(limit=200)
    runs = [evaluate(SgdMlpClassifier((128, 8, 6), 0.02, s), stream) for s in (4, 4, 5)]
    assert runs[0].predictions_sha256 == runs[1].predictions_sha256
    assert runs[0].predictions_sha256 != runs[2].predictions_sha256


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((5,), 0.1, 0), "layers must be two or more"),
        (((5, 0, 2), 0.1, 0), "layers must be two or more"),
        (((5, 2), 0.0, 0), "lr must be"),
        (((5, 2), float("nan"), 0), "lr must be"),
        (((5, 2), float("inf"), 0), "lr must be"),
        (((5, 2), 0.1, -1), "seed must be"),
    ],
)
def test_bad_configuration(arguments, said):
    with pytest.raises(ConfigError, match=said):
        SgdMlpClassifier(*arguments)


@pytest.mark.parametrize("verb", ["predict_one", "predict_proba_one", "learn_one"])
def test_bad_inputs(verb):
    learner = SgdMlpClassifier((2, 2), 0.1, 0)
    label = (0,) if verb == "learn_one" else ()
    with pytest.raises(ShapeError, match=r"expected 2 features, got shape \[3\]"):
        getattr(learner, verb)([1.0, 2.0, 3.0], *label)
    with pytest.raises(InputValueError, match="feature 1 is nan"):
        getattr(learner, verb)([1.0, np.nan], *label)
    assert learner.standardizer.n == 0


@pytest.mark.parametrize("y", [-1, 2])
def test_bad_label_is_refused_before_anything_changes(y):
    learner = SgdMlpClassifier((2, 2), 0.1, 0)
    with pytest.raises(LabelError, match=rf"index in 0..1, got {y}"):
        learner.learn_one([1.0, 2.0], y)
    assert learner.standardizer.n == 0


def test_sgd_on_the_gas_stream_is_as_good_as_documented():
    accuracy, seconds = tune.sgd_accuracy()
    assert accuracy > 0.94
    assert seconds > 0


def test_tune_prints_its_tables(capsys, monkeypatch):
    monkeypatch.setattr(tune, "load_gas_drift", lambda seed: load_gas_drift(seed, limit=100))
    assert tune.main(["--seeds", "2", "--lr", "0.01", "0.02"]) == 0
    out = capsys.readouterr().out
    assert "| 0.01 |" in out
    assert "| 0.02 |" in out
    assert "no-change: mean" in out
    assert "majority: mean" in out


def test_tune_says_when_river_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(tune, "available", lambda: False)
    monkeypatch.setattr(tune, "load_gas_drift", lambda seed: load_gas_drift(seed, limit=50))
    assert tune.main(["--seeds", "1", "--lr", "0.01", "--river"]) == 1
    assert "River is not installed" in capsys.readouterr().err


def test_tune_measures_river(capsys, monkeypatch):
    pytest.importorskip("river", reason="River is not installed")
    monkeypatch.setattr(tune, "load_gas_drift", lambda seed: load_gas_drift(seed, limit=20))
    assert tune.main(["--seeds", "1", "--lr", "0.01", "--river"]) == 0
    out = capsys.readouterr().out
    assert all(f"| {name} | 0 |" in out for name in tune.river_candidates())


def test_river_default_learns_the_gas_stream():
    pytest.importorskip("river", reason="River is not installed")
    assert river_adapter.available()
    learner: OnlineClassifier = RiverClassifier()
    assert learner.predict_one(np.zeros(128, np.float32)) == 0
    assert evaluate(learner, load_gas_drift(limit=400)).accuracy > 0.8


@pytest.mark.parametrize("k", [1, 3])
def test_river_finds_by_a_matrix_what_it_finds_by_itself(k):
    """Small whole numbers, so that many are equally near and some the same; more than it keeps."""
    neighbors = pytest.importorskip("river.neighbors", reason="River is not installed")
    from streamlearn.baselines.river_window import MatrixWindow

    rng = np.random.default_rng(0)
    engines = MatrixWindow(7), neighbors.LazySearch(window_size=7)
    ours, rivers = (neighbors.KNNClassifier(n_neighbors=k, engine=e) for e in engines)
    rows = rng.integers(0, 3, (300, 4)).astype(float).tolist()
    for row, y in zip(rows, rng.integers(0, 3, 300).tolist(), strict=True):
        x = dict(enumerate(row))
        assert ours.predict_proba_one(x) == pytest.approx(rivers.predict_proba_one(x))
        ours.learn_one(x, y)
        rivers.learn_one(x, y)
    found = [(x, y) for x, y in ours._nn.search((x, None), 7)[0]]
    assert found == rivers._nn.search((x, None), 7)[0]
    assert ours._nn.refresh_targets() == {y for _, y in found}
    with pytest.raises(ShapeError, match="3 features, but the samples before had 4"):
        ours.predict_one(dict(enumerate(row[:3])))


def test_river_model_of_ones_own():
    linear_model = pytest.importorskip("river.linear_model", reason="River is not installed")
    learner = RiverClassifier(linear_model.SoftmaxRegression())
    for _ in range(20):
        learner.learn_one(np.array([1, 0], np.float32), 0)
        learner.learn_one(np.array([0, 1], np.float32), 1)
    assert learner.predict_one(np.array([0, 1], np.float32)) == 1


def test_river_missing(monkeypatch):
    monkeypatch.setattr(river_adapter, "find_spec", lambda _name: None)
    assert not river_adapter.available()
    with pytest.raises(ConfigError, match="River is not installed; `pip install river`"):
        RiverClassifier()


def test_river_is_not_imported_with_the_package():
    import subprocess

    program = "import sys, streamlearn.baselines; sys.exit('river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
