"""A third rule moves in without a shared file being touched, and is on every list."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from equalities import (
    BOARDS,
    device_equals_host,
    golden_equals_c,
    integer,
    onnx_equals_golden,
    onnx_learns_as_golden,
)
from learners import Kind, kinds

from quant.c_config import kernel_sources
from quant.description import from_json, to_json
from quant.errors import BuildError, RuleError
from quant.rooms import FLOORS, part
from quant.rule import RULES, register, unregister
from streamlearn import cli, load  # the command line is there before the rule is
from streamlearn.checks import yield_checks

TOY = Path(__file__).parent / "toy_rule"
MAX_LINES = 150
#: Each with and without a reservoir.
N_KINDS = 5


@pytest.fixture(scope="module")
def toy() -> Iterator[list[Kind]]:
    """Its learners, as the list of all learners has them."""
    register("toy", "toy_rule")
    yield [kind for kind in kinds() if kind.rule == "toy"]
    unregister("toy")


def code_lines(folder: Path) -> int:
    """Lines of code, in Python and C: neither empty nor only a comment."""
    files = [*folder.rglob("*.py"), *folder.rglob("*.[ch]")]
    lines = [line.strip() for file in files for line in file.read_text().splitlines()]
    return sum(bool(line) and not line.startswith(("#:", "# ", "/*", '"""')) for line in lines)


def test_it_is_small_and_has_every_part() -> None:
    assert 50 < code_lines(TOY) < MAX_LINES
    assert {"quant.py", "streamlearn.py", "export.py", "kernel"} <= {p.name for p in TOY.iterdir()}


def test_it_is_on_the_list_of_learners(toy: list[Kind]) -> None:
    assert {(kind.arithmetic, kind.backend) for kind in toy} == {
        ("q16", "c"),
        ("q16", "numpy"),
        ("float64", "numpy"),
    }
    assert len(toy) == N_KINDS
    assert "toy" in RULES


@pytest.mark.parametrize("index", range(N_KINDS))
def test_it_obeys_the_contract_of_every_learner(toy: list[Kind], index: int) -> None:
    learner = toy[index].make()
    for check in yield_checks(learner):
        check(learner)


def test_golden_is_c_is_onnx(toy: list[Kind], tmp_path: Path) -> None:
    for kind in toy:
        if integer(kind) and kind.backend == "numpy":
            golden_equals_c(kind)
        elif integer(kind):
            onnx_equals_golden(kind, tmp_path)
            onnx_learns_as_golden(kind, tmp_path)


@pytest.mark.parametrize("board", BOARDS)
def test_the_device_learns_the_same_bits(toy: list[Kind], board: str, tmp_path: Path) -> None:
    device_equals_host(toy[0], board, tmp_path / "toy")
    device_equals_host(toy[1], board, tmp_path / "toy with replay")


def test_its_state_image_loads_as_a_learner_of_its_class(toy: list[Kind], tmp_path: Path) -> None:
    learner = toy[0].make()
    learner.save(tmp_path / "toy.sls")
    assert type(load(tmp_path / "toy.sls")) is type(learner)
    described = to_json(learner.spec, learner.config)
    assert described["rule"] == "toy"
    assert from_json(described) == (learner.spec, learner.config)


def test_the_command_line_and_the_tables_know_it(toy: list[Kind], tmp_path: Path) -> None:
    from experiments.device.instructions import learners
    from streamlearn.cli.rules import rule_names

    assert "toy" in rule_names()
    assert any(name.startswith("toy") for name in learners())
    csv = tmp_path / "stream.csv"
    rows = [f"{t % 2},{t % 3},{'ab'[t % 2]}" for t in range(60)]
    csv.write_text("\n".join(["x,y,label", *rows]) + "\n")
    out = tmp_path / "run"
    given = ["--stream", str(csv), "--label", "label", "--rule", "toy", "--out", str(out), "-q"]
    assert cli.run(["run", *given]) == 0
    assert "toy" in (out / "report.html").read_text()
    assert cli.run(["export", str(out), "--to", str(tmp_path / "export")]) == 0
    assert (tmp_path / "export" / "c" / "sl_toy.c").exists()


# -- a part that is missing is named -----------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy rule under another name, to take something away from."""
    folder = tmp_path / "broken_rule"
    shutil.copytree(TOY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in folder.glob("*.py"):
        file.write_text(
            file.read_text().replace("toy_rule", "broken_rule").replace('"toy"', '"broken"')
        )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    unregister("broken")
    for name in [name for name in sys.modules if name.startswith("broken_rule")]:
        del sys.modules[name]


@pytest.mark.parametrize("floor", FLOORS)
def test_a_missing_floor_is_named(copied: Path, floor: str) -> None:
    (copied / f"{floor}.py").unlink()
    with pytest.raises(RuleError, match=rf"rule 'broken' has no room on the floor '{floor}'"):
        register("broken", "broken_rule")
    assert "broken" not in RULES


@pytest.mark.parametrize(("floor", "name"), [(f, n) for f, names in FLOORS.items() for n in names])
def test_a_missing_name_on_a_floor_is_named(copied: Path, floor: str, name: str) -> None:
    file = copied / f"{floor}.py"
    file.write_text(file.read_text().replace(f"\n{name} =", f"\n_{name} ="))
    with pytest.raises(RuleError, match=rf"incomplete on the floor '{floor}': .* has no {name}"):
        register("broken", "broken_rule")


def test_a_missing_kernel_is_named(copied: Path) -> None:
    register("broken", "broken_rule")
    shutil.rmtree(copied / "kernel" / "q16")
    kind = next(kind for kind in kinds() if kind.rule == "broken" and kind.backend == "c")
    config: Any = part("broken", "quant").RULE.config()
    with pytest.raises(BuildError, match="rule 'broken' has no C for q16: expected files in"):
        kind.make()
    from quant.network import NetworkSpec

    with pytest.raises(BuildError, match="rule 'broken' has no C for q16"):
        kernel_sources(NetworkSpec((5, 3)), config, "q16")
