"""bimu-pmnist: every algorithm is in the table; a rule of the library learns and is restored."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.bimu.learners import RULE_SETTINGS, make, network_of
from experiments.bimu.report import NAMES, PUBLISHED_WINDOWS, window_table
from experiments.bimu.runs import (
    ALGORITHMS,
    FOLDER,
    LONG,
    LONG_FOLDER,
    ONE,
    WINDOWS,
    BimuRun,
    long_settings_of,
    settings_of,
    window_settings_of,
)
from experiments.loop.runs import Setting
from quant.rule import RULES


def test_every_algorithm_has_a_name_in_the_table() -> None:
    assert set(NAMES) == {*ALGORITHMS, *ONE}
    assert len({*NAMES.values()}) == len(NAMES)


def test_what_differs_between_the_arithmetics_of_bimu() -> None:
    """Two bytes have the paper's constants, float32 its draws, a byte what rounding asks for."""
    byte, two, real = (network_of(Setting(name))[1] for name in ("bimu", "bimu-q16", "bimu-float"))
    assert {name for name, value in vars(byte).items() if value != vars(two)[name]} == {
        "gather",
        "lr",
        "memory_window",
        "settle",
    }
    assert {name for name, value in vars(two).items() if value != vars(real)[name]} == {"n_draws"}
    assert (two.settle, two.gather, two.relaxed, real.n_draws) == (0, 1, 1, 5)


@pytest.mark.parametrize("name", dict.fromkeys([*ALGORITHMS, *ONE]))
def test_a_log_says_what_its_run_says(name: str) -> None:
    identity = BimuRun("", Setting(name), 0).identity()
    assert json.loads(json.dumps(identity)) == identity


def test_a_window_takes_the_place_of_the_rules_own() -> None:
    runs = [BimuRun("", setting, 0) for _, setting, _ in window_settings_of("bimu-float")]
    assert [run.identity()["learner"]["config"]["memory_window"] for run in runs] == list(WINDOWS)
    assert len({run.name for run in runs}) == len(WINDOWS)
    assert set(WINDOWS) == set(PUBLISHED_WINDOWS)
    found = {"accuracy": [80.0] * 20, "auc": [0.9] * 5, "auc_as_is": [0.95] * 5}
    records = [
        {
            "identity": run.identity(), "tasks_done": 29, "windows": {"20": found},
            "all": {"accuracy": [float(n)] * 100}, "newest": [[80.0]],
        }
        for n, run in enumerate(runs)
    ]  # fmt: skip
    rows = window_table(records).splitlines()[2:]
    assert [row.split("|")[4].split("/")[1].strip() for row in rows] == [
        f"{n}.00" for n in range(4)
    ]
    assert {row.split("|")[3] for row in rows} == {" 20 × 1 "}
    assert [row.split("|")[8:10] for row in rows] == [[" 0.900 ", " 0.950 "]] * 4


def test_a_thousand_tasks_are_the_same_runs_in_a_folder_of_their_own() -> None:
    for name in LONG:
        ((folder, setting, _),) = long_settings_of(name)
        assert folder == LONG_FOLDER != FOLDER
        assert setting == settings_of(name)[0][1]


@pytest.mark.parametrize("name", RULE_SETTINGS)
def test_a_rule_learns_and_goes_on_from_what_was_kept(name: str) -> None:
    assert network_of(Setting(name))[2] in RULES[RULE_SETTINGS[name][0]].arithmetics
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (30, 784)).astype(np.float32)
    labels = rng.integers(0, 10, 30)
    one, other = (make(Setting(name, (784, 100, 10)), 3) for _ in range(2))
    one.learn(images[:20], labels[:20], 0)
    other.restore(one.arrays())
    for learner in (one, other):
        learner.learn(images[20:], labels[20:], 1)
    assert np.array_equal(one.classify(images, (0,)), other.classify(images, (0,)))
    assert one.bytes() == other.bytes() > 78_400
    assert one.drawn(images[:2], (0,)).shape[1:] == (2, 10)


def test_the_published_binary_rule_learns_and_goes_on_from_what_was_kept() -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (400, 784)).astype(np.float32)
    labels = (images[:, 0] > 0.5).astype(np.int64)
    one, other = (make(Setting("metaplastic-published"), 3) for _ in range(2))
    one.learn(images[:200], labels[:200], 0)
    other.restore(one.arrays())
    before = one.drawn(images[:3], (0,))
    for learner in (one, other):
        learner.learn(images[200:], labels[200:], 1)
    assert np.array_equal(one.drawn(images, (0,)), other.drawn(images, (0,)))
    assert before.shape == (1, 3, 10)
    assert not np.array_equal(before, one.drawn(images[:3], (0,)))
