"""The experiment with merged devices: its splits, and a tiny run to its tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.command import main
from experiments.fleet.merging import SPLITS, in_turns, split
from streamlearn.errors import ConfigError


@pytest.mark.parametrize("kind", SPLITS)
def test_a_split_gives_each_row_to_one_device(kind: str) -> None:
    y = np.random.default_rng(0).integers(0, 3, 50)
    x = np.arange(50, dtype=np.float32)[:, None]
    parts = split((x, y), kind, 8)
    assert len(parts) == 8
    assert sorted(np.concatenate([part[:, 0] for part, _ in parts])) == list(range(50))
    for part, labels in parts:
        assert (np.diff(part[:, 0]) > 0).all(), "in the order of time"
        assert (y[part[:, 0].astype(int)] == labels).all()
    turns, _ = in_turns(parts)
    assert turns[:8, 0].tolist() == [part[0, 0] for part, _ in parts]
    assert sorted(turns[:, 0]) == list(range(50))


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ConfigError, match="time, turns, gas"):
        split((np.zeros((4, 1), np.float32), np.zeros(4, np.int64)), "rooms", 2)


def test_a_tiny_run_makes_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fleet-merge", "--rows", "200", "--devices", "2", "--results", str(tmp_path)]
    assert main(words) == 0
    assert "mean, every 100" in capsys.readouterr().out
    for name in ("prequential", "kept-apart"):
        lines = (tmp_path / "fleet-merge" / f"{name}.md").read_text("utf-8").split("\n")
        assert lines[0] == "| way | time |"
        assert len([line for line in lines if line]) == 9
