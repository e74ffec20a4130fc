"""``simulate --power-cuts --fault``: many short runs, and a failure that can be seen again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Cli

from firmware_sim.faults import Fault
from firmware_sim.power import Cut
from firmware_sim.worlds import Outcome, PromiseBroken, Trial, World

BOARD = ("--board", "stm32l072")


def test_worlds_are_run_counted_and_written(cli: Cli, q16: Path, toy: Path, tmp_path: Path) -> None:
    arguments = ("simulate", q16 / "export", "--stream", toy, *BOARD, "--out", tmp_path / "out")
    ended = cli(*arguments, "--power-cuts", "random(3)", "--fault", "swarm", "--fault-seed", 5)
    assert ended.code == 0, ended.err
    assert "3 worlds" in ended.out
    assert "3 worlds of 10 samples each" in ended.err, "said before they run"
    figures = json.loads((tmp_path / "out" / "worlds.json").read_text())
    assert figures["worlds"] == 3
    assert figures["seed"] == 5
    assert figures["faults"] > 0
    for wrong, message in (
        (("--power-cuts", "sometimes"), "expected none, none(N), linear"),
        (("--fault", "rust"), "expected a kind, bit-rot"),
        (("--fault", "swarm", "--fault", "bit-rot:1:permanent:0"), "either kinds"),
    ):
        ended = cli(*arguments, *wrong)
        assert ended.code == 1
        assert message in ended.err


def test_a_world_that_breaks_a_promise_is_printed_and_runs_again(
    cli: Cli, q16: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[World] = []

    def run(_trial: Trial, world: World) -> Outcome:
        seen.append(world)
        raise PromiseBroken("a state that the board never had", world)

    monkeypatch.setattr(Trial, "run", run)
    arguments = ("simulate", q16 / "export", "--stream", toy, *BOARD, "--out", tmp_path / "out")
    first = cli(*arguments, "--power-cuts", "random(1)", "--fault", "bit-rot")
    assert first.code == 1
    said = first.err.split("again: ")[1].split()
    assert cli(*arguments, *said).code == 1
    assert seen[0] == seen[1]
    assert isinstance(seen[0].cuts[0], Cut)
    assert isinstance(seen[0].faults[0], Fault)
