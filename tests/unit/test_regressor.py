"""MesuRegressor: its verbs, its errors, its files, and how well it predicts and knows."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.errors import (
    ConfigError,
    DivergedError,
    InputValueError,
    ShapeError,
    StateFormatError,
    StreamlearnError,
)
from streamlearn import MesuClassifier, MesuRegressor, load
from streamlearn.heads.gaussian import moments, output_gradient
from streamlearn.streams import load_gas_concentration

ENGINES = {
    "float64": {"arithmetic": "float64"},
    "float32": {"arithmetic": "float32"},
    "q16-c": {"arithmetic": "q16", "backend": "c"},
    "q16-numpy": {"arithmetic": "q16", "backend": "numpy"},
}
LAYERS = (3, 8, 1)


def make(engine: str = "q16-c", layers: tuple[int, ...] = LAYERS, **more: Any) -> MesuRegressor:
    return MesuRegressor(layers, **{**ENGINES[engine], **more})


def samples(n: int, seed: int = 0) -> list[tuple[list[float], float]]:
    """Linear, with noise of 0.5, in features and a target of very different scales."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) * [1, 1e-3, 1e4] + 7
    y = 300 + 20 * (x - 7) @ [1, 500, 5e-5] + 10 * rng.normal(size=n)
    return list(zip(x.astype(np.float32).tolist(), y.astype(np.float32).tolist(), strict=True))


def trained(engine: str, n: int = 30, **more: Any) -> MesuRegressor:
    learner = make(engine, **more)
    for x, y in samples(n):
        learner.learn_one(x, y)
    return learner


engines = pytest.mark.parametrize("engine", ENGINES)


# -- the equations -------------------------------------------------------------------------------


def negative_log_likelihood(m: float, log_variance: float, y: float) -> float:
    return 0.5 * ((y - m) ** 2 * math.exp(-log_variance) + log_variance)


def gradient(m: float, log_variance: float, y: float) -> tuple[np.ndarray, int]:
    """The gradient by both outputs, ``float64[2, 1]``, and how often a residual was clamped."""
    count = Saturations()
    return output_gradient(np.array([[m], [log_variance]]), y, count), count.gradient


@pytest.mark.parametrize("y", [-2.0, 0.1, 1.4])
@pytest.mark.parametrize("log_variance", [-1.0, 0.0, 2.5])
def test_output_gradient_is_that_of_the_negative_log_likelihood(
    log_variance: float, y: float
) -> None:
    m, h = 0.3, 1e-5
    delta, clamped = gradient(m, log_variance, y)
    by_mean = negative_log_likelihood(m + h, log_variance, y) - negative_log_likelihood(
        m - h, log_variance, y
    )
    by_log = negative_log_likelihood(m, log_variance + h, y) - negative_log_likelihood(
        m, log_variance - h, y
    )
    assert clamped == (abs(y - m) * math.exp(-log_variance / 2) > 3)
    if not clamped:
        np.testing.assert_allclose(delta[:, 0], np.array([by_mean, by_log]) / (2 * h), rtol=1e-8)
    else:
        assert delta[1, 0] == (1 - 9) / 2


def test_no_gradient_pushes_the_log_variance_out_of_its_range() -> None:
    far, near = 100.0, 0.0
    for log_variance, y, expected in ((9.0, far, 0.0), (9.0, near, 0.5), (-9.0, near, 0.0)):
        delta, _ = gradient(0.0, log_variance, y)
        assert delta[1, 0] == expected
    assert gradient(0.0, -9.0, far)[0][1, 0] == -4


def test_moments_are_those_of_the_mixture_of_the_draws() -> None:
    """Sampled: the law of total variance, with s² in place of the draws' own noise."""
    rng = np.random.default_rng(0)
    centre, spread = rng.normal(size=5), rng.uniform(0.2, 2, 5)
    epsilon = rng.normal(size=(2, 5))
    outputs = np.stack([centre, rng.normal(size=5)])
    outputs[0] += spread * epsilon[0]
    found = moments(outputs, np.stack([spread, spread]), epsilon)
    drawn = (centre + spread * rng.normal(size=(400_000, 5))).ravel()
    assert found.mean == pytest.approx(centre.mean())
    assert found.epistemic == pytest.approx(drawn.var(), rel=0.01)
    assert found.aleatoric == pytest.approx(np.exp(outputs[1]).mean())


# -- the verbs -----------------------------------------------------------------------------------


