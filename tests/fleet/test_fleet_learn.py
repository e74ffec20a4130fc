"""``fleet.learn``: a pure function of an image and samples, with the bits of the learner alone."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

import streamlearn
from quant.rule import RULES
from streamlearn.errors import (
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
)
from streamlearn.fleet import LiveLearners, learn
from streamlearn.learners.loading import learner_class, read

CLASSES = ("a", "b", "c")


def samples(n: int, n_features: int = 5, seed: int = 0) -> tuple[Any, list[str]]:
    drawn = np.random.default_rng(seed)
    y = drawn.integers(0, 3, n)
    x = drawn.normal(size=(n, n_features)) + y[:, None]
    return x.astype(np.float32), [CLASSES[i] for i in y]


def start(**given: Any) -> bytes:
    return streamlearn.MesuClassifier(layers=(5, 8, 3), **given).to_bytes()


@pytest.mark.parametrize(
    ("rule", "head", "arithmetic"),
    [(name, head, arithmetic) for name, rule in RULES.items() for head in rule.heads
     for arithmetic in rule.arithmetics],
)  # fmt: skip
def test_blocks_leave_the_image_that_a_learner_alone_leaves(
    rule: str, head: str, arithmetic: str
) -> None:
    x, labels = samples(40)
    target: Any = labels if head == "categorical" else x[:, 0] * 2 + 1
    last = 3 if head == "categorical" else 1
    alone = learner_class(rule, head)(layers=(5, 8, last), arithmetic=arithmetic)
    image = alone.to_bytes()
    for first, behind in ((0, 1), (1, 17), (17, 40)):
        image, found = learn(image, x[first:behind], target[first:behind])
        expected = [
            alone.test_then_learn_one(a, b)
            for a, b in zip(x[first:behind], target[first:behind], strict=True)
        ]
        assert np.array_equal(np.array(found, object), np.array(expected, object))
        assert image == alone.to_bytes()


def test_the_image_given_stays_and_may_be_given_again() -> None:
    x, y = samples(20)
    image = start(classes=CLASSES)
    kept = bytes(bytearray(image))
    first, second = learn(image, x, y), learn(image, x, y)
    assert first == second
    assert image == kept


def test_ten_thousand_keys_need_no_more_live_learners_than_allowed() -> None:
    """The cache changes nothing: none, a few, and all alive end with the same images."""
    x, y = samples(30)
    ends = []
    for capacity in (0, 3, 100):
        live = LiveLearners(capacity)
        images = [start(classes=CLASSES, seed=key) for key in range(12)]
        for row in range(0, 30, 10):
            for key, image in enumerate(images):
                images[key], _ = live.learn(image, x[row : row + 10], y[row : row + 10])
                assert len(live) <= capacity
        ends.append(images)
    assert ends[0] == ends[1] == ends[2]


def test_what_is_kept_of_a_key_is_its_state_and_a_few_hundred_bytes() -> None:
    x, y = samples(8)
    image, _ = LiveLearners(0).learn(start(classes=CLASSES), x, y)
    state_bytes = read(image, "image").state.nbytes
    assert sys.getsizeof(image) < state_bytes + 600


def test_labels_that_come_along_are_the_images_own() -> None:
    """Images share a description; the labels that one of them finds are not the others'."""
    live, image = LiveLearners(), start()
    x, _ = samples(3)
    one, _ = live.learn(image, x, ["warm", "cold", "warm"])
    other, _ = live.learn(image, x, ["red", "green", "blue"])
    again, _ = live.learn(image, x, ["warm", "cold", "warm"])
    assert read(one, "one").labels == ("warm", "cold")
    assert read(other, "other").labels == ("red", "green", "blue")
    assert again == one
    longer, _ = live.learn(one, x, ["cold", "hot", "hot"])
    assert read(longer, "longer").labels == ("warm", "cold", "hot")


def test_names_of_features_are_kept() -> None:
    row = dict(zip("pqrst", range(5), strict=True))
    image, _ = learn(start(classes=CLASSES), [row], ["a"])
    found, _ = learn(image, [dict(reversed(row.items()))], ["a"])
    assert read(found, "image")._features == tuple("pqrst")
    with pytest.raises(ShapeError):
        learn(image, [{**dict(zip("pqrs", range(4), strict=True)), "u": 4}], ["a"])


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        ([[1, 2, 3, 4, 5], [1, 2, float("nan"), 4, 5]], ["a", "a"], InputValueError, "row 1"),
        ([[1, 2, 3]], ["a"], ShapeError, "3"),
        ([[1, 2, 3, 4, 5]], ["z"], LabelError, "'z'"),
        ([[1, 2, 3, 4, 5]], ["a", "b"], ShapeError, "1 samples"),
    ],
)
def test_a_bad_block_is_refused_whole(x: Any, y: Any, error: type, words: str) -> None:
    live, image = LiveLearners(), start(classes=CLASSES)
    expected, _ = live.learn(image, *samples(5))
    with pytest.raises(error, match=words):
        live.learn(image, x, y)
    assert live.learn(image, *samples(5))[0] == expected


def test_a_damaged_image_is_refused_even_if_its_description_is_known() -> None:
    live, image = LiveLearners(), start(classes=CLASSES)
    live.learn(image, *samples(5))
    damaged = image[:-1] + bytes([image[-1] ^ 1])
    with pytest.raises(StateFormatError, match="CRC-32"):
        live.learn(damaged, *samples(5), source="pump 3")
    with pytest.raises(StateFormatError, match="str, a state image is bytes"):
        live.learn("pump.sls", *samples(5))  # type: ignore[arg-type]
    with pytest.raises(StateFormatError, match="pump 3"):
        live.learn(image[:30], *samples(5), source="pump 3")


def test_class_indices_are_learned_as_labels_are() -> None:
    x, y = samples(20)
    index = np.array([CLASSES.index(label) for label in y])
    live, image = LiveLearners(), start(classes=CLASSES)
    by_label, labels = live.learn(image, x, y)
    by_index, found = live.learn_by_index(image, x, index)
    assert by_label == by_index
    assert [CLASSES[i] for i in found] == labels
    unlabelled, _ = live.learn_by_index(image, x, np.where(index == 2, -1, index))
    expected, _ = live.learn(image, x[index != 2], [label for label in y if label != "c"])
    assert unlabelled == expected
    with pytest.raises(LabelError):
        live.learn_by_index(image, x, index + 1)


def test_class_indices_need_a_learner_of_classes() -> None:
    regressor = streamlearn.MesuRegressor(layers=(5, 8, 1)).to_bytes()
    with pytest.raises(LabelError, match="predicts a number"):
        LiveLearners().learn_by_index(regressor, np.zeros((1, 5), np.float32), np.zeros(1, int))


@pytest.mark.parametrize("capacity", [-1, 1.5, True, "many"])
def test_a_capacity_that_is_no_number_of_learners_is_refused(capacity: Any) -> None:
    with pytest.raises(ConfigError, match="capacity"):
        LiveLearners(capacity)


def test_threads_have_learners_of_their_own() -> None:
    x, y = samples(60)
    image = start(classes=CLASSES)
    expected, _ = learn(image, x, y)
    found: list[bytes] = []

    def work() -> None:
        own = image
        for row in range(0, 60, 5):
            own, _ = learn(own, x[row : row + 5], y[row : row + 5])
        found.append(own)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
