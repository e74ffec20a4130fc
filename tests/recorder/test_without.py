"""Unlearning gives the learner that never saw it; conditions say exactly what they mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import learner, recorded, samples

from streamlearn.errors import ConfigError
from streamlearn.recorder import Record, Recorder
from streamlearn.recorder.without import replay, without, without_rows

N = 120
START = datetime(2026, 5, 1)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """One sample an hour: five days of May."""
    path, (x, y) = tmp_path_factory.mktemp("r") / "r.slr", samples(N)
    with Recorder(learner(), path, snapshot_every=25) as recorder:
        for hour, (row, label) in enumerate(zip(x, y, strict=True)):
            recorder.learn_one(row, label, START + timedelta(hours=hour))
    return Record(path)


X, Y = samples(N)
T, F, WORN = X[:, 0], X[:, 1], np.array(Y) == "worn"
HOUR = np.arange(N)
CHOICES: dict[str, Any] = {
    "temperature > 22.5": np.float32(22.5) < T,
    "temperature >= 22.5 and [flow rate] < 60": (np.float32(22.5) <= T) & (F < 60),
    "temperature > 26 or [flow rate] <= 58.25 and not label == 'worn'": (T > 26)
    | ((np.float32(58.25) >= F) & ~WORN),
    "not (temperature > 20 or [flow rate] > 60)": ~((T > 20) | (F > 60)),
    "not temperature > 20 and label = 'worn'": ~(T > 20) & WORN,
    'label != "worn"': ~WORN,
    "18 < temperature <= 22": (T > 18) & (T <= 22),
    "temperature > sample": T > HOUR + 1,
    "sample == 7 or sample >= 100": (HOUR + 1 == 7) | (HOUR + 1 >= 100),
    "time >= '2026-05-02' and time < '2026-05-02T06:30'": (HOUR >= 24) & (HOUR <= 30),
    "2026-05-02..2026-05-03": (HOUR >= 24) & (HOUR < 72),
    "2026-05-02T01:30..2026-05-02T03:00": (HOUR >= 26) & (HOUR <= 27),
    "2026-05-02T03:30+02:00..2026-05-02T03:00Z": (HOUR >= 26) & (HOUR <= 27),
    "..2026-05-01": HOUR < 24,
    "2026-05-05..": HOUR >= 96,
    f"temperature == {T[5]:.2f}": np.float32(f"{T[5]:.2f}") == T,
}


@pytest.mark.parametrize("text", CHOICES)
def test_what_is_left_out_was_never_learned(record: Record, text: str) -> None:
    out = CHOICES[text]
    assert 0 < out.sum() < N, "a choice that chooses"
    found = replay(record, None, [without(text)])
    expected = learner()
    for row, label, gone in zip(X, Y, out, strict=True):
        if not gone:
            expected.learn_one(row, label)
    assert found.learner.to_bytes() == expected.to_bytes()
    assert (found.n_samples, found.n_learned, found.n_left_out) == (N, N - out.sum(), out.sum())


@pytest.mark.parametrize(
    ("text", "rows"),
    [("3..5", range(2, 5)), ("100..", range(99, N)), ("..2", range(2)), ("7", [6])],
)
def test_rows_count_from_one(record: Record, text: str, rows: Any) -> None:
    found = replay(record, None, [without_rows(text)])
    expected = learner()
    for i in range(N):
        if i not in rows:
            expected.learn_one(X[i], Y[i])
    assert found.learner.to_bytes() == expected.to_bytes()


def test_several_choices_and_an_end(record: Record) -> None:
    found = replay(record, 60, [without_rows("10..20"), without("label = 'worn'")])
    expected = learner()
    for i in range(60):
        if not 9 <= i < 20 and Y[i] != "worn":
            expected.learn_one(X[i], Y[i])
    assert found.learner.to_bytes() == expected.to_bytes()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("temperatur > 3", "Did you mean temperature?"),
        ("label > 'ok'", "compare with == or !="),
        ("label = 'broken'", "no label 'broken'"),
        ("1 < 2", "no column"),
        ("temperature", "expected a comparison"),
        ("temperature >", "expected a column, a number"),
        ("temperature > 'warm'", "is not what the column beside it holds"),
        ("temperature > 3 4", "expected and, or"),
        ("(temperature > 3", "expected )"),
        ("flow rate > 3", "expected a comparison"),
        ("flow-rate > 3", "in [brackets]"),
        ("__import__('os')", "expected a comparison"),
        ("temperature > 1if", "cannot be read"),
        ("not " * 60 + "temperature > 3", "nested deeper"),
        ("temperature > 3 or " * 200 + "temperature > 3", "at most"),
        ("100..200", "--without-rows"),
        ("2026-13-01..", "span of time"),
        ("2026-05-03..2026-05-01", "ends before it begins"),
        ("..", "needs an end"),
        ("", "expected a column"),
    ],
)
def test_what_means_nothing_is_said(record: Record, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        replay(record, None, [without(text)])
    assert why in str(error.value)


@pytest.mark.parametrize("text", ["", "..", "0..3", "5..4", "a..b", "1.5", "9" * 30])
def test_rows_that_mean_nothing(text: str) -> None:
    with pytest.raises(ConfigError):
        without_rows(text)


def test_a_feature_is_meant_before_what_a_record_calls_the_same(tmp_path: Path) -> None:
    from streamlearn import MesuClassifier

    taught = MesuClassifier((2, 4, 2), classes=[1, 2], features=["time", "x"])
    with Recorder(taught, tmp_path / "r.slr") as recorder:
        recorder.learn_many([[1.0, 0.0], [2.0, 0.0]], [1, 2])
    assert replay(Record(tmp_path / "r.slr"), None, [without("time > 1.5")]).n_left_out == 1
    assert replay(Record(tmp_path / "r.slr"), None, [without("label = 2")]).n_left_out == 1


def test_only_what_a_choice_needs_is_learned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a state that the record holds, if nothing before it is left out."""
    recorded(tmp_path / "r.slr", 100, snapshot_every=40)
    from streamlearn.recorder import without as module

    learned = []
    real = module.learn
    monkeypatch.setattr(module, "learn", lambda *a: (learned.append(len(a[1])), real(*a)))
    replay(Record(tmp_path / "r.slr"), None, [without_rows("90..95")])
    assert sum(learned) == 20 - 6
