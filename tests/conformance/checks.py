"""The contract of a learner, as checks that any learner can be put through.

A check is a function of ``make``, which returns a fresh learner: ``make(layers=(5, 8, 3), seed=0,
**more)``, ``more`` as for :class:`streamlearn.MesuClassifier`. It raises AssertionError where the
contract is broken. ``CHECKS`` holds them all, filled by the decorator, so that none is forgotten.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from quant.errors import InputValueError, LabelError, ShapeError, StreamlearnError

Make = Callable[..., Any]
CHECKS: list[Callable[[Make], None]] = []

LAYERS = (5, 8, 3)
N_FEATURES, N_CLASSES = LAYERS[0], LAYERS[-1]
FLOAT32_MAX = float(np.finfo(np.float32).max)


def check(function: Callable[[Make], None]) -> Callable[[Make], None]:
    """Put a check on the list."""
    CHECKS.append(function)
    return function


#: Settings of one rule only.
OWN_SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "mesu": ({"n_draws": 1}, {"n_draws": 3}, {"memory_window": float("inf")}),
    "metaplastic": ({"metaplasticity": 0.0}, {"clamp": 0.5}, {"lr": 2.0, "lr_output": 0.5}),
}


def weights_of(learner: Any) -> str:
    """Return the name of the field of weights."""
    return {"mesu": "mu", "metaplastic": "hidden_weight"}[learner.spec.rule]


def noisy(learner: Any) -> bool:
    """Tell whether random bits take part in learning: not in the equations of metaplasticity."""
    return bool((learner.spec.rule, learner.arithmetic) != ("metaplastic", "float64"))


def blobs(n: int, seed: int = 0) -> list[tuple[list[float], int]]:
    """Gaussian blobs well apart, in float32, on features of very different scales."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(N_CLASSES, N_FEATURES)) * 3
    labels = rng.integers(0, N_CLASSES, n)
    x = (centres[labels] + rng.normal(size=(n, N_FEATURES))) * [1, 1e-3, 50, 1e4, 1] + 7
    return list(zip(x.astype(np.float32).tolist(), labels.tolist(), strict=True))


def trained(make: Make, n: int = 30, **more: Any) -> Any:
    """Return a learner that has learned ``n`` blobs."""
    learner = make(**more)
    for x, y in blobs(n):
        learner.learn_one(x, y)
    return learner


@contextlib.contextmanager
def refuses(learner: Any, error: type[Exception], message: str) -> Any:
    """Assert that the block raises ``error`` with a matching message and changes nothing."""
    before, labels = learner.state_sha256, learner.labels
    raised: Exception | None = None
    try:
        yield
    except Exception as caught:  # noqa: BLE001 - the point is to look at whatever comes
        raised = caught
    assert isinstance(raised, error), f"expected {error.__name__}, got {raised!r}"
    assert isinstance(raised, StreamlearnError)
    assert re.search(message, str(raised)), f"message {str(raised)!r} lacks {message!r}"
    assert learner.state_sha256 == before, "a refused sample changed the state"
    assert learner.labels == labels, "a refused sample left a label behind"


# -- predicting and learning -------------------------------------------------------------------


@check
def predict_changes_nothing(make: Make) -> None:
    learner = trained(make)
    for x, _ in blobs(10, seed=1):
        before = learner.state_sha256
        first = learner.predict_one(x), learner.predict_proba_one(x)
        assert learner.state_sha256 == before, "predicting changed the state"
        assert (learner.predict_one(x), learner.predict_proba_one(x)) == first


@check
def predicting_between_lessons_changes_no_lesson(make: Make) -> None:
    quiet, asked = make(), make()
    for x, y in blobs(20):
        asked.predict_one(x)
        asked.predict_proba_one(x)
        quiet.learn_one(x, y)
        asked.learn_one(x, y)
    assert quiet.state_sha256 == asked.state_sha256


@check
def learn_changes_the_state_and_returns_the_learner(make: Make) -> None:
    learner = make()
    for n, (x, y) in enumerate(blobs(10), 1):
        before = learner.state_sha256
        assert learner.learn_one(x, y) is learner
        assert learner.state_sha256 != before
        assert learner.n_samples == n


@check
def the_callers_features_are_left_alone(make: Make) -> None:
    learner = make()
    x, y = blobs(1)[0]
    array, named = np.array(x), {f"f{i}": value for i, value in enumerate(x)}
    kept_array, kept_named = array.copy(), dict(named)
    learner.learn_one(array, y)
    learner.predict_one(array)
    make().learn_one(named, y)
    assert np.array_equal(array, kept_array)
    assert named == kept_named


