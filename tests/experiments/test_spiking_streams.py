"""Gas sensors and digits as events: what the codes send, and that no label is used too early."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.data import Digits, Permutations
from experiments.spiking import codes, gas, permuted


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_bright_pixel_fires_sooner_and_each_at_most_once() -> None:
    image = np.array([1.0, 0.8, 0.55, 0.3, 0.1, 0.09, 0.0], np.float32)
    spikes = codes.latency(image, rng())
    assert spikes.sum(axis=0).tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert spikes.argmax(axis=0)[:5].tolist() == [0, 0, 1, 2, 3]


def test_a_pixel_fires_as_often_as_it_is_bright() -> None:
    image = np.repeat(np.array([0.0, 0.25, 1.0], np.float32), 1000)
    shares = codes.rate(image, rng()).mean(axis=0).reshape(3, 1000).mean(axis=1)
    assert shares == pytest.approx([0, 0.25, 1], abs=0.02)
    assert shares[0] == 0
    assert shares[2] == 1


def test_an_image_that_is_held_stays() -> None:
    rows = codes.held(np.array([0.0, 0.5, 1.0], np.float32), rng())
    assert rows.shape == (codes.HELD_STEPS, 3)
    assert (rows == [0, 1, 2]).all()


@pytest.mark.parametrize("way", [way for way in gas.WAYS if way != "the label before"])
def test_the_first_measurement_is_predicted_before_its_label_is_used(way: str) -> None:
    x = np.random.default_rng(3).normal(size=(1, 128)).astype(np.float32)
    right = [gas.WAYS[way]((x, np.array([y], np.int64)), 0)["accuracy"] for y in range(6)]
    assert sorted(right) == [0, 0, 0, 0, 0, 100]


def test_a_measurement_alone_does_not_know_the_one_before() -> None:
    few = np.random.default_rng(4).normal(size=(30, 128)).astype(np.float32)
    rows = np.repeat(few, 5, axis=0), np.zeros(150, np.int64)
    after = gas.spiking(rows, 0, 1, alone=False, all_learned=False)
    alone = gas.spiking(rows, 0, 1, alone=True, all_learned=False)
    assert alone["events"] > 1.5 * after["events"] > 0  # a change comes each fifth step only


def test_saying_the_label_before() -> None:
    y = np.array([0, 0, 1, 1, 2], np.int64)
    assert gas.repeating((np.zeros((5, 128), np.float32), y), 0)["accuracy"] == 40


class Listening:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.learned: list[tuple[np.ndarray, np.ndarray]] = []
        self.asked: list[np.ndarray] = []

    def learn(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.learned.append((images, labels))

    def predict(self, images: np.ndarray) -> list[int]:
        self.asked.append(images)
        return [0] * len(images)

    def figures(self) -> dict[str, float]:
        return {"events": 1.0}


def test_each_task_permutes_pixels_and_test_images_are_only_asked() -> None:
    train = np.arange(20 * 784, dtype=np.float32).reshape(20, 784)
    test = -train[:4] - 1
    labels = np.arange(20) % 10
    images = Digits(train, labels, test, np.array([0, 1, 0, 2]))
    one, permutations = Listening(), Permutations(7)
    found = permuted.through(one, images, 7, tasks=2, per_task=6)
    assert found == {"tasks": [50.0, 50.0], "events": 1.0}
    assert len(one.learned) == len(one.asked) == 2
    for task, (x, y) in enumerate(one.learned):
        assert len(x) == 6
        back = np.empty_like(x)
        back[:, permutations[task]] = x
        assert all((train == row).all(axis=1).any() for row in back)
        assert [int(row[0]) // 784 % 10 for row in back] == y.tolist()
        assert (one.asked[task] == test[:, permutations[task]]).all()


@pytest.mark.parametrize("code", codes.CODES)
def test_a_learner_behind_a_code_counts_what_it_learned(code: str) -> None:
    images = np.random.default_rng(1).random((40, 784)).astype(np.float32)
    one = permuted.Spiking(code, 0)
    one.learn(images, np.zeros(40, np.int64))
    events = one.figures()["events"]
    assert one.predict(images[:3]) == [0, 0, 0]
    assert one.figures()["events"] == events > 500
