"""What MesuClassifier says when something is wrong, when it warns, and how good it must be."""

from __future__ import annotations

import copy
import pickle
import struct
import warnings
from typing import Any

import numpy as np
import pytest

from quant.errors import (
    ConfigError,
    DivergedError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
    StreamlearnError,
)
from quant.image import FORMAT_VERSION
from streamlearn import MesuClassifier, NoiseWarning
from streamlearn.baselines import SgdMlpClassifier
from streamlearn.evaluation import evaluate
from streamlearn.noise_check import NOISE_LIMIT, WINDOW_LIMIT, forecast_spread
from streamlearn.streams import load_gas_drift

GAS = (128, 32, 6)


def learner(**more: Any) -> MesuClassifier:
    return MesuClassifier((5, 8, 3), **more)


# -- refusals at construction --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((5,), r"layers=\(5,\): expected \(n_features, hidden..., n_classes\), 2 to 17 .* got 1"),
        ((5,) * 18, r"2 to 17 sizes; got 18"),
        ((5, 0, 3), r"layers=\(5, 0, 3\): every size must be 1 to 65535"),
        ((65536, 3), r"every size must be 1 to 65535"),
        ((5, -2, 3), r"every size must be 1 to 65535"),
        ((5, 1), r"the last size is the number of classes and must be at least 2, got 1"),
    ],
)
def test_impossible_layers(layers: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MesuClassifier(layers)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"arithmetic": "q8"}, r"arithmetic='q8': expected one of q16, float32, float64"),
        (
            {"arithmetic": "float64", "backend": "c"},
            r"backend='c': float64 runs on 'numpy'$",
        ),
        ({"arithmetic": "float32", "backend": "numpy"}, r"backend='numpy': float32 runs on 'c'$"),
        ({"backend": "gpu"}, r"backend='gpu': q16 runs on 'c' or 'numpy'"),
        ({"front_end": "pca"}, r"front_end='pca': expected 'standardise', 'frozen' or 'none'"),
        ({"memory_window": 0}, r"memory_window=0: expected a number of samples.*, or inf"),
        ({"memory_window": float("nan")}, r"memory_window=nan: expected"),
        ({"sigma_prior": -1.0}, r"sigma_prior=-1.0: expected .* or None for 1/sqrt\(fan_in\)"),
        ({"sigma_prior": float("inf")}, r"sigma_prior=inf: expected a .*number above 0"),
        ({"mu_prior": float("inf")}, r"mu_prior=inf: expected a .*number"),
        ({"mu_init": -1}, r"mu_init=-1: expected a .*number, 0"),
        ({"sigma_init": 0}, r"sigma_init=0: expected a .*number above 0"),
        ({"lr_mu": 0}, r"lr_mu=0: expected a .*number above 0"),
        ({"lr_sigma": float("nan")}, r"lr_sigma=nan: expected a .*number above 0"),
        ({"n_draws": 0}, r"n_draws=0: expected 1 to 64 draws"),
        ({"n_draws": 65}, r"n_draws=65: expected 1 to 64 draws"),
        ({"sweep": 3}, r"sweep=3: expected a power of two, 1 to 4096"),
        ({"sweep": 0}, r"sweep=0: expected a power of two"),
        ({"front_end_window": 1}, r"front_end_window=1: expected 2 to 32768 samples"),
        ({"n_draws": 2.5}, r"n_draws=2.5: expected a whole number"),
        ({"sweep": 64.0}, r"sweep=64.0: expected a whole number"),
        ({"front_end_window": 300.5}, r"front_end_window=300.5: expected a whole number"),
    ],
)
def test_impossible_settings(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        learner(**more)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, StreamlearnError)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"memory_window": 100.0}, r"memory_window=100: too short .* use at least 512 samples"),
        ({"memory_window": 1e13}, r"memory_window=1e\+13: so long that its pull rounds away"),
        ({"sigma_prior": 8.0}, r"sigma up to 8 in a layer of 5 inputs: .* between 0.001 and 5.6"),
        ({"sigma_prior": 0.01}, r"sigma_init=0.447 is more than 11 times sigma_prior=0.01"),
        ({"mu_init": 30.0}, r"mu_init/sqrt\(fan_in\)=13.4, .* holds means within ±8"),
        (
            {"mu_prior": -9.0},
            r"mu_prior=-9: fixed point with mu_frac_bits=12 holds means within ±8",
        ),
    ],
)
def test_what_fixed_point_cannot_hold_floating_point_can(
    more: dict[str, Any], message: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoiseWarning)
        with pytest.raises(ConfigError, match=message):
            learner(**more)
        learner(arithmetic="float64", **more)