@check
def learns_what_is_easy(make: Make) -> None:
    learner, right = make(), 0
    stream = blobs(400)
    for t, (x, y) in enumerate(stream):
        right += t >= 200 and learner.predict_one(x) == y
        learner.learn_one(x, y)
    assert right >= 180, f"{right} of the last 200 blobs right"


# -- seeds -------------------------------------------------------------------------------------


@check
def same_seed_same_state(make: Make) -> None:
    assert make(seed=5).state_sha256 == make(seed=5).state_sha256
    assert trained(make, seed=5).state_sha256 == trained(make, seed=5).state_sha256


@check
def other_seed_other_state(make: Make) -> None:
    a, b = make(seed=5), make(seed=6)
    weights = weights_of(a)
    assert a.state[weights].tobytes() != b.state[weights].tobytes(), "the start ignores the seed"
    # From the same weights, the noise alone must tell the seeds apart.
    state = a.state
    state["seed"] = 6
    b.state = state
    for x, y in blobs(5):
        a.learn_one(x, y)
        b.learn_one(x, y)
    if noisy(a):
        assert a.state[weights].tobytes() != b.state[weights].tobytes(), "the noise has no seed"


# -- the state ---------------------------------------------------------------------------------


def _goes_on_alike(one: Any, other: Any, seed: int = 2) -> None:
    assert one.state_sha256 == other.state_sha256
    for x, y in blobs(20, seed):
        assert one.predict_one(x) == other.predict_one(x)
        assert one.predict_proba_one(x) == other.predict_proba_one(x)
        one.learn_one(x, y)
        other.learn_one(x, y)
        assert one.state_sha256 == other.state_sha256
    assert one.labels == other.labels
    assert one.n_samples == other.n_samples


@check
def saved_mid_stream_it_goes_on_bit_for_bit(make: Make) -> None:
    learner = trained(make, 17)
    copy = type(learner).from_bytes(learner.to_bytes())
    assert (copy.spec, copy.config, copy.arithmetic) == (
        learner.spec,
        learner.config,
        learner.arithmetic,
    )
    _goes_on_alike(learner, copy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sls"
        learner.save(path)
        _goes_on_alike(learner, type(learner).load(path), seed=3)
        learner.save(path)
        assert type(learner).load(path).to_bytes() == learner.to_bytes()
        assert [p.name for p in Path(folder).iterdir()] == ["state.sls"]


@check
def a_fresh_learner_can_be_saved(make: Make) -> None:
    learner = make()
    copy = type(learner).from_bytes(learner.to_bytes())
    assert copy.predict_one(blobs(1)[0][0]) is None
    _goes_on_alike(learner, copy)


@check
def names_of_features_are_saved(make: Make) -> None:
    learner = make()
    for x, y in blobs(5):
        learner.learn_one(dict(zip("abcde", x, strict=True)), y)
    copy = type(learner).from_bytes(learner.to_bytes())
    x, _ = blobs(1, seed=4)[0]
    shuffled = dict(zip("cbeda", (x[2], x[1], x[4], x[3], x[0]), strict=True))
    assert copy.predict_proba_one(shuffled) == learner.predict_proba_one(x)


@check
def state_setter_round_trip(make: Make) -> None:
    learner = trained(make)
    for as_bytes in (False, True):
        other = make(seed=123, classes=learner.labels)
        other.state = learner.state.tobytes() if as_bytes else learner.state
        assert other.state.tobytes() == learner.state.tobytes()
        _goes_on_alike(trained(make), other)


@check
def the_state_handed_out_is_a_copy(make: Make) -> None:
    learner = trained(make)
    before = learner.state_sha256
    handed_out = learner.state
    handed_out[weights_of(learner)] += 1
    assert learner.state_sha256 == before
    learner.state = handed_out
    after = learner.state_sha256
    handed_out[weights_of(learner)] += 1
    assert learner.state_sha256 == after != before


@check
def a_state_of_another_size_is_refused(make: Make) -> None:
    learner = trained(make)
    data = learner.state.tobytes()
    for wrong in (data[:-1], data + b"\0", b"", make(layers=(5, 9, 3)).state):
        with refuses(learner, ShapeError, r"state of \d+ bytes: a 5-8-3 network .* has \d+ bytes"):
            learner.state = wrong


# -- features ----------------------------------------------------------------------------------


@check
def named_features_in_any_order(make: Make) -> None:
    listed, named = make(), make()
    rng = np.random.default_rng(0)
    for t, (x, y) in enumerate(blobs(30)):
        order = rng.permutation(N_FEATURES) if t else range(N_FEATURES)
        features = {"edcba"[i]: x[i] for i in order}
        if t:
            assert named.predict_proba_one(features) == listed.predict_proba_one(x)
            assert named.predict_one(features) == listed.predict_one(x)
        listed.learn_one(x, y)
        named.learn_one(features, y)
        assert named.state_sha256 == listed.state_sha256


@check
def containers_of_the_same_numbers_are_the_same(make: Make) -> None:
    kinds = (list, tuple, np.array, lambda x: np.array(x, np.float32), lambda x: dict(enumerate(x)))
    hashes = set()
    for kind in kinds:
        learner = make()
        for x, y in blobs(10):
            learner.learn_one(kind(x), y)
        hashes.add(learner.state_sha256)
    assert len(hashes) == 1


@check
def features_are_read_as_float32(make: Make) -> None:
    """What a device gets: the nearest float32 of any number."""
    wide, narrow = make(), make()
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(20, N_FEATURES)):
        wide.learn_one(x, 0)
        narrow.learn_one(x.astype(np.float32), 0)
    assert wide.state_sha256 == narrow.state_sha256


