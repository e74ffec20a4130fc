"""bimu-tune: what is tried of an algorithm, and what stays as recorded."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.bimu import tune
from experiments.bimu.learners import LAYERS
from experiments.data import Digits
from streamlearn.errors import DivergedError


class Guess:
    """Says a class, whatever it learned."""

    def __init__(self, says: int, seed: int) -> None:
        self.says, self.seed, self.learned = says, seed, 0

    def learn(self, images: Any, labels: Any, task: int) -> None:
        """Count."""
        assert (len(images), task) == (len(labels), self.learned)
        self.learned += 1
        if self.says < 0:
            raise DivergedError("diverges")

    def classify(self, images: Any, seed: tuple[int, ...]) -> Any:
        """The same class."""
        assert seed[0] == self.seed
        return np.full(len(images), self.says)


def some_digits() -> Digits:
    images = np.zeros((4, LAYERS[0]), np.float32)
    return Digits(images, np.array([0, 1, 1, 1]), images, np.array([0, 1, 1, 1]))


def test_the_settings_of_one_algorithm_are_measured_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried() -> Iterator[tuple[str, Any]]:
        yield "zero", partial(Guess, 0)
        yield "one", partial(Guess, 1)
        yield "neither", partial(Guess, -1)

    kept = {"algorithm": "metaplastic", "candidate": "as it was", "tasks": 9, "seeds": [0, 1]}
    kept["newest"] = [[50.0], [60.0]]
    (tmp_path / "bimu-tune").mkdir()
    (tmp_path / "bimu-tune" / "result.json").write_text(json.dumps({"rows": [kept]}))
    monkeypatch.setattr(tune, "CANDIDATES", {**tune.CANDIDATES, "bimu": tried})
    monkeypatch.setattr(tune, "load_digits", some_digits)
    monkeypatch.setattr(tune, "split_for_validation", lambda digits: digits)
    options = Namespace(
        of=["bimu"], tasks=7, seeds=2, seed=None, default_seeds=(0,), results=tmp_path
    )
    rows = tune.tables(tune.measure(options))["table"].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [
        ["metaplastic", "as it was", "9 × 2"],
        ["bimu", "zero", "7 × 2"],
        ["bimu", "one", "7 × 2"],
        ["bimu", "neither", "7 × 2"],
    ]
    assert [row[4].split()[0] for row in cells] == ["55.00", "25.00", "75.00", "–"]