@engines
def test_predicting_changes_nothing_and_repeats(engine: str) -> None:
    learner = trained(engine)
    for x, _ in samples(5, seed=1):
        before = learner.state_sha256
        first = learner.predict_distribution_one(x)
        assert learner.predict_one(x) == first.mean
        assert learner.predict_distribution_one(x) == first
        assert learner.state_sha256 == before
        assert first.sd == pytest.approx(math.hypot(first.aleatoric, first.epistemic))


@engines
def test_learning_returns_the_learner_and_what_it_said_before(engine: str) -> None:
    learner, twin = trained(engine), trained(engine)
    for x, y in samples(5, seed=2):
        expected = twin.predict_distribution_one(x)
        assert learner.test_then_learn_one(x, y) == expected
        assert twin.learn_one(x, y) is twin
    assert learner.state_sha256 == twin.state_sha256
    assert learner.n_samples == 35


@engines
def test_before_anything_is_learned_the_spread_is_infinite(engine: str) -> None:
    learner = make(engine)
    assert learner.predict_distribution_one([1, 2, 3]) == (0, math.inf, math.inf)
    learner.learn_one([1, 2, 3], 42)
    assert learner.predict_distribution_one([1, 2, 3]) == (42, math.inf, math.inf)
    learner.learn_one([2, 3, 1], 40)
    assert 0 < learner.predict_distribution_one([1, 2, 3]).sd < math.inf


@engines
def test_learns_a_line_and_its_noise(engine: str) -> None:
    learner = make(engine)
    errors = [learner.test_then_learn_one(x, y).mean - y for x, y in samples(1500)]
    found = learner.predict_distribution_one(samples(1)[0][0])
    # A perfect predictor has 10; predicting the mean has 38.
    assert 9 < np.sqrt(np.mean(np.square(errors[1000:]))) < 13
    assert 7 < found.aleatoric < 15
    assert 0 < found.epistemic < found.aleatoric


@engines
def test_a_constant_target_is_predicted_without_spread(engine: str) -> None:
    learner = make(engine)
    for x, _ in samples(20):
        learner.learn_one(x, 7.5)
    assert learner.predict_distribution_one(samples(1)[0][0]) == (7.5, 0, 0)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e30])
def test_the_targets_scale_changes_nothing_but_the_units(scale: float) -> None:
    """In q16 every bit but the exponent's is the same for a power of two."""
    factor = 2.0 ** round(math.log2(scale))
    plain, scaled = make(), make()
    for x, y in samples(60):
        plain.learn_one(x, y)
        scaled.learn_one(x, y * factor)
    x = samples(1, seed=4)[0][0]
    assert scaled.predict_one(x) == plain.predict_one(x) * factor
    assert np.array_equal(scaled.state["mu"], plain.state["mu"])
    for name in ("rho", "rho_exponent"):
        assert np.array_equal(scaled.state[name], plain.state[name])


@engines
def test_named_features_come_in_any_order(engine: str) -> None:
    named = [({f"f{i}": v for i, v in enumerate(x)}, y) for x, y in samples(10)]
    learner, plain = make(engine), make(engine)
    for (x, y), (row, _) in zip(named, samples(10), strict=True):
        learner.learn_one(x if learner.n_samples == 0 else dict(reversed(x.items())), y)
        plain.learn_one(row, y)
    assert learner.state_sha256 == plain.state_sha256


@engines
def test_epistemic_spread_grows_away_from_the_data(engine: str) -> None:
    learner = trained(engine, 600)
    near, far = ([7.0, 7.0, 7.0 + 1e4 * z] for z in (0, 7))
    spreads = [learner.predict_distribution_one(x).epistemic for x in (near, far)]
    assert spreads[1] > 2 * spreads[0]


@engines
def test_river_evaluates_it_as_it_stands(engine: str) -> None:
    pytest.importorskip("river", reason="River is not installed (pip install river)")
    from river import base, evaluate, metrics

    data = [({f"f{i}": v for i, v in enumerate(x)}, y) for x, y in samples(400)]
    learner = make(engine)
    assert isinstance(learner, base.Regressor)
    assert not isinstance(learner, base.Classifier)
    metric = evaluate.progressive_val_score(data, learner, metrics.MAE())
    assert metric.get() < 20
    assert learner.n_samples == 400


# -- errors --------------------------------------------------------------------------------------

BAD_TARGETS = [
    (math.nan, InputValueError, "target is nan: expected a finite number within float32"),
    (math.inf, InputValueError, "target is inf"),
    (-1e39, InputValueError, "within float32"),
    (None, InputValueError, "target is None: expected a number"),
    ("7", InputValueError, "target is '7': expected a number"),
    (1j, InputValueError, "expected a number"),
    ([1.0], ShapeError, r"target has shape \(1,\): expected one number"),
    (np.ones((2, 2)), ShapeError, r"shape \(2, 2\)"),
    (np.ma.masked, InputValueError, "expected a number"),
]