def test_misspelt_setting_is_named() -> None:
    with pytest.raises(TypeError, match="memory_windw"):
        learner(memory_windw=3)


# -- refusals of samples -------------------------------------------------------------------------


def test_messages_about_samples_say_what_where_and_what_to_do() -> None:
    one = learner(classes=("a", "b", "c"))
    with pytest.raises(ShapeError, match=r"^x has shape \(4,\): a 5-8-3 network takes \(5,\)$"):
        one.learn_one([1, 2, 3, 4], "a")
    with pytest.raises(
        InputValueError,
        match=r"^feature 1 is inf: expected a finite number within float32; 2 of 5 values are bad. "
        r"Nothing was learned; drop or repair the sample$",
    ):
        one.learn_one([1, float("inf"), 3, float("nan"), 5], "a")
    with pytest.raises(InputValueError, match=r"^features must be numbers: got 'wet'"):
        one.learn_one(["wet", 2, 3, 4, 5], "a")
    with pytest.raises(InputValueError, match=r"^features must be numbers: got 'dry'"):
        one.learn_one([1, np.float32(2), 3, "dry", 5], "a")
    with pytest.raises(
        LabelError,
        match=r"^label 'd' is unknown: the 3 classes are \['a', 'b', 'c'\]; give the network a "
        r"larger last layer or drop the sample$",
    ):
        one.learn_one([1, 2, 3, 4, 5], "d")
    one.learn_one(dict(zip("vwxyz", range(5), strict=True)), "a")
    with pytest.raises(
        ShapeError,
        match=r"^features differ from the first sample's: missing \['z'\], unknown \['q'\]$",
    ):
        one.learn_one(dict(zip("vwxyq", range(5), strict=True)), "a")
    with pytest.raises(InputValueError, match=r"^x is nan: .* 1 of 5 values are bad"):
        one.predict_one({**dict.fromkeys("vwyz", 0.0), "x": float("nan")})
    assert one.n_samples == 1


def test_a_state_of_another_network_is_refused() -> None:
    with pytest.raises(
        ShapeError,
        match=r"^state of \d+ bytes: a 5-8-3 network in q16 has \d+ bytes; was it written for "
        "another network",
    ):
        learner().state = MesuClassifier((5, 9, 3)).state


def test_a_label_that_a_file_cannot_hold() -> None:
    one = learner()
    message = r"of type {} cannot be saved: use text, finite numbers or truth values"
    for label in (("a", 1), float("inf"), 1 << 1024):
        kind = message.format(type(label).__name__)
        with pytest.raises(LabelError, match=kind):
            one.learn_one([1, 2, 3, 4, 5], label)
        with pytest.raises(LabelError, match=kind):
            one.learn_many([[1, 2, 3, 4, 5]], [label])
        with pytest.raises(LabelError, match=kind):
            learner(classes=("a", label))
    assert (one.n_samples, one.labels) == (0, ())
    assert type(one).from_bytes(one.to_bytes()).state_sha256 == one.state_sha256


