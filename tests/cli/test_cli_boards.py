"""``boards --plan`` and ``--fit``, ``simulate --limit``, ``export --target``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_helpers import LABEL, Cli

import firmware_sim
from export.targets import targets
from quant.network import NetworkSpec
from streamlearn import MesuClassifier
from streamlearn.cli.board_costs import COSTS_FILE, cost_of, counted
from streamlearn.version import __version__

TRACKED = Path(__file__).parents[2] / "experiments" / "results" / "tracked"


def test_a_plan_says_what_fits_and_keeps_up(cli: Cli) -> None:
    plan = ["boards", "--plan", "--inputs", 128, "--classes", 6]
    ended = cli(*plan, "--rate", 50)
    assert ended.code == 0
    assert "A model, not a measurement" in " ".join(ended.out.split())
    boards = re.split(r"\n (?=\w)", ended.out)  # a board's other rows leave its column blank
    (board,) = [rows for rows in boards if rows.startswith("nrf51822")]
    rules = {line.split()[-7]: line.split() for line in board.splitlines() if line.split()}
    assert rules["mesu"][-5:-1] == ["none", "–", "–", "–"]
    assert rules["mesu"][-1] == "RAM"
    assert int(rules["metaplastic"][-5]) >= 8
    slow = [line.split() for line in cli(*plan, "--rate", 5000).out.splitlines()]
    widest = {row[-7]: row[-5] for row in slow if len(row) in (7, 8)}
    assert widest["mesu"] == "none"


def test_a_plan_of_numbers_and_what_a_plan_lacks(cli: Cli) -> None:
    ended = cli("boards", "--plan", "--inputs", 8, "--classes", 0, "--rate", 1)
    assert ended.code == 0
    assert "metaplastic" not in ended.out  # it knows classes only
    lacking = cli("boards", "--plan", "--inputs", 8)
    assert lacking.code != 0
    assert "--rate" in lacking.err


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4f"])
def test_the_model_is_exact_where_it_was_counted(core: str) -> None:
    learner = MesuClassifier((128, 32, 6))
    cost = cost_of(learner.spec, "mesu", "q16", core)
    assert cost.state_bytes == learner.state.nbytes
    assert ("mesu", "q16") in counted(True, core)
    wider = cost_of(NetworkSpec((128, 64, 6)), "mesu", "q16", core)
    assert 1.9 < wider.learn / cost.learn < 2.1
    assert wider.ram_bytes > cost.ram_bytes


@pytest.mark.parametrize("board", firmware_sim.list_boards(), ids=lambda board: board.name)
def test_every_boards_core_was_counted(board: firmware_sim.Board) -> None:
    for classes in (True, False):
        assert ("mesu", "q16") in counted(classes, board.core.name)


def test_the_costs_are_the_tracked_ones() -> None:
    tracked = TRACKED / f"{__version__}.csv"
    assert COSTS_FILE.read_bytes() == tracked.read_bytes(), (
        "run `python -m experiments tracked`, which writes both"
    )


def test_a_fit_is_built_for_each_board(
    cli: Cli, q16: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tiny(name: str, flash_bytes: int, ram_bytes: int) -> firmware_sim.Board:
        return firmware_sim.board_from_dict({
            "name": name, "title": "Tiny", "core": "cortex-m4f", "clock_hz": 1_000_000,
            "flash": {"origin": 0, "bytes": flash_bytes, "page_bytes": 4096},
            "ram": {"origin": 0x2000_0000, "bytes": ram_bytes}, "current": None,
            "source": "made up",
        })  # fmt: skip

    flash_of = {"narrow": 7 << 12, "narrower": 4 << 12}
    more = [tiny(name, flash_bytes, 1 << 18) for name, flash_bytes in flash_of.items()]
    boards = (firmware_sim.get_board("nrf52840"), tiny("tiny", 1 << 18, 3072), *more)
    monkeypatch.setattr(firmware_sim, "list_boards", lambda: boards)
    ended = cli("boards", "--fit", q16 / "export")
    assert ended.code == 0
    rows = {line.split()[0]: line for line in ended.out.splitlines() if line.split()}
    assert " yes " in rows["nrf52840"]
    assert "no: RAM" in rows["tiny"]
    assert "3,072" in rows["tiny"]
    assert " for size " in rows["narrow"]
    assert "no: flash" in rows["narrower"]


def test_simulate_ends_at_a_limit(cli: Cli, q16: Path, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ended = cli("simulate", q16 / "export", "--stream", toy, "--label", LABEL, "--limit", 7,
                "--out", out, "--quiet")  # fmt: skip
    assert ended.code == 0
    assert json.loads((out / "metrics.json").read_text())["n_samples"] == 7


def test_export_says_which_targets_there_are(cli: Cli, q16: Path, tmp_path: Path) -> None:
    ended = cli("export", q16 / "run", "--to", tmp_path / "p", "--target", "keil")
    assert ended.code == 2
    assert all(name in ended.err for name in targets())
    ended = cli("export", q16 / "run", "--to", tmp_path / "p", "--prefix", "gas")
    assert "--target" in ended.err
    assert not (tmp_path / "p").exists()