@engines
@pytest.mark.parametrize(("y", "error", "message"), BAD_TARGETS)
def test_a_bad_target_is_refused_and_changes_nothing(
    engine: str, y: Any, error: type[Exception], message: str
) -> None:
    learner = trained(engine, 5)
    before = learner.state_sha256
    with pytest.raises(error, match=message) as raised:
        learner.learn_one([1.0, 2.0, 3.0], y)
    assert isinstance(raised.value, StreamlearnError)
    assert learner.state_sha256 == before


@engines
@pytest.mark.parametrize(
    ("x", "error"),
    [([1.0, 2.0], ShapeError), ([1.0, math.nan, 2.0], InputValueError), ("abc", InputValueError)],
)
def test_bad_features_are_refused_and_change_nothing(
    engine: str, x: Any, error: type[Exception]
) -> None:
    learner = trained(engine, 5)
    before = learner.state_sha256
    for verb in (learner.predict_one, learner.predict_distribution_one):
        with pytest.raises(error):
            verb(x)
    with pytest.raises(error):
        learner.learn_one(x, 1.0)
    assert learner.state_sha256 == before


@pytest.mark.parametrize(
    ("layers", "more", "message"),
    [
        ((3, 8, 2), {}, "one target, and the last size must be 1, got 2"),
        ((3,), {}, "expected"),
        (LAYERS, {"target_window": 1}, "target_window=1: expected 2 to 32768 samples"),
        (LAYERS, {"target_window": 3.5}, "whole number"),
        (LAYERS, {"arithmetic": "q7"}, "arithmetic='q7'"),
        (LAYERS, {"arithmetic": "float64", "backend": "c"}, "backend='c'"),
        (LAYERS, {"seed": -1}, "seed=-1"),
        (LAYERS, {"memory_window": 0}, "memory_window=0"),
    ],
)
def test_impossible_settings(layers: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MesuRegressor(layers, **more)


def test_names_must_fit() -> None:
    with pytest.raises(ShapeError, match="features has 2 names"):
        MesuRegressor(LAYERS, features=["a", "b"])


def test_names_that_are_numbers_are_the_keys_of_a_sample_and_of_a_saved_learner() -> None:
    names = list(range(LAYERS[0]))
    learner = MesuRegressor(LAYERS, features=names, arithmetic="float64")
    for each in (learner, MesuRegressor.from_bytes(learner.to_bytes())):
        each.learn_one({name: float(name) for name in names}, 1.0)
        assert each.n_samples == 1


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("field", ["mu", "sigma"])
def test_a_nan_weight_is_an_error(arithmetic: str, field: str) -> None:
    learner = trained(arithmetic, 5)
    state = learner.state
    state[field][0, -1] = math.nan
    learner.state = state
    before = learner.state_sha256
    for call in (learner.predict_one, lambda x: learner.learn_one(x, 1.0)):
        with pytest.raises(DivergedError, match="no longer finite"):
            call([1.0, 2.0, 3.0])
    assert learner.state_sha256 == before


def test_outliers_are_counted_and_move_little() -> None:
    learner = trained("q16-c", 400)
    before = learner.saturations
    x, _ = samples(1, seed=9)[0]
    calm = learner.predict_one(x)
    learner.learn_one(x, 1e6)
    after = learner.saturations
    assert after.input > before.input, "a target beyond 8 of its standard deviations"
    assert after.gradient > before.gradient, "residuals beyond 3 of theirs"
    assert abs(learner.predict_one(x) - calm) < 1e6 / 100


# -- files ---------------------------------------------------------------------------------------


@engines
def test_saved_and_loaded_it_goes_on(engine: str, tmp_path: Any) -> None:
    learner, whole = trained(engine), trained(engine)
    path = tmp_path / "learner.sls"
    learner.save(path)
    backend = ENGINES[engine].get("backend")
    copies = [
        MesuRegressor.load(path, backend),
        load(path, backend),
        pickle.loads(pickle.dumps(learner)),
        copy.deepcopy(learner),
    ]
    for x, y in samples(5, seed=3):
        whole.learn_one(x, y)
    for again in copies:
        assert isinstance(again, MesuRegressor)
        for x, y in samples(5, seed=3):
            again.learn_one(x, y)
        assert again.state_sha256 == whole.state_sha256
        assert again.config == whole.config


def test_images_of_the_other_kind_are_refused() -> None:
    classifier, regressor = MesuClassifier((3, 2)), make()
    with pytest.raises(StateFormatError, match="'gaussian', MesuClassifier takes 'categorical'"):
        MesuClassifier.from_bytes(regressor.to_bytes())
    with pytest.raises(StateFormatError, match="'categorical', MesuRegressor takes 'gaussian'"):
        MesuRegressor.from_bytes(classifier.to_bytes())


def test_a_classifiers_image_does_not_mention_regression() -> None:
    image = MesuClassifier((3, 2)).to_bytes()
    assert b"gaussian" not in image
    assert b"target" not in image
    assert b'"head":"gaussian"' in make().to_bytes()


def test_a_state_of_another_network_is_refused() -> None:
    learner = make()
    with pytest.raises(ShapeError, match="written for another network"):
        learner.state = MesuClassifier((3, 8, 2)).state.tobytes()


def test_repr_says_what_it_is() -> None:
    assert repr(make()) == "MesuRegressor(3-8-1, q16, memory_window=100000, 0 samples)"


# -- what the spreads are worth --------------------------------------------------------------------


def coverage(found: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Shares of targets within the central 68 % and 95 % of their predicted Gaussian."""
    error = np.abs(found[:, 0] - y)
    sd = np.hypot(found[:, 1], found[:, 2])
    return float((error < 0.99446 * sd).mean()), float((error < 1.95996 * sd).mean())


@pytest.mark.parametrize("engine", ["float32", "q16-c"])
def test_intervals_hold_their_share_of_gaussian_noise(engine: str) -> None:
    learner, data = make(engine), samples(5000)
    found = np.array([learner.test_then_learn_one(x, y) for x, y in data])[2000:]
    low, high = coverage(found, np.array([y for _, y in data])[2000:])
    print(f"{engine}: {low:.3f} of 0.68, {high:.3f} of 0.95")
    assert 0.65 < low < 0.73
    assert 0.93 < high < 0.97


@pytest.mark.parametrize("engine", ["float32", "q16-c"])
def test_noise_that_depends_on_the_input_is_learned(engine: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6000, 4))
    noise = np.where(x[:, 1] > 0, 1.5, 0.3)
    y = 100 + 2 * x[:, 0] - x[:, 2] + noise * rng.normal(size=len(x))
    learner = make(engine, (4, 16, 1))
    found = np.array(
        [learner.test_then_learn_one(row, target) for row, target in zip(x, y, strict=True)]
    )[3000:]
    loud = noise[3000:] > 1
    assert np.median(found[loud, 1]) > 2 * np.median(found[~loud, 1])
    assert 1.1 < np.median(found[loud, 1]) < 1.7
    assert np.median(found[~loud, 1]) < 0.65


# -- on real data --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_gas() -> dict[str, np.ndarray]:
    """Mean, aleatoric, epistemic of each sample of the gas stream before it was learned."""
    stream = load_gas_concentration()
    found = {}
    for engine in ("float32", "q16-c"):
        learner = make(engine, (128, 32, 1))
        found[engine] = np.array([learner.test_then_learn_one(x, y) for x, y in stream])
    found["y"] = stream.y
    return found


@pytest.mark.parametrize("engine", ["float32", "q16-c"])
def test_predicts_concentrations_and_knows_how_well(engine: str, on_gas: Any) -> None:
    """Log10 of ppmv over the whole stream; its standard deviation is 0.41."""
    prediction, y = on_gas[engine], on_gas["y"]
    error = np.abs(prediction[:, 0] - y)[1:]
    sd = np.hypot(prediction[:, 1], prediction[:, 2])[1:]
    print(f"{engine}: MAE {error.mean():.4f}", (error < sd).mean(), (error < 1.96 * sd).mean())
    assert error.mean() < 0.115
    # Errors have longer tails than a Gaussian: more than 68 % within one standard deviation.
    assert 0.68 < (error < sd).mean() < 0.9
    assert 0.95 < (error < 1.96 * sd).mean() < 0.99
    # The spread tells which predictions are good.
    sure = sd[1000:] < np.median(sd[1000:])
    assert error[1000:][sure].mean() < 0.6 * error[1000:][~sure].mean()


def test_fixed_point_is_as_good_as_floating_point(on_gas: Any) -> None:
    y = on_gas["y"]
    errors = [np.abs(on_gas[engine][1:, 0] - y[1:]).mean() for engine in ("q16-c", "float32")]
    assert errors[0] < 1.1 * errors[1]