def test_damaged_images_are_refused_by_name(tmp_path: Any) -> None:
    good = learner(classes=("a", "b")).to_bytes()
    path = tmp_path / "node7.sls"
    later = good[:4] + struct.pack("<H", FORMAT_VERSION + 1) + good[6:]
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    for data, message in (
        (b"", r"0 bytes, a state image has at least 24; the file is truncated or not a state"),
        (good[:23], r"23 bytes, a state image has at least 24"),
        (b"PK" + good[2:], r"begins with b'PKST', a state image begins with b'SLST'"),
        (later, rf"state format version {FORMAT_VERSION + 1}, this streamlearn reads version "),
        (good[:-1], rf"{len(good) - 1} bytes, its header announces {len(good)}; the file was cut"),
        (good + b"\0", r"the file was cut or something was added"),
        (flipped, r"CRC-32 is [0-9a-f]{8}, the header says [0-9a-f]{8}; the contents are damaged"),
    ):
        path.write_bytes(data)
        with pytest.raises(StateFormatError, match=r"node7.sls: .*" + message):
            MesuClassifier.load(path)
    path.write_bytes(good)
    assert MesuClassifier.load(path).labels == ("a", "b")


def test_every_changed_byte_of_an_image_is_refused() -> None:
    good = MesuClassifier((2, 2), classes=("a", "b")).to_bytes()
    accepted = []
    for at in range(len(good)):
        data = bytearray(good)
        data[at] ^= 0x10
        try:
            MesuClassifier.from_bytes(bytes(data))
        except StateFormatError:
            continue
        accepted.append(at)
    # Bytes 20 to 23 of the header are reserved, outside the checksum.
    assert set(accepted) <= {20, 21, 22, 23}


def test_a_learner_that_refused_a_label_saves_what_it_had(tmp_path: Any) -> None:
    path = tmp_path / "state.sls"
    one = learner().learn_one([1, 2, 3, 4, 5], "a")
    one.save(path)
    kept = path.read_bytes()
    with pytest.raises(LabelError):
        one.learn_one([1, 2, 3, 4, 5], ("not", "savable"))
    one.save(path)
    assert path.read_bytes() == kept


def test_repr_says_what_it_is() -> None:
    one = learner().learn_one([1, 2, 3, 4, 5], "a")
    assert repr(one) == "MesuClassifier(5-8-3, q16, memory_window=100000, 1 samples)"


def test_saturations_are_counted() -> None:
    for arithmetic in ("q16", "float32", "float64"):
        one = learner(arithmetic=arithmetic, front_end="none")
        assert one.saturations.input == 0
        one.learn_one([1, 100, -100, 2, 3], "a")
        assert one.saturations.input == 2


# -- warnings ------------------------------------------------------------------------------------


def test_no_warning_for_the_defaults() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for layers in ((128, 32, 6), (784, 100, 10), (2, 2), (5, 8, 3), (1000, 10)):
            for arithmetic in ("float64", "q16"):
                backend = "numpy" if arithmetic == "q16" else None
                MesuClassifier(layers, arithmetic=arithmetic, backend=backend)


def test_warns_of_a_wide_prior_and_points_at_the_caller() -> None:
    with pytest.warns(NoiseWarning) as record:
        MesuClassifier(
            GAS, arithmetic="float64", sigma_prior=1, memory_window=1000, lr_mu=1, lr_sigma=1
        )
    assert len(record) == 1
    assert record[0].filename == __file__
    message = str(record[0].message)
    assert "sigma_prior=1 and memory_window=1000: in the layer of 128 inputs" in message
    assert "forecast at 2.5 times the signal (limit 1.5)" in message
    assert "lengthen memory_window or lower sigma_prior towards 0.088" in message


def test_warns_of_the_pair_that_the_readme_names() -> None:
    """(1, 1000) at the default learning rates: the window is the first thing that is wrong."""
    with pytest.warns(NoiseWarning, match=r"memory_window=1000 with learning rates up to 2"):
        MesuClassifier(GAS, arithmetic="float64", sigma_prior=1, memory_window=1000)


@pytest.mark.parametrize("window", [600.0, 1999.0])
def test_warns_of_a_short_window(window: float) -> None:
    message = (
        rf"^memory_window={window:g} with learning rates up to 2: the prior erases faster than a "
        r"weight learns, and noise takes over; use memory_window of 2000 or more$"
    )
    with pytest.warns(NoiseWarning, match=message) as record:
        MesuClassifier(GAS, memory_window=window)
    assert len(record) == 1


