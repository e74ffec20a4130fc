"""Features: names, containers, float32, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from quant.errors import InputValueError, ShapeError
from streamlearn.checks.registry import check
from streamlearn.checks.samples import (
    FLOAT32_MAX,
    N_FEATURES,
    answers,
    fresh,
    refuses,
    samples,
    trained,
)


@check()
def named_features_in_any_order(learner: Any) -> None:
    """A dict is read by its names, not by its order."""
    listed, named = fresh(learner), fresh(learner)
    rng = np.random.default_rng(0)
    for t, (x, y) in enumerate(samples(learner, 30)):
        order = rng.permutation(N_FEATURES) if t else range(N_FEATURES)
        given = {"edcba"[i]: x[i] for i in order}
        if t:
            assert answers(named, given) == answers(listed, x), "names were not followed"
        listed.learn_one(x, y)
        named.learn_one(given, y)
        assert named.state_sha256 == listed.state_sha256


@check()
def containers_of_the_same_numbers_are_the_same(learner: Any) -> None:
    """Lists, tuples, arrays of either width, dicts."""
    kinds = (list, tuple, np.array, lambda x: np.array(x, np.float32), lambda x: dict(enumerate(x)))
    hashes = set()
    for kind in kinds:
        made = fresh(learner)
        for x, y in samples(learner, 10):
            made.learn_one(kind(x), y)
        hashes.add(made.state_sha256)
    assert len(hashes) == 1, "the container of the features changed what was learned"


@check()
def features_are_read_as_float32(learner: Any) -> None:
    """What a device gets: the nearest float32 of any number."""
    wide, narrow = fresh(learner), fresh(learner)
    rng = np.random.default_rng(0)
    label = samples(learner, 1)[0][1]
    for x in rng.normal(size=(20, N_FEATURES)):
        wide.learn_one(x, label)
        narrow.learn_one(x.astype(np.float32), label)
    assert wide.state_sha256 == narrow.state_sha256, "more than float32 was read"


@check()
def wrong_features_are_refused(learner: Any) -> None:
    """Wrong sizes, what is no number, NaN, infinity, beyond float32."""
    good, label = samples(learner, 1)[0]
    four, six = good[:4], [*good, 1.0]
    shape = r"x has shape .*: a 5-8-\d network takes \(5,\)"
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
    new, old = fresh(learner), trained(learner)
    for made in (new, old):
        for x, error, message in cases:
            with refuses(made, error, message):
                made.predict_one(x)
            with refuses(made, error, message):
                made.learn_one(x, label)
    assert new.labels == ()


@check()
def numbers_written_as_text_are_refused(learner: Any) -> None:
    """A CSV row that nobody parsed must not pass for one that somebody did."""
    made = trained(learner)
    label = samples(learner, 1)[0][1]
    for text in ("1.5", "1e3", " 7 ", "nan"):
        for x in ([text, 1.0, 2.0, 3.0, 4.0], [text] * 5, dict.fromkeys("abcde", text)):
            with refuses(made, InputValueError, "number"):
                made.learn_one(x, label)


@check()
def wrong_names_of_features_are_refused(learner: Any) -> None:
    """Missing and unknown names are named; a bad value is named by its feature."""
    made = fresh(learner)
    x, y = samples(learner, 1)[0]
    good = dict(zip("abcde", x, strict=True))
    made.learn_one(good, y)
    without = {name: value for name, value in good.items() if name != "b"}
    for bad, message in (
        (without, r"missing \['b'\], unknown \[\]"),
        ({**good, "z": 1.0}, r"missing \[\], unknown \['z'\]"),
        ({**without, "z": 1.0}, r"missing \['b'\], unknown \['z'\]"),
    ):
        with refuses(made, ShapeError, "features differ from the first sample's: " + message):
            made.learn_one(bad, y)
        with refuses(made, ShapeError, message):
            made.predict_one(bad)
    with refuses(made, InputValueError, r"^b is nan: expected a finite number .*1 of 5 values"):
        made.learn_one({**good, "b": float("nan")}, y)


@check()
def a_refused_first_sample_teaches_no_names(learner: Any) -> None:
    """The names are those of the first sample that was learned."""
    made = fresh(learner)
    x, y = samples(learner, 1)[0]
    with refuses(made, InputValueError, "is nan"):
        made.learn_one(dict.fromkeys("vwxyz", float("nan")), y)
    made.learn_one(dict(zip("abcde", x, strict=True)), y)
    assert made.n_samples == 1


@check()
def constant_features_are_fine(learner: Any) -> None:
    """A feature without variance says nothing and breaks nothing."""
    made, classes = fresh(learner), bool(learner.spec.n_classes)
    for t in range(60):
        made.learn_one([0, -3.5, 1e6, 1e-20, t % 2], t % 2 if classes else 10.0 * (t % 2))
    high, low = (made.predict_one([0, -3.5, 1e6, 1e-20, t]) for t in (1, 0))
    assert (high, low) == (1, 0) if classes else high > low + 2, "one live feature was not used"