@check
def wrong_features_are_refused(make: Make) -> None:
    fresh, learner = make(), trained(make)
    good = blobs(1)[0][0]
    four, six = good[:4], [*good, 1.0]
    shape = r"x has shape .*: a 5-8-3 network takes \(5,\)"
    cases: list[tuple[Any, type[Exception], str]] = [
        (four, ShapeError, shape),
        (six, ShapeError, shape),
        ([], ShapeError, shape),
        ([good], ShapeError, shape),
        (3.0, ShapeError, shape),
        (dict(enumerate(four)), ShapeError, shape),
        ([good, four], InputValueError, "features must be numbers"),
        (["high", *four], InputValueError, "features must be numbers"),
        ([None, *four], InputValueError, "features must be numbers: got None"),
        ([object(), *four], InputValueError, "features must be numbers"),
        ([1j, *four], InputValueError, "features must be numbers"),
    ]
    for value in (float("nan"), float("inf"), -float("inf"), 1e39, -1e39, FLOAT32_MAX * 1.0000001):
        for at in (0, 4):
            bad = list(good)
            bad[at] = value
            message = rf"feature {at} is {re.escape(str(value))}: expected a finite number within"
            cases.append((bad, InputValueError, message))
    for learner_ in (fresh, learner):
        for x, error, message in cases:
            for verb in (
                learner_.predict_one,
                learner_.predict_proba_one,
                lambda x, learn=learner_.learn_one: learn(x, 1),
            ):
                with refuses(learner_, error, message):
                    verb(x)
    assert fresh.labels == ()


@check
def numbers_written_as_text_are_refused(make: Make) -> None:
    """A CSV row that nobody parsed must not pass for one that somebody did."""
    learner = trained(make)
    for text in ("1.5", "1e3", " 7 ", "nan"):
        for x in ([text, 1.0, 2.0, 3.0, 4.0], [text] * 5, dict.fromkeys("abcde", text)):
            with refuses(learner, InputValueError, "number"):
                learner.learn_one(x, 1)


@check
def wrong_names_of_features_are_refused(make: Make) -> None:
    learner = make()
    x, y = blobs(1)[0]
    good = dict(zip("abcde", x, strict=True))
    learner.learn_one(good, y)
    without = {name: value for name, value in good.items() if name != "b"}
    for bad, message in (
        (without, r"missing \['b'\], unknown \[\]"),
        ({**good, "z": 1.0}, r"missing \[\], unknown \['z'\]"),
        ({**without, "z": 1.0}, r"missing \['b'\], unknown \['z'\]"),
    ):
        with refuses(learner, ShapeError, "features differ from the first sample's: " + message):
            learner.learn_one(bad, y)
        with refuses(learner, ShapeError, message):
            learner.predict_one(bad)
    with refuses(learner, InputValueError, r"^b is nan: expected a finite number .*1 of 5 values"):
        learner.learn_one({**good, "b": float("nan")}, y)


@check
def a_refused_first_sample_teaches_no_names(make: Make) -> None:
    learner = make()
    x, y = blobs(1)[0]
    with refuses(learner, InputValueError, "is nan"):
        learner.learn_one(dict.fromkeys("vwxyz", float("nan")), y)
    learner.learn_one(dict(zip("abcde", x, strict=True)), y)
    assert learner.n_samples == 1