def test_the_limits_are_where_the_module_says() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = MesuClassifier(GAS, memory_window=2.0 * WINDOW_LIMIT)
    assert forecast_spread(128, one.config) < NOISE_LIMIT


def test_the_advice_of_a_warning_silences_it() -> None:
    with pytest.warns(NoiseWarning, match="use memory_window of 2000 or more"):
        MesuClassifier(GAS, memory_window=700)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MesuClassifier(GAS, memory_window=2000)
        MesuClassifier(GAS, memory_window=2000, sigma_prior=0.088)


# Accuracy lost on the gas stream against the best lr_mu beside it: `python -m experiments
# noise-limits`, second table.
LOSING = (
    {"memory_window": 10_000.0, "lr_mu": 8.0},
    {"lr_mu": 6.0},
    {"sigma_init": 0.5, "lr_mu": 16.0},
    {"sigma_init": 1.4, "lr_mu": 3.0},
    {"sigma_init": 2.0, "lr_mu": 2.0},
    {"sigma_init": 20.0},
)
LOSING_LITTLE: tuple[dict[str, float], ...] = (
    {},
    {"lr_mu": 4.0},
    {"memory_window": 10_000.0, "lr_mu": 3.0},
    {"sigma_init": 0.5, "lr_mu": 8.0},
    {"sigma_init": 1.4, "lr_mu": 2.0},
    {"sigma_init": 2.0, "lr_mu": 1.0},
)


@pytest.mark.parametrize("settings", LOSING, ids=str)
def test_warns_of_steps_that_overshoot(settings: dict[str, float]) -> None:
    """The field's report: window 10,000 and lr_mu 8 lost 8.7 points, and nothing was said."""
    message = (
        r"^lr_mu=\S+ and sigma_init=\S+: in 2 layers the first steps are forecast at \S+ times"
    )
    with pytest.warns(NoiseWarning, match=message) as record:
        MesuClassifier(GAS, arithmetic="float64", **settings)
    assert len(record) == 1
    most = float(str(record[0].message).split("use lr_mu of ")[1].split()[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MesuClassifier(GAS, arithmetic="float64", **{**settings, "lr_mu": most})


@pytest.mark.parametrize("settings", LOSING_LITTLE, ids=str)
def test_is_silent_where_a_large_step_costs_less_than_a_point(settings: dict[str, float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MesuClassifier(GAS, arithmetic="float64", **settings)


def test_a_deeper_network_takes_smaller_steps() -> None:
    deep = (128, 32, 32, 6)
    with pytest.warns(NoiseWarning, match="use lr_mu of 2.2 or less"):
        MesuClassifier(deep, arithmetic="float64", lr_mu=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MesuClassifier((128, 6), arithmetic="float64", lr_mu=8)


# -- divergence ----------------------------------------------------------------------------------

DIVERGING = {"sigma_prior": 1.0, "memory_window": 600.0, "lr_mu": 2.0, "lr_sigma": 2.0}


def diverging(**more: Any) -> MesuClassifier:
    with pytest.warns(NoiseWarning):
        return MesuClassifier(GAS, classes=range(6), **{**DIVERGING, "step": "fixed", **more})


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_divergence_is_an_error_and_never_a_nan_prediction(arithmetic: Any) -> None:
    one = diverging(arithmetic=arithmetic)
    message = (
        r"^the learner's outputs are no longer finite: the noise of its weights outgrew the "
        r"signal. Start again with a longer memory_window, a smaller sigma_prior or smaller "
        r"learning rates$"
    )
    state, x, y, n_tested = one.state_sha256, np.zeros(128), 0, 0

    def run() -> None:
        nonlocal state, x, y, n_tested
        for x, y in load_gas_drift():
            assert np.isfinite(list(one.predict_proba_one(x).values())).all()
            n_tested += 1
            one.learn_one(x, y)
            state = one.state_sha256

    with pytest.raises(DivergedError, match=message) as caught:
        run()
    assert isinstance(caught.value, ArithmeticError)
    assert n_tested > 300
    assert one.state_sha256 == state
    for verb in (one.predict_one, one.predict_proba_one, lambda x: one.learn_one(x, y)):
        with pytest.raises(DivergedError):
            verb(x)
    assert one.state_sha256 == state


def test_float64_diverges_without_warnings_of_numpy() -> None:
    one = diverging(arithmetic="float64")
    with pytest.raises(DivergedError):
        evaluate(one, load_gas_drift())


def test_fixed_point_stays_finite_where_floating_point_diverges() -> None:
    one = diverging(arithmetic="q16")
    stream = load_gas_drift()
    result = evaluate(one, stream)
    assert result.n_samples == len(stream)
    assert np.isfinite(list(one.predict_proba_one(stream.x[0]).values())).all()


@pytest.mark.parametrize("field", ["mu", "sigma"])
@pytest.mark.parametrize("at", [0, -1], ids=["first-layer", "last-layer"])
@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_a_nan_weight_is_an_error(arithmetic: Any, at: int, field: str) -> None:
    one = learner(arithmetic=arithmetic, classes=range(3))
    for row in ([5, 4, 3, 2, 1], [2, 3, 1, 5, 4], [1, 5, 4, 3, 2], [3, 2, 5, 1, 4]):
        one.learn_one(row, 0)  # so that no standardised input is 0
    state = one.state
    state[field][0, at] = np.nan
    one.state = state
    with pytest.raises(DivergedError):
        one.predict_one([1, 2, 3, 4, 5])


def test_a_diverged_learner_notes_no_label() -> None:
    one = learner(arithmetic="float32")
    state = one.state
    state["mu"][0, -1] = np.nan
    one.state = state
    with pytest.raises(DivergedError):
        one.learn_one([1, 2, 3, 4, 5], "new")
    assert one.labels == ()


# -- how good ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sgd() -> list[float]:
    """Plain SGD at its documented learning rate: accuracy for seeds 0 to 2 of order and weights."""
    return [
        evaluate(SgdMlpClassifier(GAS, seed=seed), load_gas_drift(seed)).accuracy
        for seed in range(3)
    ]


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "q16"])
def test_the_default_is_never_worse_than_plain_sgd(arithmetic: Any, sgd: list[float]) -> None:
    mesu = [
        evaluate(
            MesuClassifier(GAS, classes=range(6), arithmetic=arithmetic, seed=seed),
            load_gas_drift(seed),
        ).accuracy
        for seed in range(3)
    ]
    assert np.mean(mesu) >= np.mean(sgd), f"{arithmetic}: MESU {mesu}, SGD {sgd}"
    assert 0.94 < np.mean(sgd) < 0.96, "not the baseline that docs/data.md documents"


@pytest.mark.parametrize(
    ("arithmetic", "backend"), [("q16", "c"), ("q16", "numpy"), ("float32", "c")]
)
def test_copies_and_pickles_go_on_alike(arithmetic: Any, backend: Any) -> None:
    one = learner(arithmetic=arithmetic, backend=backend)
    one.learn_one([1, 2, 3, 4, 5], "a")
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other.labels == ("a",)
        other.learn_one([5, 4, 3, 2, 1], "b")
        assert other.state_sha256 != one.state_sha256
    one.learn_one([5, 4, 3, 2, 1], "b")
    assert other.state_sha256 == one.state_sha256


@pytest.mark.parametrize("label", [None, float("nan")])
def test_no_label_is_refused(label: Any) -> None:
    with pytest.raises(LabelError, match="is no label: drop the sample"):
        learner().learn_one([1, 2, 3, 4, 5], label)


def test_masked_and_complex_features_are_refused() -> None:
    masked = np.ma.masked_array([1.0, 2, 3, 4, 5], [False, True, False, False, False])
    for x in (masked, [1j, 2, 3, 4, 5]):
        with pytest.raises(InputValueError, match="features must be numbers: got"):
            learner().predict_one(x)


@pytest.mark.parametrize("value", ["100", None, True])
def test_hyperparameters_are_numbers(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"memory_window=.*expected a number"):
        learner(memory_window=value)