@check
def extreme_but_finite_features_are_survived(make: Make) -> None:
    """One burst of absurd values must not poison the state for ever."""
    learner = trained(make, 20, classes=range(N_CLASSES))
    for scale in (1e10, 1e30, FLOAT32_MAX, 1e-30, 1e-45):
        for sign in (1, -1, 1):
            learner.learn_one([sign * scale, 0, -sign * scale, 1, scale], 0)
    state = learner.state
    for field in state.dtype.names:
        assert np.isfinite(state[field]).all(), f"{field} is no longer finite"
    for x, y in blobs(300, seed=5):
        learner.learn_one(x, y)
    probabilities = learner.predict_proba_one(blobs(1)[0][0])
    assert abs(sum(probabilities.values()) - 1) < 1e-9


@check
def constant_features_are_fine(make: Make) -> None:
    learner = make()
    for t in range(40):
        learner.learn_one([0, -3.5, 1e6, 1e-20, t % 2], t % 2)
    assert learner.predict_one([0, -3.5, 1e6, 1e-20, 1]) == 1
    assert learner.predict_one([0, -3.5, 1e6, 1e-20, 0]) == 0


# -- labels ------------------------------------------------------------------------------------


@check
def none_before_any_label(make: Make) -> None:
    learner = make()
    x, y = blobs(1)[0]
    assert learner.predict_one(x) is None
    assert learner.predict_proba_one(x) == {}
    learner.learn_one(x, y)
    assert learner.predict_one(x) == y
    assert learner.predict_proba_one(x) == {y: 1.0}


@check
def given_classes_are_known_from_the_start(make: Make) -> None:
    learner = make(classes=("low", "mid", "high"))
    x, _ = blobs(1)[0]
    assert learner.predict_one(x) in ("low", "mid", "high")
    assert list(learner.predict_proba_one(x)) == ["low", "mid", "high"]
    with refuses(learner, LabelError, r"label 'off' is unknown"):
        learner.learn_one(x, "off")


@check
def an_unknown_label_is_refused(make: Make) -> None:
    learner = trained(make)
    assert len(learner.labels) == N_CLASSES
    message = (
        r"label 'new' is unknown: the 3 classes are \[.*\]; "
        "give the network a larger last layer or drop the sample"
    )
    with refuses(learner, LabelError, message):
        learner.learn_one(blobs(1)[0][0], "new")


@check
def labels_of_every_kind(make: Make) -> None:
    for kind in (
        lambda y: ("red", "green", "blue")[y],
        lambda y: y * 10 - 10,
        lambda y: y > 0,
        lambda y: y + 0.5,
        lambda y: (1, y),
        np.int64,
        np.uint8,
        lambda y: np.bool_(y > 0),
        lambda y: np.str_("abc"[y]),
    ):
        learner = make()
        for x, y in blobs(30):
            learner.learn_one(x, kind(y))
        expected = {kind(y) for _, y in blobs(30)}
        assert set(learner.labels) == expected
        assert not any(isinstance(label, np.generic) for label in learner.labels)
        x, _ = blobs(1, seed=1)[0]
        assert learner.predict_one(x) in expected
        assert tuple(learner.predict_proba_one(x)) == learner.labels


@check
def names_of_labels_change_no_bit(make: Make) -> None:
    numbered, texts = make(), make()
    for x, y in blobs(20):
        numbered.learn_one(x, y)
        texts.learn_one(x, str(y))
    assert numbered.state_sha256 == texts.state_sha256


@check
def probabilities_sum_to_one_and_agree_with_the_prediction(make: Make) -> None:
    learner = make()
    for x, y in blobs(40):
        learner.learn_one(x, y)
        probabilities = learner.predict_proba_one(x)
        values = list(probabilities.values())
        assert all(isinstance(value, float) and 0 <= value <= 1 for value in values)
        assert abs(sum(values) - 1) < 1e-9
        assert max(probabilities, key=probabilities.__getitem__) == learner.predict_one(x)
        assert tuple(probabilities) == learner.labels


@check
def every_kind_of_network_learns(make: Make) -> None:
    for more in (
        {"layers": (5, 3)},
        {"layers": (5, 7, 6, 3)},
        {"bias": False},
        {"front_end": "none"},
        *OWN_SETTINGS[make().spec.rule],
    ):
        learner = make(**more)
        for x, y in blobs(20):
            learner.learn_one(np.clip(x, -7, 7), y)
        assert learner.predict_one(np.clip(x, -7, 7)) in learner.labels
        copy = type(learner).from_bytes(learner.to_bytes())
        assert copy.state_sha256 == learner.state_sha256
